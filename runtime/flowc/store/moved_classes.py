"""Where classes are now that stored pickles name by an older module: runs of earlier releases stay readable."""

from __future__ import annotations

import io
import pickle

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.store import Buffer

MOVED: Dict[str, str] = {
    "flowc.caught": "flowc.shim.step_guards",
    "flowc.client.artifact": "flowc.client.data_artifact",
    "flowc.client.base": "flowc.client.entity",
    "flowc.client.flow": "flowc.client.flow_object",
    "flowc.client.run": "flowc.client.run_object",
    "flowc.client.step": "flowc.client.step_object",
    "flowc.client.task": "flowc.client.task_object",
    "flowc.config": "flowc.flow_configs",
    "flowc.configvalue": "flowc.flow_configs",
    "flowc.deploytime": "flowc.deploy_time",
    "flowc.gang": "flowc.shim.gang",
    "flowc.parameters": "flowc.flow_parameters",
    "flowc.pipelines.client": "flowc.compat.zenml_client",
    "flowc.pipelines.context": "flowc.compat.step_context",
    "flowc.pipelines.enums": "flowc.compat.zenml_types",
    "flowc.pipelines.launch": "flowc.pipeline_calls",
    "flowc.pipelines.mapping": "flowc.pipeline_calls",
    "flowc.pipelines.settings": "flowc.pipeline_settings",
    "flowc.pipelines.steps": "flowc.pipelines",
    "flowc.pipelines.texts": "flowc.compat.zenml_types",
    "flowc.store.files": "flowc.store.file_store",
    "flowc.timelimit": "flowc.errors",
    "flowc.triggers": "flowc.shim.trigger_events",
}
"""Modules of release 0.1.0 whose classes a step can keep in an artifact, and where these are now."""


class _Unpickler(pickle.Unpickler):
    """Finds classes by the table, and lets the cache note them: what they do is not in the pickle."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """The class or function of this name."""
        if running.trace is not None:
            running.trace.note("code", f"{module_name}.{global_name}")
        return super().find_class(MOVED.get(module_name, module_name), global_name)


def loads_moved(data: Buffer, buffers: list[memoryview]) -> Any:
    """As `pickle.loads`, with the classes of flowc that have moved since."""
    return _Unpickler(io.BytesIO(data), buffers=buffers).load()
