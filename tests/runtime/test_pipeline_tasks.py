"""Tasks of pipelines: arguments by value trees, outputs, items and nested lists of them, fans, switches, parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowc.errors import MissingInput
from flowc.protocol.plan import Plan
from flowc.shim.mapped_outputs import Outputs
from flowc.shim.takeover import Origin, agrees
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from tests.runtime.pipelineshim import Json, PipelineShim, call, item, literal, output, step
from tests.runtime.test_pythons import interpreter

pytestmark = pytest.mark.process

MAPPED = """
    from typing import Annotated, Tuple

    from flowc import pipeline, step

    @step
    def load(n: int) -> list:
        return list(range(n))

    @step(retry=2)
    def work(x: int, scale: int = 1) -> int:
        return x * scale

    @step
    def spread(xs: list) -> Tuple[Annotated[int, "small"], Annotated[int, "large"]]:
        return min(xs), max(xs)

    @step
    def show(small: int, both: tuple, named: dict) -> None:
        print(small, both, named)

    @pipeline
    def pipe(n: int = 3):
        xs = work.map(load(n), scale=2)
        small, large = spread(xs)
        show(small, (small, large), {"all": xs, 1: large})

    pipe(n=4)
"""
N: Json = {"attribute": "n", "name": "n", "type": "int", "default": {"literal": 3}}


def mapped() -> dict[str, Json]:
    named = {"dict": [["all", output("work", 1)], [1, output("spread", output="large")]]}
    both = {"tuple": [output("spread", output="small"), output("spread", output="large")]}
    return {
        "load": step("foreach", "work", call=call("load", n={"parameter": "n"}), foreach_var="output"),
        "work": step("linear", "join", 1, call("work", x=item("load"), scale=literal(2))),
        "join": step("join", "spread", closes="load", closes_kind="foreach", arms=[["work"]], virtual=True),
        "spread": step("linear", "show", call=call("spread", "small large", xs=output("work", 1))),
        "show": step(
            "linear",
            call={**call("show", small=output("spread", output="small"), both=both, named=named), "outputs": []},
        ),
    }


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_a_map_and_its_reduction(tmp_path: Path, version: str) -> None:
    shim = PipelineShim(tmp_path, MAPPED, mapped(), parameters=(N,), python=interpreter(version))
    shim.tasks("load", "work/0", "work/1", "work/2", "spread")
    assert shim.task("show") == "0 (0, 4) {'all': [0, 2, 4], 1: 4}\n"
    assert (tmp_path / "outputs" / "count").read_text(encoding="utf-8") == "3"
    assert list(shim.manifest("spread")["artifacts"]) == ["small", "large"], "nothing is inherited"
    assert shim.manifest("show")["artifacts"] == {}
    assert shim.manifest("load")["parameters"]["n"]["inline"] == 3


def test_a_parameter_of_the_run_is_chosen_once(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, MAPPED, mapped(), parameters=(N,))
    shim.task("load", FLOWC_PARAM_N="2")
    assert shim.manifest("load")["foreach"]["count"] == 2
    shim.task("load", attempt=1, FLOWC_PARAM_N="5")
    assert shim.manifest("load")["foreach"]["count"] == 2, "a retry has the parameters of the first attempt"
    failed = shim.attempt("load", FLOWC_PARAM_N="two")
    assert failed.returncode == 2
    assert "parameter 'n': 'two' is not a valid int" in failed.stderr


def test_a_parameter_without_a_default_is_required(tmp_path: Path) -> None:
    required = {key: value for key, value in N.items() if key != "default"}
    failed = PipelineShim(tmp_path, MAPPED, mapped(), parameters=(required,)).attempt("load")
    assert failed.returncode == 2
    assert "parameter 'n' is required: give it as -p n=..." in failed.stderr


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, MAPPED, mapped(), parameters=(N,))
    assert "task load of run pipe/run-1 has not finished" in shim.attempt("work", "0").stderr
    shim.tasks("load", "work/1")
    failed = shim.attempt("spread")
    assert failed.returncode == 2
    assert "2 of 3 tasks of step 'work' have not finished: work-0, work-2" in failed.stderr


def test_nothing_mapped_is_an_empty_list(tmp_path: Path) -> None:
    steps = mapped()
    steps["spread"]["call"] = call("len", xs=output("work", 1))
    source = MAPPED + "\n    def len(xs): return [xs]\n"
    shim = PipelineShim(tmp_path, source, steps, parameters=({**N, "default": literal(0)},))
    shim.tasks("load", "spread")
    assert shim.value("spread", "output") == [[]]


def test_steps_that_flowc_put_in_import_nothing_of_the_users(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, "raise SystemExit('imported')", mapped(), parameters=(N,))
    shim.task("join")
    assert shim.manifest("join")["artifacts"] == {}
    assert shim.attempt("load").returncode == 1


NESTED = """
    from zenml import step

    @step
    def rows(): return [[1, 2], [], [3]]

    @step
    def columns(row: list) -> list: return [(row, x) for x in row]

    @step
    def cell(pair, row, base): return (pair[1] + base, len(row))

    @step
    def keep(*, cells, deep, own): return [cells, deep, own]
