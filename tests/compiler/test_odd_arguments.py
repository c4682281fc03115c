"""Whatever a decorator's argument is, its model takes it or says what is wrong; nothing else may come out."""

from __future__ import annotations

import contextlib

import pytest
from pydantic import ValidationError

from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments

ODD: list[object] = [
    *(None, "", " ", "x", "-1", "1e999", "nan", "a=b", "=", ":", "\0", b"x", True, False, 1j),
    *(0, -1, 1, 1.5, 10**400, float("inf"), float("-inf"), float("nan")),
    *([], [None], [1], ["x"], [{}], [{"name": 1}], [["a"]], (), ("a", "b"), {1, 2}),
    *({}, {"a": None}, {"a": "b"}, {1: 2}, {"a": {"b": []}}, {"name": "x", "parameters": 3}),
    {"type": "inline", "options": 3},
    [{"type": "inline", "options": {"env_vars": 3}}],
    [{"type": "inline", "id": 3, "options": {"env_vars": {"a": 3}}}],
]
FIELDS = [
    pytest.param(model, field, id=f"{name}-{field}")
    for name, model in {**ARGUMENTS, **FLOW_ARGUMENTS}.items()
    for field in model.model_fields
]


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_odd_values(model: type[Arguments], field: str) -> None:
    for value in ODD:
        with contextlib.suppress(ValidationError):
            model.model_validate({field: value})


def test_an_infinite_number_of_cores_is_refused() -> None:
    for cpu in (float("inf"), "1e999"):
        with pytest.raises(ValidationError, match="finite"):
            ARGUMENTS["resources"].model_validate({"cpu": cpu})
