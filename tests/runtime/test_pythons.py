"""The shim on the oldest and newest Python that this machine has: it must run in any image."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowc_compiler.driver import compile_file
from flowc_targets.package.code_package import build_package, runtime_files, runtime_zip
from tests.runtime.shim import Shim
from tests.runtime.test_gang import GANG, ended
from tests.runtime.test_protocol import FOREACH

pytestmark = pytest.mark.process


def interpreter(version: str) -> str:
    """A Python of that version, from the path or from pyenv."""
    found = shutil.which(f"python{version}")
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if found is not None and "shims" not in found:
        return found
    if not pyenv:
        pytest.skip(f"there is no Python {version} here")
    return str(pyenv[-1])


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_tasks_run_on_other_pythons(tmp_path: Path, version: str) -> None:
    shim = Shim(tmp_path, FOREACH, python=interpreter(version))
    shim.tasks("start", "body/0", "body/1", "body/2", "join")
    assert shim.task("end") == "total 60\n"


IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_all_modules_are_imported_on_other_pythons(version: str, tmp_path: Path) -> None:
    (tmp_path / "flowc.zip").write_bytes(runtime_zip())
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in runtime_files()]
    names = [name for name in names if not name.endswith(("__main__", "obstore_client"))]
    env = {"PYTHONPATH": str(tmp_path / "flowc.zip")}
    subprocess.run([interpreter(version), "-c", IMPORT_ALL, *names], env=env, check=True)


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_gangs_run_on_other_pythons(tmp_path: Path, version: str) -> None:
    shim = Shim(tmp_path, GANG, python=interpreter(version))
    shim.task("start")
    members = [shim.popen("work", str(i), RAISE="0") for i in range(3)]
    assert [ended(process)[0] for process in members] == [1, 1, 1]
    members = [shim.popen("work", str(i), 1) for i in range(3)]
    assert [ended(process) for process in members] == [(0, "")] * 3
    shim.tasks("join", "end")


def test_the_code_package_runs_a_task(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FOREACH)
    compilation = compile_file(shim.file)
    package = tmp_path / "elsewhere" / "flow.pyz"
    package.parent.mkdir()
    package.write_bytes(build_package(compilation.flow, compilation.source))
    env = {"FLOWC_ROOT": f"file://{tmp_path}/packaged", "FLOWC_RUN_ID": "r", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-S", str(package), "task", "--step", "start", "--index", "-"]
    subprocess.run(command, env=env, cwd=package.parent, check=True)
    assert (tmp_path / "packaged" / "Squares" / "r" / "start" / "-" / "0" / "manifest.json").is_file()
