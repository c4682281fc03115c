"""The code package: its bytes, and what of the user's is in it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from flowc_compiler.driver import compile_file
from flowc_targets.base.localimports import local_files
from flowc_targets.base.package import build_package, content_hash, package_files
from flowc_targets.base.plan import build_plan
from tests.argo.manifests import NESTED, diamond


def test_same_files_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "my_flow.py"
    path.write_text(diamond())
    compilation = compile_file(path)
    first = build_package(compilation.flow, compilation.source)
    assert build_package(compilation.flow, compilation.source) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {"__main__.py", "flowc/__init__.py", "flowc/task.py", "my_flow.py", "plan.json"} <= set(names)
        assert archive.read("my_flow.py").decode() == diamond()
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_an_encoding_of_the_users_own_survives(tmp_path: Path) -> None:
    content = ("# -*- coding: latin-1 -*-\r\n# \xe9\r\n" + diamond()).encode("latin-1")
    path = tmp_path / "latin.py"
    path.write_bytes(content)
    compilation = compile_file(path)
    assert package_files(compilation.flow, compilation.source)["latin.py"] == content


def test_content_hash_tells_names_from_contents() -> None:
    assert content_hash({"a": b"bc"}) != content_hash({"ab": b"c"})


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


LOCAL = {
    "helper.py": "import deeper\nimport helper\n",
    "deeper.py": "",
    "unused.py": "",
    "pkg/__init__.py": "from .first import thing\n",
    "pkg/first.py": "from . import second\nfrom .sub.leaf import x\nfrom .. import nothing\n",
    "pkg/second.py": "",
    "pkg/third.py": "",
    "pkg/sub/__init__.py": "",
    "pkg/sub/leaf.py": "from ..third import y\n",
    "space/inner.py": "",
    "lazy.py": "",
    "literal.py": "",
    "broken.py": "def (",
    "flowc/__init__.py": "",
}
"""A folder with modules that are imported in every way, and some that are not."""


def test_local_imports(tmp_path: Path) -> None:
    _write(
        tmp_path,
        LOCAL,
    )
    source = """
import os, json, helper, flowc, broken
import space.inner
from pkg import first

def later():
    import lazy
    import importlib
    importlib.import_module("literal")
    importlib.import_module(os.name)
"""
    assert sorted(local_files(source, tmp_path)) == [
        "broken.py",
        "deeper.py",
        "helper.py",
        "lazy.py",
        "literal.py",
        "pkg/__init__.py",
        "pkg/first.py",
        "pkg/second.py",
        "pkg/sub/__init__.py",
        "pkg/sub/leaf.py",
        "pkg/third.py",
        "space/inner.py",
    ]


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
