"""`when` as govaluate has it, `depends`, tags, durations, and ids, one by one."""

from __future__ import annotations

import pytest

from flowc_targets.simulate.expression_parser import DependsError, evaluate_when, parse_depends
from flowc_targets.simulate.problems import ManifestError, NodeError
from flowc_targets.simulate.substitution import go_quoted, replaced, replaced_json, tags
from flowc_targets.simulate.workflow_nodes import Nodes, fnv32a
from flowc_targets.simulate.workflow_spec import seconds

TRUE = [
    "", "true", "a == a", "'a' == \"a\"", "'a b' != 'a'", "1 == 1.0", "2 > 1 && 1 < 2", "!(1 == 2)", "1 == 2 || 2 == 2",
    "'b' > 'a'", "'abc' =~ '^a'", "'abc' !~ 'z$'", "1 + 2 == 3", "7 % 4 == 3", "-1 < 0",
    "'a\\'b' == 'a\\'b'", "'' == ''",
    "Succeeded == Succeeded", "true != false", "(1 == 1) == true", "'mixed\" == 'mixed'", "1 == 1 || 1 == 2 && 1 == 3",
    "1 == 1 || 1 && a", "!(1 == 2 && a)",
]  # fmt: skip
FALSE = ["false", "'1' == 1", "a == b", "!true", "'true' == true", "2 <= 1", "'A' == 'a'"]
FAULTS = [
    "'a",
    "a ==",
    "(1 == 1",
    "1 === 1",
    "a",
    "'a' > 1",
    "1 && 2",
    "a.b == 1",
    "[x] == 1",
    "1 in 2",
    "1 == 1)",
    "a @ b",
]


@pytest.mark.parametrize("when", TRUE)
def test_when_holds(when: str) -> None:
    assert evaluate_when(when)


@pytest.mark.parametrize("when", FALSE)
def test_when_does_not_hold(when: str) -> None:
    assert not evaluate_when(when)


@pytest.mark.parametrize("when", FAULTS)
def test_when_is_an_error(when: str) -> None:
    with pytest.raises(NodeError):
        evaluate_when(when)


def test_names_in_depends() -> None:
    """ancestry.go, GetTaskDependencies."""
    found = parse_depends("(a-b.Succeeded || c) && !d.Failed")
    assert found.names == ("a-b", "c", "d")
    assert found.logic == "(a_b.Succeeded || (c.Succeeded || c.Skipped || c.Daemoned)) && !d.Failed"
    no: dict[str, bool] = dict.fromkeys(("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned"), False)
    assert found.evaluate({"a_b": no, "c": {**no, "Skipped": True}, "d": no})
    assert not found.evaluate({"a_b": no, "c": {**no, "Skipped": True}, "d": {**no, "Failed": True}})


@pytest.mark.parametrize(
    "depends", ["a.Succeeded b.Failed", "(a", "a &&", "a.succeeded", "a == b", "&& a", "a)", "_b.Succeeded"]
)
def test_depends_that_is_none(depends: str) -> None:
    with pytest.raises(DependsError):
        parse_depends(depends)


def test_tags() -> None:
    """simple_template.go: the inner tag of two goes first, and what has no value stays unless it must not."""
    values = {"x": 'a"b\\\n', "i": "3", "workflow.name": "w"}
    assert replaced('"{{x}} {{ i }}"', values) == '"a\\"b\\\\\\n 3"'
    assert replaced('"{{a.{{i}}.b}}"', values) == '"{{a.3.b}}"'
    assert replaced('"{{y}}"', values) == '"{{y}}"'
    assert tags('"{{ y }} {{z}}"') == ["y", "z"]
    for strict in ('"{{y}}"', '"{{"'):
        with pytest.raises(NodeError):
            replaced(strict, values, lambda tag: True)
    with pytest.raises(ManifestError):
        replaced('"{{=1+1}}"', values)
    with pytest.raises(NodeError, match="invalid JSON"):
        replaced_json('"{{bell}}"', {"bell": "\a"})


def test_a_tag_ends_wherever_the_next_braces_are() -> None:
    """fasttemplate: in the JSON around the text, too."""
    assert replaced('{"a":{"b":"{{"}}', {'"': "!"}) == '{"a":{"b":"!'


def test_quoting() -> None:
    """Go's strconv.Quote."""
    assert go_quoted("plain, ä 漢 €") == "plain, ä 漢 €"
    assert go_quoted('\t"\\\x00\u200b\U000e0001') == '\\t\\"\\\\\\x00\\u200b\\U000e0001'


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), (7, 7), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("-1s", -1), ("0", 0)]
)
def test_durations(text: str | int, value: float) -> None:
    assert seconds(text) == value


def test_ids() -> None:
    """workflow_types.go, NodeID. The hash is that of Go's hash/fnv."""
    assert fnv32a("") == 2166136261
    assert fnv32a("hello") == 1335831723
    nodes = Nodes("wf")
    assert nodes.id_of("wf") == "wf"
    assert nodes.id_of("wf.a") == f"wf-{fnv32a('wf.a')}"
