"""What the cache takes over, and what runs: by what a task reads, and by what is written at its step."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from flowc.client import Run
from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc_cli.cache_reasons import cache_reasons
from flowc_cli.run_tasks import read_tasks
from flowc_cli.sweeping import find_unnamed, remove_run, sweep
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.passes.caching import apply_cache
from tests.local.flows import Local
from tests.serial_engine import SerialEngine, SerialRun

FLOW = """
    import os
    from flowc import FlowSpec, IncludeFile, Parameter, cache, current, environment, retry, step

    class Work(FlowSpec):
        lr = Parameter("lr", default=0.5)
        n = Parameter("n", default=3)
        idle = Parameter("idle", default="x")

        @step
        def start(self):
            self.read = os.environ.get("READ", "1")
            self.unread = os.environ.get("UNREAD", "1")
            self.rounded = len(os.environ.get("READ", "1"))
            self.items = os.environ.get("ITEMS", "a b c").split()
            self.next(self.linear)

        @cache
        @step
        def linear(self):
            self.seen = self.read
            self.own = len(self.read)
            self.next(self.follow)

        @cache
        @step
        def follow(self):
            self.doubled = 2 * self.own
            self.next(self.fan, self.params)

        @cache
        @step
        def params(self):
            self.rate = self.lr * 2
            self.next(self.both)

        @cache
        @step
        def fan(self):
            self.next(self.item, foreach="items")

        @cache
        @step
        def item(self):
            self.made = self.input * 2
            self.kept = self.unread
            self.next(self.gather)

        @cache
        @step
        def gather(self, inputs):
            self.all = [each.made for each in inputs]
            self.next(self.both)

        @cache
        @step
        def both(self, inputs):
            self.result = (inputs.gather.all, inputs.params.rate)
            self.next(self.end)

        @cache
        @step
        def end(self):
            print(self.result)

    if __name__ == "__main__":
        Work()
"""
ITEMS = {"item/0", "item/1", "item/2"}
CACHED = {"linear", "follow", "params", "fan", "gather", "both", "end", *ITEMS}


@pytest.fixture
def work(tmp_path: Path) -> SerialEngine:
    return engine(tmp_path, FLOW)


def engine(folder: Path, text: str, **options: Any) -> SerialEngine:
    file = folder / "work.py"
    file.write_text(textwrap.dedent(text))
    return SerialEngine(file, folder / "root", **options)


CHANGES: dict[str, tuple[dict[str, str], dict[str, Any], set[str]]] = {
    "nothing": ({}, {}, set()),
    "unread_artifact_that_one_reads": ({"UNREAD": "2"}, {}, {"item/0", "item/1", "item/2"}),
    "an_equal_value_ends_it": ({"READ": "2"}, {}, {"linear"}),
    "a_longer_value": ({"READ": "22"}, {}, {"linear", "follow"}),
    "a_read_parameter": ({}, {"lr": 0.7}, {"params", "both", "end"}),
    "an_unread_parameter": ({}, {"idle": "y"}, set()),
    "an_item": ({"ITEMS": "a d c"}, {}, {"fan", "item/1", "gather", "both", "end"}),
    "moved_items": ({"ITEMS": "c a b"}, {}, {"fan", "gather", "both", "end"}),
    "fewer_items": ({"ITEMS": "b"}, {}, {"fan", "gather", "both", "end"}),
}


@pytest.mark.process
def test_what_has_not_changed_does_not_run(work: SerialEngine) -> None:
    """After one run that fills the cache, each change runs what reads it, and equal values end it."""
    first = work.run()
    assert first.ran == CACHED | {"start"}, first.output
    for name, (env, params, expected) in CHANGES.items():
        again = work.run(env=env, **params)
        assert again.ran - {"start"} == expected, name
        plain = work.run(env={**env, "FLOWC_CACHE": "off"}, **params)
        assert plain.ran == {"start", *CACHED} & set(plain.identities()), name
        assert again.identities() == plain.identities(), name


@pytest.mark.process
def test_a_cached_task_says_where_it_ran(work: SerialEngine) -> None:
    first, second = work.run("one"), work.run("two", env={"ITEMS": "c a b"})
    manifest = second.manifests["item", (0,)]
    assert manifest["run"] == "two"
    origin = {name: found for name, found in manifest["cached"].items() if name != "created"}
    assert origin == {"run": "one", "step": "item", "index": "2", "attempt": 0}
    assert manifest["parameters"] == first.manifests["start", ()]["parameters"]
    assert "flowc: task item/0 is taken from the cache (run one, task item/2)" in second.output


BODY = """
    import os
    from flowc import FlowSpec, Parameter, cache, catch, checkpoint, current, step, parallel_map
    from metaflow import Run

    class Work(FlowSpec):
        lr = Parameter("lr", default=0.5)

        @step
        def start(self):
            self.x = os.environ.get("X", "1")
            self.y = os.environ.get("Y", "1")
            self.items = [self.x, "b"]
            self.next(self.work)

        {decorator}
        @step
        def work(self):
            {body}
            self.next(self.end)

        @step
        def end(self):
            pass
