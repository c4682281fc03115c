"""What forked tasks share with the process that forks them, and what they must not: libraries, and nothing else."""

from __future__ import annotations

import gzip
import sys
import textwrap
from importlib.util import spec_from_file_location
from typing import TYPE_CHECKING

import pytest

from flowc.shim.warm_imports import first_imports
from tests.local.flows import Local

if TYPE_CHECKING:
    from pathlib import Path

WIDE = """
    import {library}
    {top}
    from flowc import FlowSpec, environment, step

    class Wide(FlowSpec):
        @step
        def start(self):
            self.items = [0, 1, 2, 3]
            self.next(self.work, foreach="items")

        {decorator}
        @step
        def work(self):
            self.x = {value}
            self.next(self.join)

        @step
        def join(self, inputs):
            print(sorted(item.x for item in inputs))
            self.next(self.end)

        @step
        def end(self):
            pass
    """


def _wide(
    folder: Path, monkeypatch: pytest.MonkeyPatch, library: str, value: str, *, top: str = "", decorator: str = ""
) -> Local:
    """A flow with a wide foreach that imports a library, `installed`, of this text."""
    place = folder / "site-packages"
    place.mkdir()
    (place / "installed.py").write_text(textwrap.dedent(library), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(place))
    return Local(folder, WIDE.format(library="installed, os", value=value, top=top, decorator=decorator))


def _printed(local: Local) -> str:
    result = local.run()
    assert result.ok, (local.says.err, local.says.notes, result.error)
    return local.says.out[-1].partition("join] ")[2] or local.says.out[-1]


@pytest.mark.process
def test_a_library_is_imported_once_and_its_generators_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = """
        import os, random
        PID = os.getpid()
        RNG = random.Random()
        SEEDED = random.Random(5)
        """
    value = "(installed.PID != os.getpid(), installed.RNG.random(), installed.SEEDED.random())"
    values: list[tuple[bool, float, float]] = eval(_printed(_wide(tmp_path, monkeypatch, library, value)))
    assert all(shared for shared, _, _ in values)
    assert len({unseeded for _, unseeded, _ in values}) == 4
    assert len({seeded for _, _, seeded in values}) == 1


@pytest.mark.process
def test_what_a_library_made_outlives_the_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = """
        import atexit, os, shutil, tempfile
        KEPT = tempfile.TemporaryDirectory()
        OTHER = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, OTHER, ignore_errors=True)
        """
    value = "os.path.isdir(installed.KEPT.name) and os.path.isdir(installed.OTHER)"
    local = _wide(tmp_path, monkeypatch, library, value)
    assert local.run(max_workers=1).ok
    assert "[True, True, True, True]" in local.says.out[-1]


