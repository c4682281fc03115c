"""The task of a pipeline that runs in this process, which its context and the client ask for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.shim.task_state import TaskState


class Running:
    """What is running here, if anything is."""

    state: TaskState | None = None
    """The task."""
    metadata: Dict[str, Any] = {}  # noqa: RUF012 (there is one instance)
    """What the step has said of itself by `log_metadata`; of an output under `outputs`."""


running = Running()
"""The one instance."""
