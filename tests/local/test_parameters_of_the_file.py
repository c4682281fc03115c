"""`os.environ["METAFLOW_RUN_X"] = ...` in a flow's file, which Metaflow executes before it reads its command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Flow
from tests.support import flowc, write_files

FLOW = """
    import os
    from metaflow import FlowSpec, Parameter, step

    os.environ["METAFLOW_RUN_LEARNING_RATE"] = "0.5"
    os.environ.setdefault("METAFLOW_RUN_N", "7")

    class Chosen(FlowSpec):
        rate = Parameter("learning-rate", default=0.1)
        n = Parameter("n", type=int, default=1)
        other = Parameter("other", default="o")

        @step
        def start(self):
            print("chosen", self.rate, self.n, self.other, self._current_step)
            self.next(self.end)

        @step
        def end(self):
            print("later", self.rate, self.n)

    if __name__ == "__main__":
        Chosen()
"""


@pytest.mark.process
def test_what_the_file_sets_counts_as_given(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 0, done.stderr
    assert "chosen 0.5 7 o start" in done.stdout
    assert "later 0.5 7" in done.stdout
    assert "chosen 0.2 7 o" in flowc(tmp_path, "run", "flow.py", "--learning-rate", "0.2").stdout


INCLUDE = """
    import os
    SET
    from metaflow import FlowSpec, IncludeFile, step

    class Included(FlowSpec):
        f = IncludeFile("my-file", default="a.txt")

        @step
        def start(self):
            self.content = self.f
            print("content", self.content)
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Included()
"""
FILES = {"a.txt": "of a", "b.txt": "of b"}
PATHS = (
    'os.environ["METAFLOW_RUN_MY_FILE"] = "./b.txt"',
    'os.environ.setdefault("METAFLOW_RUN_MY_FILE", "b.txt")',
    'os.environ.update({"METAFLOW_RUN_MY_FILE": "b.txt"})',
    'os.environ.update(METAFLOW_RUN_MY_FILE="b.txt")',
)


@pytest.mark.process
@pytest.mark.parametrize("text", PATHS)
def test_the_path_that_the_file_sets_is_that_of_the_file(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"flow.py": INCLUDE.replace("SET", text), **FILES})
    assert "content of b" in flowc(tmp_path, "run", "flow.py").stdout
    assert "content of a" in flowc(tmp_path, "run", "flow.py", "--my-file", "a.txt").stdout
    flowc(tmp_path, "compile", "flow.py", "--root", str(tmp_path / "root"), "-o", "out.yaml")
    (tmp_path / "b.txt").unlink()
    assert flowc(tmp_path, "simulate", "out.yaml").returncode == 0
    found = Flow("Included", root=str(tmp_path / "root")).latest_run
    assert found is not None
    assert found["start"].task.data.content == "of b"


@pytest.mark.parametrize(
    "text",
    [
        'if os.sep: os.environ["METAFLOW_RUN_MY_FILE"] = "b.txt"',
        f"{PATHS[0]}; {PATHS[1]}",
    ],
)
def test_a_path_that_the_file_may_set_is_reported(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"flow.py": INCLUDE.replace("SET", text), **FILES})
    done = flowc(tmp_path, "check", "flow.py")
    assert done.returncode == 2
    assert "error[FC301]: where the file sets METAFLOW_RUN_MY_FILE, the path of `my-file`, is not known" in done.stderr


@pytest.mark.process
def test_a_path_that_the_file_computes_is_for_local_runs(tmp_path: Path) -> None:
    text = 'os.environ["METAFLOW_RUN_MY_FILE"] = os.path.join(os.path.dirname(__file__), "b.txt")'
    write_files(tmp_path, {"flow.py": INCLUDE.replace("SET", text), **FILES})
    assert "content of b" in flowc(tmp_path, "run", "flow.py").stdout
    assert "FC308" in flowc(tmp_path, "compile", "flow.py", "--root", "s3://bucket/x").stderr


def test_a_path_that_the_file_reads_is_its_own(tmp_path: Path) -> None:
    text = 'print(os.environ.get("METAFLOW_RUN_MY_FILE", "METAFLOW_RUN_MY_FILE"))'
    write_files(tmp_path, {"flow.py": INCLUDE.replace("SET", text), **FILES})
    assert flowc(tmp_path, "check", "flow.py").returncode == 0
