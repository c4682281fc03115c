"""Constraints of pydantic's in annotations: known values are checked when compiling, `-p` before or in the first task.

ZenML 0.98 refuses the known ones when a pipeline is called, and fails in the step for the others.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files

FILE = """
    from typing import Annotated, Optional

    from annotated_types import Gt
    from pydantic import Field, PositiveInt, conint, constr
    from zenml import pipeline, step

    Positive = Annotated[int, Field(gt=0)]
    Circular = Optional["Circular"]

    @step
    def make(value: int) -> int:
        return value

    @step
    def work(x: {annotation}) -> None:
        print("got", x)

    @pipeline
    def p({parameter}):
        {body}

    if __name__ == "__main__":
        p()
"""
REFUSED = [
    ("Annotated[int, Field(gt=0)]", "-1", "greater than 0"),
    ("Annotated[int, Gt(0)]", "0", "greater than 0"),
    ("Positive", "-1", "greater than 0"),
    ("'Positive'", "-1", "greater than 0"),
    ("PositiveInt", "0", "greater than 0"),
    ("Optional[PositiveInt]", "0", "greater than 0"),
    ("PositiveInt | None", "0", "greater than 0"),
    ("conint(ge=2, le=4)", "5", "less than or equal to 4"),
    ("Annotated[int, Field(multiple_of=3)]", "5", "multiple of 3"),
    ("Annotated[str, Field(min_length=2)]", "'a'", "at least 2 characters"),
    ("Annotated[str, Field(pattern='^[a-z]+$')]", "'A1'", "match pattern"),
    ("constr(max_length=2)", "'abc'", "at most 2 characters"),
    ("Annotated[list[int], Field(max_length=1)]", "[1, 2]", "at most 1 item"),
]
TAKEN = [
    ("Annotated[int, Field(gt=0)]", "1"), ("Optional[PositiveInt]", "None"), ("PositiveInt | None", "3"),
    ("Annotated[int, Field(gt=LIMIT)]", "-1"), ("Annotated[int, Field(description='a')]", "-1"),
    ("Annotated[int, 'name']", "-1"), ("Circular", "-1"),
    ("Annotated[list[int], Field(max_length=2)]", "[1, 2]"),
]  # fmt: skip


def written(tmp_path: Path, annotation: str, parameter: str, body: str) -> None:
    write_files(tmp_path, {"p.py": FILE.format(annotation=annotation, parameter=parameter, body=body)})


@pytest.mark.parametrize(("annotation", "value", "message"), REFUSED)
def test_known_values_are_checked_when_compiling(tmp_path: Path, annotation: str, value: str, message: str) -> None:
    written(tmp_path, annotation, "", f"work({value})")
    done = flowc(tmp_path, "check", "p.py")
    assert "error[FC310]: the value of argument `x` of step `work` is refused" in done.stderr
    assert message in done.stderr
    written(tmp_path, "object", f"n: {annotation} = {value}", "work(n)")
    done = flowc(tmp_path, "check", "p.py")
    assert "error[FC303]: the value of parameter `n` is refused" in done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(("annotation", "value"), TAKEN)
def test_others_are_taken(tmp_path: Path, annotation: str, value: str) -> None:
    written(tmp_path, annotation, "", f"work({value})")
    assert flowc(tmp_path, "check", "p.py").returncode == 0


@pytest.mark.process
@pytest.mark.parametrize("annotation", ["Annotated[int, Field(gt=0)]", "Positive", "PositiveInt", "conint(gt=0)"])
def test_a_task_checks_results(tmp_path: Path, annotation: str) -> None:
    written(tmp_path, annotation, "value: int = 1", "work(make(value))")
    assert "got 1" in flowc(tmp_path, "run", "p.py").stdout
    done = flowc(tmp_path, "run", "p.py", "-p", "value=-1")
    assert done.returncode == 1
    assert "step 'work': the value of 'x' is refused by its annotation" in done.stderr
    assert "got" not in done.stdout


@pytest.mark.process
@pytest.mark.parametrize(("annotation", "good", "bad"), [
    ("Annotated[int, Field(gt=0)]", "3", "0"), ("PositiveInt", "3", "-1"),
    ("Annotated[float, Field(gt=0)]", "0.5", "0"),
    ("Annotated[str, Field(min_length=2)]", "ab", "a"),
])  # fmt: skip
def test_a_run_does_not_begin_with_a_value_that_is_refused(
    tmp_path: Path, annotation: str, good: str, bad: str
) -> None:
    written(tmp_path, "object", f"n: {annotation}", "work(n)")
    done = flowc(tmp_path, "run", "p.py", "-p", f"n={good}")
    assert done.returncode == 0, done.stderr
    assert f"got {good}" in done.stdout
    done = flowc(tmp_path, "run", "p.py", "-p", f"n={bad}")
    assert done.returncode != 0
    assert "n" in done.stderr
    assert "got" not in done.stdout


def test_a_constrained_parameter_may_shape_the_graph(tmp_path: Path) -> None:
    written(tmp_path, "object", "n: PositiveInt = 2", "[make(k) for k in range(n)]")
    done = flowc(tmp_path, "graph", "p.py", "--format", "text")
    assert "make_2" in done.stdout
    done = flowc(tmp_path, "graph", "p.py", "--format", "text", "-p", "n=0")
    assert "FC303" in done.stderr
