"""Batches: which steps share a pod, what the pod needs, and that an engine and the pods together run every task."""

from __future__ import annotations

import json
import zlib
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc.protocol.plan import Plan
from flowc.shim.group_schedule import GroupSchedule
from flowc_cli.target_options import emit_files
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import ContainerSpec, verify
from flowc_compiler.passes.batching import batch_steps, with_batches
from flowc_compiler.passes.contraction import contracted
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import load_target
from flowc_targets.local.schedule import Schedule
from flowc_targets.package.run_plan import build_plan
from tests.conftest import EXAMPLES
from tests.flowgen.blocks import Block, flows
from tests.flowgen.lowering import lowered
from tests.flowgen.plain import Program

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_compiler.driver import Compilation
    from flowc_compiler.ir import Flow, PodGroup, ResourceSpec

Path_ = tuple[int, ...]


class Outcomes:
    """What each task of a flow comes to: the same whoever runs it."""

    def __init__(self, flow: Flow, seed: int) -> None:
        self._flow = flow
        self._seed = seed

    def manifest(self, name: str, path: Path_) -> dict[str, Any]:
        """The count of a foreach, and the choice of a switch: a recursive one leads on the third time at last."""
        step = self._flow.by_name[name]
        number = zlib.crc32(f"{name} {path} {self._seed}".encode())
        if step.kind == "foreach":
            return {"foreach": {"count": number % 4}}
        if step.kind != "switch":
            return {}
        cases = step.cases if not step.recursive or path[-1] < 2 else [c for c in step.cases if c.target != name]
        return {"choice": cases[number % len(cases)].target}


def ran(flow: Flow, outcomes: Outcomes, plan: Plan | None = None) -> list[Any]:
    """The tasks of a flow in the order of an engine with one worker, and those of its pods where it has a plan."""
    schedule, found = Schedule(flow), list[Any]()
    while schedule.has_ready:
        key = schedule.pop()
        kind, count = flow.by_name[key.step].kind, None
        place = key.step, plan.own_path(*key) if plan is not None else key.path
        if plan is not None and key.step in plan.groups:
            tasks = in_pod(plan, key.step, place[1], outcomes)
            count = sum(step == plan.group(key.step).steps[-1] for step, _ in tasks) if kind == "foreach" else None
            found += tasks
            schedule.finished(key, count=count, choice=None)
            continue
        found.append(place)
        manifest = outcomes.manifest(*place)
        if kind == "foreach":
            count = manifest["foreach"]["count"]
            count = count if plan is None else plan.fan_out(key.step, count)
        schedule.finished(key, count=count, choice=manifest.get("choice") if kind == "switch" else None)
    return found


def in_pod(plan: Plan, name: str, path: Path_, outcomes: Outcomes) -> list[Any]:
    """The tasks of one pod of a batch."""
    group = plan.group(name)
    assert group.opener is not None
    assert group.items_per_task is not None
    count = outcomes.manifest(group.opener, path[:-1])["foreach"]["count"]
    first = path[-1] * group.items_per_task
    items = range(first, min(first + group.items_per_task, count))
    schedule = GroupSchedule(plan, group, [(*path[:-1], item) for item in items])
    found: list[Any] = []
    while (key := schedule.next()) is not None:
        found.append(key)
        schedule.finished(key, outcomes.manifest(*key))
    if group.cut:
        assert len(schedule.exits) == len(items), "the pod says how many items it had"
    return found


def with_images(flow: Flow, random: Random) -> Flow:
    """The flow with another image for some steps, so that some batches have the first part of a body only."""
    other = ContainerSpec(image="other:1")
    steps = [
        step.model_copy(update={"specs": step.specs.model_copy(update={"container": other})})
        if random.random() < 0.15
        else step
        for step in flow.steps
    ]
    return flow.model_copy(update={"steps": tuple(steps)})