"""


def nested() -> dict[str, Json]:
    cell = call("cell", pair=item("columns"), row=item("rows"), base=literal(10))
    inner = call("keep", cells=output("cell", 1), deep=literal(None), own=output("columns"))
    outer = call("keep", cells=output("cell", 2), deep=output("inner", 1), own=output("rows"))
    return {
        "rows": step("foreach", "columns", call=call("rows"), foreach_var="output"),
        "columns": step("foreach", "cell", 1, call("columns", row=item("rows")), foreach_var="output"),
        "cell": step("linear", "inner", 2, cell),
        "inner": step("join", "outer", 1, inner, closes="columns", closes_kind="foreach", arms=[["cell"]]),
        "outer": step("join", "", 0, outer, closes="rows", closes_kind="foreach", arms=[["inner"]]),
    }


def test_levels_are_nested_lists(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, NESTED, nested())
    shim.tasks("rows", "columns/0", "columns/1", "columns/2", "cell/0.0", "cell/0.1", "cell/2.0")
    shim.tasks("inner/0", "inner/1", "inner/2", "outer")
    cells, deep, own = shim.value("outer", "output")
    assert cells == [[(11, 2), (12, 2)], [], [(13, 1)]]
    assert [row[0] for row in deep] == cells
    assert deep[2] == [[(13, 1)], None, [([3], 3)]]
    assert own == [[1, 2], [], [3]]


def test_where_each_read_is_a_round_trip_many_are_made_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store of files, treated as a remote one: tasks are found by one listing, and read by threads."""
    shim = PipelineShim(tmp_path, NESTED, nested())
    shim.tasks("rows", "columns/0", "columns/1", "columns/2", "cell/0.0", "cell/0.1", "cell/2.0")
    store = open_store(shim.root)
    monkeypatch.setattr(type(store), "remote", True)
    plan = Plan(json.loads(shim.plan.read_text(encoding="utf-8")))
    outputs = Outputs(RunLayout(store, "pipe", "run-1"), plan)
    cells = [[(11, 2), (12, 2)], [], [(13, 1)]]
    assert outputs.value(plan.step("cell"), "output", (), 2) == cells
    assert outputs.value(plan.step("cell"), "output", (0,), 1) == cells[0]
    assert outputs.value(plan.step("cell"), "output", (2, 0), 0) == (13, 1)
    with pytest.raises(MissingInput, match="3 of 3 tasks of step 'inner' have not finished: inner-0, inner-1, inner-2"):
        outputs.find(plan.step("inner"), (), 1)


FAN = """
    from flowc import step

    @step
    def numbers(): return (1, 2, 3)

    @step
    def letters(): return list("ab")

    @step
    def pair(x, y, z=None): return f"{x}{y}{z or ''}"
"""


