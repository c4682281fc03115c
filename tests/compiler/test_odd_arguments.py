"""Whatever a decorator's argument is, its model takes it or says what is wrong; nothing else may come out."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.ir.manifest_schema import pod_patch_problems
from tests.support import diagnostics

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


PLACES: list[tuple[str | int, ...]] = [
    (),
    *(("metadata",), ("metadata", "labels"), ("metadata", "labels", "x"), ("spec",), ("spec", "priority")),
    *(("spec", "affinity"), ("spec", "nodeSelector"), ("spec", "tolerations"), ("spec", "dnsPolicy")),
    *(("spec", "volumes"), ("spec", "volumes", 0), ("spec", "volumes", 0, "csi", "volumeAttributes")),
    *(("spec", "containers"), ("spec", "containers", 0), ("spec", "containers", 0, "env", 0, "value")),
    ("spec", "containers", 0, "resources", "limits", "cpu"),
    ("spec", "containers", 0, "ports", 0, "containerPort"),
]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)) or "all")
def test_odd_values_in_a_patch(place: tuple[str | int, ...]) -> None:
    """What a patch takes, a manifest can have."""
    for value in [*ODD, {None: 1}, {(1, 2): "x"}, {b"x": "x"}, 10**5000, {"a": {1}}]:
        patch: Any = value
        for part in reversed(place):
            patch = [patch] if isinstance(part, int) else {part: patch}
        with contextlib.suppress(ValidationError):
            found = ARGUMENTS["kubernetes"].model_validate({"patch": patch}).model_dump()["patch"]
            assert pod_patch_problems(json.loads(json.dumps(found, allow_nan=False))) == []


def test_a_name_in_a_patch_that_is_no_text(tmp_path: Path) -> None:
    for patch, line, says in (
        ("{\n    1: {}}", 5, "`patch` of `@kubernetes`: 1: a pod's patch has no such field"),
        ('{"spec": {\n    2: {}}}', 5, "`patch` of `@kubernetes`: spec.2: a PodSpec has no such field"),
        ('{"metadata": {\n    "labels": {\n    3: "x"}}}', 6, "metadata.labels.3: a name is a text here"),
        ('{"spec": {\n    "priority": 1e999}}', 5, "spec.priority: inf is not a whole number"),
        ("0", 4, "this is not a pod's patch"),
    ):
        source = "from flowc import FlowSpec, kubernetes, step\n\nclass F(FlowSpec):\n"
        source += f"    @kubernetes(patch={patch})\n    @step\n    def start(self):\n        self.next(self.end)\n\n"
        (found,) = diagnostics(tmp_path, source + "    @step\n    def end(self):\n        pass\n")
        assert (found.code, found.span.line if found.span else None) == ("FC404", line), (patch, found)
        assert says in found.message


@pytest.mark.parametrize(("name", "field"), [("resources", "cpu"), ("kubernetes", "cpu"), ("kubernetes", "cpu_limit")])
def test_an_infinite_number_of_cores_is_refused(name: str, field: str) -> None:
    for cpu in (float("inf"), "1e999"):
        with pytest.raises(ValidationError, match="finite"):
            ARGUMENTS[name].model_validate({field: cpu})


@pytest.mark.parametrize(
    "decorator",
    [
        "@airflow_s3_key_sensor(bucket_key='a\\0b')",
        "@airflow_s3_key_sensor(bucket_key='')",
        "@airflow_s3_key_sensor(bucket_key=['http://[::1'])",
        "@deadline(days=1e308)",
        "@schedule(cron='9' * 4400 + ' * * * *')",
        "@resources(memory=10**400)",
        "@resources(memory='9' * 400)",
        "@kubernetes(image='a\\x1b[31m')",
        "@container(image='a\\0b', command=['true'])",
        "@kubernetes(init_containers=['x'] * 9999)",
    ],
)
def test_odd_values_that_no_target_could_have(tmp_path: Path, decorator: str) -> None:
    """They are reported where they are, and nothing is raised."""
    name = decorator[1:].partition("(")[0]
    of_flow, of_step = ("", f"    {decorator}\n") if name in ARGUMENTS else (f"{decorator}\n", "")
    source = f"from flowc import FlowSpec, {name}, step\n\n{of_flow}class F(FlowSpec):\n{of_step}    @step\n"
    source += "    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    found = diagnostics(tmp_path, source)
    assert {item.code for item in found} == {"FC407" if name == "schedule" else "FC404"}
    assert all(item.span is not None for item in found)
