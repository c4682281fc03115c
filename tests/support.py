"""What tests of several parts share: files of flows, compilations of them, and the `flowc` command."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from typer.testing import CliRunner

from flowc_cli.app import app
from flowc_compiler import passes
from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink, FlowcError
from flowc_compiler.driver import Compilation, compile_file
from flowc_targets.base.target import EmittedFile, emit_checked, load_target

STORE = "s3://bucket/prefix"
"""An artifact store that nothing connects to."""

START_AND_END = """
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
"""The body of the smallest class flow."""


def write_files(folder: Path, files: dict[str, str]) -> None:
    """Write texts, dedented, to their paths below a folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")


def compiled(
    folder: Path, text: str, sink: DiagnosticSink | None = None, *, name: str = "flow.py", **options: Any
) -> Compilation:
    """Write a flow's text, dedented, to a file and compile it. Raises FlowcError; `options` are compile_file's."""
    write_files(folder, {name: text})
    return compile_file(folder / name, sink, **options)


def diagnostics(folder: Path, text: str, *, name: str = "flow.py", **options: Any) -> tuple[Diagnostic, ...]:
    """All diagnostics of a flow's text, whether it compiles or not."""
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        compiled(folder, text, sink, name=name, **options)
    return sink.diagnostics


@contextlib.contextmanager
def unchecked_artifacts() -> Generator[None]:
    """Compile without the analysis of artifacts, so that a task fails of what would be refused."""
    checks = tuple(item for item in passes.PASSES if item is not passes.check_artifact_flow)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "PASSES", checks)
        yield


def refused(folder: Path, text: str, *, name: str = "flow.py", **options: Any) -> tuple[Diagnostic, ...]:
    """The diagnostics of a flow's text that must not compile."""
    with pytest.raises(FlowcError) as caught:
        compiled(folder, text, name=name, **options)
    return caught.value.diagnostics


def emitted(
    compilation: Compilation, target: str, sink: DiagnosticSink | None = None, **options: Any
) -> tuple[tuple[EmittedFile, ...], DiagnosticSink]:
    """The files of a target, with its diagnostics in the sink; none where there are errors."""
    sink = sink if sink is not None else DiagnosticSink()
    found = load_target(target)
    settings = found.options_model.model_validate({"root": STORE, **options})
    files = emit_checked(found, compilation.flow, compilation.source, settings.for_flow(compilation.flow), sink)
    return files if not sink.failed else (), sink


def yaml_documents(text: str) -> list[dict[str, Any]]:
    """The objects of a manifest, read by libyaml where it is there: Python's own reader takes seconds for a package."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(text, Loader=loader))


def code_items(workflow: dict[str, Any]) -> list[dict[str, str]]:
    """The keys and paths of the ConfigMap with the code, as the pods of a Workflow mount it."""
    (volume,) = (item for item in workflow["spec"]["volumes"] if item["name"] == "flowc")
    items: list[dict[str, str]] = volume["projected"]["sources"][-1]["configMap"]["items"]
    return items


def write_package(documents: list[dict[str, Any]], folder: Path) -> None:
    """Write what the pods of a manifest find in their folder: the runtime, and beside it the code."""
    *runtime, code, _ = documents
    for item in runtime:
        for key, content in item["binaryData"].items():
            (folder / key).write_bytes(base64.b64decode(content))
    for item in code_items(documents[-1]):
        text = code.get("data", {}).get(item["key"])
        content = text.encode() if text is not None else base64.b64decode(code["binaryData"][item["key"]])
        (folder / item["path"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / item["path"]).write_bytes(content)


def errors(sink: DiagnosticSink) -> list[str]:
    """The codes of the errors that were collected."""
    return [item.code for item in sink.diagnostics if item.severity == "error"]


def flowc(folder: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder and in this process, with none of this environment's variables for flowc.

    Whole processes, with their signals and pipes, are tested in tests/cli/test_running.py and tests/cli/test_script.py.
    """
    own = {name: None for name in os.environ if name.startswith(("FLOWC_", "METAFLOW_"))}
    given = [str(argument) for argument in arguments]
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, given, env={**own, **variables}, prog_name="flowc", catch_exceptions=False)
    return subprocess.CompletedProcess(["flowc", *given], done.exit_code, done.stdout, done.stderr)


def flowc_process(folder: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder and in a process of its own, which has two minutes."""
    command = [sys.executable, "-m", "flowc_cli", *map(str, arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def without_spans(value: Any) -> Any:
    """Plain data without the entries `span`."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: without_spans(item) for key, item in entries.items() if key != "span"}
    return [without_spans(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def without_places(value: Any) -> Any:
    """Plain data without the entries that are places in a file."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        return {key: without_places(item) for key, item in entries.items() if not _is_place(item)}
    return [without_places(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def _is_place(value: object) -> bool:
    return isinstance(value, dict) and {"file", "line", "column"} <= cast("dict[str, object]", value).keys()