def fan(product: bool, *sources: Json) -> dict[str, Json]:
    pair = call("pair", x=item("fan", 0), y=item("fan", 1))
    return {
        "numbers": step("linear", "letters", call=call("numbers")),
        "letters": step("linear", "fan", call=call("letters")),
        "fan": step("foreach", "pair", fan={"sources": list(sources), "product": product}),
        "pair": step("linear", "", 1, pair),
    }


def test_a_product_has_every_combination_the_last_source_fastest(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, FAN, fan(True, output("numbers"), output("letters")))
    shim.tasks("numbers", "letters", "fan", *(f"pair/{i}" for i in range(6)))
    assert [shim.value("pair", "output", str(i)) for i in range(6)] == ["1a", "1b", "2a", "2b", "3a", "3b"]
    assert (tmp_path / "outputs" / "count").read_text(encoding="utf-8") == "6"


def test_lists_that_are_mapped_over_together(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, FAN, fan(False, output("letters"), literal([7, 8])))
    shim.tasks("letters", "fan", "pair/0", "pair/1")
    assert [shim.value("pair", "output", str(i)) for i in range(2)] == ["a7", "b8"]


def test_lists_of_other_lengths_are_an_error(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, FAN, fan(False, output("letters"), output("numbers")))
    shim.tasks("letters", "numbers")
    failed = shim.attempt("fan")
    assert failed.returncode == 1
    assert "not 2 (output 'output' of step 'letters'), 3 (output 'output' of step 'numbers')" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_cannot_be_mapped_over_is_an_error(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, FAN, fan(True, output("letters"), literal(3)))
    shim.tasks("letters")
    assert (
        "step 'fan': 3, which is mapped over, is of type int, which cannot be iterated over"
        in shim.attempt("fan").stderr
    )


SWITCH = """
    from flowc import step

    @step
    def score(x): return {"value": x}

    @step
    def good(x): return "good", x

    @step
    def report(text, extra): return [text, extra]
"""


def switch(**options: Json) -> dict[str, Json]:
    value = {"element": output("score"), "key": "value"}
    tests = [
        {"operation": ">", "of": [value, literal(5)]},
        {"operation": "and", "of": [{"operation": "not", "of": [value]}, literal(True)]},
    ]
    chosen = {
        "chosen": "score",
        "cases": [["good", output("good")], ["none", literal("none")], ["low", literal("low")]],
    }
    return {
        "score": step(
            "switch", "good none low", call=call("score", x=options["x"]), tests=tests, cases=["good", "none", "low"]
        ),
        "good": step("linear", "report", call=call("good", x=value)),
        "none": step("linear", "report", virtual=True),
        "low": step("linear", "report", virtual=True),
        "report": step("linear", "", call=call("report", text=chosen, extra={"python": "{'a', 'b'}"})),
    }


@pytest.mark.parametrize(("x", "choice", "text"), [(7, "good", ("good", 7)), (0, "none", "none"), (3, "low", "low")])
def test_the_first_test_that_holds_chooses(tmp_path: Path, x: int, choice: str, text: Any) -> None:
    shim = PipelineShim(tmp_path, SWITCH, switch(x=literal(x)))
    shim.task("score")
    assert shim.manifest("score")["choice"] == choice
    assert (tmp_path / "outputs" / "choice").read_text(encoding="utf-8") == choice
    if choice == "good":
        shim.task("good")
    shim.task("report")
    assert shim.value("report", "output") == [text, {"a", "b"}]


def test_a_test_that_cannot_be_made_says_of_what(tmp_path: Path) -> None:
    failed = PipelineShim(tmp_path, SWITCH, switch(x=literal("many"))).attempt("score")
    assert failed.returncode == 1
    assert "step 'score': the condition cannot be made: TypeError" in failed.stderr
    assert "output 'output' of step 'score', ['value']" in failed.stderr


