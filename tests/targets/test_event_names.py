"""Events have one name on every engine: Metaflow's."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from tests.support import compiled, emitted, errors

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
TARGETS: dict[str, dict[str, str]] = {
    "argo": {"kind": "template", "namespace": "jobs", "event_source": "shop", "event_name": "all"},
    "airflow": {},
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
    sink = DiagnosticSink()
    files, _ = emitted(compiled(folder, FLOW.format(decorators=decorators), sink), target, sink, **TARGETS[target])
    return "".join(file.text for file in files), errors(sink)
