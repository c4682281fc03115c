"""Whether two runs of a flow hold the same artifacts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowc import Run


def assert_same_artifacts(ours: Run, theirs: Run, *, attempts: bool = True) -> None:
    """Every task of one run is in the other, with artifacts of the same names and the same values.

    `attempts` is whether the attempts that count have the same numbers.
    """
    assert {step.name for step in ours} == {step.name for step in theirs}
    for step in ours:
        others = {task.path: task for task in theirs[step.name]}
        assert {task.path for task in step} == set(others), step.name
        for task in step:
            other = others[task.path]
            assert task.artifact_names == other.artifact_names, task.id
            assert task.attempt == other.attempt or not attempts, task.id
            for name in task.artifact_names:
                one, two = getattr(task.data, name), getattr(other.data, name)
                assert same(one, two), f"{task.id}.{name}: {one!r} is not {two!r}"


def same(one: Any, two: Any) -> bool:
    """Equal, numbers up to rounding; of objects that do not compare (fitted models) the types are."""
    if type(one).__name__ != type(two).__name__:
        return False
    if isinstance(one, float):
        return math.isclose(one, two, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(one) and math.isnan(two))
    if isinstance(one, str | bytes | int | bool | type(None)):
        return bool(one == two)
    if hasattr(one, "tolist"):
        return same(one.tolist(), two.tolist())
    if isinstance(one, Mapping):
        return list(one) == list(two) and all(same(one[key], two[key]) for key in one)  # pyright: ignore
    if isinstance(one, Sequence):
        return len(one) == len(two) and all(map(same, one, two))  # pyright: ignore
    return True
