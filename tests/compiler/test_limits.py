"""The limits of an evaluation: what they are, what ends by them, and that the documentation has their figures."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowc.protocol import toml_text
from flowc_compiler.evaluate import operations
from flowc_compiler.evaluate.reachable_state import State
from flowc_compiler.evaluate.values import Unresolved, plain_copy
from flowc_compiler.frontend.parameters import config_languages
from flowc_compiler.frontend.parameters.config_languages import PARSERS, ParseError
from flowc_compiler.frontend.pipelines import step_calls
from flowc_compiler.syntax import local_code, parsing, source_reading
from flowc_compiler.syntax.newer_python import MAX_OPERATORS
from tests.support import diagnostics
from tests.trials import bombs
from tests.trials.__main__ import SLOWDOWN
from tests.trials.trial import MEGABYTES

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
        step_calls.MOST_NODES, MAX_OPERATORS,
        parsing.MOST_WORDS, source_reading.MAX_BYTES, config_languages.LONGEST_TEXT, config_languages.LONGEST_TOML,
        config_languages.DEEPEST, config_languages.MOST_DIGITS, parsing.MOST_READ, parsing.MOST_MARKS,
        toml_text.MOST_PARTS,
    ]  # fmt: skip
    for figure in figures:
        assert f"| {figure:,} |" in text
    for depth in (operations.DEEPEST_CALLS, operations.DEEPEST_VALUE, operations.DEEPEST_TREE):
        assert f"| {depth} deep |" in text
    assert f"{operations.MOST_SECONDS:g} seconds" in text
    assert f"{operations.MOST_IMPORT_SECONDS:g} seconds" in text
    assert f"{operations.MOST_SECONDS_IN_ALL:g} seconds" in text
    assert f"{operations.MOST_SECONDS_TO_DEFINE:g} seconds" in text
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


@pytest.mark.process
@pytest.mark.parametrize(
    "name",
    [
        "format_names.pipeline", "format_names_brackets.class", "format_names_cut.class", "format_bytes.class",
        "format_keywords.class", "format_entries.class", "format_cut.class", "widths.class", "widths_format.class",
        "widths_precision.class", "width_nested_text.class", "text_of_numbers.class", "text_of_wide_texts.class",
        "text_of_escapes.class", "text_of_ascii.class", "text_of_a_field.class", "text_of_a_command.class",
        "text_of_a_path.class", "join_bytes.class", "replace_bytes.class", "chain_arguments.class",
        "sum_of_long_tuples.class", "doubling_nest_sorted.class", "doubling_nest_of_tuples.class",
        "doubling_nest_of_members.class", "doubling_nest_of_members_sorted.module", "doubling_nest_of_places.module",
        "doubling_nest_of_a_dataclass.class", "deep_members.module", "accumulate_text.class", "combinations_wide.class",
        "product_wide.class", "accents_of_a_host.class", "lcm_of_long_numbers.class", "pattern_of_brackets.class",
        "slice_of_itself.module", "many_members.module", "many_autos.module", "many_tuples.module", "accents.step",
        "yaml_base_60.config", "yaml_base_60_float.config", "yaml_hex.config", "yaml_keys.config", "toml_dots.settings",
        "toml_table.config", "toml_hex.config",
    ],
)  # fmt: skip
def test_what_is_long_or_shared_ends_within_the_limits_of_a_check(name: str) -> None:
    [bomb] = [item for item in bombs.bombs() if item.name == name]
    assert bombs.check(bomb).problem is None


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("'{:>{}} {a[0]} {!r:.3} {}'.format(1, 4, 'abcd', [5], a=['x'])", "   1 x 'ab [5]"),
        ("f\"{'a':*^5}\" + '{:*^5}'.format('b')", "**a****b**"),
        ("'** %s ** %5.1f 12345678 100%%' % (1, 2.0)", "** 1 **   2.0 12345678 100%"),
        ("'%(a)5s%(a(b))s %%s' % {'a': 1, 'a(b)': 2, 'c': 'x' * 99999}", "    12 %s"),
        ("sum([[1], [2, 3]], [0])", [0, 1, 2, 3]),
        ("sum(([n] for n in range(3)), start=[])", [0, 1, 2]),
        ("copy.deepcopy([(1, (2, [3])), {'a': (4,)}])", [(1, (2, [3])), {"a": (4,)}]),
    ],
)
def test_texts_and_copies_are_those_of_python(tmp_path: Path, code: str, value: object) -> None:
    text = f"import copy\n{PIPELINE.format(code=f'work(0) if {code} == {value!r} else wrong(1)')}"
    assert not diagnostics(tmp_path, text)


def test_a_copy_shares_no_list_with_what_it_copies() -> None:
    shared = [1]
    value = ((shared, (2, 3)), {"a": shared}, {(4, 5): {6}})
    found = plain_copy(value)
    assert found == value
    assert isinstance(found, tuple)
    assert found[0][0] is found[1]["a"] is not shared
    assert found[0][1] is value[0][1]


@pytest.mark.parametrize("kind", ["class", "pipeline"])
def test_local_modules_are_parsed_up_to_a_size_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for number in range(9):
        (tmp_path / f"more{number}.py").write_text("X = 1\n" * 100)
    imports = "".join(f"import more{number}\n" for number in range(9))
    write = bombs.in_a_pipeline if kind == "pipeline" else bombs.in_a_class
    text = imports + write("pass" if kind == "pipeline" else "")
    assert not diagnostics(tmp_path, text)
    monkeypatch.setattr(local_code, "MOST_WORDS", 3000)
    monkeypatch.setattr(source_reading, "MOST_WORDS", 3000)
    [found] = diagnostics(tmp_path, text + "\n")
    assert (found.code, "imports have more than 3,000 words and signs" in found.message) == ("FC104", True)
    token = parsing.ALLOW_LARGE.set(True)
    assert not diagnostics(tmp_path, text + "\n\n")
    parsing.ALLOW_LARGE.reset(token)


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
        ("yaml.safe_load", "a: !!bool maybe", "not valid YAML: a value is not what its tag"),
        ("yaml.safe_load", "a: !!int ''", "not valid YAML: a value is not what its tag"),
        ("yaml.safe_load", "a: !!timestamp x", "not valid YAML: a value is not what its tag"),
        ("yaml.safe_load", "a: 1\nb: 0x" + "f" * 5000, "the number in line 2 has more than 4000 digits"),
        ("yaml.safe_load", "a: 1" + ":1" * 9000, "the number in line 1 has more than 4000 digits"),
        ("yaml.safe_load", "".join(f"{n * (2**61 - 1)}: 1\n" for n in range(2000)), "more than 1000 long numbers as"),
        ("tomllib.loads", "a = 1\nb" + ". b" * 100 + " = 1", r"more than 100 parts \(at line 2\)"),
        ("tomllib.loads", "[a" + '."="' * 100 + "]", "more than 100 parts"),
        ("json.loads", "[" * 99999 + "]" * 99999, "nested too deeply"),
        ("json.loads", "9" * 99999, "not valid JSON"),
        ("json.loads", f'"{"x" * 1_000_000}"', "more than 1,000,000 characters"),
        ("tomllib.loads", "a = " + "[" * 99999, "nested too deeply"),
    ],
)
def test_configs_have_bounds(parser: str, text: str, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        PARSERS[parser](text)


def test_long_numbers_and_dots_that_are_no_keys_are_values() -> None:
    assert PARSERS["yaml.safe_load"](f"a: {'9' * 999}\nb: 1:30:00\n12345678901234567: '{'1:' * 5000}'")["b"] == 5400
    assert PARSERS["tomllib.loads"](f"a.b.c = [{'0.5, ' * 999}]\nd = '{'. ' * 999}'")["d"] == ". " * 999


def test_aliases_that_are_few_are_values() -> None:
    text = "base: &base {a: 1}\nmore:\n  <<: *base\n  b: [*base, *base]\n"
    assert PARSERS["yaml.safe_load"](text) == {"base": {"a": 1}, "more": {"a": 1, "b": [{"a": 1}, {"a": 1}]}}


RECURSIONS = {
    "a tree": """
