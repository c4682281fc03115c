"""Flows that cells define, on a real kernel."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from tests.support import write_files
from tests.testing.kernel import executed, printed, result

pytestmark = pytest.mark.process

CELLS: dict[str, str] = {
    "imports": """
        %load_ext flowc
        import math
        from metaflow import FlowSpec, NBRunner, Parameter, step
        from flowc import NotebookRun
        start_value = 3
    """,
    "helpers": """
        from beside import double

        TABLE = {"a": 1}
        unused = open("/dev/null")

        class Reading:
            def __init__(self, value):
                self.value = value

        def area(radius):
            return double(radius) * math.pi
    """,
    "change": "TABLE['b'] = 2",
    "flow": """
        class CellFlow(FlowSpec):
            n = Parameter("n", default=1)

            @step
            def start(self):
                self.area = area(self.n)
                self.table = dict(TABLE)
                self.reading = Reading(start_value)
                self.next(self.end)

            @step
            def end(self):
                print("n is", self.n)
    """,
    "run": "run = NotebookRun(CellFlow, n=3)\nrun",
    "artifacts": "round(run.data.area, 2), run.data.table, run.data.reading.value, type(run.data.reading) is Reading",
    "metaflow": "NBRunner(CellFlow, show_output=False).nbrun(n=5).data.n",
    "resume": "NBRunner(CellFlow, show_output=False).nbresume(step_to_rerun='end').data.n",
    "failing": """
        %%flowc --n 4
        class BadFlow(CellFlow):
            @step
            def end(self):
                print(1 / 0)
    """,
    "failing logs": "%flowc logs BadFlow",
    "unfinished": """
        %%flowc check
        class UnfinishedFlow(FlowSpec):
            @step
            def start(self):
                self.next(self.middle)

            @step
            def end(self):
                pass
    """,
    "check": "%flowc check CellFlow",
    "misspelt": "%flowc check CelFlow",
    "shell": """
        %%flowc
        class ShellFlow(CellFlow):
            @step
            def end(self):
                !ls
    """,
    "stops": """
        class StopsFlow(CellFlow):
            @step
            def end(self):
                breakpoint()
    """,
    "tried": "%flowc try StopsFlow end --no-run",
    "pipeline": """
        from flowc import pipeline
        from flowc import step as pipeline_step

        @pipeline_step
        def squared(number: int) -> int:
            return number**2

        @pipeline
        def square(number: int = 1):
            squared(number)

        NotebookRun(square, number=9)["squared"].task.data.output
    """,
    "nothing": "NotebookRun(3)",
    "files": "import os\nsorted(os.listdir('.'))",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell shows, of one notebook that is executed once."""
    folder = tmp_path_factory.mktemp("notebook")
    write_files(folder, {"beside.py": "def double(value):\n    return 2 * value\n"})
    texts = [textwrap.dedent(text).strip() for text in CELLS.values()]
    return dict(zip(CELLS, executed(folder, texts), strict=True))


def test_a_flow_of_cells_runs(outputs: dict[str, list[Any]]) -> None:
    assert "/end] n is 3\n" in printed(outputs["run"])
    assert result(outputs["run"]).startswith("NotebookRun('CellFlow/")
    assert "<b>Run CellFlow/" in result(outputs["run"], "text/html")
    assert result(outputs["artifacts"]) == "(18.85, {'a': 1, 'b': 2}, 3, True)"


def test_metaflows_runner(outputs: dict[str, list[Any]]) -> None:
    assert printed(outputs["metaflow"]) == ""
    assert result(outputs["metaflow"]) == "5"
    assert result(outputs["resume"]) == "5"


def test_what_fails_is_named_by_its_cell(outputs: dict[str, list[Any]]) -> None:
    number = [*CELLS].index("failing") + 1
    assert f"  Cell In[{number}], line 5, in end\n" in printed(outputs["failing"])
    assert "ZeroDivisionError" in printed(outputs["failing"])
    assert f"  Cell In[{number}], line 5, in end\n" in printed(outputs["failing logs"])
    assert "_cells.py" not in printed(outputs["failing logs"])
    assert ": %flowc try BadFlow end --run " in printed(outputs["failing"])
    assert ": %flowc resume BadFlow --origin-run-id " in printed(outputs["failing"])
    assert result(outputs["failing"]).startswith("Run('BadFlow/")


def test_diagnostics_are_named_by_their_cell(outputs: dict[str, list[Any]]) -> None:
    number = [*CELLS].index("unfinished") + 1
    text = printed(outputs["unfinished"])
    assert "error[FC201]: step `start` leads to `middle`" in text
    assert f"--> In [{number}], line 5, column 19\n" in text
    assert "5 |         self.next(self.middle)" in text
    (error,) = [item for item in outputs["unfinished"] if item.output_type == "error"]
    assert "\n".join(error.traceback) == "NotebookError: flowc check has ended with exit code 2"
    assert printed(outputs["check"]).startswith("flow CellFlow, 2 steps, no errors")
    (error,) = outputs["misspelt"]
    assert error.evalue == "no cell defines a flow CelFlow, and there is no such file; did you mean CellFlow?"
    (error,) = [item for item in outputs["shell"] if item.output_type == "error"]
    assert error.evalue.startswith(f"In [{[*CELLS].index('shell') + 1}], line 5 uses a magic or the shell")
    assert "failed: NoTerminal: breakpoint() needs a terminal" in printed(outputs["tried"])
    assert "(Pdb)" not in printed(outputs["tried"])


def test_a_pipeline_of_cells_runs(outputs: dict[str, list[Any]]) -> None:
    assert result(outputs["pipeline"]) == "81"


def test_what_is_no_flow_is_an_error(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["nothing"]
    assert error.evalue == "3 is neither the class of a flow nor a pipeline"


def test_nothing_stays_beside_the_notebook(outputs: dict[str, list[Any]]) -> None:
    assert [name for name in eval(result(outputs["files"])) if name != "__pycache__"] == [".flowc", "beside.py"]
