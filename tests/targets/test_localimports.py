"""Local modules: which files an import brings, and the diagnostics of imports that are not found."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.local_code import LocalCode, local_code
from flowc_targets.package.local_modules import find_local_code
from tests.support import write_files

LOCAL = {
    "helper.py": "import deeper\nimport helper\n",
    "deeper.py": "",
    "unused.py": "",
    "pkg/__init__.py": "from .first import thing\n",
    "pkg/first.py": "from . import second\nfrom .sub.leaf import x\n",
    "pkg/second.py": "",
    "pkg/third.py": "",
    "pkg/sub/__init__.py": "",
    "pkg/sub/leaf.py": "from ..third import y\nimport importlib\nimportlib.import_module('..fourth', __package__)\n",
    "pkg/fourth.py": "",
    "space/inner.py": "",
    "lazy.py": "",
    "literal.py": "",
    "typed.py": "",
    "tried.py": "",
    "instead.py": "",
    "stars/__init__.py": "__all__ = ['one', 'two']\ndef two(): pass\n",
    "stars/one.py": "",
    "stars/three.py": "",
    "both.py": "",
    "both/inner.py": "",
    "flowc/__init__.py": "",
}
"""A folder with modules that are imported in every way, and some that are not."""

IN_EVERY_WAY = """
    import os, json, helper, flowc, both
    import space.inner
    from typing import TYPE_CHECKING
    from pkg import first
    from stars import *

    try:
        import tried
        import not_here
        from pkg import _speedups
    except ImportError:
        import instead

    if TYPE_CHECKING:
        import typed

    def later():
        import lazy
        import importlib
        importlib.import_module("literal")
        importlib.import_module(os.name)