@pytest.mark.process
@pytest.mark.parametrize("name", ["MODE", "TZ", "LD_LIBRARY_PATH"])
def test_a_library_reads_the_variables_of_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The first task begins as a fresh Python, and the others are forked from one with the variable."""
    library = f"import os\nSEEN, PID = os.environ.get({name!r}), os.getpid()"
    decorator = f"@environment(vars={{{name!r}: 'UTC'}})"
    local = _wide(tmp_path, monkeypatch, library, "(installed.SEEN, installed.PID != os.getpid())", decorator=decorator)
    assert local.run(max_workers=1).ok, local.says.err
    assert "[('UTC', False), ('UTC', True), ('UTC', True), ('UTC', True)]" in local.says.out[-1]


@pytest.mark.process
def test_a_lock_that_a_fork_left_locked_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a library has shown that it doesn't survive a fork, all tasks are fresh."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux says what a thread waits for")
    library = """
        import os, threading
        LOCK = threading.Lock()
        os.register_at_fork(before=lambda: LOCK.acquire(False))
        """
    local = _wide(tmp_path, monkeypatch, library, "1", top="with installed.LOCK: pass")
    assert local.run().ok, local.says.err
    assert sum("waits forever for a lock" in line for line in local.says.err) == 1


@pytest.mark.process
def test_files_that_a_task_leaves_open_are_complete(tmp_path: Path) -> None:
    """Whatever holds them: a name of the module, a cycle, an object of a library."""
    source = f"""
        import builtins, gzip, sys
        from flowc import FlowSpec, step

        class Holder:
            pass

        class Open(FlowSpec):
            @step
            def start(self):
                global TEXT
                TEXT = open({str(tmp_path / "text")!r}, "w")
                TEXT.write("data")
                holder = Holder()
                holder.file, holder.me = gzip.open({str(tmp_path / "zipped")!r}, "wb"), holder
                holder.file.write(b"data")
                builtins.KEPT = open({str(tmp_path / "kept")!r}, "w")
                builtins.KEPT.write("data")
                sys.modules["odd"] = 5
                self.next(self.end)

            @step
            def end(self):
                pass
        """
    local = Local(tmp_path, source)
    assert local.run().ok, local.says.err
    assert (tmp_path / "text").read_text(encoding="utf-8") == "data"
    assert (tmp_path / "kept").read_text(encoding="utf-8") == "data"
    with gzip.open(tmp_path / "zipped") as file:
        assert file.read() == b"data"


@pytest.mark.process
def test_an_unseeded_generator_of_numpy_differs_from_task_to_task(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    top = "import numpy as np; RNG = np.random.default_rng()"
    local = Local(tmp_path, WIDE.format(library="os", value="(RNG.random(), np.random.rand())", top=top, decorator=""))
    values: list[tuple[float, float]] = eval(_printed(local))
    assert len({own for own, _ in values}) == len({shared for _, shared in values}) == 4


STOPS = (
    'os.environ["OMP_NUM_THREADS"] = "1"',
    "os.environ.update(A='1')",
    "sys.path.insert(0, 'lib')",
    "sys.flags.x = 1",
    "pytest.use('x')",
    "setattr(sys, 'x', 1)",
    "exec('')",
    "setup()",
    "if x:\n    import beside",
    "class A:\n    import beside",
    "for name in names: __import__(name)",
    "def f(x=setup()): pass",
    "try:\n    pass\nexcept setup():\n    pass",
)
PASSES = (
    '"""A text."""',
    "X = 1",
    "LOG = logging.getLogger(__name__)",
    "warnings.filterwarnings('ignore')",
    "HOME = os.path.expanduser('~') + os.environ.get('X', '') + os.getenv('Y', '')",
    "def f():\n    os.environ['A'] = '1'",
    "class A(FlowSpec):\n    x = Parameter('x', default=1)\n    @step\n    def start(self): setup()",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import beside",
    "try:\n    import json5\nexcept ImportError:\n    json5 = None",
    "with contextlib.suppress(ImportError):\n    import fast",
    "PATTERN = re.compile('x').pattern.split(',')",
    "LINES = 'a b'.split()",
    "import this",
)
HEAD = "import contextlib, csv, logging, os, re, sys, warnings\nfrom flowc import FlowSpec, Parameter, step\n"


def _imported(folder: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    spec = spec_from_file_location("flow_file", folder / "flow_file.py")
    return [name for name, _ in first_imports("flow_file", spec)]


@pytest.mark.parametrize("text", STOPS)
def test_imports_after_an_effect_are_left_to_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    files = {"flow_file.py": f"{HEAD}import pytest\n{text}\nimport wave\n", "beside.py": ""}
    assert "wave" not in _imported(tmp_path, monkeypatch, files)


@pytest.mark.parametrize("text", PASSES)
def test_harmless_statements_are_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    found = _imported(tmp_path, monkeypatch, {"flow_file.py": f"{HEAD}{text}\nimport wave\n", "beside.py": "exec('')"})
    assert found[-1] == "wave"
    assert "this" not in found


def test_local_modules_are_read_where_they_are_imported_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "flow_file.py": "import csv\nfrom own import a\nfrom own.b import x\nimport plain.deep\nimport wave\n",
        "own/__init__.py": "import colorsys\nfrom . import c\n",
        "own/a.py": "from .c import y\nimport sndhdr\n",
        "own/b.py": "import fractions as f\nfrom own import a\n",
        "own/c.py": "import statistics\nimport flow_file\n",
        "plain/deep.py": "import calendar\n",
    }
    found = _imported(tmp_path, monkeypatch, files)
    assert found == ["csv", "colorsys", "statistics", "sndhdr", "fractions", "calendar", "wave"]
    assert "own" not in sys.modules


def test_an_effect_in_a_local_module_stops_the_flow_s_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"flow_file.py": "import csv\nimport own_setup\nimport wave\n", "own_setup.py": "import os\nos.umask(0)\n"}
    assert _imported(tmp_path, monkeypatch, files) == ["csv", "os"]


def test_a_file_that_cannot_be_read_is_left_to_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"flow_file.py": "import csv\nimport own_broken\nimport wave\n", "own_broken.py": "if:\n"}
    assert _imported(tmp_path, monkeypatch, files) == ["csv"]


@pytest.mark.process
def test_objects_of_a_task_end_with_it(tmp_path: Path) -> None:
    """Whoever holds them, and with the names of their module."""
    source = """
        import logging
        from flowc import FlowSpec, current, step

        TEXT = "end of"

        class Late:
            def __init__(self, name):
                self.name = name

            def __del__(self):
                print(TEXT, self.name, current.step_name)

        class Ends(FlowSpec):
            @step
            def start(self):
                global KEPT
                KEPT = Late("global")
                cycle = Late("cycle")
                cycle.me = cycle
                self.next(self.end)

            @step
            def end(self):
                pass
        """
    local = Local(tmp_path, source)
    assert local.run().ok
    assert sorted(local.says.out) == ["start] end of cycle start", "start] end of global start"]


@pytest.mark.process
def test_output_through_a_stream_of_the_step_is_complete(tmp_path: Path) -> None:
    source = """
        import sys
        from flowc import FlowSpec, step

        class Tee:
            def write(self, text):
                return sys.__stdout__.write(text.upper())

            def flush(self):
                sys.__stdout__.flush()

        class Writes(FlowSpec):
            @step
            def start(self):
                sys.stdout = Tee()
                print("no end of line", end="")
                self.next(self.end)

            @step
            def end(self):
                pass
        """
    local = Local(tmp_path, source)
    assert local.run().ok
    assert local.says.out == ["start] NO END OF LINE"]
