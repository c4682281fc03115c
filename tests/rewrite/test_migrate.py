"""`flowc migrate`: what files become, and that they compile to the same flow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from flowc_cli.app import app
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.rewrite import RewriteError
from flowc_compiler.rewrite.migrate import migrate
from tests.conftest import EXAMPLES, REPOSITORY
from tests.docs import rows, zenmlrows

FILES = sorted([*(REPOSITORY / "examples").glob("*.py"), *(REPOSITORY / "tests/oracle/flows").glob("*.py")])
ROWS = [row for tables in (rows.TABLES, zenmlrows.TABLES) for table in tables.values() for row in table]
SAMPLED = ROWS[:: max(1, len(ROWS) // (20 * EXAMPLES))]
"""All rows where `RANDOM_EXAMPLES` is 50: each is read and written by libcst, which is slow."""


def without_places(value: Any) -> Any:
    """Plain data without spans, the file's name and its hash."""
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        names = ("span", "next_span", "file", "source_hash")
        return {key: without_places(item) for key, item in entries.items() if key not in names}
    return [without_places(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def outcome(path: Path) -> tuple[object, list[str]]:
    """The IR of a file, if it compiles, and the codes of its diagnostics."""
    sink = DiagnosticSink()
    try:
        flow = without_places(compile_file(path, sink).flow.model_dump())
    except FlowcError:
        flow = None
    return flow, sorted(item.code for item in sink.diagnostics)


def check_same(text: bytes, folder: Path) -> None:
    before, after = folder / "before.py", folder / "after.py"
    before.write_bytes(text)
    migrated = migrate(text, "before.py")
    after.write_bytes(migrated.content)
    wanted, found = outcome(before), outcome(after)
    if "FC110" in wanted[1]:  # written for ZenML before 0.40, which names from flowc don't show
        assert found[0] is None
        assert found[1]
    else:
        assert found == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_compiles_to_the_same_flow(path: Path, tmp_path: Path) -> None:
    check_same(path.read_bytes(), tmp_path)
    once = migrate(path.read_bytes(), "flow.py").content
    again = migrate(once, "flow.py")
    assert (again.content, again.changes) == (once, [])


@pytest.mark.parametrize("part", range(8))
def test_every_row_of_the_docs_compiles_to_the_same_flow(part: int, tmp_path: Path) -> None:
    for row in SAMPLED[part::8]:
        check_same(row.source.encode(), tmp_path)


CHANGES = {
    "from metaflow import FlowSpec, step  # noqa\n": "from flowc import FlowSpec, step  # noqa\n",
    "from metaflow import *\n": "from flowc import *\n",
    "from metaflow import *\nfrom dask import Client\nClient\nstep\n": (
        "from flowc import step\nfrom dask import Client\nClient\nstep\n"
    ),
    "import metaflow\nmetaflow.step\nmetaflow.cards.Table\n": (
        "import flowc, flowc.cards\nflowc.step\nflowc.cards.Table\n"
    ),
    "import os, metaflow as mf\nmf.exception.MetaflowException\n": (
        "import os, flowc as mf, flowc.errors\nmf.errors.FlowError\n"
    ),
    "import metaflow\nmetaflow.Runner\nmetaflow.step\n": "import flowc\nflowc.Runner\nflowc.step\n",
    "import metaflow\nmetaflow.inspect_spin\nmetaflow.step\n": (
        "import metaflow\nmetaflow.inspect_spin\nmetaflow.step\n"
    ),
    "from metaflow.exception import (\n    MetaflowException,  # why\n)\nMetaflowException\n": (
        "from flowc.errors import (\n    FlowError,  # why\n)\nFlowError\n"
    ),
    "from metaflow.exception import MetaflowException\nFlowError = MetaflowException\n": (
        "from flowc.errors import FlowError as MetaflowException\nFlowError = MetaflowException\n"
    ),
    "from metaflow import Runner, step\n": "from flowc import Runner, step\n",
    "from metaflow import inspect_spin, step\n": "from flowc import step\nfrom metaflow import inspect_spin\n",
    "from metaflow import S3, step\nS3(run=1)\n": "from flowc import S3, step\nS3(run=1)\n",
    "# top\nfrom zenml import Model, step  # end\n": "# top\nfrom flowc import step\nfrom zenml import Model  # end\n",
    "def f():\n    from metaflow import current; x = 1\n": "def f():\n    from flowc import current; x = 1\n",
    "from metaflow import conda\n@conda(libraries={})\ndef f(): ...\n": (
        "from flowc import conda\n@conda(packages={})\ndef f(): ...\n"
    ),
    "from zenml.config import StepRetryConfig\nstep(retry=StepRetryConfig(delay=3))\n": (
        "from flowc import Retry\nstep(retry=Retry(limit=1, backoff=3))\n"
    ),
    'from zenml.config import ResourceSettings as R\nstep(settings={"resources": R(cpu_count=1)})\n': (
        'from zenml.config import ResourceSettings as R\nstep(settings={"resources": R(cpu_count=1)})\n'
    ),
    'from zenml.config import ResourceSettings\nstep(settings={"resources": ResourceSettings(cpu_count=1)})\n': (
        "from flowc import Resources\nstep(resources=Resources(cpu=1))\n"
    ),
}
"""A file, and what it becomes."""


@pytest.mark.parametrize("text", CHANGES)
def test_what_a_file_becomes(text: str) -> None:
    assert migrate(text.encode(), "flow.py").content.decode() == CHANGES[text]
    crlf = text.replace("\n", "\r\n")
    assert migrate(b"\xef\xbb\xbf" + crlf.encode(), "flow.py").content.decode("utf-8-sig").count("\n") == (
        CHANGES[text].count("\n")
    )


def test_an_encoding_stays() -> None:
    text = "# coding: latin-1\nfrom metaflow import step\n# caf\xe9\n"
    assert migrate(text.encode("latin-1"), "flow.py").content == text.replace("metaflow", "flowc").encode("latin-1")


@pytest.mark.parametrize(
    "text", ["def f(:\n", "x = b'a' 'b'\n", "x = " + "(" * 3000 + ")" * 3000 + "\n", "x = 1" + " + 1" * 5000]
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(RewriteError):
        migrate(text.encode(), "flow.py")


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "flow.py")
    refused = CliRunner().invoke(app, ["migrate", str(tmp_path / "flow.py")])
    assert (refused.exit_code, "it is not a regular file" in refused.output) == (2, True)


def test_the_command(tmp_path: Path) -> None:
    old, new = "from metaflow import step\n", "from flowc import step\n"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(old)
    (tmp_path / "bad.py").write_text("def f(:\n")
    files = [str(tmp_path / name) for name in ("a.py", "b.py")]
    run = CliRunner()
    shown = run.invoke(app, ["migrate", files[0], "--diff"])
    assert (shown.exit_code, f"-{old}+{new}" in shown.stdout, (tmp_path / "a.py").read_text()) == (0, True, old)
    refused = run.invoke(app, ["migrate", *files, str(tmp_path / "bad.py")])
    assert (refused.exit_code, (tmp_path / "a.py").read_text()) == (2, old)
    assert run.invoke(app, ["migrate", files[0], "-o", "-"]).stdout == new
    assert run.invoke(app, ["migrate", *files, "-o", str(tmp_path / "out")]).exit_code == 0
    assert [(tmp_path / "out" / name).read_text() for name in ("a.py", "b.py")] == [new, new]
    assert run.invoke(app, ["migrate", *files]).exit_code == 0
    assert (tmp_path / "a.py").read_text() == new
    assert run.invoke(app, ["migrate", str(tmp_path / "none.py")]).exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.py", "b.py", "bad.py", "out"]