"""
# What the step does, what is changed, and whether it runs again then.
READS: dict[str, tuple[str, str, dict[str, str], bool]] = {
    "hasattr": ("@cache", "self.z = hasattr(self, 'x')", {"X": "2"}, True),
    "missing_name": ("@cache", "self.z = getattr(self, 'nobody', 0)", {"X": "2"}, False),
    "in_a_fork": ("@cache", "self.z = parallel_map(lambda at: at + len(self.x), [1, 2])", {"X": "22"}, True),
    "in_a_thread": (
        "@cache",
        "import threading; t = threading.Thread(target=lambda: self.x); t.start(); t.join()",
        {"X": "2"},
        True,
    ),
    "set_without_reading": ("@cache", "self.x = '5'", {"X": "2"}, False),
    "deleted": ("@cache", "del self.x", {"X": "2"}, True),
    "current_run": ("@cache", "self.z = current.run_id", {}, True),
    "ignored_fact": ("@cache(ignore='current.run_id')", "self.z = current.run_id", {}, False),
    "task_of_the_run": ("@cache", "self.z = current.pathspec", {}, True),
    "step_name": ("@cache", "self.z = current.step_name, current.flow_name", {}, False),
    "retry_count": ("@cache", "self.z = current.retry_count", {}, False),
    "username": ("@cache", "self.z = current.username", {"FLOWC_USER": "somebody"}, True),
    "tags": ("@cache", "self.z = sorted(current.tags)", {"FLOWC_TAGS": "a,b"}, True),
    "client": ("@cache", "self.z = Run(f'Work/{{current.run_id}}').id", {}, True),
    "graph": ("@cache", "self.z = len(current.graph)", {}, True),
    "ignored_artifact": ("@cache(ignore=['x'])", "self.z = self.x + self.y", {"X": "2"}, False),
    "beside_an_ignored": ("@cache(ignore=['x'])", "self.z = self.x + self.y", {"Y": "2"}, True),
    "parameter": ("@cache", "self.z = self.lr", {"FLOWC_PARAM_LR": "0.7"}, True),
    "caught": ("@catch(var='failure')\n        @cache", "raise ValueError(self.x)", {}, True),
    "not_caught": ("@catch(var='failure')\n        @cache", "self.z = 1", {}, False),
    "disabled": ("@cache(enabled=False)", "self.z = 1", {}, True),
    "sets": ("@cache", "self.z = self.y; self.names = {'a', 'b', self.y}", {"X": "2"}, False),
    "changed_in_place": ("@cache", "self.items.append(1)", {}, False),
    "own_checkpoints": ("@checkpoint\n        @cache", "self.z = current.checkpoint.is_loaded", {}, False),
    "other_checkpoints": (
        "@checkpoint(load_policy='eager')\n        @cache",
        "self.z = current.checkpoint.info",
        {},
        True,
    ),
    "parameter_names": ("@cache", "self.z = list(current.parameter_names)", {"X": "2"}, False),
    "items_read": ("@cache", "self.items.append(1)", {"X": "2"}, True),
}


@pytest.mark.process
@pytest.mark.parametrize("name", READS)
def test_what_counts_as_read(name: str, tmp_path: Path) -> None:
    decorator, body, env, runs = READS[name]
    work = engine(tmp_path, BODY.format(decorator=decorator, body=body.replace("{{", "{").replace("}}", "}")))
    first = work.run()
    assert not first.failed, first.output
    again = work.run(env=env)
    assert ("work" in again.ran) == runs, (first.output, again.manifests["work", ()].get("cache"))
    if not runs:
        plain = work.run(env={**env, "FLOWC_CACHE": "off"})
        assert again.identities()["end"] == plain.identities()["end"] or "ignore" in decorator


@pytest.mark.process
def test_a_cached_value_that_is_used_is_whole(tmp_path: Path) -> None:
    """A result whose value is gone or damaged is none, and the next run heals it; so is a damaged entry."""
    work = engine(tmp_path, BODY.format(decorator="@cache", body="self.z = 'z' * 10_000 + self.x"))
    first = work.run()
    blob = first.manifests["work", ()]["artifacts"]["z"]["hash"]
    value = tmp_path / "root" / "Work" / "data" / blob[:2] / blob
    assert "work" not in work.run().ran
    value.write_bytes(value.read_bytes()[:-1] + b"!")
    damaged = work.run()
    assert "work" in damaged.ran
    assert "not taken from the cache" in damaged.output
    assert damaged.value("work", "z").startswith("zzz")
    assert "work" not in work.run().ran
    value.unlink()
    assert "work" in work.run().ran
    for kind in ("results", "reads"):
        (entry,) = (tmp_path / "root/Work/data/cache/work").glob(f"*/{kind}/*.json")
        entry.write_text(entry.read_text().replace("version", "verzion", 1))
        again = work.run()
        assert "work" in again.ran
        assert "not taken from the cache" in again.output
        assert "work" not in work.run().ran


@pytest.mark.process
def test_a_result_is_too_old_and_another_version(tmp_path: Path) -> None:
    text = BODY.format(decorator="@cache(ttl='1h', version=1)", body="self.z = self.x")
    work = engine(tmp_path, text)
    work.run()
    assert "work" not in work.run().ran
    (entry,) = (tmp_path / "root/Work/data/cache/work").glob("*/results/*.json")
    from flowc.store.documents import check_document, sealed

    key = str(entry.relative_to(tmp_path / "root"))
    document = check_document(key, entry.read_bytes())
    entry.write_bytes(b"".join(sealed(key, {**document, "created": document["created"] - 4000})))
    assert "work" in work.run().ran
    assert "work" not in work.run().ran
    assert "work" in engine(tmp_path, text.replace("version=1", "version=2")).run().ran
    assert "work" not in engine(tmp_path, text.replace("version=1", "version=1, secrets=True")).run().ran


OPENING = """
    import os
    from flowc import FlowSpec, IncludeFile, JSONType, Parameter, cache, step

    class Work(FlowSpec):
        {parameter}

        @cache
        @step
        def start(self):
            print("started")
            self.z = self.p
            self.next(self.{after})

        @cache
        @step
        def end(self):
            pass
