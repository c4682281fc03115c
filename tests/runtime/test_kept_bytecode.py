"""The first task of a store in a folder leaves the shim's bytecode there, and the tasks that follow begin with it."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.driver import compile_file
from flowc_targets.package.code_package import build_package

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

FLOW = """
import os
import sys
from flowc import FlowSpec, Parameter, step

class Kept(FlowSpec):
    bad = Parameter("bad", default=False)

    @step
    def start(self):
        exec(os.environ.get("FIRST", ""), globals())
        import flowc.client
        print(sys.modules["flowc.flowspec"].__file__.rpartition(".")[2], [1, 2][self.bad and 7])
        self.next(self.end)

    @step
    def end(self):
        pass
"""


class Package:
    """A code package, and its store."""

    def __init__(self, folder: Path) -> None:
        (folder / "kept.py").write_text(FLOW)
        compilation = compile_file(folder / "kept.py")
        (folder / "flow.pyz").write_bytes(build_package(compilation.flow, compilation.source))
        self.folder = folder

    def task(self, **env: str) -> subprocess.CompletedProcess[str]:
        """The first task of the run."""
        return subprocess.run(
            [sys.executable, "flow.pyz", "task", "--step", "start"], cwd=self.folder, capture_output=True,
            env={"PATH": os.defpath, "FLOWC_ROOT": "root", "FLOWC_RUN_ID": "r", "TMPDIR": str(self.folder), **env},
            text=True, check=False,
        )  # fmt: skip

    def begins_with(self, **env: str) -> str:
        """How the task finds a module of the shim: as `py` or as `pyc`."""
        done = self.task(**env)
        assert done.returncode == 0, done.stderr
        assert [path.name for path in self.folder.glob("flowc-*")] == []
        return done.stdout.split()[0]

    @property
    def kept(self) -> Path:
        """The file with the bytecode."""
        (found,) = (self.folder / "root/.flowc/bytecode").iterdir()
        return found


def test_tasks_after_the_first_begin_with_its_bytecode(tmp_path: Path) -> None:
    package = Package(tmp_path)
    assert package.begins_with() == "py"
    made = package.kept.read_bytes()
    assert package.begins_with(FLOWC_ROOT=f"file://{tmp_path}/root", FLOWC_LOG_LIMIT="0") == "pyc"
    failed = package.task(FLOWC_PARAM_BAD="true")
    assert failed.returncode == 1
    assert "kept.py" in failed.stderr
    assert ".pyz" not in failed.stderr
    assert "flowc.zip" not in failed.stderr
    assert package.kept.read_bytes() == made


def test_bytecode_that_is_damaged_or_may_be_anybodys_is_not_used(tmp_path: Path) -> None:
    package = Package(tmp_path)
    package.begins_with()
    made = package.kept.read_bytes()
    for damaged in (made[:-1], b"", made[:5000] + bytes([made[5000] ^ 1]) + made[5001:]):
        package.kept.write_bytes(damaged)
        assert package.begins_with() == "py"
        assert len(package.kept.read_bytes()) == len(made)
    package.kept.chmod(0o666)
    assert package.begins_with(PYTHONDONTWRITEBYTECODE="1") == "py"


def test_modules_that_are_damaged_are_imported_from_the_whole(tmp_path: Path) -> None:
    package = Package(tmp_path)
    package.begins_with()
    made = package.kept.read_bytes()
    damaged = bytearray(made)
    for place in range(len(made) // 3, len(made), 5000):
        damaged[place] ^= 1
    package.kept.write_bytes(damaged)
    assert package.begins_with() in ("py", "pyc")
    content = package.kept.read_bytes()
    assert (len(content), content[-8:]) == (len(made), b"%08x" % zlib.crc32(content[:-8]))


SPAWNS = """
import multiprocessing
with multiprocessing.get_context("spawn").Pool(1) as pool:
    print(pool.apply(abs, (-1,)), end=" ")
"""


@pytest.mark.parametrize(
    ("first", "out"),
    [("", "pyc"), ("os.closerange(3, 100)", "pyc"), (SPAWNS, "1 pyc"), ("from zenml import get_step_context", "pyc")],
)
def test_what_needs_the_whole_shim_finds_it(tmp_path: Path, first: str, out: str) -> None:
    package = Package(tmp_path)
    package.begins_with()
    done = package.task(FIRST=first)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(out)
    assert [path.name for path in tmp_path.glob("flowc-*")] == []


def test_none_is_kept_where_nothing_can_be_or_nobody_wants_it(tmp_path: Path) -> None:
    package = Package(tmp_path)
    package.begins_with(FLOWC_ROOT=f"file://{tmp_path}/root")
    package.kept.unlink()
    (tmp_path / "root/.flowc/bytecode").rmdir()
    (tmp_path / "root/.flowc/bytecode").write_text("a file")
    assert package.begins_with() == "py"
    assert (tmp_path / "root/.flowc/bytecode").read_text() == "a file"
