"""`flowc check --fix`: what diagnostics propose, and what files become."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flowc_cli.app import app
from flowc_compiler.diagnostics import suggest

STEPS = """\
from flowc import FlowSpec, {imports}  # a comment


class Fixed(FlowSpec):
{start}
    @step
    def start(self):
        self.next(self.a, self.b)

{a}
    @step
    def a(self):  # first
        self.next(self.{join})

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self{inputs}):
        print(1){next}

    @step
    def end(self): pass
"""
RIGHT = {"imports": "step", "start": "", "a": "", "join": "join", "inputs": ", inputs"}
RIGHT["next"] = "\n        self.next(self.end)"
PIPELINE = """\
from flowc import pipeline, step{imports}


@step
def load(rows: int = 1) -> list[int]:
    return [1]


@step
def work(x: int, y: int = 0) -> int:
    return x


@pipeline
def flow(rows: int = 1):
    found = load({argument}=rows{after})
    work.map({name}, {unmapped}(2))
"""
RIGHT_CALLS = {"imports": ", unmapped", "argument": "rows", "after": "", "name": "found", "unmapped": "unmapped"}
FIXES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "FC106": ({"imports": "step, Paramter"}, {"imports": "step, Parameter"}),
    "FC201": ({"join": "joni"}, {}),
    "FC202": ({"next": ""}, {}),
    "FC210": ({"inputs": ""}, {}),
    "FC401 import": ({"a": "    @retry"}, {"imports": "retry, step", "a": "    @retry"}),
    "FC401": ({"a": "    @retri", "imports": "step"}, {"a": "    @retry", "imports": "step"}),
    "FC403": (
        {"imports": "retry, step", "a": "    @retry(tims=3)"}, {"imports": "retry, step", "a": "    @retry(times=3)"}
    ),
}  # fmt: skip
"""What is wrong with a class flow, and how it is right where that is not as the others."""
FIXED_CALLS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "FC112": ({"name": "foudn"}, {}),
    "FC112 import": ({"imports": ""}, {"imports": ", unmapped"}),
    "FC113": ({"argument": "rovs"}, {}),
    "FC106": ({"imports": ", unmaped", "unmapped": "unmaped"}, {}),
}


def check(file: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(file), *options])


@pytest.mark.parametrize("code", FIXES)
def test_a_class_flow_is_fixed(code: str, tmp_path: Path) -> None:
    wrong, right = FIXES[code]
    _check_fixed(code, STEPS.format(**{**RIGHT, **wrong}), STEPS.format(**{**RIGHT, **right}), tmp_path / "flow.py")


@pytest.mark.parametrize("code", FIXED_CALLS)
def test_a_pipeline_is_fixed(code: str, tmp_path: Path) -> None:
    wrong, right = FIXED_CALLS[code]
    before, after = (PIPELINE.format(**{**RIGHT_CALLS, **found}) for found in (wrong, right))
    _check_fixed(code, before, after, tmp_path / "flow.py")


def _check_fixed(code: str, wrong: str, right: str, file: Path) -> None:
    file.write_text(wrong)
    shown = json.loads(check(file, "--format", "json").stdout)["diagnostics"]
    assert any(item["code"] == code[:5] and item["fix"] for item in shown)
    sarif = json.loads(check(file, "--format", "sarif").stdout)["runs"][0]["results"]
    assert any(item.get("properties", {}).get("fix") for item in sarif)
    preview = check(file, "--diff")
    assert (preview.exit_code, file.read_text()) == (2, wrong)
    fixed = check(file, "--fix")
    assert file.read_text() == right
    assert len(preview.stdout.splitlines()) > 3
    assert fixed.exit_code == (0 if code != "FC401" else 2)  # the name is right, and not imported yet


JOINED = """\
from flowc import FlowSpec, step


class F(FlowSpec):
    @step
    def start(self):
        self.rows, self.title = [1], "x"
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(this):
        this.next(this.join)

    @step
    def join({parameters}):{body}
        {own}.next({own}.end)

    @step
    def end(self):
        print(self.rows)
        print(self.{name}, self.rows)
        self.show()

    def show(self):
        return self.rows
"""
JOINS = {
    "what a join loses": (
        {"body": ""},
        {"body": "\n        self.rows = inputs.a.rows"},
    ),
    "behind its docstring": (
        {"body": '\n        """Go on."""  # as it was'},
        {"body": '\n        """Go on."""  # as it was\n        self.rows = inputs.a.rows'},
    ),
    "with its own names": (
        {"body": "", "parameters": "me, arms", "own": "me"},
        {"body": "\n        me.rows = arms.a.rows", "parameters": "me, arms", "own": "me"},
    ),
    "with others in the same join": (
        {"body": "\n        self.totals = [i.rows for i in self.inputs]", "name": "totls"},
        {
            "body": "\n        self.rows = inputs.a.rows\n        self.totals = [i.rows for i in inputs]",
            "name": "totals",
        },
    ),
    "several artifacts": (
        {"body": "", "name": "title"},
        {"body": "\n        self.rows = inputs.a.rows\n        self.title = inputs.a.title", "name": "title"},
    ),
    "inputs through self": (
        {"body": "\n        self.rows = self.inputs[0].rows  # first"},
        {"body": "\n        self.rows = inputs[0].rows  # first"},
    ),
    "inputs through getattr": (
        {"body": "\n        self.rows = list(getattr(self, 'inputs'))[0].rows"},
        {"body": "\n        self.rows = list(inputs)[0].rows"},
    ),
}  # fmt: skip
_JOIN = {"parameters": "self, inputs", "own": "self", "name": "rows"}


@pytest.mark.parametrize(("wrong", "right"), JOINS.values(), ids=list(JOINS))
def test_joins_are_fixed(wrong: dict[str, str], right: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(JOINED.format(**{**_JOIN, **wrong}))
    fixed = check(file, "--fix")
    assert file.read_text() == JOINED.format(**{**_JOIN, **right}), fixed.stderr
    assert fixed.exit_code == 0


TWICE = """\
from flowc import FlowSpec, step

