"""What can wait before it begins, and what a person's choices have to agree with."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import Flow

HEAD = "from flowc import *\n"
SWITCH = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.review)

    @approval(choices={choices})
    @step
    def review(self):
        self.next({cases}, condition="way")

    @step
    def left(self):
        self.next(self.end)

    @step
    def right(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.way)
"""
LOOP = SWITCH.format(choices=["a", "b"], cases='{"a": self.review, "b": self.left}').replace(
    "    @step\n    def right(self):\n        self.next(self.end)\n", ""
)
GANG = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @wait_for("/tmp/x")
    @parallel
    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
BATCH = (
    GANG.replace("num_parallel=2", "foreach='items'")
    .replace("    @parallel\n", "")
    .replace("def start(self):", "def start(self):\n        self.items = [1]")
    .replace("    @step\n    def start", "    @foreach_options(items_per_task=2)\n    @step\n    def start")
)
FUSED = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @fuse
    @wait_for("/tmp/x")
    @step
    def end(self):
        pass
"""
PIPELINE = """
@step
def one() -> int:
    return 1

@step
def two(x: int) -> None:
    pass

@pipeline
def p():
    a, b = one(), one()
    answer = {call}
    if answer == "x":
        two(a)
    two(b)
"""


def compiled(folder: Path, text: str) -> Flow:
    """The flow of a text."""
    file = folder / "flow.py"
    file.write_text(HEAD + text)
    return compile_file(file).flow


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (LOOP, "FC406", "`@approval` cannot be used on the step `review`: it leads back to itself"),
        (GANG, "FC406", "`@wait_for` cannot be used on the step `train`: it runs as a gang"),
        (BATCH, "FC413", "`train` waits before it begins, and no pod waits"),
        (FUSED, "FC413", "`end` waits before it begins"),
        (
            SWITCH.format(choices=["a", "b", "c"], cases='{"a": self.left, "b": self.right}'),
            "FC323",
            "step `review` has no case for 'c', which a person may choose",
        ),
        (
            SWITCH.format(choices=["a", "b"], cases='{"a": self.left, "z": self.right}'),
            "FC323",
            "step `review` has a case for 'z', which is not among the choices",
        ),
        (
            SWITCH.format(choices=["1", "2"], cases="{1: self.left, '1': self.right, 2: self.right}"),
            "FC323",
            "step `review` has two cases that read '1'",
        ),
        (PIPELINE.format(call="approve(choices=['x'])"), "FC404", "`choices` of `approve`"),
        (PIPELINE.format(call="approve(choices=['x', 'y'], default='z')"), "FC404", "is not one of the choices"),
        (PIPELINE.format(call="approve(choice=['x', 'y'])"), "FC113", "`approve` has no argument `choice`"),
        (PIPELINE.format(call="approve(choices=['x', 'y'], message=str(a))"), "FC111", ""),
    ],
)
def test_what_cannot_wait(text: str, code: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FlowcError) as caught:
        compiled(tmp_path, text)
    found = {(item.code, item.message) for item in caught.value.diagnostics}
    assert any(one == code and message in other for one, other in found), found


def test_a_choice_is_set_before_the_step(tmp_path: Path) -> None:
    """No step sets `way`, and `end` reads it: nothing is reported."""
    flow = compiled(
        tmp_path, SWITCH.format(choices=[1, 2], cases="{1: self.left, 2: self.right}").replace("[1, 2]", "['1', '2']")
    )
    assert flow.by_name["review"].specs.approval is not None


def test_the_first_steps_wait_for_the_whole_flow(tmp_path: Path) -> None:
    sensor = '@airflow_s3_key_sensor(bucket_key="k", bucket_name="b", timeout=5)'
    text = f'{sensor}\n@wait_for(flow="Other")\nclass F(FlowSpec):'
    flow = compiled(tmp_path, FUSED.replace("    @fuse\n", "").replace("class F(FlowSpec):", text))
    waits = flow.by_name["start"].specs.waits
    assert [(wait.url, wait.flow, wait.timeout) for wait in waits] == [("s3://b/k", None, 5), (None, "Other", 86400)]
    assert not flow.specs.waits
    assert len(flow.by_name["end"].specs.waits) == 1


def test_all_first_steps_of_a_pipeline_wait(tmp_path: Path) -> None:
    text = PIPELINE.format(call="one()").replace("@pipeline", '@wait_for("/tmp/x")\n@pipeline')
    flow = compiled(tmp_path, text.replace('    if answer == "x":\n        two(a)\n', "    two(a)\n"))
    assert sorted(step.name for step in flow.steps if step.specs.gated) == ["one", "one_2", "one_3"]


def test_a_question_stands_between_the_calls(tmp_path: Path) -> None:
    flow = compiled(tmp_path, PIPELINE.format(call="approve(choices=['x', 'y'], id='ask')"))
    before = {"one", "one_2"}
    position = {step.name: number for number, step in enumerate(flow.steps)}
    assert flow.by_name["ask"].specs.approval is not None
    assert all(position[name] < position["ask"] < position[after] for name in before for after in ("two", "two_2"))
