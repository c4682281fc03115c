"""What the printer fills in: the shim, which each runtime module has, and each file that stands alone."""

from __future__ import annotations

RUNTIME = ""
"""A zip with flowc's shim in base64; empty where pods have it from a ConfigMap."""