def walk(x):
    if isinstance(x, dict):
        return {k: walk(v) for k, v in x.items()}
    if isinstance(x, list):
        return [walk(v) for v in x]
    return walk(x.rest) or walk(x.first)
FOUND = walk(requests.get("[]"))
""",
    "with a depth": """
def walk(x, depth=0):
    for y in x:
        walk(y, depth + 1), walk(y, depth + 2)
    return x
FOUND = walk(requests.get("[]"))
""",
    "of two": """
def even(x):
    return odd(x.a) if x else odd(x.b)
def odd(x):
    return even(x.a) if x else even(x.b)
FOUND = even(requests.get("[]"))
""",
    "of a method": """
class Node:
    def walk(self, x):
        return [(self.walk(y.a), self.walk(y.b)) for y in x]
FOUND = Node().walk(requests.get("[]"))
""",
    "of an inner function": """
def outer(x):
    def walk(y):
        return (walk(y.a), walk(y.b)) if y else walk(y.c)
    return walk(x)
FOUND = outer(requests.get("[]"))
""",
}


@pytest.mark.parametrize("name", RECURSIONS)
def test_a_recursion_over_what_is_not_known_ends_at_once(tmp_path: Path, name: str) -> None:
    text = f"import requests\n{RECURSIONS[name]}\nLIMIT = 3\n{PIPELINE.format(code='work(LIMIT)')}"
    assert not diagnostics(tmp_path, text)
    [found] = diagnostics(tmp_path, text.replace("work(LIMIT)", "work(FOUND)"))
    assert found.code == "FC115"


def test_what_a_deeper_level_of_a_recursion_may_change_is_not_known(tmp_path: Path) -> None:
    walk = "def walk(x, n=0):\n    if n > 4:\n        DEEP['seen'] = True\n    for y in x:\n        walk(y, n + 1)\n"
    text = f"import requests\nDEEP = {{}}\n{walk}walk(requests.get('[]'))\n{PIPELINE.format(code='work(DEEP)')}"
    [found] = diagnostics(tmp_path, text)
    assert found.code == "FC115"


def test_a_recursion_that_is_known_is_followed(tmp_path: Path) -> None:
    walk = "def down(n, x):\n    return [n, *down(n - 1, x)] if n else []\n"
    text = f"import requests\n{walk}FOUND = down(20, requests.get('[]'))\n{PIPELINE.format(code='work(FOUND[19])')}"
    assert not diagnostics(tmp_path, text)


CALLBACK = """
import yaml
import {library}
{before}