WRONG = """
    from flowc import catch, step

    @step
    def two(x): return x

    @step
    def none(x): return x

    @catch(var="error")
    @step
    def fails(x): raise ValueError("no")
"""


@pytest.mark.parametrize(
    ("outputs", "x", "message"),
    [
        ("a b", 3, "two has to return a tuple of 2 outputs (a, b), and returned a int"),
        ("a b", [1, 2, 3], "two has to return a tuple of 2 outputs (a, b), and returned 3 values"),
        ("", 3, "two has no output, and returned a int; annotate what it returns, such as `-> int`"),
    ],
)
def test_a_wrong_number_of_outputs_is_an_error(tmp_path: Path, outputs: str, x: Any, message: str) -> None:
    shim = PipelineShim(tmp_path, WRONG, {"first": step("linear", call=call("two", outputs, x=literal(x)))})
    failed = shim.attempt("first")
    assert failed.returncode == 1
    assert f"step 'first': {message}" in failed.stderr


def test_an_argument_that_cannot_be_made_says_of_what(tmp_path: Path) -> None:
    value = {"element": output("first"), "key": "a"}
    steps = {
        "first": step("linear", "second", call=call("two", x=literal(1))),
        "second": step("linear", call=call("two", x=value)),
    }
    shim = PipelineShim(tmp_path, WRONG, steps)
    shim.task("first")
    failed = shim.attempt("second")
    assert "step 'second': argument 'x' cannot be made: TypeError: 'int' object is not subscriptable" in failed.stderr
    assert "(output 'output' of step 'first', ['a'])" in failed.stderr


def test_outputs_of_a_step_that_was_caught_are_none(tmp_path: Path) -> None:
    caught = {"var": "error", "print_exception": False}
    steps = {"first": step("linear", call=call("fails", "a b", x=literal(1)), catch=caught)}
    shim = PipelineShim(tmp_path, WRONG, steps)
    shim.task("first")
    assert (shim.value("first", "a"), shim.value("first", "b")) == (None, None)
    assert shim.value("first", "error").exception == "no"
    assert shim.manifest("first")["caught"] is True
    steps["first"]["call"] = call("two", x=literal(1))
    shim = PipelineShim(tmp_path, WRONG, steps)
    assert shim.attempt("first", attempt=1, first=1).returncode == 0
    assert (shim.value("first", "output"), shim.value("first", "error")) == (1, None)


def test_missing_inputs_are_not_caught(tmp_path: Path) -> None:
    caught = {"var": None, "print_exception": False}
    steps = {
        "first": step("linear", "second", call=call("two", x=literal(1))),
        "second": step("linear", call=call("two", x=output("first")), catch=caught),
    }
    assert PipelineShim(tmp_path, WRONG, steps).attempt("second").returncode == 2


def test_names_of_steps_and_outputs_are_any(tmp_path: Path) -> None:
    source = """
        from typing import Annotated
        from flowc import step

        @step
        def index() -> Annotated[int, "input"]: return 1

        @step
        def next(input: int): return (lambda: input)()
    """
    steps = {
        "a-b": step("linear", "next", call=call("index", "input")),
        "next": step("linear", call=call("next", "index", input=output("a-b", output="input"))),
    }
    shim = PipelineShim(tmp_path, source, steps)
    shim.tasks("a-b", "next")
    assert shim.value("next", "index") == 1


def test_functions_of_other_modules_and_copies_of_steps(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "__init__.py").touch()
    (tmp_path / "steps" / "load.py").write_text(
        "from zenml import step\n@step\ndef load(): return 1\n", encoding="utf-8"
    )
    source = """
        import steps.load
        from flowc import step

        @step
        def work(x, /, y): return x + y

        fast = work.with_options(retry=3)
        work.configure(timeout="1m")

        def plain(x): return -x
    """
    steps = {
        "one": step("linear", "two", call={**call("load"), "module": "steps.load"}),
        "two": step("linear", "three", call=call("fast", x=output("one"), y=literal(1))),
        "three": step("linear", "four", call=call("plain", x=output("two"))),
        "four": step("linear", "five", call=call("steps.load.load")),
        "five": step("linear", call=call("gone")),
    }
    shim = PipelineShim(tmp_path, source, steps)
    shim.tasks("one", "two", "three", "four")
    assert [shim.value(name, "output") for name in ("one", "two", "three", "four")] == [1, 2, -2, 1]
    failed = shim.attempt("five")
    assert (failed.returncode, "flow_file has no step gone" in failed.stderr.replace("'", "")) == (2, True)


