"""`@user_step_decorator` around a step that is run alone; `tests/variants/run step_wrappers` asks Metaflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc.testing import run_step
from tests.support import write_files

FLOW = """
    from flowc import USER_SKIP_STEP, FlowSpec, UserStepDecorator, step, user_step_decorator

    SEEN = []

    @user_step_decorator
    def outer(step_name, flow, inputs, attributes):
        flow.order = ["outer", step_name, attributes]
        try:
            yield
        except ValueError as error:
            flow.order.append(str(error))
        flow.order.append("out")

    class Inner(UserStepDecorator):
        def init(self, **given):
            self.given = given

        def pre_step(self, step_name, flow, inputs=None):
            flow.order.append(self.given)

        def post_step(self, step_name, flow, exception=None):
            flow.order.append(type(exception).__name__)
            return exception

    @user_step_decorator
    def skipping(step_name, flow, inputs):
        flow.xs = [7]
        yield USER_SKIP_STEP

    @user_step_decorator
    def replacing(step_name, flow, inputs):
        yield lambda self: {{"foreach": "xs"}}

    @user_step_decorator
    def never(step_name, flow, inputs):
        return
        yield

    class Wrapped(FlowSpec):
        {above}
        @step
        def start(self):
            self.xs = [1, 2]
            self.done = True
            {inside}
            self.next(self.work, foreach="xs")

        @step
        def work(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Wrapped()
"""


def started(folder: Path, above: str, inside: str = "pass") -> dict[str, object]:
    """The artifacts of the first step, and the items that follow."""
    write_files(folder, {"flow.py": FLOW.format(above=above.replace("\n", "\n        "), inside=inside)})
    result = run_step(folder / "flow.py", "start")
    return {**result.artifacts, "items": result.next.items if result.next is not None else None}


def test_the_outermost_is_the_first_and_the_last(tmp_path: Path) -> None:
    found = started(tmp_path, "@outer(a=1)\n@Inner(b=2)")
    assert found["order"] == ["outer", "start", {"a": 1}, {"b": 2}, "NoneType", "out"]
    assert found["items"] == [1, 2]


def test_an_exception_that_is_taken_leads_on(tmp_path: Path) -> None:
    found = started(tmp_path, "@outer\n@Inner", "raise ValueError('no')")
    assert found["order"] == ["outer", "start", {}, {}, "ValueError", "no", "out"]
    assert found["items"] == [1, 2]


def test_a_step_that_is_skipped_or_replaced_leads_on(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert started(tmp_path / "a", "@skipping") == {"xs": [7], "items": [7]}
    (tmp_path / "b").mkdir()
    assert started(tmp_path / "b", "@skipping\n@replacing") == {"xs": [7], "items": [7]}


def test_a_generator_has_to_yield(tmp_path: Path) -> None:
    with pytest.raises((RuntimeError, StopIteration)):
        started(tmp_path, "@never")