@{library}.cache
def load(x):
    for a in x:
        for b in a:
            for c in b:
                for d in c:
                    if a.flag and b.flag or c.flag:
                        {effect}

LIMIT = 3
load(yaml.safe_load("[]"))
"""
EFFECTS = {
    "none": ("", "print(d)", True),
    "a list of its own": ("", "found = []; found.append(d)", True),
    "a list of the file that the flow does not read": ("CACHE = []", "CACHE.append(d)", True),
    "a name of the file": ("", "global LIMIT; LIMIT = 4", False),
    "by globals": ("", "globals()['LIMIT'] = 4", False),
    "by a function": ("def change():\n    global LIMIT\n    LIMIT = 4\n", "change()", False),
    "by a method": ("class A:\n    def f(self):\n        global LIMIT\n        LIMIT = 4\n", "A().f()", False),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_code_that_only_others_call_is_looked_at_for_its_effects(tmp_path: Path, name: str) -> None:
    before, effect, is_known = EFFECTS[name]
    effect = effect.replace("; ", "\n                        ")
    text = CALLBACK.format(library="streamlit", before=before, effect=effect)
    found = diagnostics(tmp_path, text + PIPELINE.format(code="work(LIMIT)"))
    assert not found if is_known else found[0].code in {"FC114", "FC115"}


def test_a_state_shares_what_has_not_changed_with_the_one_before() -> None:
    names: dict[str, object] = {f"name_{n}": [n, [n]] for n in range(300)}
    first = State([names])
    names["name_7"] = 8
    second = State([names], first)
    assert second.size < first.size, "the names themselves changed"
    third = State([names], second)
    assert third.size < 0.6 * second.size
    names["name_7"] = 9
    third.restore()
    assert dict(names)["name_7"] == 8
    first.restore()
    assert names["name_7"] == [7, [7]]


def test_what_is_forgotten_in_one_state_stays_in_another() -> None:
    names: dict[str, object] = {"a": 1, "b": [2]}
    first = State([names])
    second = State([names], first)
    names["a"] = 3
    second.forget_differences(State([names], second), Unresolved("why"))
    second.restore()
    assert isinstance(names["a"], Unresolved)
    first.restore()
    assert names == {"a": 1, "b": [2]}


def test_time_for_reading_files_is_not_that_of_evaluating_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_SECONDS", 0.05)
    monkeypatch.setattr(operations, "MOST_SECONDS_IN_ALL", 0.05)
    with operations.spending(0), operations.spending(0):
        with operations.current_budget().paused():
            worked_for(0.08)
        assert operations.current_budget().overdrawn() is None
        worked_for(0.06)
        assert operations.current_budget().overdrawn() is not None


def test_a_module_whose_time_is_over_still_defines_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_IMPORT_SECONDS", 0)
    (tmp_path / "more.py").write_text("from enum import Enum\n\nclass Names(Enum):\n    A = 'a'\n")
    (tmp_path / "steps.py").write_text(
        "from flowc import step\nfrom more import Names\n\nTABLE = [n for n in range(50000)]\n\n"
        "@step\ndef work(x: object) -> object:\n    return x\n"
    )
    text = (
        "from flowc import pipeline\nfrom steps import Names, TABLE, work\n\n@pipeline\ndef p():\n    work({value})\n"
    )
    assert not diagnostics(tmp_path, text.format(value="Names.A.value"))
    [found] = diagnostics(tmp_path, text.format(value="TABLE"))
    assert (found.code, "steps.py takes too long to evaluate" in found.message) == ("FC114", True)


def test_a_file_whose_time_is_over_may_have_more_calls_of_its_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_OPERATIONS", 4000)
    text = PIPELINE.format(code="work(x)").replace("def p()", "def p(x: int = 1)")
    [found] = diagnostics(tmp_path, f"{text}\nTABLE = [n for n in range(99999)]\np(x=2)\n")
    assert found.code == "FC114"


ENDS = {
    "foreach": "self.next(self.end, foreach={call})",
    "artifact": "self.x = {call}\n        self.next(self.end)",
    "branch": "self.next({{'a': self.end}}, condition={call})",
}
OUTSIDE = {
    "decorator": "@environment(vars={{'A': {call}}})",
    "several": "@environment(vars={{'A': str({call})}})",
    "memory": "@resources(memory={call})",
}


@pytest.mark.parametrize("call", ["F()", "exit()", "quit(1)", "(lambda: exit())()", "[exit() for _ in 'a'][0]"])
@pytest.mark.parametrize("place", [*ENDS, *OUTSIDE, "default", "computed", "config"])
def test_an_expression_that_would_end_the_process_is_a_value_that_is_not_known(
    tmp_path: Path, place: str, call: str
) -> None:
    body = ENDS.get(place, "self.next(self.end)").format(call=call)
    above = OUTSIDE.get(place, "@step").format(call=call)
    value = {"default": call, "computed": f"lambda: {call}"}.get(place, "1")
    text = f"""
