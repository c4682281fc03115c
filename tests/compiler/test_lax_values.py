"""Values of a configuration become what pydantic, which ZenML asks, makes of them; `extra` is added up as by ZenML."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, cast  # noqa: UP035 - as people write them

import pytest
from pydantic import ValidationError, create_model

from flowc.protocol import env_names
from flowc_compiler.frontend.pipelines.settings.lax_values import lax_value
from tests.support import compiled, write_files

ANNOTATIONS: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "str": str,
    "'float'": float,
    "float | None": float | None,
    "None | int": None | int,
    "Optional[float]": Optional[float],  # noqa: UP045
    "Annotated[float, 'lr']": Annotated[float, "lr"],
    "List[float]": List[float],  # noqa: UP006
    "list[int]": list[int],
    "Dict[str, float]": Dict[str, float],  # noqa: UP006
    "dict[str, list[bool]]": dict[str, list[bool]],
}
VALUES: list[object] = [
    "3e-4", "1e3", "5", "5.0", "5.5", " 5 ", "1_000",
    "+5", "-5", "0x10", "inf", "yes", "Yes", "on", "off", "y", "t", "1", "0",
    "true", "TRUE", "f", "n", "x", "", 5, 5.0, 5.5,
    1, 0, 2, True, False, None, 10**20, -1.0, 1.0, 0.0, "1e400", [], ["1e-3", 2],
    ["1", 2.0, True], {"a": "1e-3"}, {"a": ["yes", 0]}, "00", "1__0", "٣",
]  # fmt: skip


@pytest.mark.parametrize("annotation", list(ANNOTATIONS))
def test_values_are_what_pydantic_makes_of_them(annotation: str) -> None:
    model = create_model("Model", value=(ANNOTATIONS[annotation], ...))
    node = ast.parse(annotation, mode="eval").body
    for value in VALUES:
        found = lax_value(value, node)
        try:
            wanted = cast("Any", model(value=value)).value
        except ValidationError:
            continue  # what is left of it is reported as of another type
        assert (type(found), found) == (type(wanted), wanted), value


EXTRA = """
from zenml import get_step_context, pipeline, step


@step(extra={"d": None, "d2": 1, "d3": {"n": None}})
def use() -> None:
    print(get_step_context().step_run.config.extra)


@step
def bare() -> None:
    print(get_step_context().step_run.config.extra)


@pipeline(extra={"p": None, "q": {"n": None, "m": 1}, "l": [None, 1]})
def p():
    use()
    use.with_options(extra={"w": None, "d2": None})()
    use.with_options(extra={"z": 1, "v": [{"n": None}]}, merge=False)()
    bare.with_options(extra={"a": None})()


p.with_options(config_path="run.yaml")()
"""
YAML = """
extra: {y: null, q: null}
steps:
  use:
    extra: {c: null, d2: null, e: {n: null, l: [null]}}
"""
OF_PIPELINE: dict[str, object] = {"p": None, "q": None, "l": [None, 1], "y": None}
WANTED: dict[str, dict[str, object]] = {
    "use": {**OF_PIPELINE, "d3": {}, "e": {"l": [None]}},
    "use_2": {**OF_PIPELINE, "d3": {}},
    "use_3": {**OF_PIPELINE, "z": 1, "v": [{"n": None}]},
    "bare": OF_PIPELINE,
}
"""What ZenML 0.98 gives."""


def test_entries_of_extra_that_are_none(tmp_path: Path) -> None:
    write_files(tmp_path, {"run.yaml": YAML})
    flow = compiled(tmp_path, EXTRA).flow
    found = {step.name: step.specs.environment for step in flow.steps if not step.virtual}
    texts = {name: item.variables[env_names.EXTRA] for name, item in found.items() if item is not None}
    assert {name: json.loads(str(text))["step"] for name, text in texts.items()} == WANTED
