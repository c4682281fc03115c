"""The limits of an evaluation: what they are, what ends by them, and that the documentation has their figures."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowc_compiler.evaluate import operations
from flowc_compiler.frontend.parameters import config_table
from flowc_compiler.frontend.parameters.config_table import PARSERS, ParseError
from flowc_compiler.frontend.pipelines import step_calls
from flowc_compiler.syntax.newer_python import MAX_OPERATORS
from tests.support import diagnostics

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
PIPELINE = """
from flowc import pipeline, step


@step
def work(x: object) -> object:
    return x


@pipeline
def p():
    {code}
    work(1)
"""


def test_the_page_has_every_figure() -> None:
    text = PAGE.read_text(encoding="utf-8")
    figures = [
        operations.MOST_OPERATIONS, operations.MOST_OPERATIONS // 4, operations.MOST_ENTRIES, operations.LONGEST,
        operations.HEAVIEST, operations.MOST_BITS, operations.MOST_COLLISIONS, operations.MOST_STEPS,
        step_calls.MOST_NODES, MAX_OPERATORS, config_table.LONGEST_TEXT, config_table.DEEPEST,
    ]  # fmt: skip
    for figure in figures:
        assert f"| {figure:,} |" in text
    for depth in (operations.DEEPEST_CALLS, operations.DEEPEST_VALUE, operations.DEEPEST_TREE):
        assert f"| {depth} deep |" in text
    assert f"{operations.MOST_SECONDS:g} seconds" in text
    assert f"{operations.MOST_IMPORT_SECONDS:g} seconds" in text
    assert f"{operations.MOST_SECONDS_IN_ALL:g} seconds" in text
    assert f"{operations.MOST_MEMORY >> 20} MB" in text


@pytest.mark.parametrize(
    "code",
    [
        "x = set(range(0, 9999 * (2 ** 61 - 1), 2 ** 61 - 1))",
        "x = {n * (2 ** 61 - 1) for n in range(2000)}",
        "x = dict(zip(range(0, 9999 * (2 ** 61 - 1), 2 ** 61 - 1), range(9999)))",
        "x = {1}.union(range(0, 9999 * (2 ** 61 - 1), 2 ** 61 - 1))",
        "x = ('a' * 99999).rfind('b' + 'a' * 49999)",
        "x = ('x' * 99999).strip('y' * 9999)",
        "x = round(1, -10 ** 10)",
        "x = 0.5 in range(10 ** 12)",
        "x = range(10 ** 12).count(0.5)",
        "x = list(range(10 ** 30))",
        "x = [n for n in range(10 ** 30)]",
        "x = [list(range(99999)) for _ in range(99999)]",
        "while True: pass",
    ],
)
def test_what_takes_too_long_is_reported(tmp_path: Path, code: str) -> None:
    found = diagnostics(tmp_path, PIPELINE.format(code=code))
    assert [item.code for item in found] == ["FC114"]


def worked_for(seconds: float) -> None:
    """Keep the processor busy."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_imports_do_not_take_the_time_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_SECONDS", 0.1)
    monkeypatch.setattr(operations, "MOST_IMPORT_SECONDS", 0.1)
    budget = operations.Budget(50_000)
    with budget.importing(0):
        worked_for(0.08)
        assert budget.overdrawn() is None
        with budget.importing(100_000):
            worked_for(0.08)
            assert budget.overdrawn() is None
        worked_for(0.06)
        assert budget.overdrawn() == "takes too long to evaluate"
    assert budget.overdrawn() is None
    with budget.importing(0):
        worked_for(0.01)
        assert budget.overdrawn() is not None, "all imports share what they may take"
    worked_for(0.16)
    assert budget.overdrawn() is not None


def test_parts_of_a_file_share_what_all_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_SECONDS_IN_ALL", 0.1)
    with operations.spending(0):
        worked_for(0.06)
        assert operations.current_budget().overdrawn() is None
        with operations.spending(0):
            worked_for(0.06)
            assert operations.current_budget().overdrawn() == "takes too long to evaluate"


def test_a_file_whose_time_ends_before_its_pipeline_is_not_one_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_SECONDS", 0)
    [found] = diagnostics(tmp_path, PIPELINE.format(code="pass"))
    assert (found.code, found.help) == ("FC114", "import what only tasks need within the steps")
    assert "with what it imports, takes too long" in found.message


@pytest.mark.parametrize(
    "code",
    [
        "x = set(range(90000)) | {n * (2 ** 61 - 1) for n in range(900)}",
        "x = {1: [1] * 9999}; y = [n for n in range(9999) if n in x]",
        "x = set([7] * 99999)",
        "x = dict(zip(range(9999), ['a'] * 9999))",
        "x = 10 ** 20 in range(10 ** 30)",
        "x = round(123456, -3)",
        "x = ('x' * 999).strip('yx')",
        "x = [sorted(range(100)) for _ in range(100)]",
    ],
)
def test_what_python_does_at_once_is_evaluated(tmp_path: Path, code: str) -> None:
    assert not diagnostics(tmp_path, PIPELINE.format(code=code))


ALIASES = "k0: &k0 [x]\n" + "".join(f"k{n}: &k{n} [{','.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("parser", "text", "why"),
    [
        ("yaml.safe_load", ALIASES, "with all of its aliases written out"),
        ("yaml.safe_load", "a: &a\n  b: *a\n", "nested too deeply"),
        ("yaml.safe_load", "[" * 99999, "nested too deeply"),
        ("yaml.safe_load", "- " * 99999 + "1", "nested too deeply"),
        ("yaml.safe_load", "9" * 99999, "not valid YAML"),
        ("yaml.safe_load", "a: [", "not valid YAML"),
        ("yaml.safe_load", "!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("json.loads", "[" * 99999 + "]" * 99999, "nested too deeply"),
        ("json.loads", "9" * 99999, "not valid JSON"),
        ("json.loads", f'"{"x" * 1_000_000}"', "more than 1,000,000 characters"),
        ("tomllib.loads", "a = " + "[" * 99999, "nested too deeply"),
    ],
)
def test_configs_have_bounds(parser: str, text: str, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        PARSERS[parser](text)


def test_aliases_that_are_few_are_values() -> None:
    text = "base: &base {a: 1}\nmore:\n  <<: *base\n  b: [*base, *base]\n"
    assert PARSERS["yaml.safe_load"](text) == {"base": {"a": 1}, "more": {"a": 1, "b": [{"a": 1}, {"a": 1}]}}
