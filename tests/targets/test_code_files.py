"""Which files a task has: what `flowc package` lists, what local runs refuse, and names of Python's own modules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc, write_files

BODY = """
from flowc import FlowSpec, step


class F(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("RESULT", answer())
"""


def project(folder: Path, code: str, files: dict[str, str], flow: str = "flow.py") -> Path:
    """A flow that prints `answer()`, which its code defines."""
    write_files(folder, {**files, flow: f"{code}\n{BODY}"})
    return folder / flow


SHOP = {
    "shop/__init__.py": "",
    "shop/util.py": "x = 1\n",
    "lib/helper.py": "y = 2\n",
    "shop/flows/train.py": "import shop.util\n",
    "data/one.csv": "1",
}
SHOP_CODE = """
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "lib"))
import helper
from shop import util

def answer():
    return subprocess.run([sys.executable, "train.py"])
"""


def test_the_list_says_why(tmp_path: Path) -> None:
    project(tmp_path, SHOP_CODE, SHOP, "shop/flows/flow.py")
    (tmp_path / "pyproject.toml").write_text('[tool.flowc]\ninclude = ["data/*.csv"]\n')
    done = flowc(tmp_path, "package", "shop/flows/flow.py", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert [(item["place"], item["why"], item["file"], item["line"]) for item in listed["files"]] == [
        ("files/data/one.csv", "--include ../../data/one.csv", None, None),
        ("files/lib/helper.py", "import helper", "shop/flows/flow.py", 7),
        ("files/shop/__init__.py", "the flow's package", None, None),
        ("files/shop/flows/flow.py", "the flow", None, None),
        ("files/shop/flows/train.py", "train.py is started", "shop/flows/flow.py", 11),
        ("files/shop/util.py", "import shop.util", "shop/flows/flow.py", 8),
    ]
    assert listed["import_path"] == [".", "lib"]
    text = flowc(tmp_path, "package", "shop/flows/flow.py").stdout
    assert "import helper (shop/flows/flow.py:7)" in text
    assert "imports search ., lib" in text
    assert "the shim" in flowc(tmp_path, "package", "shop/flows/flow.py", "--with-runtime").stdout


def test_a_flow_with_errors_is_not_listed(tmp_path: Path) -> None:
    project(tmp_path, "from .gone import answer", {})
    done = flowc(tmp_path, "package", "flow.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "FC604" in done.stderr


COMPUTED = """
import importlib

def answer():
    return importlib.import_module("plug" + "in").value
"""


@pytest.mark.process
def test_a_local_run_has_what_ships_and_no_more(tmp_path: Path) -> None:
    project(tmp_path, COMPUTED, {"plugin.py": "value = 3\n"})
    refused = flowc(tmp_path, "run", "flow.py", "--root", "store")
    assert refused.returncode == 1
    assert "No module named 'plugin' ships" in refused.stderr
    assert "--include" in refused.stderr
    done = flowc(tmp_path, "run", "flow.py", "--root", "store", "--include", "plugin.py")
    assert "RESULT 3" in done.stdout
    (tmp_path / "pyproject.toml").write_text('[tool.flowc]\ninclude = ["plugin.py"]\n')
    assert "RESULT 3" in flowc(tmp_path, "run", "flow.py", "--root", "store").stdout


SHADOWED = """
import random
import tempfile

def answer():
    import concurrent.futures
    with tempfile.TemporaryDirectory(), concurrent.futures.ThreadPoolExecutor(1):
        return random.value, hasattr(tempfile._Random, "seed")
"""


@pytest.mark.process
def test_libraries_get_pythons_own_modules(tmp_path: Path) -> None:
    """`tempfile` needs `random`, and `concurrent` needs `queue`: local files of that name aren't theirs."""
    files = {"random.py": "import secrets\nvalue = secrets.__name__\n", "queue.py": "raise SystemExit('mine')\n"}
    project(tmp_path, SHADOWED, files)
    assert "RESULT ('secrets', True)" in flowc(tmp_path, "run", "flow.py", "--root", "store").stdout


@pytest.mark.process
def test_what_is_installed_from_a_folder_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable installation puts such a folder on the path, as PYTHONPATH does. The image has the distribution."""
    project(
        tmp_path, "import own.inner\n\ndef answer():\n    return own.inner.value", {"src/own/inner.py": "value = 3\n"}
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    done = flowc(tmp_path, "run", "flow.py", "--root", "store")
    assert "RESULT 3" in done.stdout
    assert "FC612" in done.stderr
