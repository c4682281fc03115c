"""Mutators of Metaflow when compiling: what they make of a flow, and FC408 for what cannot be followed.

`tests/variants/run mutators` runs the same flows, and asks Metaflow.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import compiled, diagnostics, refused
from tests.variants.mutators import VARIANTS
from tests.variants.variant import Variant

KNOWN = {variant.name: variant for variant in VARIANTS}
LINES = {
    "refused_an_unknown_condition": "mutable_step.add_decorator(environment",
    "refused_an_unknown_value": "mutable_step.add_decorator(retry",
    "refused_an_unknown_loop": "mutable_flow.start.add_decorator(environment)",
    "refused_unknown_code_gets_the_flow": "helper(mutable_flow)",
    "refused_a_parameter_too_late": "mutable_flow.add_parameter('p'",
    "refused_raises": "@Change",
}
"""What stands in the line of the diagnostic."""


def written(variant: Variant, folder: Path) -> str:
    """The text of its flow, with the other files in the folder."""
    variant.write(folder)
    return variant.files["flow.py"]


@pytest.mark.parametrize("name", [name for name, variant in KNOWN.items() if variant.refused is None])
def test_what_metaflow_runs_is_compiled(name: str, tmp_path: Path) -> None:
    assert compiled(tmp_path, written(KNOWN[name], tmp_path)).flow.steps


@pytest.mark.parametrize("name", LINES)
def test_what_is_not_known_is_reported_at_its_line(name: str, tmp_path: Path) -> None:
    text = written(KNOWN[name], tmp_path)
    (found,) = refused(tmp_path, text)
    assert found.code == "FC408"
    assert found.span is not None
    assert LINES[name] in text.splitlines()[found.span.line - 1]


def test_decorators_parameters_and_wrappers_are_in_the_ir(tmp_path: Path) -> None:
    flow = compiled(tmp_path, written(KNOWN["overrides"], tmp_path)).flow
    environment = flow.by_name["start"].specs.environment
    assert environment is not None
    assert environment.variables == {"A": "new", "B": "b"}
    flow = compiled(tmp_path, written(KNOWN["with_arguments"], tmp_path)).flow
    assert [parameter.name for parameter in flow.parameters] == ["size", "p", "q"]
    assert flow.parameter_changes is not None
    assert flow.parameter_changes.added["p"] == {"class": "Parameter", "name": "p", "default": 4}
    flow = compiled(tmp_path, written(KNOWN["removes_a_parameter"], tmp_path)).flow
    assert not flow.parameters
    assert flow.parameter_changes is not None
    assert flow.parameter_changes.removed == ("size",)
    flow = compiled(tmp_path, written(KNOWN["adds_a_step_decorator_outside"], tmp_path)).flow
    wrappers = flow.by_name["start"].wrappers
    assert wrappers is not None
    own, added = wrappers
    assert (own.own, added.own, added.module, added.name) == (0, None, None, "other")
    assert flow.by_name["work"].wrappers is None


def test_decorators_of_the_command_line_come_between_the_two_methods(tmp_path: Path) -> None:
    text = """
        from metaflow import FlowSpec, StepMutator, step

        class Without(StepMutator):
            def pre_mutate(self, mutable_step):
                mutable_step.remove_decorator("retry")

            def mutate(self, mutable_step):
                mutable_step.remove_decorator("timeout")

        class Flow(FlowSpec):
            @Without
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    flow = compiled(tmp_path, text, attached=("retry:times=2", "timeout:seconds=5")).flow
    start, end = flow.by_name["start"].specs, flow.by_name["end"].specs
    assert (start.retry is not None, start.timeout) == (True, None)
    assert (end.retry is not None, end.timeout is not None) == (True, True)


@pytest.mark.parametrize(
    ("use", "body", "message"),
    [
        ("around(5)", "yield", "`@around` takes keyword arguments only"),
        (
            "around",
            "print(step_name)",
            "`@around` is a user step decorator without a `yield`, which stands for the step",
        ),
        ("around(size=5)", "if step_name:\n        yield", ""),
        ("around()", "yield from ()", ""),
    ],
)
def test_a_user_step_decorator_that_no_task_could_apply(tmp_path: Path, use: str, body: str, message: str) -> None:
    text = f"""
from metaflow import FlowSpec, step, user_step_decorator

@user_step_decorator
def around(step_name, flow, inputs, attributes):
    {body}

class Flow(FlowSpec):
    @{use}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    found = diagnostics(tmp_path, text)
    assert [item.message for item in found] == [message] * bool(message)
    assert {item.code for item in found} <= {"FC408"}
