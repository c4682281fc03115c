"""Reading runs: `Flow("MyFlow").latest_run`, `Run("MyFlow/run-id")["step"].task.data.artifact`, as in Metaflow."""

from __future__ import annotations

from flowc.client.data_artifact import DataArtifact, TaskData
from flowc.client.flow_object import Flow, Metaflow
from flowc.client.namespaces import (
    default_metadata,
    default_namespace,
    get_metadata,
    get_namespace,
    metadata,
    namespace,
)
from flowc.client.run_object import Run
from flowc.client.step_object import Step
from flowc.client.task_object import Task
from flowc.errors import NotFound as RunNotFound
from flowc.store import DEFAULT_ROOT
from flowc.store.artifacts import StoredValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "DEFAULT_ROOT", "DataArtifact", "Flow", "Metaflow", "Run", "RunNotFound", "Step", "StoredValue", "Task",
    "TaskData", "default_metadata", "default_namespace", "get_metadata", "get_namespace", "metadata", "namespace",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    # The client of pipelines, where ZenML's users look for it; imported when it is first used.
    if name == "Client":
        import flowc

        return flowc.Client
    raise AttributeError(f"module 'flowc.client' has no attribute {name!r}")
