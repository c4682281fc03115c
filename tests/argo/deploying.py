"""Flows that are deployed, for the tests of schedules and triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.argo.manifests import emit
from tests.support import yaml_documents

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = {"namespace": "flows"}
SOURCE = {"namespace": "flows", "event_source": "hooks"}


def flow(decorators: str = "", parameters: str = "pass", name: str = "DeployedFlow") -> str:
    """A flow of two steps with decorators on its class."""
    return f"""
from flowc import FlowSpec, Parameter, exit_hook, namespaced_event_name, project, schedule, step, trigger
from flowc import trigger_on_finish

def told():
    pass

{decorators}
class {name}(FlowSpec):
    {parameters}

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def deployed(folder: Path, text: str, **options: Any) -> dict[str, dict[str, Any]]:
    """The objects of a flow without problems, by kind."""
    output = emit(folder, text, **options)
    assert output is not None
    return {item["kind"]: item for item in yaml_documents(output)}
