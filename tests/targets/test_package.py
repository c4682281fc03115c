"""The code package: its bytes, and what of the user's is in it."""

from __future__ import annotations

import ast
import io
import json
import zipfile
from pathlib import Path

import pytest

from flowc_compiler.driver import compile_file
from flowc_targets.package.code_package import build_package, content_hash, package_files, without_docs
from flowc_targets.package.run_plan import build_plan
from tests.argo.manifests import NESTED, diamond
from tests.runtime.test_pythons import interpreter
from tests.support import write_files
from tests.zipped import Zipped


def test_same_files_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "my_flow.py"
    path.write_text(diamond())
    compilation = compile_file(path)
    first = build_package(compilation.flow, compilation.source)
    assert build_package(compilation.flow, compilation.source) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert names == ["__main__.py", "files/my_flow.py", "flowc.zip", "plan.json"]
        assert archive.read("files/my_flow.py").decode() == diamond()
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        with zipfile.ZipFile(io.BytesIO(archive.read("flowc.zip"))) as shim:
            assert {"flowc/__init__.py", "flowc/shim/task_runner.py"} <= set(shim.namelist())


class _NoDocs(ast.NodeTransformer):
    """Empties what stands for itself: docstrings, and the notes below names; and lets annotations of functions go."""

    inside = False
    """Whether this is in a function."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr:
        match node.value:
            case ast.Constant(value=str()) as text:
                text.value = ""
            case _:
                pass
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        self.inside, before = True, self.inside
        self.generic_visit(node)
        self.inside = before
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 (the name that ast calls)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if not self.inside or node.value is None:
            return node  # fields of classes keep theirs
        return ast.Assign([node.target], node.value)


def test_the_shim_is_packed_without_docstrings() -> None:
    for path in (Path(__file__).parents[2] / "runtime" / "flowc").rglob("*.py"):
        code = path.read_bytes()
        packed = without_docs(code)
        assert packed.count(b"\n") == code.count(b"\n")
        before, after = (ast.dump(_NoDocs().visit(ast.parse(text))) for text in (code, packed))
        assert before == after, path


def test_an_encoding_of_the_users_own_survives(tmp_path: Path) -> None:
    content = ("# -*- coding: latin-1 -*-\r\n# \xe9\r\n" + diamond()).encode("latin-1")
    path = tmp_path / "latin.py"
    path.write_bytes(content)
    compilation = compile_file(path)
    assert package_files(compilation.flow, compilation.source)["files/latin.py"] == content


def test_content_hash_tells_names_from_contents() -> None:
    assert content_hash({"a": b"bc"}) != content_hash({"ab": b"c"})


def test_plan(tmp_path: Path) -> None:
    path = tmp_path / "nested.py"
    path.write_text(NESTED)
    plan = build_plan(compile_file(path).flow)
    assert json.loads(json.dumps(plan)) == plan
    assert (plan["flow"], plan["module"], plan["start"], plan["end"]) == ("NestedFlow", "nested", "start", "end")
    assert plan["steps"]["inner"]["depth"] == 2
    assert plan["steps"]["outer"]["foreach_var"] == "ys"
    join = plan["steps"]["inner_join"]
    assert (join["closes"], join["closes_kind"], join["depth"], join["parents"]) == ("outer", "foreach", 1, ["inner"])
    assert plan["steps"]["arms"]["closes_kind"] == "branch"


READER = """
    from pathlib import Path

    from flowc import FlowSpec, step
    import helper
    from pkg import leaf


    class Reader(FlowSpec):
        @step
        def start(self):
            self.by_path = open("data/one.csv").read()
            self.by_file = (Path(__file__).parent / "data" / "one.csv").read_text()
            self.above = open("../shared/up.txt").read()
            self.leaf, self.helper = leaf.value, helper.flow_name()
            self.items = [1, 2]
            self.next(self.body, foreach="items")

        @step
        def body(self):
            import os
            import subprocess

            here = os.environ["FLOWC_FILES"]
            assert os.path.samefile(here, ".")
            self.out = subprocess.run([os.path.join(here, "run.sh")], stdout=subprocess.PIPE, check=True).stdout
            self.next(self.join)

        @step
        def join(self, inputs):
            self.outs = [item.out for item in inputs]
            self.next(self.end)

        @step
        def end(self):
            from flowc import Run, current

            print(self.outs, Run(f"Reader/{current.run_id}").pathspec)