def show(flow):
    print(flow.{name}, flow.{name})


class Twice(FlowSpec):
    def load_data(self):
        return self.{name}

    @step
    def start(self):
        self.accuracy = 1
        self.counts = [1]
        self.next(self.work, foreach="counts")

    @step
    def work(self):
        {body}
        self.next(self.join)

    @step
    def join(self, inputs):
        {join}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
SEVERAL = {
    "a read in a condition and behind it": {"body": "if self.acuracy > 0.5:\n            print(self.acuracy)"},
    "two reads in one line": {"body": "print(self.acuracy, {self.acuracy: self.acuracy})"},
    "in the step and in what it calls": {
        "body": "print(self.acuracy)\n        show(self)\n        self.load_data()",
        "name": "acuracy",
    },
    "by name": {"body": "print(self.acuracy, getattr(self, 'acuracy'))"},
    "in functions within": {"body": "f = lambda: self.acuracy\n        print(f(), [self.acuracy for _ in 'ab'])"},
    "not of another object": {
        "body": "print(self.acuracy, lambda x: x.acuracy)",
        "fixed": "print(self.accuracy, lambda x: x.acuracy)",
    },
    "a count": {"body": "self.acuracy += 1\n        print(self.acuracy)"},
    "a method": {"body": "self.laod_data()\n        self.laod_data()", "old": "laod_data", "new": "load_data"},
    "inputs": {"join": "print(inputs[0].acuracy, [i.acuracy for i in inputs])"},
    "self.inputs": {"join": "print(len(self.inputs), self.inputs[0].accuracy)", "old": "self.inputs", "new": "inputs"},
}
"""What is wrong in several places of a step."""


@pytest.mark.parametrize("case", SEVERAL.values(), ids=list(SEVERAL))
def test_what_is_wrong_in_several_places_is_fixed_in_all(case: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    given = {"name": "accuracy", "body": "pass", "join": "pass", **case}
    wrong = TWICE.format(**given)
    old, new = case.get("old", "acuracy"), case.get("new", "accuracy")
    right = TWICE.format(**{**given, "body": case["fixed"]}) if "fixed" in case else wrong.replace(old, new)
    file.write_text(wrong)
    fixed = check(file, "--fix")
    assert file.read_text() == right, fixed.stderr
    assert fixed.exit_code == 0, fixed.stderr


def test_several_files_are_fixed_together(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text("from flowc import setp\n\n\n@setp\ndef load() -> int:\n    return 1\n")
    text = "from flowc import pipeline\nfrom steps import load\n\n\n@pipeline\ndef flow():\n    load(afer=[])\n"
    (tmp_path / "flow.py").write_text(text)
    check(tmp_path / "flow.py", "--fix")
    assert "@step" in (tmp_path / "steps.py").read_text()


def test_files_stay_where_nothing_is_certain(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    for wrong in ({"join": "elsewhere"}, {"a": "    @unknown"}, {"imports": "step, xyz"}):
        text = STEPS.format(**{**RIGHT, **wrong})
        file.write_text(text)
        assert check(file, "--fix").exit_code == 2
        assert file.read_text() == text
        assert check(file, "--diff").stdout == ""


def test_edits_that_do_not_help_are_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flowc_compiler.rewrite import fixes

    file = tmp_path / "flow.py"
    text = STEPS.format(**{**RIGHT, "join": "joni"})
    file.write_text(text)

    def broken(before: bytes, found: object, name: str) -> bytes:
        return before + b"\n("

    monkeypatch.setattr(fixes, "apply_fixes", broken)
    result = check(file, "--fix")
    assert (result.exit_code, file.read_text()) == (2, text)
    assert "nothing is fixed" in result.stderr


def test_layout_and_line_ends_stay(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    text = STEPS.format(**{**RIGHT, "join": "joni"}).replace(
        "FlowSpec, step ", "(\n    FlowSpec,  # why\n    step,\n) ", 1
    )
    text = text.replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert check(file, "--fix").exit_code == 0
    assert file.read_bytes() == b"\xef\xbb\xbf" + text.replace("joni", "join").encode()


@pytest.mark.parametrize(
    ("wrong", "known", "certain"),
    [("jion", ["join", "end"], True), ("a1", ["a2", "a3"], False), ("xyz", ["join"], False)],
)
def test_what_is_certain(wrong: str, known: list[str], certain: bool) -> None:
    assert (suggest(wrong, known).fix is not None) is certain