"""
PARAMETERS = {
    "plain": "p = Parameter('p', default=3)",
    "text": "p = Parameter('p', default='a')",
    "separated": "p = Parameter('p', default='a,b', separator=',')",
    "required": "p = Parameter('p', required=True)",
    "json": "p = Parameter('p', type=JSONType, default='[]')",
    "function": "p = Parameter('p', default=lambda context: 'made')",
    "file": "p = IncludeFile('p', default='given.txt')",
}


@pytest.mark.process
@pytest.mark.parametrize("name", PARAMETERS)
def test_a_first_step_is_cached_with_any_parameter(name: str, tmp_path: Path) -> None:
    (tmp_path / "given.txt").write_text("content")
    work = engine(tmp_path, OPENING.format(parameter=PARAMETERS[name], after="end"))
    if name == "file":
        work.plan_data["parameters"][0]["value"] = str(tmp_path / "given.txt")
    given: dict[str, Any] = {"p": "7"} if name == "required" else {}
    first = work.run(**given)
    assert first.ran == {"start", "end"}, first.output
    again = work.run(**given)
    assert again.ran == set(), again.output
    assert again.identities() == first.identities()
    assert again.layout.kept_parameters() == first.layout.kept_parameters()
    if name == "file":
        (tmp_path / "given.txt").write_text("other")
        assert work.run().ran == {"start"}
    elif name != "function":
        other = {"plain": 4, "text": "b", "separated": "c", "required": "8", "json": "[1]"}[name]
        assert work.run(p=other).ran == {"start"}


SWITCH = """
    import os
    from flowc import FlowSpec, cache, loop, step

    class Work(FlowSpec):
        @step
        def start(self):
            self.most = int(os.environ.get("MOST", "3"))
            self.way = os.environ.get("WAY", "left")
            self.count = 0
            self.next(self.again)

        @cache
        @loop(max_iterations=9)
        @step
        def again(self):
            self.count += 1
            self.goes = "on" if self.count < self.most else "out"
            self.next({"on": self.again, "out": self.choose}, condition="goes")

        @cache
        @step
        def choose(self):
            self.next({"left": self.left, "right": self.right}, condition="way")

        @cache
        @step
        def left(self):
            self.next(self.end)

        @cache
        @step
        def right(self):
            self.next(self.end)

        @cache
        @step
        def end(self):
            self.done = self.count