"""
"""Reads files beside it and above it in every way, and runs one."""

BESIDE = {
    "flows/helper.py": "from metaflow import current\n\n\ndef flow_name():\n    return current.flow_name\n",
    "flows/pkg/__init__.py": "",
    "flows/pkg/leaf.py": "from .text import res\nvalue = res()\n",
    "flows/pkg/text.py": """
        from pathlib import Path


        def res():
            try:
                from importlib.resources import files
            except ImportError:
                return (Path(__file__).parent / "res.txt").read_text()
            return (files(__package__) / "res.txt").read_text()
    """,
    "flows/pkg/res.txt": "res",
    "flows/data/one.csv": "one",
    "flows/data/.hidden": "",
    "flows/data/__pycache__/one.pyc": "",
    "flows/run.sh": "#!/bin/sh\necho ran\n",
    "shared/up.txt": "up",
    "flows/reader.py": READER,
}


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    return write_reader(tmp_path / "project")


def write_reader(project: Path) -> Path:
    """The flow `READER` with what it reads, in a folder of a project."""
    write_files(project, BESIDE)
    (project / "flows" / "run.sh").chmod(0o755)
    return project / "flows" / "reader.py"


INCLUDE = ("data", "pkg/*.txt", "run.sh", "../shared/up.txt")


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_included_files_are_real_files_in_a_task(reader: Path, tmp_path: Path, version: str) -> None:
    """No Python of a task has flowc or the flow's folder; the working directory is a container's."""
    zipped = Zipped(reader, tmp_path / "there", include=INCLUDE, python=interpreter(version))
    assert zipped.run() == "[b'ran\\n', b'ran\\n'] Reader/run-1\n"
    assert zipped.value("start", "by_path") == zipped.value("start", "by_file") == "one"
    assert (zipped.value("start", "above"), zipped.value("start", "leaf")) == ("up", "res")
    assert zipped.value("start", "helper") == "Reader"
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["flow.pyz", "root", "work"], "left over"
    assert [path.name for path in (tmp_path / "there" / "work" / "outputs").iterdir()] == ["count"]


def test_the_package_says_nothing_of_where_it_was_made(reader: Path, tmp_path: Path) -> None:
    compilation = compile_file(reader)
    files = package_files(compilation.flow, compilation.source, INCLUDE)
    assert [name for name in files if not name.startswith("flowc.zip")] == [
        "__main__.py", "files/_above_/data/one.csv", "files/_above_/helper.py", "files/_above_/pkg/__init__.py",
        "files/_above_/pkg/leaf.py", "files/_above_/pkg/res.txt", "files/_above_/pkg/text.py",
        "files/_above_/reader.py", "files/_above_/run.sh", "files/shared/up.txt", "plan.json",
    ]  # fmt: skip
    moved = tmp_path / "elsewhere"
    reader.parent.parent.rename(moved)
    again = compile_file(moved / "flows" / "reader.py", flow_name="Reader")
    assert package_files(again.flow.model_copy(update={"file": "x"}), again.source, INCLUDE) == files


MEMBER = """
    from pathlib import Path

    from flowc import FlowSpec, step
    from . import names
    from ..common.shared import Base


    class Thing(Base):
        pass


    class Member(FlowSpec):
        @step
        def start(self):
            self.thing = Thing()
            self.module = __name__
            self.next(self.end)

        @step
        def end(self):
            print(self.module, type(self.thing).__mro__[1].__module__, names.name(), Path("flow.txt").is_file())
"""


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_a_flow_with_relative_imports(tmp_path: Path, version: str) -> None:
    files = {
        "top/__init__.py": "",
        "top/flows/__init__.py": "",
        "top/flows/names.py": "from .. import common\n\n\ndef name():\n    return common.__name__\n",
        "top/common/__init__.py": "",
        "top/common/shared.py": "class Base: ...\n",
        "top/flows/flow.txt": "",
        "top/flows/member.py": MEMBER,
    }
    write_files(tmp_path / "project", files)
    flow = tmp_path / "project" / "top" / "flows" / "member.py"
    python = interpreter(version)
    printed = "top.flows.member top.common.shared top.common"
    assert Zipped(flow, tmp_path / "plain", python=python).run() == f"{printed} False\n"
    assert Zipped(flow, tmp_path / "files", include=["flow.txt"], python=python).run() == f"{printed} True\n"


@pytest.mark.process
def test_a_name_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "flow.v2.py"
    path.write_text(diamond())
    zipped = Zipped(path, tmp_path / "there")
    zipped.run()
    assert zipped.plan()["module"] == "flow_v2"


@pytest.mark.process
def test_an_image_without_a_folder_to_write_to(reader: Path, tmp_path: Path) -> None:
    zipped = Zipped(reader, tmp_path / "there", include=INCLUDE)
    (tmp_path / "there" / "flow.pyz").rename(tmp_path / "flow.pyz")
    with zipfile.ZipFile(tmp_path / "flow.pyz") as old, zipfile.ZipFile(tmp_path / "there" / "flow.pyz", "w") as new:
        for name in old.namelist():
            plan = name == "plan.json"
            content = old.read(name).replace(b'_above_/run.sh"', b'_above_/not-there"') if plan else old.read(name)
            new.writestr(name, content)
    done = zipped.task("start")
    assert done.returncode == 2
    assert "the flow's files cannot be unpacked" in done.stderr
    assert "TMPDIR" in done.stderr


def test_a_python_that_is_too_old_says_so(reader: Path) -> None:
    compilation = compile_file(reader)
    assert b"Python 3.9 or newer" in package_files(compilation.flow, compilation.source)["__main__.py"]


@pytest.mark.process
def test_an_include_file_beside_included_files(tmp_path: Path) -> None:
    text = """
        from flowc import FlowSpec, IncludeFile, step


        class Both(FlowSpec):
            prices = IncludeFile("prices", default="prices.csv")

            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                print(self.prices, open("other.csv").read())
    """
    write_files(tmp_path / "own", {"both.py": text, "prices.csv": "1,2", "other.csv": "3,4"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "own")
        zipped = Zipped(tmp_path / "own" / "both.py", tmp_path / "there", include=["other.csv"])
    (tmp_path / "own").rename(tmp_path / "gone")
    assert zipped.run() == "1,2 3,4\n"
