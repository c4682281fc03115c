"""What messages say of wrong arguments: in words of the flow's author, and each mistake once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import diagnostics

FLOW = """
from flowc import *

{flow}
class F(FlowSpec):
    day = Parameter("day", default={default!r})

    {start}
    @step
    def start(self):
        self.items = [1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        print({joined})
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def found(folder: Path, **parts: str) -> list[tuple[str, str, str]]:
    """Code, message and help of each diagnostic."""
    text = FLOW.format(**{"flow": "", "start": "", "default": "", "joined": "", **parts})
    return [(item.code, item.message, item.help or "") for item in diagnostics(folder, text)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"start": "@approval(choices=['yes'])"}, "`choices` of `@approval`: it needs at least 2, and has 1"),
        ({"start": "@approval()"}, "`choices` of `@approval`: it has to be given"),
        (
            {"flow": "@notify(on='failure', webhook='URL')"},
            "`on` of `@notify`: 'failure' is not one of error, success, late",
        ),
        (
            {"start": "@concurrency('Ware House')"},
            "`name` of `@concurrency`: 'Ware House' is not of its form: lowercase letters, digits and `-`, "
            "with a letter or a digit first and last",
        ),
        (
            {"start": "@pypi(packages=['pandas'])"},
            "`packages` of `@pypi`: ['pandas'] is not a dict, such as {'name': 'value'}",
        ),
        (
            {"start": "@secrets(sources=['db'])"},
            "`sources` of `@secrets`: a source without a type: write 'kubernetes.db', 'aws-secrets-manager.db' or "
            "another type, or set METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE",
        ),
    ],
)
def test_each_mistake_once(tmp_path: Path, parts: dict[str, str], message: str) -> None:
    assert [(code, text) for code, text, _ in found(tmp_path, **parts)] == [("FC404", message)]


FIRST_MISTAKES = {
    "next in an if": (
        "        self.next(self.join)\n", "        if self.input:\n            self.next(self.join)\n",
        "FC211", 'end the step with `self.next({"x": self.a, "y": self.b}, condition="name_of_the_artifact")`',
    ),
    "code behind next": (
        "self.next(self.join)\n", "self.next(self.join)\n        print(1)\n",
        "FC211", "call it once, as the last statement of the step and outside of any block",
    ),
    "inputs of a step that is no join": ("def work(self)", "def work(self, inputs)", "FC212", "let `work` be it"),
    "no self": ("def work(self)", "def work()", "FC107", "write `def work(self):`"),
    "a default of another type": (
        "default=''", "default='x', type=int", "FC303", "write a value of type int, or change `type`",
    ),
    "a space in a name": ('"day"', '"the day"', "FC301", "use letters, digits, `-` and `_`, in a literal string"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", FIRST_MISTAKES)
def test_first_mistakes(tmp_path: Path, mistake: str) -> None:
    right, wrong, code, help_text = FIRST_MISTAKES[mistake]
    text = FLOW.format(flow="", start="", default="", joined="")
    assert right in text
    [found] = diagnostics(tmp_path, text.replace(right, wrong, 1))
    assert found.code == code
    assert help_text in (found.help or "")


def test_failed_inputs_need_a_share(tmp_path: Path) -> None:
    [(code, _, help_text)] = found(tmp_path, joined="inputs.failed")
    assert (code, "min_success" in help_text) == ("FC226", True)


@pytest.mark.parametrize(
    ("flow", "warned"),
    [
        ("@schedule(daily=True)", False),
        ("@trigger(event={'name': 'e', 'parameters': {'day': 'd'}})", False),
        ("@trigger(event='e')", False),
        ("@trigger(events=['e', 'f'])", True),
        ("@schedule(daily=True)\n@trigger_on_finish(flow='G')", True),
    ],
)
def test_runs_without_a_schedule_have_no_time(tmp_path: Path, flow: str, *, warned: bool) -> None:
    codes = [code for code, *_ in found(tmp_path, flow=flow, default="{scheduled:%F}")]
    assert codes == (["FC304"] if warned else [])