"""


@pytest.mark.process
def test_loops_and_switches_go_where_they_went(tmp_path: Path) -> None:
    work = engine(tmp_path, SWITCH)
    first = work.run()
    assert first.value("end", "done") == 3
    assert work.run().ran == {"start"}
    other = work.run(env={"WAY": "right"})
    assert other.ran == {"start", "choose", "right"}
    assert ("left", ()) not in other.manifests
    shorter = work.run(env={"MOST": "2"})
    assert shorter.ran == {"start", "again/0", "again/1", "end"}  # another value of `most`, which each of them reads
    assert shorter.value("end", "done") == 2


JOINS = """
    import os
    from flowc import FlowSpec, cache, step

    class Work(FlowSpec):
        @step
        def start(self):
            self.a = os.environ.get("A", "1")
            self.b = os.environ.get("B", "1")
            self.c = os.environ.get("C", "1")
            self.next(self.one, self.two)

        @step
        def one(self):
            self.x = self.a
            self.next(self.join)

        @step
        def two(self):
            self.x = self.b
            self.next(self.join)

        @cache
        @step
        def join(self, inputs):
            BODY
            self.next(self.end)

        @step
        def end(self):
            pass
"""
JOINED: dict[str, tuple[str, dict[str, str], bool]] = {
    "one_input": ("self.z = inputs.one.x", {"B": "2"}, False),
    "that_input": ("self.z = inputs.one.x", {"A": "2"}, True),
    "each": ("self.z = [each.x for each in inputs]", {"B": "2"}, True),
    "nothing": ("self.z = len(inputs)", {"A": "2", "B": "2", "C": "2"}, False),
    "merged": ("self.x = 1; self.merge_artifacts(inputs, exclude=['a', 'b'])", {"C": "2"}, True),
    "excluded": ("self.x = 1; self.merge_artifacts(inputs, exclude=['a', 'b'])", {"A": "2"}, False),
    "own": ("self.x = 1; self.merge_artifacts(inputs, include=['c'])", {"A": "2", "B": "3"}, False),
    "included": ("self.merge_artifacts(inputs, include=['c'])", {"C": "2"}, True),
    "parameter_of_an_input": ("self.z = inputs[0].index", {"A": "2"}, False),
}


@pytest.mark.process
@pytest.mark.parametrize("name", JOINED)
def test_a_join_reads_inputs_and_artifacts(name: str, tmp_path: Path) -> None:
    body, env, runs = JOINED[name]
    work = engine(tmp_path, JOINS.replace("BODY", body))
    first = work.run()
    assert not first.failed, first.output
    again = work.run(env=env)
    assert ("join" in again.ran) == runs, again.manifests["join", ()].get("cache")
    plain = work.run(env={**env, "FLOWC_CACHE": "off"})
    assert again.identities() == plain.identities()


PIPELINE = """
    import os
    from zenml import get_step_context, pipeline, step

    @step
    def load(n: int = 2) -> list:
        return [os.environ.get("FIRST", "1"), "2"][:n]

    @step
    def size(text: str) -> int:
        return len(text)

    @step(enable_cache=False)
    def always(n: int) -> int:
        return n

    @step
    def total(sizes: list, scale: int = 1) -> int:
        return scale * sum(sizes)

    @step
    def named() -> str:
        return get_step_context().pipeline_run.name

    @pipeline(enable_cache=True)
    def work(n: int = 2, scale: int = 1):
        items = load(n)
        sizes = size.map(items)
        total(sizes, scale)
        always(3)
        named()

    if __name__ == "__main__":
        work()
