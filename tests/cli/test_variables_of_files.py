"""METAFLOW_RUN_NAME, set by the flow's file and outside: what Metaflow 2.19 takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_cli.metaflow_variables import variables_of_file
from flowc_compiler.source import SourceFile
from tests.support import flowc, write_files

FLOW = """\
import os

os.environ["METAFLOW_RUN_ALPHA"] = "0.5"
os.environ.setdefault("METAFLOW_RUN_BETA", "0.6")
os.environ.update({"METAFLOW_RUN_DATA": "in.txt"}, METAFLOW_RUN_GAMMA="0.7")
from metaflow import FlowSpec, IncludeFile, Parameter, step


class Main(FlowSpec):
    alpha = Parameter("alpha", default=0.1)
    beta = Parameter("beta", default=0.2)
    gamma = Parameter("gamma", default=0.3)
    data = IncludeFile("data")

    @step
    def start(self):
        print("OUT", self.alpha, self.beta, self.gamma, self.data)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Main()
"""
OUTSIDE = dict.fromkeys(("METAFLOW_RUN_ALPHA", "METAFLOW_RUN_BETA", "METAFLOW_RUN_GAMMA"), "0.9")


@pytest.mark.process
@pytest.mark.parametrize(
    ("variables", "arguments", "wanted"),
    [
        ({}, (), "0.5 0.6 0.7 inside"),
        ({**OUTSIDE, "METAFLOW_RUN_DATA": "out.txt"}, (), "0.5 0.9 0.7 inside"),
        ({**OUTSIDE, "FLOWC_RUN_ALPHA": "0.4"}, ("-p", "gamma=3"), "0.4 0.9 3.0 inside"),
        (OUTSIDE, ("--data", "out.txt"), "0.5 0.9 0.7 outside"),
    ],
)
def test_what_the_file_sets_counts_more(
    tmp_path: Path, variables: dict[str, str], arguments: tuple[str, ...], wanted: str
) -> None:
    """The first two are what Metaflow prints; FLOWC_RUN_NAME is flowc's own, and counts before both."""
    write_files(tmp_path, {"flow.py": FLOW, "in.txt": "inside", "out.txt": "outside"})
    done = flowc(tmp_path, "run", "flow.py", *arguments, **variables)
    assert f"OUT {wanted}\n" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("os.environ['METAFLOW_RUN_A'] = '1'", {"METAFLOW_RUN_A"}),
        ("if __name__ == '__main__':\n    os.environ['METAFLOW_RUN_A'] = '1'", {"METAFLOW_RUN_A"}),
        ("os.environ.update(METAFLOW_RUN_A='1', OTHER='2')", {"METAFLOW_RUN_A"}),
        ("os.environ.update({'METAFLOW_RUN_A': '1', **more})", {"METAFLOW_RUN_A"}),
        ("os.environ.setdefault('METAFLOW_RUN_A', '1')", set[str]()),
        ("if DEBUG:\n    os.environ['METAFLOW_RUN_A'] = '1'", set[str]()),
        ("def f():\n    os.environ['METAFLOW_RUN_A'] = '1'", set[str]()),
        ("print(os.environ['METAFLOW_RUN_A'])", set[str]()),
    ],
)
def test_which_variables_a_file_surely_sets(text: str, wanted: set[str]) -> None:
    assert variables_of_file(SourceFile(Path("flow.py"), text)) == wanted
