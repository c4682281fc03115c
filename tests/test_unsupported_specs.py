"""What no target gives so far is an error where the run would be another, and a warning where it would not."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import Diagnostic
from tests.support import compiled, emitted

TARGETS = ("argo", "airflow")
CASES = {
    "secret": ("@secrets(sources=['gcp-secret-manager.projects/p/secrets/s'])", "", None, ""),
    "efs": ("@batch(efs_volumes=['fs-1'])", "", "error", "EFS"),
    "batch": ("@batch(cpu=1, queue='q', swappiness=0)", "", "warning", "queue, swappiness of `@batch`"),
    "pypi": ("@pypi(packages={'numpy': '1.26'}, python='3.12')", "", "warning", "numpy 1.26, Python 3.12"),
    "hook": ("", "@exit_hook(on_error=[print_it], options={'env': {}, 'image': 3})", "error", "hook"),
    "conda": ("@conda(packages={'a': '1'}, disabled=True)", "", None, ""),
    "card": ("@environment(vars={})", "@project(name='p')", None, ""),
}


def reported(folder: Path, target: str, step: str, flow: str) -> tuple[list[Diagnostic], bool]:
    """The diagnostics, and whether something was written."""
    text = f"""
from flowc import *
from flowc import FlowSpec


def print_it():
    pass


{flow}
class Unsupported(FlowSpec):
    {step or "# nothing"}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    files, sink = emitted(compiled(folder, text), target)
    return list(sink.diagnostics), bool(files)


@pytest.mark.parametrize("target", TARGETS)
def test_packages_of_all_steps_are_reported_once(tmp_path: Path, target: str) -> None:
    diagnostics, written = reported(tmp_path, target, "", "@pypi_base(packages={'numpy': '1.26'})")
    assert written
    (diagnostic,) = diagnostics
    words = "steps `start`, `end`: flowc installs no packages; their image must contain numpy 1.26 (pypi, target"
    assert diagnostic.message.startswith(words)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES)
def test_what_no_target_gives(tmp_path: Path, target: str, case: str) -> None:
    step, flow, severity, words = CASES[case]
    diagnostics, written = reported(tmp_path, target, step, flow)
    assert written is (severity != "error")
    if severity is None:
        assert not diagnostics
        return
    (diagnostic,) = diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("FC501", severity)
    assert words in diagnostic.message
    assert target in diagnostic.message
    assert diagnostic.help
    assert diagnostic.span is not None