def test_values_that_json_does_not_have(tmp_path: Path) -> None:
    source = "from flowc import step\n@step\ndef keep(x): return repr(x)\n"
    texts = ["(1, [2])", "{1: 'a'}", "inf", "[nan, -inf]", "frozenset({1})", "range(0, 3)", "b'x'", "set()", "(1+2j)"]
    steps = {f"s{i}": step("linear", "", call=call("keep", x={"python": text})) for i, text in enumerate(texts)}
    shim = PipelineShim(tmp_path, source, steps)
    for i, text in enumerate(texts):
        shim.task(f"s{i}")
        assert shim.value(f"s{i}", "output") == text


def test_only_used_values_are_read(tmp_path: Path) -> None:
    """The other item is overwritten with garbage: whoever read it would find out by its hash."""
    source = """
        from flowc import step

        @step
        def load(): return [bytes([65 + i]) * 50_000 for i in range(2)], "x" * 50_000

        @step
        def work(x): return x[:1]
    """
    steps = {
        "load": step("foreach", "work", call=call("load", "items rest"), foreach_var="items"),
        "work": step("linear", "", 1, call("work", x=item("load"))),
    }
    shim = PipelineShim(tmp_path, source, steps)
    shim.task("load")
    manifest = shim.manifest("load")
    for path in Path(shim.root, "pipe", "data").rglob("*"):
        if path.is_file() and path.name != manifest["foreach"]["hash"]:
            path.write_bytes(b"")
        elif path.is_file():
            data = bytearray(path.read_bytes())
            data[-40_000] ^= 1
            path.write_bytes(data)
    shim.task("work", "0")
    assert shim.value("work", "output", "0") == b"A"
    assert "does not have the hash" in shim.attempt("work", "1").stderr


def test_the_graph_of_a_pipeline(tmp_path: Path) -> None:
    source = MAPPED.replace("print(small", "from flowc import current; print(current.graph); print(small")
    shim = PipelineShim(tmp_path, source, mapped(), parameters=(N,))
    shim.tasks("load", "work/0", "work/1", "work/2", "spread")
    graph = shim.task("show").splitlines()[0]
    assert "'graph_structure': ['load', 'work', 'spread', 'show']" in graph
    record = json.loads(Path(shim.root, "pipe", "run-1", "graph.json").read_text(encoding="utf-8"))
    assert (record["start"], record["steps"]["join"]["virtual"]) == ("load", True)


LOOKING = """
    from zenml import get_step_context, log_metadata, pipeline, step
    from zenml.client import Client
    from zenml.config import ResourceSettings
    from zenml.logger import get_logger

    @step(settings={"resources": ResourceSettings(cpu_count=1)})
    def first():
        log_metadata({"a": 1})
        return "first"

    @step
    def second():
        get_logger(__name__).info("second")
        run = Client().get_pipeline_run(get_step_context().pipeline_run.name)
        return {name: step.output.load() for name, step in run.steps.items()}, run.steps["first"].run_metadata

    @pipeline
    def pipe():
        first()
        second(after="first")

    pipe()
"""


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_zenml_on_other_pythons(tmp_path: Path, version: str) -> None:
    steps = {"first": step("linear", "second", call=call("first")), "second": step("linear", call=call("second"))}
    shim = PipelineShim(tmp_path, LOOKING, steps, python=interpreter(version))
    shim.task("first")
    assert shim.task("second") == "second\n"
    assert shim.value("second", "output") == ({"first": "first"}, {"a": 1})