@settings(deadline=None, max_examples=5 * EXAMPLES)
@given(flows(), st.integers(0, 1 << 32))
def test_an_engine_and_the_pods_run_every_task_once(blocks: tuple[Block, ...], seed: int) -> None:
    random = Random(seed)
    whole = with_images(lowered(Program(blocks).source), random)
    openers = [step.name for step in whole.steps if step.kind == "foreach"]
    asked = {name: (random.randint(1, 3), random.randint(1, 3)) for name in openers if random.random() < 0.7}
    sink = DiagnosticSink()
    flow = batch_steps(with_batches(whole, asked, sink), sink)
    assert {item.code for item in sink.diagnostics} <= {"FC410", "FC413"}
    assert {group.opener for group in flow.pod_groups} <= set(asked)
    seen = contracted(flow)
    verify(flow)
    verify(seen)
    plan = Plan(json.loads(json.dumps(build_plan(flow))))
    outcomes = Outcomes(whole, seed)
    assert sorted(ran(seen, outcomes, plan)) == sorted(ran(whole, outcomes))


BODY = """
from flowc import FlowSpec, current, environment, foreach_options, kubernetes, loop, parallel, resources, retry, step
from flowc import catch, timeout, secrets, pypi, airflow_options


class F(FlowSpec):
    @foreach_options({options})
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.a, foreach="items")
    {on_a}
    @step
    def a(self):
        self.next(self.b)
    {on_b}
    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def body(options: str = "items_per_task=50", on_a: str = "", on_b: str = "") -> str:
    """A foreach of two steps, with decorators on them."""
    return BODY.format(options=options, on_a=on_a, on_b=on_b)


def compiled(tmp_path: Path, source: str) -> Compilation:
    """A file that is compiled."""
    path = tmp_path / "flow.py"
    path.write_text(source)
    return compile_file(path)


def batch(tmp_path: Path, source: str) -> PodGroup:
    """The one group of a flow."""
    (group,) = compiled(tmp_path, source).flow.pod_groups
    return group


REFUSED = {
    "image": ("", "@kubernetes(image='other:1')", "`b` has another image than `a`"),
    "image_of_first": ("@kubernetes(image='other:1')", "", "`b` has another image than `a`"),
    "python": ("@kubernetes(executable='python3.12')", "", "`b` has another Python than `a`"),
    "secrets": ("@kubernetes(secrets=['x'])", "@kubernetes(secrets=['y'])", "`b` has other Secrets than `a`"),
    "secrets_of_one": ("", "@secrets(sources=[{'type': 'kubernetes', 'id': 's'}])", "`b` has other Secrets than `a`"),
    "selector": (
        "@kubernetes(node_selector={'a': 'b'})", "@kubernetes(node_selector={'a': 'c'})",
        "`b` has another node selector than `a`",
    ),
    "gpu_type": (
        "@kubernetes(gpu=1, gpu_type='a100')", "@kubernetes(gpu=1, gpu_type='t4')",
        "`b` has GPUs of another type than `a`",
    ),
    "account": ("", "@kubernetes(service_account='other')", "`b` has another service account than `a`"),
    "patch": ("", "@kubernetes(patch={'spec': {'hostNetwork': True}})", "`b` has another patch of its pod than `a`"),
    "packages": ("@pypi(packages={'x': '1'})", "@pypi(packages={'y': '1'})", "`b` has other packages than `a`"),
}  # fmt: skip


@pytest.mark.parametrize("row", REFUSED)
def test_what_does_not_fit_into_one_pod(tmp_path: Path, row: str) -> None:
    """The first part does, and has the batch."""
    on_a, on_b, message = REFUSED[row]
    path, sink = tmp_path / "flow.py", DiagnosticSink()
    path.write_text(body(on_a=on_a, on_b=on_b))
    compilation = compile_file(path, sink)
    (found,) = sink.diagnostics
    assert (found.code, found.severity) == ("FC413", "warning")
    assert found.message == f"the items of `start` share a pod up to `a` only: {message}"
    way_out = "give `b` and `a` the same, or leave out items_per_task"
    assert found.help == f"{way_out}; from `b` on, each item has pods of its own"
    assert found.span is not None
    assert found.span.line == 7
    (group,) = compilation.flow.pod_groups
    assert (group.steps, group.after) == (("a",), "b")


CUT = body("items_per_task=3", on_b="@kubernetes(image='other:1')")


def test_no_first_part_before_a_split(tmp_path: Path) -> None:
    arms = "    @step\n    def c(self):\n        self.next(self.both)\n\n    @step\n    def both(self, inputs):\n"
    source = CUT.replace("self.next(self.b)", "self.next(self.b, self.c)")
    source = source.replace("self.next(self.join)", "self.next(self.both)")
    source = source.replace("    @step\n    def join", f"{arms}        self.next(self.join)\n\n    @step\n    def join")
    with pytest.raises(FlowcError, match=r"FC413: the items of `start` cannot share a pod: `b` has another image"):
        compiled(tmp_path, source)


PATHS: list[tuple[str, Path_, Path_]] = [
    ("b", (0, 2), (2,)), ("b", (2, 1), (7,)), ("b", (7,), (7,)), ("a", (2,), (2,)), ("join", (), ()),
    ("inner", (1, 0, 4), (3, 4)), ("inner", (3, 4), (3, 4)), ("nothing", (1, 2), (1, 2)),
]  # fmt: skip


def test_a_body_is_not_cut_beside_steps_that_run_at_the_same_time(tmp_path: Path) -> None:
    """Tasks of `a` and `b` wait for none of each other, though `a` is in the body's own scope."""
    path, sink = tmp_path / "flow.py", DiagnosticSink()
    path.write_text("""
from flowc import kubernetes, pipeline, step

@step
def load() -> list[int]:
    return [1, 2]

@step
def a(x: int) -> int:
    return x

@step
def b(x: int) -> int:
    return x

@kubernetes(patch={"spec": {"hostNetwork": True}})
@step
def c(x: int) -> int:
    return x

@pipeline
def each(x):
    first, second, third = a(x), b(x), a(x, id="third")
    both = c(first, after=[second])
    return c(both, id="last")

@pipeline
def main():
    each.map(load())
""")
    flow = batch_steps(with_batches(compile_file(path).flow, {"load": (2, None)}, sink), sink)
    (found,) = (item for item in sink.diagnostics if item.code == "FC413")
    assert found.severity == "error"
    assert not flow.pod_groups


