"""Events have one name on every engine: Metaflow's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_targets.airflow import TARGET as AIRFLOW
from flowc_targets.argo import TARGET as ARGO
from flowc_targets.base.target_checks import emit_checked

FLOW = """
from flowc import FlowSpec, namespaced_event_name, project, step, trigger, trigger_on_finish

{decorators}
class Waiting(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
TARGETS: dict[str, tuple[Any, dict[str, Any]]] = {
    "argo": (ARGO, {"kind": "template", "namespace": "jobs", "event_source": "shop", "event_name": "all"}),
    "airflow": (AIRFLOW, {}),
}
PROJECT = "@project(name='shop', branch='two')\n"
NAMES = [
    ("@trigger(event='sold')", "sold"),
    ("@trigger(event=namespaced_event_name('sold'))", "mfns.sold"),
    (PROJECT + "@trigger(event='sold')", "sold"),
    (PROJECT + "@trigger(event=namespaced_event_name('sold'))", "mfns.shop.test.two.sold"),
    ("@trigger_on_finish(flow='Up')", "metaflow.Up.end"),
    (PROJECT + "@trigger_on_finish(flow='Up')", "metaflow.shop.test.two.Up.end"),
    ("@trigger_on_finish(flow='other.prod.Up')", "metaflow.other.prod.Up.end"),
]


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize(("decorators", "name"), NAMES)
def test_events_are_called_alike(tmp_path: Path, target: str, decorators: str, name: str) -> None:
    text, codes = _emitted(tmp_path, target, decorators)
    assert codes == []
    shown = f'Asset("{name}")' if target == "airflow" else f'\\"name\\" \\"{name}\\"'
    assert shown in text


@pytest.mark.parametrize("target", list(TARGETS))
def test_a_project_needs_a_branch(tmp_path: Path, target: str) -> None:
    decorators = "@trigger_on_finish(flow={'name': 'Up', 'project': 'other'})"
    assert _emitted(tmp_path, target, decorators)[1] == ["FC501"]


def _emitted(folder: Path, target: str, decorators: str) -> tuple[str, list[str]]:
    path = folder / "flow_file.py"
    path.write_text(FLOW.format(decorators=decorators))
    sink = DiagnosticSink()
    compilation = compile_file(path, sink)
    emitter, options = TARGETS[target]
    settings = emitter.options_model.model_validate({"root": "s3://bucket/prefix", **options})
    files = emit_checked(emitter, compilation.flow, compilation.source, settings, sink)
    codes = [item.code for item in sink.diagnostics if item.severity == "error"]
    return "".join(file.text for file in files), codes