from flowc import Config, FlowSpec, Parameter, environment, resources, step


class F(FlowSpec):
    p = Parameter("p", default={value})
    c = Config("c", default_value={call if place == "config" else "{}"})

    {above}
    @step
    def start(self):
        {body}

    @step
    def end(self):
        pass
"""
    diagnostics(tmp_path, text.replace("@step\n    @step", "@step"))  # whatever they are


def test_a_long_config_in_toml_is_not_parsed() -> None:
    assert PARSERS["tomllib.loads"](f"x = [{'1,' * 50_000}]")["x"][-1] == 1
    with pytest.raises(ParseError, match="more than 200,000 characters"):
        PARSERS["tomllib.loads"](f"x = [{'1,' * 150_000}]")


READ_SLOWLY = {
    "the same functions": "def f(): 0\n" * 20_000,
    "the same classes": "class A: 0\n" * 20_000,
    "the same lambdas": "lambda: 0\n" * 20_000,
    "lambdas in a statement": f"x = [{'lambda: 0,' * 20_000}]".replace(",", ",\n"),
    "the same methods": f"class A:\n{'    def f(self): 0' + chr(10)}" * 10_000,
    "comprehensions": "[x for x in y]\n" * 15_000,
    "keyword arguments": f"f({','.join(f'a{n}=1' for n in range(60_000))})\n",
    "an f-string": f"x = f'{'{x}' * 60_000}'\n",
    "f-strings": f"f'{'{x}' * 600}'\n" * 100,
    "one line": "x=1;" * 60_000,
    "one line with names": f"x = [{'é,' * 100_000}]\n",
    "imports": "".join(f"import a{n}\n" for n in range(20_000)),
    "names of an import": f"from a import {','.join(f'a{n}' for n in range(60_000))}\n",
    "the same import": "import a\n" * 20_000,
    "a marked comment": "# flowc: ignore[FC317]\n" + "x = 1\n" * 50_000,
    "names with accents": "".join(f"a{n}" + "\u0300\u0316" * 150 + " = 1\n" for n in range(900)),
    "a mistake at the end": "x = 1\n" * 50_000 + "x = = 1\n",
}
"""Files that Python, or a walk over them, reads in the square of their length."""


@pytest.mark.process
@pytest.mark.parametrize("name", READ_SLOWLY)
def test_large_files_are_read_in_linear_time(name: str) -> None:
    flow = bombs.in_a_class("pass")
    outcome = bombs.check(bombs.Bomb(name, {"flow.py": READ_SLOWLY[name] + flow}))
    assert outcome.slowed(SLOWDOWN).problem is None, outcome
    assert outcome.megabytes < MEGABYTES


def test_what_only_the_code_of_a_large_file_shows_is_found(tmp_path: Path) -> None:
    filler = "".join(f"def g{n}(): return {n}\n" for n in range(2000))
    for wrong in (
        "def f(n, n): pass",
        "class A:\n    def f(self):\n        break",
        "return 1",
        "def f():\n    nonlocal x",
    ):
        for text in (f"{filler}{wrong}\n", f"{wrong}\n{filler}", f"class C:\n    x = 1\n{filler}{wrong}\n{filler}"):
            assert [item.code for item in diagnostics(tmp_path, text)] == ["FC101"], wrong
    late = f"{filler}from __future__ import annotations\n"
    assert [item.code for item in diagnostics(tmp_path, late)] == ["FC101"]


def test_a_large_flow_is_read_whole(tmp_path: Path) -> None:
    from tests.bench.generate import chain

    text = chain(10_000)
    assert 250_000 < parsing.count_words(text) <= parsing.MOST_WORDS
    twice = text + "x = 1\n" * 50_000
    [found] = diagnostics(tmp_path, twice)
    assert (found.code, "--allow-large" in str(found.help)) == ("FC104", True)