@pytest.mark.parametrize(("name", "path", "own"), PATHS)
def test_the_index_of_an_item_behind_a_batch(tmp_path: Path, name: str, path: Path_, own: Path_) -> None:
    inner = (
        "def b(self):\n        self.parts = [1]\n        self.next(self.inner, foreach='parts')\n\n"
        "    @step\n    def inner(self):\n        self.next(self.back)\n\n    @step\n    def back(self, inputs):\n"
    )
    source = CUT.replace("def b(self):\n", inner)
    assert Plan(build_plan(compiled(tmp_path, source).flow)).own_path(name, path) == own


def test_a_gang_does_not_fit(tmp_path: Path) -> None:
    source = body().replace("self.next(self.b)", "self.next(self.g, num_parallel=2)")
    source = source.replace("    @step\n    def b(self", "    @parallel\n    @step\n    def g(self):\n        "
                            "self.next(self.b)\n\n    @step\n    def b(self, inputs")  # fmt: skip
    with pytest.raises(FlowcError, match=r"FC413: .* `a` opens a gang, each of whose members needs a pod"):
        compiled(tmp_path, source)


ALIKE = {
    "nothing": ("", ""),
    "environment": ("@environment(vars={'A': '1'})", "@environment(vars={'A': '2'})"),
    "own_retries": ("@retry(times=3)\n    @catch(var='x')", "@timeout(seconds=90)"),
    "places_of_one": ("", "@kubernetes(node_selector={'a': 'b'}, gpu=1, tolerations=[{'key': 'k'}])"),
    "inline_secrets": ("", "@secrets(sources=[{'type': 'inline', 'options': {'env_vars': {'A': '1'}}}])"),
    "same_image": ("@kubernetes(image='o:1', cpu=2)", "@kubernetes(image='o:1', memory=100)"),
}