"""


@pytest.mark.process
def test_a_pipeline_is_cached_where_its_file_says_so(tmp_path: Path) -> None:
    work = engine(tmp_path, PIPELINE)
    first = work.run()
    assert not first.failed, first.output
    whole = first.ran
    again = work.run()
    steps = {name for name in again.ran if not work.flow.by_name[name.partition("/")[0]].virtual}
    assert steps == {"always"}  # `named` has the name of another run, as it has in ZenML
    assert again.value("total", "output") == 2
    scaled = work.run(scale=3)
    assert {name for name in scaled.ran if name in whole} - again.ran == {"total"}
    assert scaled.value("total", "output") == 6
    fewer = work.run(n=1)
    assert fewer.ran - again.ran == {"load", "total"}  # its only item is as it was
    assert engine(tmp_path, PIPELINE, cache=False).run().ran == whole


def test_the_plan_of_a_flow_without_a_cache_has_none(tmp_path: Path) -> None:
    steps = engine(tmp_path, FLOW, cache=False).plan_data["steps"]
    assert '"cache"' not in json.dumps(steps)


@pytest.mark.process
def test_entries_go_with_the_run_that_has_made_them(tmp_path: Path) -> None:
    """`flowc gc` keeps what runs that are there have made, and a run that was removed has nothing in the cache."""
    work = engine(tmp_path, BODY.format(decorator="@cache", body="self.z = 'z' * 10_000"))
    first, second = work.run("first"), work.run("second", env={"X": "2"})
    assert "work" in first.ran
    assert "work" not in second.ran
    store, day = open_store(work.root), 86400.0
    folder = tmp_path / "root/Work/data"
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
    assert not find_unnamed(store, "Work", day).doomed
    doomed = find_unnamed(store, "Work", day, without={"first"}).doomed
    assert {file.key.split("/")[-2] for file in doomed} == {"reads", "results"}  # the second run names the values
    remove_run(RunLayout(store, "Work", "first"))
    assert "work" not in work.run("third").ran
    sweep(store, "Work", find_unnamed(store, "Work", day).doomed, day)
    assert not list((folder / "cache").rglob("*.json"))
    assert "work" in work.run("fourth").ran


@pytest.mark.process
def test_the_local_engine_takes_what_the_cache_has_without_a_process(tmp_path: Path) -> None:
    local = Local(tmp_path, FLOW)
    object.__setattr__(local.compilation, "flow", apply_cache(local.compilation.flow, True, DiagnosticSink()))
    first = local.run()
    assert first.ok
    second = local.run()
    assert second.ok
    assert local.says.out == []
    note = "12 tasks are taken from the cache: start, linear, follow, params, fan, item (3), gather, both, end"
    assert local.says.notes == [note.replace("12", "11")]
    task = local.client(second)["item"].task
    assert task.origin_pathspec == f"Work/{first.run_id}/item/{task.id}"
    assert local.client(second)["end"].task.stdout == local.client(first)["end"].task.stdout != ""


@pytest.mark.process
def test_show_says_why_a_task_ran(tmp_path: Path) -> None:
    text = BODY.format(decorator="@cache", body="self.z = self.x + helped()").replace("class Work", HELPED, 1)

    def why(run: SerialRun) -> str:
        return next(line for line in cache_reasons(read_tasks(client(run))) if line.startswith("work: "))

    def client(run: SerialRun) -> Run:
        return Run(f"Work/{run.layout.run}", root=str(tmp_path / "root"), _namespace_check=False)

    work = engine(tmp_path, text)
    assert why(work.run("r1")) == "work: ran: no earlier run has it"
    assert why(work.run("r2")) == "work: from the cache: run r1"
    assert why(work.run("r3", env={"X": "2"})) == "work: ran, unlike in run r2: artifact 'x' is another"
    changed = text.replace("return 'h'", "return 'H'")
    assert why(engine(tmp_path, changed).run("r4", env={"X": "2"})) == (
        "work: ran, unlike in run r3: its code has changed: work.helped"
    )
    version = changed.replace("@cache\n", "@cache(version=2)\n").replace("@cache ", "@cache(version=2) ")
    assert why(engine(tmp_path, version).run("r5", env={"X": "2"})) == (
        "work: ran, unlike in run r4: the version of @cache changed"
    )
    untraced = text.replace("+ helped()", "+ str(current.graph)")
    assert why(engine(tmp_path, untraced).run("r6")) == "work: is never cached: it has read current.graph"


HELPED = """def helped():
        return 'h'

    class Work"""


SEED = """
    import os
    from zenml import get_step_context, pipeline, step
    from zenml.client import Client

    @step
    def load_step() -> str:
        return os.environ.get("SAID", "Hello")

    @step
    def process_step(input_data: str) -> str:
        return input_data

    @step
    def combine_step(step_prefix: str, output_name: str) -> str:
        steps = Client().get_pipeline_run(get_step_context().pipeline_run.name).steps
        names = sorted(name for name in steps if name.startswith(step_prefix))
        return ",".join(steps[name].outputs[output_name][0].load() for name in names)

    @step
    def before() -> int:
        return len(Client().get_pipeline("seed").runs)

    @pipeline(enable_cache=True)
    def seed(parallel_count: int = 2):
        data = load_step()
        after = []
        for i in range(parallel_count):
            process_step(data, id=f"process_{i}")
            after.append(f"process_{i}")
        combine_step(step_prefix="process_", output_name="output", after=after)
        before()

    if __name__ == "__main__":
        seed()
