"""The constants that each DAG file defines itself, for the operators to be linted, typed, and tested without one."""

from __future__ import annotations

ROOT = ""
"""The artifact store's URL."""
START = ""
"""The name of the first step, which reads the run's parameters."""
TAGS: list[str] = []
"""The tags of a run in the store."""
PYTHON: str | None = None
"""The interpreter in pods. For local processes: `None` is the worker's own."""
ENVIRONMENT: dict[str, str] = {}
"""Environment variables of every task."""
PARAMETERS: dict[str, str] = {}
"""The DAG params that the first step reads, by environment variable."""
CODE = ""
"""The code package in base64, or the name of the ConfigMap that has it."""
