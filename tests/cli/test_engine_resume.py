"""`flowc resume` of runs of engines, and on engines: what it says, what it refuses, and which code has changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowc import Run
from tests.support import flowc, flowc_process, write_files

FLOW = """
    from flowc import FlowSpec, Parameter, step

    from tools.numbers import half, twice

    class Moves(FlowSpec):
        scale = Parameter("scale", type=int, required=True)

        @step
        def start(self):
            self.items = [1, 2, 3]
            self.next(self.work, foreach="items")

        @step
        def work(self):
            if self.input == BAD:
                raise ValueError(self.input)
            self.out = twice(self.input) * self.scale
            self.next(self.join)

        @step
        def join(self, inputs):
            self.total = half(sum(each.out for each in inputs))
            self.next(self.end)

        @step
        def end(self):
            print("total", self.total)

    BAD = 2
"""
NUMBERS = """
    def twice(number):
        return 2 * number

    def half(number):
        return number / 2
"""

pytestmark = pytest.mark.process


@pytest.fixture
def failed(tmp_path: Path) -> str:
    """The id of a simulated run on Argo whose second item has failed."""
    write_files(tmp_path, {"flows/flow.py": FLOW, "flows/tools/numbers.py": NUMBERS})
    manifest = tmp_path / "flow.yaml"
    options = ["--root", str(tmp_path / "root"), "--image", "i", "--set", "parameters={scale='5'}"]
    done = flowc_process(tmp_path, "compile", "flows/flow.py", *options, "-o", manifest)
    assert done.returncode == 0, done.stderr
    done = flowc_process(tmp_path, "simulate", manifest)
    found = re.search(r"run Moves/(argo-\S+)", done.stdout + done.stderr)
    assert found is not None
    write_files(tmp_path, {"flows/flow.py": FLOW.replace("BAD = 2", "BAD = None")})
    return found[1]


def resumed(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code of `flowc resume` in this process, and what it says."""
    done = flowc(folder, "resume", "flows/flow.py", "--root", str(folder / "root"), *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_run_of_an_engine_goes_on_here(tmp_path: Path, failed: str) -> None:
    done = flowc_process(tmp_path, "resume", "flows/flow.py", failed, "--root", tmp_path / "root")
    assert done.returncode == 0, done.stderr
    run = Run.latest("Moves", root=str(tmp_path / "root"))
    assert (run.reused, run["end"].task.data.total) == ({"start": 1, "work": 2}, 30.0)
    assert run.origin_pathspec == f"Moves/{failed}"


def test_what_will_be_done_is_said_before(tmp_path: Path, failed: str) -> None:
    """Nothing answers at the server's address: the run is not submitted."""
    server = ("--server", "http://localhost:1", "--operator", "local")
    code, said = resumed(tmp_path, f"Moves/{failed}", "--target", "airflow", *server)
    assert code != 0
    assert f"taken over from run {failed}: start, work (2 of 3)\nruns: work, join, end\n" in said
    assert "changed since: work;" in said, "BAD is another"
    assert "FC610" in said
    _, said = resumed(tmp_path, "start", "--target", "airflow", *server)
    assert f"taken over from run {failed}: nothing\nruns: start, work, join, end\n" in said


def test_steps_with_other_code_run_again(tmp_path: Path, failed: str) -> None:
    assert flowc_process(tmp_path, "resume", "flows/flow.py", "--root", tmp_path / "root").returncode == 0
    write_files(tmp_path, {"flows/tools/numbers.py": NUMBERS.replace("number / 2", "number / 3")})
    code, said = resumed(tmp_path, "--rerun-changed")
    assert code == 0, said
    assert "changed since: join\n" in said
    run = Run.latest("Moves", root=str(tmp_path / "root"))
    assert (run.reused, run["end"].task.data.total) == ({"start": 1, "work": 3}, 20.0)
    (tmp_path / "root" / run.pathspec / "code.json").unlink()
    code, said = resumed(tmp_path, "--rerun-changed")
    assert (code, "FC607" in said) == (2, True)
    assert "so that changed steps are unknown" in said


def test_what_is_refused(tmp_path: Path, failed: str) -> None:
    for arguments, expected in (
        (("argo-1", "--target", "argo"), "error[FC607]: flow Moves has no run 'argo-1'"),
        (("nothing", "--target", "argo"), "error[FC608]: flow Moves has no step `nothing` to resume from"),
        (("--target", "argo", "--max-workers", "3"), "error[FC504]: --max-workers is for runs on this machine"),
        (("--target", "argo", "-p", "scale=6"), "error[FC609]: `-p scale=6`: a resumed run keeps the parameters"),
        (("--watch",), "--watch has no effect on this machine"),
        (("--target", "argo", "--origin", "Other"), "can only be resumed on this machine"),
        (("--target", "argo", "--nothing"), "No such option"),
        (("--target", "local"), "there is no target `local`"),
    ):
        code, said = resumed(tmp_path, *arguments)
        assert code == 2, (arguments, said)
        assert expected in said, arguments


SHAPED = """
    from flowc import pipeline, step

    @step
    def load(n: int) -> int:
        return n

    @step
    def total(numbers: list[int]) -> int:
        assert FINE
        return sum(numbers)

    FINE = False

    @pipeline
    def shaped(width: int = 2, scale: int = 1):
        total([load(number * 10) for number in range(width)] + [load(scale)])
"""


def test_a_pipeline_has_the_shape_that_it_had(tmp_path: Path) -> None:
    write_files(tmp_path, {"flows/flow.py": SHAPED})
    values = ["-p", "width=4", "-p", "scale=7", "--root", str(tmp_path / "root"), "--image", "i"]
    assert flowc_process(tmp_path, "compile", "flows/flow.py", *values, "-o", "m.yaml").returncode == 0
    assert flowc_process(tmp_path, "simulate", "m.yaml").returncode == 1
    write_files(tmp_path, {"flows/flow.py": SHAPED.replace("FINE = False", "FINE = True")})
    failed = Run.latest("shaped", root=str(tmp_path / "root"))
    _, said = resumed(tmp_path, "--target", "airflow", "--server", "http://localhost:1", "--operator", "local")
    assert "changed since: total;" in said
    assert f"taken over from run {failed.id}: start, load, load_2, load_3, load_4, load_5\nruns: total\n" in said
    code, said = resumed(tmp_path)
    assert code == 0, said
    assert Run.latest("shaped", root=str(tmp_path / "root")).data.output == 67
