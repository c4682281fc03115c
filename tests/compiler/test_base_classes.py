"""Base classes of flows that no local file has: those of installed packages are read, and never executed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.syntax.modules import installation_folders
from flowc_targets.package.code_package import package_files
from tests.support import START_AND_END, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator

CORP = {
    "site/corp/__init__.py": "from corp.flows import *\n",
    "site/corp/flows.py": """\
from metaflow import FlowSpec, Parameter, inspect_spin, resources, step

from .steps import Ending

__all__ = ["CorpFlow"]


class CorpFlow(Ending, FlowSpec):
    region = Parameter("region", default="eu")
    limit = 3

    def shown(self):
        return f"RESULT {self.region} {self.limit} {self.value}"
""",
    "site/corp/steps.py": """\
from metaflow import retry, step


class Ending:
    @retry(times=2)
    @step
    def end(self):
        print(self.shown())
""",
}
FLOW = """\
from corp import CorpFlow
from metaflow import step


class MyFlow(CorpFlow):
    limit = 4

    @step
    def start(self):
        self.value = 1
        self.next(self.end)


if __name__ == "__main__":
    MyFlow()
"""


@pytest.fixture
def corp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages on the import path; the flow is elsewhere."""
    write_files(tmp_path, CORP)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    installation_folders.cache_clear()
    yield tmp_path / "flow" / "flow.py"
    installation_folders.cache_clear()


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_an_installed_base_class(corp: Path) -> None:
    flow, source = (found := compile_file(_write(corp, FLOW))).flow, found.source
    assert (flow.start, flow.end, sorted(flow.by_name)) == ("start", "end", ["end", "start"])
    assert [parameter.name for parameter in flow.parameters] == ["region"]
    retry = flow.by_name["end"].specs.retry
    assert retry is not None
    assert retry.limit == 2
    assert "corp" not in sys.modules
    files = package_files(flow, source)
    assert json.loads(files["plan.json"])["unserved"] == {"metaflow": ["inspect_spin"]}
    assert not [name for name in files if "corp" in name]


@pytest.mark.process
def test_it_runs(corp: Path) -> None:
    _write(corp, FLOW)
    command = [sys.executable, "-m", "flowc_cli", "run", "flow.py", "--root", "store", "-p", "region=us"]
    site = str(corp.parent.parent / "site")
    paths = [site, *(place for place in sys.path if place)]
    done = subprocess.run(
        command, cwd=corp.parent, env={"PYTHONPATH": ":".join(paths)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "RESULT us 4 1" in done.stdout + done.stderr


def test_its_mistakes_are_shown_where_they_are(corp: Path) -> None:
    (corp.parent.parent / "site" / "corp" / "steps.py").write_text(CORP["site/corp/steps.py"].replace("retry", "retri"))
    with pytest.raises(FlowcError) as caught:
        compile_file(_write(corp, FLOW))
    errors = [item for item in caught.value.diagnostics if item.severity == "error"]
    assert [(item.code, item.span and Path(item.span.file).name) for item in errors] == [("FC106", "steps.py")]


@pytest.mark.parametrize(
    ("imported", "package"),
    [("from obproject import CorpFlow", "ob-project-utils"), ("from far.off import CorpFlow", "far")],
)
def test_a_package_that_is_not_installed(tmp_path: Path, imported: str, package: str) -> None:
    with pytest.raises(FlowcError) as caught:
        compile_file(_write(tmp_path / "flow.py", FLOW.replace("from corp import CorpFlow", imported)))
    [item] = caught.value.diagnostics
    assert item.code == "FC105"
    assert f"install {package} where flowc runs" in item.help


BROKEN = "class Base(:\n"
SOUND = "class Base:\n    pass\n"
IN_FILES: dict[str, tuple[dict[str, str], str, str, str]] = {
    "broken": ({"a.py": BROKEN}, "from a import Base", "Base", "imported from a.py, which cannot be read"),
    "module": ({"a.py": BROKEN}, "import a", "a.Base", "imported from a.py, which cannot be read"),
    "package": ({"p/__init__.py": "", "p/a.py": BROKEN}, "import p.a", "p.a.Base", "imported from p/a.py, which"),
    "relative": ({"b.py": "from a import Base\n", "a.py": BROKEN}, "from b import Base", "Base", "imported from a.py"),
    "wrong_name": ({"a.py": SOUND}, "from a import Bsae", "Bsae", "not a class of a.py"),
    "no_class": ({"a.py": "Base = make()\n"}, "from a import Base", "Base", "not a class of a.py"),
    "no_file": ({}, "from a import Base", "Base", "not in a local file, nor in a package"),
}  # fmt: skip
"""Files, an import, the base, and where FC105 says that it is."""


@pytest.mark.parametrize(("files", "imported", "base", "where"), IN_FILES.values(), ids=IN_FILES)
def test_a_base_in_a_local_file(tmp_path: Path, files: dict[str, str], imported: str, base: str, where: str) -> None:
    write_files(tmp_path, files)
    text = f"from flowc import FlowSpec, step\n{imported}\n\n\nclass F({base}, FlowSpec):{START_AND_END}"
    with pytest.raises(FlowcError) as caught:
        compile_file(_write(tmp_path / "flow.py", text))
    (found,) = [item for item in caught.value.diagnostics if item.code == "FC105"]
    assert f"the base class `{base}` is {where}" in found.message.replace(f"{tmp_path}/", "")
    assert (found.help == "did you mean `Base`?") == (base == "Bsae")
    broken = [item for item in caught.value.diagnostics if item.code == "FC101"]
    assert bool(broken) == any(text == BROKEN for text in files.values())


@pytest.mark.parametrize(
    ("imported", "base"),
    [
        ("import abc", "abc.ABC"), ("from abc import ABC", "ABC"),
        ("from typing import Generic, TypeVar\nT = TypeVar('T')", "Generic[T]"),
        ("from contextlib import AbstractContextManager", "AbstractContextManager"),
    ],
)  # fmt: skip
def test_pythons_own(tmp_path: Path, imported: str, base: str) -> None:
    text = f"""{imported}
from metaflow import FlowSpec, step

class F(FlowSpec, {base}):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    sink = DiagnosticSink()
    assert compile_file(_write(tmp_path / "flow.py", text), sink).flow.name == "F"
    assert not sink.diagnostics


@pytest.mark.process
@pytest.mark.parametrize("name", ["corp.py", "corp/__init__.py"])
def test_an_included_base_class(tmp_path: Path, name: str) -> None:
    base = "from metaflow import FlowSpec, step\n\nclass CorpFlow(FlowSpec):\n    limit = 3\n\n    @step\n"
    base += "    def end(self):\n        print('RESULT', self.limit, self.value)\n"
    write_files(tmp_path, {f"vendor/{name}": base, "flow/flow.py": FLOW})
    pattern = f"../vendor/{name.partition('/')[0]}"
    for command in (["run", "flow.py"], ["package", "flow.py"]):
        given = [*command, "--include", pattern, *(["--root", "store"] if command[0] == "run" else [])]
        done = subprocess.run(
            [sys.executable, "-m", "flowc_cli", *given], cwd=tmp_path / "flow", capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ("RESULT 4 1" if command[0] == "run" else name) in done.stdout + done.stderr
