"""What the tasks of a flow share, above the graph of a file that stands alone."""
# pyright: standard

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(repr=False)
class FlowPackage:
    """The settings of a flow's tasks, and its code."""

    name: str
    digest: str
    """The hash of the code."""
    root: str
    """The URL of the artifact store."""
    start: str
    """The first step, which reads the parameters of a run."""
    tags: tuple[str, ...] | list[str] = ()
    """The tags of a run in the store."""
    python: str | None = None
    """The interpreter in pods. For local processes: `None` is the worker's own."""
    environment: dict[str, str] = field(default_factory=dict)
    """Environment variables of every task."""
    parameters: dict[str, str] = field(default_factory=dict)
    """The params that the first step reads, by environment variable."""
    events: dict[str, Any] = field(default_factory=dict)
    """The events that start runs, by name: `parameters`, which are fields of an event
    by environment variable, `filters` for its fields, or the `flow` that has finished.
    """
    volume: Any = None
    """The volume with the code, where that is in ConfigMaps."""
    texts: dict[str, str] = field(default_factory=dict)
    """The files of the code, each text behind a line break."""
    packed: dict[str, str] = field(default_factory=dict)
    """Its other files, compressed and in base64."""

    def __repr__(self) -> str:
        """Return what Airflow keeps of it: other code is another version."""
        return f"FlowPackage({self.name!r}, {self.digest!r})"