@pytest.mark.parametrize("row", ALIKE)
def test_what_fits(tmp_path: Path, row: str) -> None:
    on_a, on_b = ALIKE[row]
    group = batch(tmp_path, body(on_a=on_a, on_b=on_b))
    assert (group.name, group.steps, group.opener, group.items_per_task) == ("a", ("a", "b"), "start", 50)
    assert (group.specs.retry, group.specs.catch, group.specs.environment) == (None, None, None)


def sizes(spec: ResourceSpec | None) -> dict[str, Any]:
    """What is requested."""
    assert spec is not None
    return spec.model_dump(exclude_defaults=True, exclude={"span"})


RESOURCES = {
    "maximum of a chain": ("items_per_task=50", {"cpu": 2, "memory_mb": 800}),
    "for each worker": ("items_per_task=50, workers=4", {"cpu": 8, "memory_mb": 3200}),
}


@pytest.mark.parametrize("row", RESOURCES)
def test_resources_of_a_pod(tmp_path: Path, row: str) -> None:
    options, expected = RESOURCES[row]
    uses = ("@kubernetes(cpu=2, memory=100)", "@kubernetes(cpu=1, memory=800)")
    assert sizes(batch(tmp_path, body(options, *uses)).specs.resources) == expected


TIMES = {
    "sum": ("items_per_task=5", "@timeout(seconds=60)", "@timeout(seconds=30)", 5 * 90),
    "workers": ("items_per_task=5, workers=2", "@timeout(seconds=60)", "@timeout(seconds=30)", 3 * 90),
    "attempts": (
        "items_per_task=5", "@timeout(seconds=60)\n    @retry(times=2, minutes_between_retries=1)",
        "@timeout(seconds=30)", 5 * (3 * 60 + 2 * 60 + 30),
    ),
    "not all": ("items_per_task=5", "@timeout(seconds=60)", "", None),
}  # fmt: skip


@pytest.mark.parametrize("row", TIMES)
def test_time_of_a_pod(tmp_path: Path, row: str) -> None:
    options, on_a, on_b, expected = TIMES[row]
    found = batch(tmp_path, body(options, on_a, on_b)).specs.timeout
    assert (found.seconds if found is not None else None) == expected


def test_which_gpus_a_worker_sees_is_in_the_plan(tmp_path: Path) -> None:
    source = body("items_per_task=4, workers=2", "@kubernetes(gpu=1)", "@kubernetes(gpu=2)")
    compilation = compiled(tmp_path, source)
    (group,) = compilation.flow.pod_groups
    assert group.specs.accelerator is not None
    assert group.specs.accelerator.count == 4
    steps = build_plan(compilation.flow)["steps"]
    assert [steps[name].get("gpus") for name in ("start", "a", "b")] == [
        None, ("CUDA_VISIBLE_DEVICES", 1), ("CUDA_VISIBLE_DEVICES", 2)
    ]  # fmt: skip
    slices = compiled(
        tmp_path,
        source.replace("gpu=2", "gpu=1, gpu_type='a100-1g.5gb'").replace("gpu=1)", "gpu=1, gpu_type='a100-1g.5gb')"),
    )
    assert build_plan(slices.flow)["steps"]["a"].get("gpus") is None


def test_more_workers_than_items(tmp_path: Path) -> None:
    sink = DiagnosticSink()
    path = tmp_path / "flow.py"
    path.write_text(body("items_per_task=2, workers=4"))
    (group,) = compile_file(path, sink).flow.pod_groups
    assert group.workers == 2
    (found,) = sink.diagnostics
    assert (found.code, found.help) == ("FC410", "make it 2, or give a pod more items")


def emitted(compilation: Compilation, sink: DiagnosticSink, target: str = "argo", **options: Any) -> str:
    """The files of a target as one text."""
    engine = load_target(target)
    chosen = engine.options_model.model_validate({"root": "s3://bucket", **options})
    files = emit_files(engine, compilation.flow, compilation.source, chosen, sink)
    return "".join(file.text for file in files)


OPTIONS: dict[str, tuple[dict[str, Any], str | None]] = {
    "opener": ({"start": 50}, None),
    "step inside": ({"b": "50"}, None),
    "with workers": ({"a": "50x4"}, None),
    "outside": ({"join": 50}, "FC505: option batch: step `join` is in no foreach, and opens none"),
    "unknown": ({"c": 50}, "FC505: option batch: step `c` is not one of the flow's"),
}