"""


def found(path: Path, text: str) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The names of the local files of a flow, and (severity, code, place) of every diagnostic."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    source = SourceFile(path, path.read_text(), path.name)
    sink = DiagnosticSink()
    code = find_local_code(source, [], sink)
    places: list[tuple[str, str, str]] = []
    for item in sink.diagnostics:
        assert item.span is not None
        places.append((item.severity, item.code, f"{item.span.file}:{item.span.line}"))
    assert all(item.help for item in sink.diagnostics)
    return names(code), places


def names(code: LocalCode) -> list[str]:
    """The files of a flow, without its own, by path below the folder with all of them."""
    return sorted(path.relative_to(code.top).as_posix() for path in code.files)


def test_every_way_to_import(tmp_path: Path) -> None:
    write_files(tmp_path, LOCAL)
    files, diagnostics = found(tmp_path / "flow.py", IN_EVERY_WAY)
    assert files == [
        "both.py", "deeper.py", "helper.py", "instead.py", "lazy.py", "literal.py", "pkg/__init__.py", "pkg/first.py",
        "pkg/fourth.py", "pkg/second.py", "pkg/sub/__init__.py", "pkg/sub/leaf.py", "pkg/third.py", "space/inner.py",
        "stars/__init__.py", "stars/one.py", "tried.py",
    ]  # fmt: skip
    assert not diagnostics


def test_a_file_of_a_package_is_loaded_as_its_member(tmp_path: Path) -> None:
    write_files(
        tmp_path, {"top/__init__.py": "", "top/flows/__init__.py": "", "top/common.py": "", "top/flows/a.py": ""}
    )
    path = tmp_path / "top" / "flows" / "flow.v2.py"
    files, diagnostics = found(path, "from .a import x\nfrom ..common import y\n")
    assert (files, diagnostics) == (
        ["top/__init__.py", "top/common.py", "top/flows/__init__.py", "top/flows/a.py"],
        [],
    )
    home = local_code(SourceFile(path, path.read_text())).root
    assert (home.folder, home.module, home.file) == (tmp_path, "top.flows.flow_v2", path)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("import a", "flow"),
        ("from top import common", "top.flows.flow"),
        ("import top.common", "top.flows.flow"),
        ("'''\nfrom .a import x\n'''", "flow"),
        ("if TYPE_CHECKING:\n    from .a import x\n", "flow"),
        ("from .a import x", "top.flows.flow"),
    ],
)
def test_when_a_file_is_a_script(tmp_path: Path, text: str, module: str) -> None:
    write_files(tmp_path, {"top/__init__.py": "", "top/flows/__init__.py": "", "top/flows/flow.py": text})
    path = tmp_path / "top" / "flows" / "flow.py"
    assert local_code(SourceFile(path, text)).root.module == module


def test_folders_without_init_are_packages_where_the_dots_say_so(tmp_path: Path) -> None:
    path = tmp_path / "project" / "flows" / "flow.py"
    path.parent.mkdir(parents=True)
    assert local_code(SourceFile(path, "from . import a")).root.module == "flows.flow"
    assert local_code(SourceFile(path, "from ..common import a")).root.module == "project.flows.flow"


def test_names_that_the_package_has_itself(tmp_path: Path) -> None:
    for name, module in (("flowc", "flowc_"), ("__main__", "__main___"), ("my-flow", "my-flow")):
        assert local_code(SourceFile(tmp_path / f"{name}.py", "")).root.module == module


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("from .absent import x", "flow.py:1"),
        ("import pkg\nfrom pkg.absent import x", "flow.py:2"),
        ("import pkg.absent", "flow.py:1"),
        ("import helper.inside", "flow.py:1"),
        ("from . import absent", "flow.py:1"),
        ("from .pkg import absent", "flow.py:1"),
        ("from .deep import x", "deep.py:2"),
    ],
)
def test_modules_that_are_not_there(tmp_path: Path, text: str, place: str) -> None:
    write_files(
        tmp_path / "own",
        {"pkg/__init__.py": "", "helper.py": "", "deep.py": "import os\nfrom .nowhere import y\n"},
    )
    assert found(tmp_path / "own" / "flow.py", text)[1] == [("error", "FC604", place)]


def test_more_dots_than_packages(tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": "\nfrom .other import x\n", "other.py": ""})
    assert found(tmp_path / "flow.py", "import helper")[1] == [("error", "FC604", "helper.py:2")]


def test_what_may_be_somewhere_else_is_left_alone(tmp_path: Path) -> None:
    files = {
        "extended/__init__.py": "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
        "space/a.py": "",
        "lazy/__init__.py": "def __getattr__(name): ...\n",
        "names/__init__.py": "answer = 42\n",
    }
    write_files(tmp_path, files)
    text = "import numpy.linalg, extended.more\nfrom lazy import anything\nfrom names import answer\nimport space.b\n"
    assert found(tmp_path / "flow.py", text)[1] == [("warning", "FC612", "flow.py:4")]


def test_a_local_module_with_a_mistake(tmp_path: Path) -> None:
    write_files(tmp_path, {"helper.py": "x = 1\ndef broken(:\n    pass\n"})
    (tmp_path / "bytes.py").write_bytes(b"x = '\xff'\n")
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nx = '\xff'\nimport deeper\n")
    (tmp_path / "deeper.py").write_text("")
    files, diagnostics = found(tmp_path / "flow.py", "import helper, latin")
    assert files == ["deeper.py", "helper.py", "latin.py"]
    assert diagnostics == [("error", "FC101", "helper.py:2")]
    sink = DiagnosticSink()
    source = SourceFile(tmp_path / "flow.py", "import bytes")
    find_local_code(source, [], sink)
    assert [item.code for item in sink.diagnostics] == ["FC104"]


def test_compiled_modules(tmp_path: Path) -> None:
    write_files(tmp_path, {"fast.cpython-39-x86_64-linux-gnu.so": "", "pkg/__init__.py": "", "pkg/_c.pyd": ""})
    text = "import fast\ntry:\n    from pkg import _c\nexcept ImportError:\n    _c = None\n"
    expected = [("error", "FC606", "flow.py:1"), ("warning", "FC606", "flow.py:3")]
    assert found(tmp_path / "flow.py", text)[1] == expected
    source = SourceFile(tmp_path / "flow.py", "import fast")
    sink = DiagnosticSink()
    name = "fast.cpython-39-x86_64-linux-gnu.so"
    find_local_code(source, [tmp_path / name], sink)
    assert not sink.diagnostics


def test_a_local_module_that_takes_what_is_not_served(tmp_path: Path) -> None:
    helper = "from metaflow import Flow\n\ndef get():\n    from metaflow import inspect_spin\n    inspect_spin('x')\n"
    write_files(tmp_path, {"helper.py": helper, "other.py": "import metaflow\n\nRUNNER = metaflow.inspect_spin('x')\n"})
    assert found(tmp_path / "flow.py", "import helper")[1] == [("warning", "FC106", "helper.py:4")]
    assert found(tmp_path / "flow.py", "import other")[1] == [("error", "FC106", "other.py:3")]


def test_links(tmp_path: Path) -> None:
    """As in Python: a file that is a link stands where it leads to; a folder has the name that it is found by."""
    write_files(tmp_path, {"real/__init__.py": "", "real/a.py": "", "real/flow.py": "from .a import x\n"})
    (tmp_path / "name").symlink_to("real")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link.py").symlink_to(tmp_path / "real" / "flow.py")
    text = "from .a import x\n"
    for path, module in (("name/flow.py", "name.flow"), ("elsewhere/link.py", "real.flow")):
        source = SourceFile(tmp_path / path, text)
        sink = DiagnosticSink()
        home = local_code(source).root
        assert home.module == module
        package = module.partition(".")[0]
        assert names(find_local_code(source, [], sink)) == [f"{package}/__init__.py", f"{package}/a.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import os, helper", "x = 1; import helper", "from helper import y", "import os, \\\n    helper",
        "import\thelper.x as z", "if 'from' != 'import': import helper", "__import__('helper')",
    ],
)  # fmt: skip
def test_imports_in_every_spelling(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"helper/__init__.py": "", "helper/x.py": ""})
    assert "helper/__init__.py" in found(tmp_path / "flow.py", text)[0]


@pytest.mark.parametrize(
    "change",
    [
        "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))",
        "sys.path.insert(0, str(Path(__file__).resolve().parent / 'lib'))",
        "sys.path.insert(0, f'{HERE}/lib')",
        "sys.path.extend([str(HERE), str(HERE / 'lib')])",
        "sys.path += [str(Path(__file__).parent.joinpath('lib'))]",
        "sys.path[0:0] = [str(HERE / 'lib')]",
        "sys.path[:] = [str(HERE / 'lib'), *sys.path]",
        "sys.path = sys.path + [os.path.dirname(__file__) + '/lib']",
        "sys.path = [str(HERE / 'lib')] + sys.path",
        "for name in ('nothing', 'lib'):\n    sys.path.append(str(HERE / name))",
        "if str(HERE / 'lib') not in sys.path:\n    sys.path.append(str(HERE / 'lib'))",
        "from sys import path as found\nfound.append(str(HERE.parents[0] / HERE.name / 'lib'))",
        "import site\nsite.addsitedir(os.path.realpath(os.path.join(HERE, '..', HERE.name, 'lib')))",
        "sys.path.append('lib')",
        "sys.path.append(os.path.join(os.getcwd(), 'lib'))",
        "def later():\n    sys.path.append(str(HERE / 'lib'))",
    ],
)
def test_changes_of_the_path(tmp_path: Path, change: str) -> None:
    head = "import os, sys\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
    write_files(tmp_path / "project", {"lib/helper.py": "import deeper\n", "lib/deeper.py": "", "lib/unused.py": ""})
    files, diagnostics = found(tmp_path / "project" / "flow.py", f"{head}{change}\nimport helper\n")
    assert (files, diagnostics) == (["lib/deeper.py", "lib/helper.py"], [])


@pytest.mark.parametrize("change", ["sys.path.append(os.environ['LIB'])", "sys.path += folders()", "sys.path = found"])
def test_changes_of_the_path_that_are_not_known(tmp_path: Path, change: str) -> None:
    text = f"import os, sys\n{change}\nimport somewhere\n"
    assert found(tmp_path / "flow.py", text) == ([], [("warning", "FC613", "flow.py:2")])


def test_code_that_looks_local(tmp_path: Path) -> None:
    write_files(tmp_path / "project", {"lib/helper.py": "", "data/one.csv": "", "shop/util.py": ""})
    text = """
        import helper, torch, data, shop.absent
        from shop import absent
        try:
            import helper
        except ImportError:
            pass
        import subprocess, sys
        subprocess.run([sys.executable, "absent.py"])
        subprocess.run(["python3", "/opt/there.py"])
        current.torch.run(entrypoint="train.py")
        subprocess.run("train.py")
    """
    diagnostics = found(tmp_path / "project" / "flow.py", text)[1]
    assert diagnostics == [("warning", "FC612", f"flow.py:{line}") for line in (2, 2, 3, 9, 11)]


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("import comon.load\n", True),
        ("from comon.load import rows\n", True),
        ("from comon import load\n", True),
        ("from comon import load, nothing\n", False),
        ("def f():\n    import commno.load\n", True),
        ("import Common.load\n", True),
        ("import comon.absent\n", False),
        ("import comon\n", False),
        ("import comon as c\n\nc.load.rows()\n", True),
        ("import comon as c\n\nc.save()\n", False),
        ("import helpers_\n\nhelpers_.mend(helpers_.PARTS)\n", True),
        ("from helprs import mend\n", True),
        ("from helpr import mend\n", False),
        ("from helpers2 import mend\n", True),
        ("from elpers import (\n    PARTS,\n    mend,\n)\n", True),
        ("from helpers23 import mend\n", False),
        ("from helpes import *\n", False),
        ("try:\n    from helpes import mend\nexcept ImportError:\n    mend = None\n", False),
        ("from requests import get\n", False),
        ("from abs import go\n", False),
        ("from cop import go\n", False),
        ("import numpi.linalg\n", False),
    ],
)
def test_a_misspelled_local_module(tmp_path: Path, text: str, warned: bool) -> None:
    files = {
        "common/__init__.py": "",
        "common/load.py": "def rows(): ...\n",
        "helpers.py": "PARTS = 3\nif PARTS:\n    def mend(parts): ...\n",
        "request.py": "import requests\n\ndef get(url):\n    return requests.get(url)\n",
        "abc.py": "def go(): ...\n",
        "copy.py": "def go(): ...\n",
    }
    write_files(tmp_path / "project", files)
    expected = [("warning", "FC612", f"flow.py:{1 + text.startswith('def')}")] if warned else []
    assert found(tmp_path / "project" / "flow.py", text) == ([], expected)


def test_a_misspelled_module_of_a_local_module(tmp_path: Path) -> None:
    write_files(tmp_path / "project", {"lib.py": "import helpes\n\nhelpes.mend()\n", "helpers.py": "mend = print\n"})
    assert found(tmp_path / "project" / "flow.py", "import lib") == (["lib.py"], [("warning", "FC612", "lib.py:1")])


def test_what_a_project_requires_is_no_local_code(tmp_path: Path) -> None:
    write_files(tmp_path / "project", {"deploy/kubernetes/apply.py": "", "airflow/dags.py": "", "lib/shapes.py": ""})
    text = "import airflow.models\nimport kubernetes\nimport shapes\npackages = {'kubernetes': '30.1'}\n"
    (tmp_path / "project" / "requirements-dev.txt").write_text("Airflow[s3]>=2.9\n")
    assert found(tmp_path / "project" / "flow.py", text)[1] == [("warning", "FC612", "flow.py:3")]


def test_a_folder_by_its_absolute_name(tmp_path: Path) -> None:
    write_files(tmp_path, {"lib/helper.py": "", "project/flow.py": ""})
    text = f"import sys\nsys.path.append({str(tmp_path / 'lib')!r})\nimport helper, nowhere_at_all\n"
    assert found(tmp_path / "project" / "flow.py", text) == ([], [("warning", "FC612", "flow.py:3")])


def test_scripts_of_a_shell_script(tmp_path: Path) -> None:
    write_files(
        tmp_path / "project", {"run.sh": "python3 train.py --fast\n", "train.py": "import helper\n", "helper.py": ""}
    )
    files, diagnostics = found(tmp_path / "project" / "flow.py", "import os\nos.system('sh run.sh')\n")
    assert (files, diagnostics) == (["helper.py", "run.sh", "train.py"], [])


@pytest.mark.parametrize(
    ("declaration", "files"),
    [
        ("Config('c', default_value='', parser='readers.ini.read')", ["readers/__init__.py", "readers/ini.py"]),
        ("mf.IncludeFile('c', default='flow.py', parser = 'plain.read')", ["plain.py"]),
        ("Config('c', default_value='', parser='json.loads')", []),
        ("Config('c', default_value='', parser='.plain.read')", []),
        ("Config('c', default_value='', parser='nowhere.read')", []),
    ],
)
def test_the_module_of_a_parser_ships(tmp_path: Path, declaration: str, files: list[str]) -> None:
    """A parser may be named by text, as in Metaflow, and no import need name its module."""
    write_files(tmp_path, {"readers/__init__.py": "", "readers/ini.py": "", "plain.py": ""})
    assert found(tmp_path / "flow.py", f"c = {declaration}\n") == (files, [])