def test_finished_tasks_are_taken_over(tmp_path: Path) -> None:
    shim = PipelineShim(tmp_path, FAN, fan(False, output("letters"), literal([7, 8])))
    shim.tasks("letters", "fan", "pair/0")
    plan = Plan(json.loads(shim.plan.read_text(encoding="utf-8")))
    target = RunLayout(open_store(shim.root), "pipe", "run-2")
    origin = Origin(shim.layout, plan)
    taken = origin.take(target, [("letters", ()), ("fan", ()), ("pair", (0,)), ("pair", (1,))])
    assert [manifest is not None for manifest in taken] == [True, True, True, False]
    assert target.manifest("fan", ())["foreach"]["count"] == 2
    changed = {**shim.manifest("letters"), "foreach": {"variable": None, "count": 2}}
    assert not agrees(plan.step("fan"), changed), "another kind of fan-out"
    assert not agrees(plan.step("letters"), changed)


def test_a_plan_says_which_tasks_a_run_begins_with(tmp_path: Path) -> None:
    steps = {
        "start": step("branch", "a b", virtual=True),
        "a": step("linear", "end", call=call("numbers")),
        "b": step("linear", "end", call=call("numbers")),
        "end": step("join", virtual=True),
    }
    shim = PipelineShim(tmp_path, FAN, steps)
    plan = Plan(json.loads(shim.plan.read_text(encoding="utf-8")))
    assert [name for name in steps if plan.is_first(plan.step(name))] == ["start", "a", "b"]
    shim.task("b")
    assert (Path(shim.root) / "pipe" / "run-1" / "graph.json").is_file()


FRAMES = """
    from flowc import pipeline, step

    class DataFrame:
        def __iter__(self):
            return iter(["x", "y"])

        def __len__(self):
            return 100

    VALUES = {
        "dict": {"a": 1}, "text": "ab", "bytes": b"ab", "frame": DataFrame(), "number": 3,
        "polars": type("DataFrame", (DataFrame,), {"__module__": "polars.dataframe.frame"})(),
    }

    @step
    def load(kind):
        return VALUES[kind]

    @step
    def work(x):
        return x

    @pipeline
    def pipe():
        work.map(load("dict"))
"""
NO_LISTS = {
    "dict": "is a dict, and no list: write `list(d.items())` for its pairs, or `list(d)` for its keys",
    "text": "is a str, and no list: write `list(text)` for its characters",
    "bytes": "is a bytes, and no list: write `list(data)`",
    "frame": 'is a DataFrame, and no list: write `df.to_dict("records")` for its rows',
    "polars": "is a DataFrame, and no list: write `df.to_dicts()`",
    "number": "is of type int, which cannot be iterated over",
}


@pytest.mark.parametrize("kind", NO_LISTS)
def test_what_is_no_list_is_not_mapped_over(tmp_path: Path, kind: str) -> None:
    loading = step("foreach", "work", call=call("load", kind=literal(kind)), foreach_var="output")
    steps = {"load": loading, "work": step("linear", depth=1, call=call("work", x=item("load")))}
    failed = PipelineShim(tmp_path, FRAMES, steps).attempt("load")
    assert failed.returncode != 0
    assert f"step 'load': output 'output', which is mapped over, {NO_LISTS[kind]}" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_is_no_list_is_not_mapped_over_in_a_fan(tmp_path: Path) -> None:
    steps = {
        "load": step("linear", "map", call=call("load", kind=literal("text"))),
        "map": step("foreach", "work", virtual=True, fan={"sources": [output("load")], "product": False}),
        "work": step("linear", depth=1, call=call("work", x=item("map"))),
    }
    shim = PipelineShim(tmp_path, FRAMES, steps)
    shim.task("load")
    assert (
        f"step 'map': output 'output' of step 'load', which is mapped over, {NO_LISTS['text']}"
        in shim.attempt("map").stderr
    )