"""


@pytest.mark.process
def test_a_step_that_looks_at_its_own_run_is_cached_by_what_it_may_see(tmp_path: Path) -> None:
    work = engine(tmp_path, SEED)
    first = work.run()
    assert first.value("combine_step", "output") == "Hello,Hello"
    assert work.run().ran == {"before"}
    env = {"SAID": "Bye", "FLOWC_CACHE": "off"}
    assert work.run(env=env).value("combine_step", "output") == "Bye,Bye"
    named = engine(tmp_path, SEED.replace('"Hello"', '"Ciao"')).run()
    assert named.value("combine_step", "output") == "Ciao,Ciao"
    assert "combine_step" in named.ran


MODEL = """
    import enum, functools, os
    from flowc import FlowSpec, cache, step

    def scaled(k, x):
        return k * x

    class Base:
        def predict(self, x):
            return scaled(2, x)

    class Model(Base):
        pass

    class Mode(enum.Enum):
        FAST = 1

        def label(self):
            return self.name

    class Other:
        def predict(self, x):
            return x - 1

    class Work(FlowSpec):
        @step
        def start(self):
            self.items = [MADE]
            self.next(self.work, foreach="items")

        @cache
        @step
        def work(self):
            self.z = USED
            self.next(self.join)

        @cache
        @step
        def join(self, inputs):
            self.y = [INPUT for each in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass
"""
# What an item is, what its task and the join make of it, an edit, and which of both runs again.
OBJECTS: dict[str, tuple[str, str, str, tuple[str, str], set[str]]] = {
    "a_method": ("Model()", "self.input.predict(3)", "each.z", ("k * x", "k + x"), {"work/0", "join"}),
    "of_a_join": ("Model()", "1", "each.items[0].predict(3)", ("k * x", "k + x"), {"join"}),
    "a_function": ("[scaled]", "self.input[0](2, 4)", "each.z", ("k * x", "k + x"), {"work/0", "join"}),
    "a_partial": ("functools.partial(scaled, 2)", "self.input(5)", "each.z", ("k * x", "k + x"), {"work/0", "join"}),
    "a_member": ("Mode.FAST", "self.input.label()", "each.z", ("self.name", "self.value"), {"work/0", "join"}),
    "another_class": ("Model()", "self.input.predict(3)", "each.z", ("x - 1", "x - 2"), set()),
    "not_loaded": ("Model()", "1", "each.z", ("k * x", "k + x"), set()),
    "plain": ("{'k': [1, (2.0, None)]}", "len(self.input)", "each.z", ("k * x", "k + x"), set()),
}


@pytest.mark.process
@pytest.mark.parametrize("name", OBJECTS)
def test_the_code_of_an_object_counts_where_it_is_loaded(name: str, tmp_path: Path) -> None:
    """A pickle names its class, and not what that does."""
    made, used, of_input, (old, new), expected = OBJECTS[name]
    text = MODEL.replace("MADE", made).replace("USED", used).replace("INPUT", of_input)
    first = engine(tmp_path, text).run()
    assert not first.failed, first.output
    changed = engine(tmp_path, text.replace(old, new))
    again = changed.run()
    assert again.ran - {"start", "end"} == expected
    assert again.identities() == changed.run(env={"FLOWC_CACHE": "off"}).identities()


CALLED = """
    from flowc import cache, pipeline, step

    @step
    def flag(on: bool) -> bool:
        return on

    @cache
    @step
    def work(item: object, output: int = 1, at: int = 1, each: int = 1) -> str:
        return repr((item, output, at, each))

    @pipeline
    def calls(on: bool = False):
        BODY
"""
# Two bodies of the pipeline that differ for the step; its arguments may have the words of the plan as their names.
CALLS: dict[str, tuple[str, str]] = {
    **{
        f"a_dict_with_{word}": (f"work({{{word!r}: 1}})", f"work({{{word!r}: 2}})")
        for word in ("item", "output", "parameter", "stored", "at", "chosen", "each", "literal", "other")
    },
    "within_a_list": ("work([flag(True), {'output': 1}])", "work([flag(True), {'output': 2}])"),
    "the_order_of_a_dict": ("work({'a': 1, 'b': 2})", "work({'b': 2, 'a': 1})"),
    "an_argument_named_output": ("work(0, output=1)", "work(0, output=2)"),
    "beside_an_argument_named_item": ("work(item=0, each=1)", "work(item=0, each=2)"),
    "an_argument_named_at": ("work(0, at=1)", "work(0, at=2)"),
    "true_and_1": ("work({'a': 1})", "work({'a': True})"),
    "a_key": ("work({'a': flag(True)})", "work({'b': flag(True)})"),
    "an_operation": ("work(flag(True) + 1)", "work(flag(True) * 1)"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_step_is_called_with_counts(name: str, tmp_path: Path) -> None:
    one, two = (engine(tmp_path, CALLED.replace("BODY", body)).plan_data["steps"]["work"] for body in CALLS[name])
    assert one["cache"]["graph"] != two["cache"]["graph"]
    moved = engine(tmp_path, "\n\n" + CALLED.replace("BODY", CALLS[name][1])).plan_data["steps"]["work"]
    assert moved["cache"]["graph"] == two["cache"]["graph"]


@pytest.mark.process
def test_values_that_a_switch_has_chosen_are_told_apart(tmp_path: Path) -> None:
    body = (
        "if flag(on):\n            a = flag(True)\n            x = 1\n        else:\n            x = 2\n        work(x)"
    )
    work = engine(tmp_path, CALLED.replace("BODY", body))
    assert work.run(on=True).value("work", "output") == "(1, 1, 1, 1)"
    assert work.run(on=False).value("work", "output") == "(2, 1, 1, 1)"
    assert "work" not in work.run(on=True).ran


NAMES = """
    from zenml import get_step_context, pipeline, step
    from flowc import current

    @step
    def named() -> str:
        return CODE

    @pipeline(enable_cache=True)
    def names():
        named()
        named()
"""


@pytest.mark.process
@pytest.mark.parametrize("code", ["current.step_name", "get_step_context().step_name"])
def test_calls_of_one_function_that_reads_its_name_share_nothing(code: str, tmp_path: Path) -> None:
    work = engine(tmp_path, NAMES.replace("CODE", code))
    first = work.run()
    assert (first.value("named", "output"), first.value("named_2", "output")) == ("named", "named_2")
    assert work.run().ran == set()


TOLERANT = """
    import os
    from flowc import FlowSpec, cache, foreach_options, step

    class Work(FlowSpec):
        @foreach_options(min_success=0.5)
        @step
        def start(self):
            self.items = [1, 2, 3]
            self.next(self.check, foreach="items")

        @step
        def check(self):
            if str(self.index) in os.environ.get("FAIL", "").split():
                raise ValueError(self.index)
            self.next(self.work)

        @cache
        @step
        def work(self):
            self.z = self.input
            self.next(self.join)

        @cache
        @step
        def join(self, inputs):
            self.y = len(inputs)
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.process
def test_what_has_failed_is_not_taken_from_the_cache(tmp_path: Path) -> None:
    """Neither for a step behind a failure in its item, nor for the join of a foreach with one."""
    work = engine(tmp_path, TOLERANT)
    work.run()
    assert work.run().ran == {"start", "check/0", "check/1", "check/2", "end"}
    for fail, count in (("1", 2), ("", 3), ("0 2", 1)):
        run = work.run(env={"FAIL": fail})
        assert run.failed == (["join"] if count == 1 else []), run.output
        assert count == 1 or run.value("join", "y") == count