@pytest.mark.parametrize("row", OPTIONS)
def test_the_option(tmp_path: Path, row: str) -> None:
    given_, problem = OPTIONS[row]
    sink = DiagnosticSink()
    text = emitted(compiled(tmp_path, body("parallelism=2")), sink, batch=given_)
    assert [f"{item.code}: {item.message}" for item in sink.diagnostics] == ([problem] if problem else [])
    assert ("[--group, a, " in text) == (problem is None)


def test_the_option_for_all_flows_may_name_steps_of_others(tmp_path: Path) -> None:
    sink, engine = DiagnosticSink(), load_target("argo")
    options = engine.options_model.model_validate({"root": "s3://bucket", "batch": {"other": 5, "a": 2}})
    compilation = compiled(tmp_path, body("parallelism=2"))
    shared = options.with_origins(frozenset(), frozenset({"batch"}))
    (file,) = emit_files(engine, compilation.flow, compilation.source, shared, sink)
    assert not sink.diagnostics
    assert "[--group, a, " in file.text


@pytest.mark.parametrize("size", ["0", "x4", "5x0", "5x", "-1", "many", "5 x 4", 0])
def test_sizes_that_are_none(size: str | int) -> None:
    with pytest.raises(ValueError, match="not a number of items, such as 50"):
        TargetOptions.model_validate({"batch": {"a": size}})


def test_what_an_option_batches_is_refused_as_well(tmp_path: Path) -> None:
    sink = DiagnosticSink()
    source = body("parallelism=2", on_b="@kubernetes(image='other:1')")
    emitted(compiled(tmp_path, source), sink, batch={"start": 5})
    assert [item.code for item in sink.diagnostics] == ["FC413"]


def test_airflow_maps_over_batches(tmp_path: Path) -> None:
    items = f"    items = Parameter('items', type=JSONType, default='{list(range(10_000))}')\n"
    source = body("parallelism=2").replace("self.items = [1, 2]\n        ", "")
    source = source.replace("(FlowSpec):\n", f"(FlowSpec):\n{items}").replace(
        "import F", "import JSONType, Parameter, F"
    )
    compilation = compiled(tmp_path, source)
    found: dict[str, list[str]] = {}
    for name, size in (("none", {}), ("few", {"a": 5}), ("many", {"a": 100})):
        sink = DiagnosticSink()
        assert emitted(compilation, sink, "airflow", batch=size)
        found[name] = [f"{item.message}; {item.help.partition(',')[0]}" for item in sink.diagnostics]
    where = "but Airflow maps over at most 1,024 (target airflow); let a task work on several items with --batch start="
    assert [item for item in found["none"] if "maps over" in item] == [f"`start` has 10,000 items, {where}10"]
    assert [item for item in found["few"] if "maps over" in item] == [f"`start` has 2,000 batches of items, {where}10"]
    assert not [item for item in found["many"] if "maps over" in item]


def test_an_engine_that_counts_iterations_need_not_know_those_of_a_batch(tmp_path: Path) -> None:
    source = body().replace(
        "    def b(self):\n        self.next(self.join)",
        "    def b(self):\n        self.x = 'c'\n        self.next({'b': self.b, 'c': self.c}, condition='x')\n\n"
        "    @step\n    def c(self):\n        self.next(self.join)",
    )
    sink = DiagnosticSink()
    assert "group=True" in emitted(compiled(tmp_path, source), sink, "airflow")
    assert not sink.diagnostics


LABELS = {
    "argo": "only Airflow shows items by their labels",
    "airflow": "leave it out: a task of Airflow that runs several tasks",
}


@pytest.mark.parametrize("target", LABELS)
def test_nobody_sees_labels_of_batched_items(tmp_path: Path, target: str) -> None:
    sink = DiagnosticSink()
    emitted(compiled(tmp_path, body("items_per_task=5, label=True")), sink, target)
    (found,) = sink.diagnostics
    assert found.code == "FC501"
    assert found.help.startswith(LABELS[target])
