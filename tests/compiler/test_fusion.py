"""Which steps run in one pod: `@fuse`, the option `fuse`, and what the pod needs then."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc_compiler import passes
from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_compiler.ir import NO_SPECS, ContainerSpec, Flow, PodGroup, Step, StepSpecs, verify
from flowc_compiler.passes.contraction import contracted
from flowc_compiler.passes.fusion import fuse_steps
from flowc_compiler.passes.pod_specs import in_series, one_of, pod_specs, side_by_side
from flowc_compiler.passes.scopes import build_scopes
from flowc_targets.local.run_report import unsupported_locally
from tests.flowgen.blocks import Block, flows
from tests.flowgen.lowering import lowered
from tests.flowgen.plain import Program
from tests.support import compiled, emitted, errors, flowc, refused, yaml_documents


def written(lines: str) -> str:
    """A class flow of lines `step: target, target`, with `each`, `gang`, `if` or `again` before the targets, decorators
    in brackets behind the step, and a `*` behind the name of a join.
    """
    methods = ["from flowc import *", "", "class F(FlowSpec):"]
    for line in lines.split(";"):
        found = re.fullmatch(r"(\w+)(\*?)(?: \[(.*)\])?(?:: (?:(each|gang|if|again) )?(.*))?", line.strip())
        assert found is not None, line
        name, join, uses, how, targets = found.groups()
        methods += [f"    @{use}" for use in (uses or "").split(" and ") if use]
        methods += ["    @step", f"    def {name}(self{', inputs' if join else ''}):"]
        names = [item.strip() for item in (targets or "").split(",") if item.strip()]
        match how:
            case "each":
                methods += ["        self.x = [1]", f"        self.next(self.{names[0]}, foreach='x')"]
            case "gang":
                methods.append(f"        self.next(self.{names[0]}, num_parallel=2)")
            case "if" | "again":
                cases = [*names, *([name] if how == "again" else [])]
                listed = ", ".join(f"'{case}': self.{case}" for case in cases)
                methods += ["        self.x = 'a'", f"        self.next({{{listed}}}, condition='x')"]
            case _:
                methods.append(
                    f"        self.next({', '.join(f'self.{item}' for item in names)})" if names else "        pass"
                )
    return "\n".join([*methods, ""])


def fused(source: str, *, every: bool) -> tuple[Flow, tuple[Diagnostic, ...]]:
    """A flow with its groups, and what was reported."""
    checks = tuple(item for item in passes.PASSES if item.__name__ not in {"check_artifact_flow", "fuse_marked_steps"})
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(passes, "PASSES", checks)
        flow = compiled(Path(folder), source).flow
    sink = DiagnosticSink()
    flow = fuse_steps(flow, sink, every=every)
    verify(flow)
    return flow, sink.diagnostics


def groups(lines: str, *, every: bool = False) -> list[str]:
    return [" ".join(group.steps) for group in fused(written(lines), every=every)[0].pod_groups]


CHAIN = "start{start}: a; a{a}: b; b{b}: end; end{end}"
BRANCH = "start: a, b; a{a}: join; b{b}: join; join*{join}: end; end"
SWITCH = "start: choose; choose: if a, b; a{a}: meet; b{b}: meet; meet{meet}: end; end"
FOREACH = "start: list; list: each a; a: b; b: join; join*: last; last: end; end"


def filled(text: str, **uses: str) -> str:
    names = re.findall(r"\{(\w+)\}", text)
    return text.format(**{name: f" [{uses[name]}]" if name in uses else "" for name in names})


@pytest.mark.parametrize(
    ("text", "uses", "expected"),
    [
        (CHAIN, {}, []),
        (CHAIN, {"b": "fuse"}, ["a b"]),
        (CHAIN, {"a": "fuse", "b": "fuse", "end": "fuse"}, ["start a b end"]),
        (CHAIN, {"a": "fuse", "end": "fuse"}, ["start a", "b end"]),
        (CHAIN, {"b": "fuse and resources(cpu=4)"}, ["a b"]),
        (CHAIN, {"b": "fuse and kubernetes(gpu=1, gpu_type='t4')"}, ["a b"]),
        (CHAIN, {"a": "kubernetes(node_selector='x=y')", "b": "fuse"}, ["a b"]),
        (CHAIN, {"a": "retry(times=2)", "b": "fuse and catch(var='x')"}, ["a b"]),
        (CHAIN, {"a": "environment(vars={'A': '1'})", "b": "fuse and environment(vars={'A': '2'})"}, ["a b"]),
        (BRANCH, {"join": "fuse"}, ["start a b join"]),
        (BRANCH, {"join": "fuse", "a": "kubernetes(gpu=1)"}, ["start a b join"]),
        (SWITCH, {"meet": "fuse"}, ["choose a b meet"]),
        ("start: a; a: each b; b: c; c [fuse]: j; j*: k; k [fuse]: end; end", {}, ["b c", "j k"]),
        ("start: a; a [fuse]: again end; end [fuse]", {}, ["start a end"]),
        ("start: a; a [fuse]: again b, c; b: end; c: end; end", {}, ["start a"]),
    ],
)  # fmt: skip
def test_marked_steps(text: str, uses: dict[str, str], expected: list[str]) -> None:
    assert groups(filled(text, **uses)) == expected


@pytest.mark.parametrize(
    ("text", "uses", "expected"),
    [
        (CHAIN, {}, ["start a b end"]),
        (CHAIN, {"a": "fuse(disabled=True)"}, ["b end"]),
        (CHAIN, {"b": "kubernetes(image='x')"}, ["start a"]),
        (CHAIN, {"a": "kubernetes(gpu=1)", "b": "kubernetes(gpu=1)"}, ["a b"]),
        (CHAIN, {"a": "kubernetes(gpu=1)", "b": "kubernetes(gpu=2)"}, []),
        (CHAIN, {"a": "resources(cpu=1)", "b": "resources(cpu=8)"}, ["start a b end"]),
        (CHAIN, {"a": "pypi(packages={'x': '1'})", "b": "pypi(packages={'x': '1'})"}, ["a b"]),
        (CHAIN, {"b": "fuse and kubernetes(gpu=1)"}, ["start a b"]),
        (BRANCH, {}, ["join end"]),
        (BRANCH, {"join": "fuse"}, ["start a b join end"]),
        (SWITCH, {}, ["start choose a b meet end"]),
        (SWITCH, {"a": "kubernetes(image='x')"}, ["start choose", "meet end"]),
        (SWITCH, {"a": "fuse(disabled=True)"}, ["start choose", "meet end"]),
        (FOREACH, {}, ["start list", "a b", "join last end"]),
        ("start: each s; s: if a, b; a: j; b: c; c: j; j*: end; end", {}, ["s a b c", "j end"]),
        ("start: each s; s: if a, b; a [kubernetes(image='x')]: j; b: c; c: j; j*: end; end", {}, ["b c", "j end"]),
        ("start: each s; s: t; t: if a, b; a: if c, d; b: j; c: j; d: j; j*: end; end", {}, ["s t a b c d", "j end"]),
        ("start: gang a; a [parallel]: join; join*: end; end", {}, ["join end"]),
        ("start: again a, end; a: end; end", {}, ["start a end"]),
        ("start [kubernetes(image='x')]: again end; end", {}, ["start"]),
        ("start: if a, b; a: c, d; c: j; d: j; j*: end; b: end; end", {}, []),
        ("start: if a, b; a: each c; c: j; j*: end; b: end; end", {}, []),
        ("start: if a, b; a: if c, d; b: m; c: m; d: e; e: m; m: end; end", {}, ["start a b c d e m end"]),
        ("start: x, y; x: if a, b; y: j; a: j; b: c; c: j; j*: end; end", {}, ["b c", "j end"]),
    ],
)  # fmt: skip
def test_every_chain(text: str, uses: dict[str, str], expected: list[str]) -> None:
    assert sorted(groups(filled(text, **uses), every=True)) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "uses", "why"),
    [
        (CHAIN, {"start": "fuse"}, "nothing comes before it"),
        (CHAIN, {"b": "fuse and kubernetes(image='x')"}, "`b` has another image"),
        (CHAIN, {"b": "fuse and kubernetes(service_account='x')"}, "`b` has another service account"),
        (CHAIN, {"b": "fuse and kubernetes(secrets=['x'])"}, "`b` has other Secrets"),
        (CHAIN, {"b": "fuse and secrets(sources=[{'type': 'kubernetes', 'id': 'x'}])"}, "`b` has other Secrets"),
        (CHAIN, {"b": "fuse and kubernetes(labels={'a': 'b'})"}, "`b` has other labels"),
        (CHAIN, {"b": "fuse and pypi(packages={'x': '1'})"}, "`b` has other packages"),
        (CHAIN, {"b": "fuse and airflow_options(pool='x')"}, "`b` has other options of Airflow"),
        (CHAIN, {"a": "fuse(disabled=True)", "b": "fuse"}, None),
        (
            CHAIN,
            {"a": "kubernetes(gpu=1, gpu_type='t4')", "b": "fuse and kubernetes(gpu=1, gpu_type='a100')"},
            "`b` has GPUs of another type",
        ),
        (
            CHAIN,
            {"a": "kubernetes(node_selector='x=y')", "b": "fuse", "end": "fuse and kubernetes(node_selector='x=z')"},
            "`end` has another node selector",
        ),
        (BRANCH, {"a": "fuse"}, "it runs beside other steps after `start`"),
        (BRANCH, {"join": "fuse", "b": "kubernetes(image='x')"}, "`b` has another image"),
        (SWITCH, {"a": "fuse"}, "it runs instead of other steps after `choose`"),
    ],
)
def test_what_cannot_be_fused(text: str, uses: dict[str, str], why: str | None) -> None:
    flow, found = fused(written(filled(text, **uses)), every=False)
    assert [item.code for item in found] == ["FC413"]
    assert found[0].severity == "error"
    assert why is None or found[0].message.endswith(why), found[0].message
    assert found[0].help
    assert found[0].span is not None
    marked = [step.specs.fuse.span for step in flow.steps if step.specs.fuse is not None]
    assert found[0].span in marked


def test_what_the_option_leaves_apart_is_one_warning() -> None:
    images = "; ".join(f"s{n} [kubernetes(image='i{n}')]: s{n + 1}" for n in range(9))
    _, found = fused(written(f"start: s0; {images}; s9: end; end"), every=True)
    (warning,) = found
    assert (warning.code, warning.severity, warning.span) == ("FC413", "warning", None)
    assert "`s0` has another image, `s1` has another image" in warning.message
    assert "and 6 more than the step before" in warning.message
    assert fused(written(filled(FOREACH)), every=True)[1] == ()


PIPELINE = """\
from flowc import fuse, kubernetes, pipeline, step

@step
def load():
    return 1

{decorators}
@step
def clean(data):
    return data

@step
def train(data):
    return data

@step
def report(model, data):
    return model

@pipeline
def flow():
    data = clean(load())
    report(train(data), data)
"""


def test_pipeline() -> None:
    flow, _ = fused(PIPELINE.format(decorators="@fuse"), every=False)
    assert [list(group.steps) for group in flow.pod_groups] == [["load", "clean"]]
    flow, _ = fused(PIPELINE.format(decorators=""), every=True)
    (group,) = flow.pod_groups
    assert [name for name in group.steps if not flow.by_name[name].virtual] == ["load", "clean", "train", "report"]


def test_one_of_several_calls_of_a_step_is_enough() -> None:
    text = PIPELINE.replace("clean(load())", "clean(clean(load()))")
    flow, found = fused(text.format(decorators="@fuse"), every=False)
    assert found == ()
    assert [len(group.steps) for group in flow.pod_groups] == [3]


def shapes(source: str, *, every: bool = True) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    """The contracted flow: name, kind, parents and targets of each step."""
    flow = contracted(fused(source, every=every)[0])
    verify(flow)
    return [(step.name, step.kind + "/virtual" * step.virtual, step.parents, step.targets) for step in flow.steps]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (CHAIN, [("start", "linear", (), ())]),
        (
            FOREACH,
            [
                ("start", "foreach", (), ("a",)),
                ("a", "linear", ("start",), ("join",)),
                ("join", "join", ("a",), ()),
            ],
        ),
        (
            "start: each a; a: j; j*: list; list: each b; b: k; k*: end; end",
            [
                ("start", "foreach", (), ("a",)),
                ("a", "linear", ("start",), ("j_inputs",)),
                ("j_inputs", "join/virtual", ("a",), ("j",)),
                ("j", "foreach", ("j_inputs",), ("b",)),
                ("b", "linear", ("j",), ("k",)),
                ("k", "join", ("b",), ()),
            ],
        ),
        (
            "start: each s; s: if a, b; a: j; b: j; j*: end; end",
            [
                ("start", "foreach", (), ("s",)),
                ("s", "linear", ("start",), ("j",)),
                ("j", "join", ("s",), ()),
            ],
        ),
        (
            "start: s; s: if a, b; a: each c; c: j; j*: end; b: end; end",
            [
                ("start", "switch", (), ("a", "b")),
                ("a", "foreach", ("start",), ("c",)),
                ("b", "linear", ("start",), ("end",)),
                ("c", "linear", ("a",), ("j",)),
                ("j", "join", ("c",), ("end",)),
                ("end", "linear", ("j", "b"), ()),
            ],
        ),
        ("start: again a; a: end; end", [("start", "linear", (), ())]),
        (
            "start: again a, b; a: each c; c: j; j*: end; b: end; end",
            [
                ("start", "switch", (), ("a", "b")),
                ("a", "foreach", ("start",), ("c",)),
                ("b", "linear", ("start",), ("end",)),
                ("c", "linear", ("a",), ("j",)),
                ("j", "join", ("c",), ("end",)),
                ("end", "linear", ("j", "b"), ()),
            ],
        ),
    ],
)
def test_contracted(lines: str, expected: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]) -> None:
    assert sorted(shapes(written(filled(lines)))) == sorted(expected)


SERIES, SIDE, ONE = in_series, side_by_side, one_of


def specs(**values: Any) -> StepSpecs:
    """Specs by the fields of resources, and `gpus`, `seconds`, `times`, `wait`."""
    from flowc_compiler.ir import AcceleratorSpec, ResourceSpec, RetryPolicy, TimeoutSpec

    own: dict[str, Any] = {}
    if "gpus" in values:
        own["accelerator"] = AcceleratorSpec(count=values.pop("gpus"))
    if "seconds" in values:
        own["timeout"] = TimeoutSpec(seconds=values.pop("seconds"))
    if "times" in values:
        own["retry"] = RetryPolicy(limit=values.pop("times"), backoff_seconds=values.pop("wait", 0))
    if values:
        own["resources"] = ResourceSpec(**values)
    return NO_SPECS.model_copy(update=own)


ALGEBRA: list[tuple[Any, list[dict[str, Any]], dict[str, Any]]] = [
    (SERIES, [{"cpu": 1}, {"cpu": 4}, {}], {"cpu": 4}),
    (SIDE, [{"cpu": 1}, {"cpu": 4}, {}], {"cpu": 5}),
    (ONE, [{"cpu": 1}, {"cpu": 4}], {"cpu": 4}),
    (SERIES, [{}, {}], {}),
    (SERIES, [{"cpu": 4, "memory_mb": 10}, {"memory_mb": 20}], {"cpu": 4, "memory_mb": 20}),
    (SIDE, [{"memory_mb": 10, "disk_mb": 1}, {"memory_mb": 20, "disk_mb": 2}], {"memory_mb": 30, "disk_mb": 3}),
    (SIDE, [{"shared_memory_mb": 64}, {"shared_memory_mb": 64}], {"shared_memory_mb": 128}),
    (SERIES, [{"cpu": 1, "cpu_limit": 2}, {"cpu": 1, "cpu_limit": 3}], {"cpu": 1, "cpu_limit": 3}),
    (SERIES, [{"cpu": 1, "cpu_limit": 2}, {"cpu": 1}], {"cpu": 1}),
    (SIDE, [{"memory_limit_mb": 2}, {"memory_limit_mb": 3}], {"memory_limit_mb": 5}),
    (SERIES, [{"gpus": 1}, {"gpus": 4}, {}], {"gpus": 4}),
    (SIDE, [{"gpus": 1}, {"gpus": 4}], {"gpus": 5}),
    (SIDE, [{"extended": {"x.y/z": "1"}}, {"extended": {"x.y/z": "2"}}], {"extended": {"x.y/z": "3"}}),
    (SERIES, [{"extended": {"x.y/z": "10"}}, {"extended": {"x.y/z": "9"}}], {"extended": {"x.y/z": "10"}}),
    (SERIES, [{"seconds": 5}, {"seconds": 7}], {"seconds": 12}),
    (SIDE, [{"seconds": 5}, {"seconds": 7}], {"seconds": 7}),
    (ONE, [{"seconds": 5}, {"seconds": 7}], {"seconds": 7}),
    (SERIES, [{"seconds": 5}, {}], {}),
    (SERIES, [{"seconds": 5, "times": 2, "wait": 10}, {"seconds": 1}], {"seconds": 36}),
    (SERIES, [{"seconds": 2 * 10**9}, {"seconds": 2 * 10**9}], {"seconds": 2 * 10**9}),
]


@pytest.mark.parametrize(("way", "parts", "expected"), ALGEBRA)
def test_algebra(way: Any, parts: list[dict[str, Any]], expected: dict[str, Any]) -> None:
    found = way([pod_specs(specs(**part)) for part in parts])
    assert found == specs(**expected)


@pytest.mark.parametrize(
    ("lines", "expected", "workers"),
    [
        ("start [fuse(disabled=True)]: a; a [resources(cpu=2)]: b; b [fuse and resources(cpu=3)]: end; end", 3, 1),
        ("start: a, b; a [resources(cpu=2)]: j; b [resources(cpu=3)]: j; j* [fuse]: end; end", 5, 2),
        ("start [resources(cpu=9)]: a, b; a [resources(cpu=2)]: j; b: j; j* [fuse]: end; end", 9, 2),
        (
            "start: a, b; a: c, d; c [resources(cpu=2)]: k; d [resources(cpu=3)]: k; k*: j;"
            "b [resources(cpu=4)]: j; j* [fuse]: end; end",
            9,
            3,
        ),
        ("start: if a, b; a [resources(cpu=2)]: m; b [resources(cpu=3)]: m; m [fuse]: end; end", 3, 1),
        ("start: if a, b; a [resources(cpu=2)]: c, d; c: k; d: k; k*: m; b: m; m [fuse]: end; end", 2, 2),
        ("start: again a; a [fuse and resources(cpu=3)]: end; end", 3, 1),
        ("start: if a, b; a: if c, d; b: m; c [resources(cpu=2)]: m; d: e; e: m; m [fuse]: end; end", 2, 1),
        (
            "start: a, b; a: if c, d; c [resources(cpu=2)]: f; d [resources(cpu=4)]: f; f: j;"
            "b [resources(cpu=1)]: j; j* [fuse]: end; end",
            5,
            2,
        ),
    ],
)
def test_what_a_group_needs(lines: str, expected: float, workers: int) -> None:
    (group,) = fused(written(lines), every=False)[0].pod_groups
    assert group.specs.resources is not None
    assert (group.specs.resources.cpu, group.workers) == (expected, workers)


def test_what_a_whole_body_needs() -> None:
    lines = (
        "start: each s; s: if a, b; a [resources(cpu=2)]: j; b: if c, d; c: j; d [resources(cpu=3)]: j; j*: end; end"
    )
    body = fused(written(lines), every=True)[0].group_of["s"]
    assert body.specs.resources is not None
    assert (body.specs.resources.cpu, body.workers) == (3, 1)


def test_time_of_a_group() -> None:
    start = "start [timeout(seconds=5) and retry(times=1, minutes_between_retries=1)]"
    chain = f"{start}: a; a [fuse and timeout(seconds=7)]: end; end"
    (group,) = fused(written(chain), every=False)[0].pod_groups
    assert group.specs.timeout is not None
    assert group.specs.timeout.seconds == 77
    assert group.specs.retry is None
    loop = "start [loop(max_iterations=3) and timeout(seconds=5)]: again a; a [fuse and timeout(seconds=7)]: end; end"
    (group,) = fused(written(loop), every=False)[0].pod_groups
    assert group.specs.timeout is not None
    assert group.specs.timeout.seconds == 22


def is_end_of_body(flow: Flow, group: PodGroup, step: Step) -> bool:
    """Whether a step leads to the join of the foreach whose body the group ends."""
    (join,) = step.targets
    last = flow.by_name[group.exit]
    return last.targets == (join,) and last.kind == "linear" and flow.by_name[join].kind == "join"


def check_group(flow: Flow, group: PodGroup) -> None:
    """One way in, one way out, no foreach inside, and all of it connected."""
    inside = set(group.steps)
    for name in group.steps:
        step = flow.by_name[name]
        assert name == group.entry or inside.issuperset(step.parents)
        assert name == group.exit or inside.issuperset(step.targets) or is_end_of_body(flow, group, step)
        assert name == group.exit or step.kind not in {"foreach", "parallel"}
        opener = flow.by_name[step.closes].kind if step.kind == "join" else None
        assert name == group.entry or opener not in {"foreach", "parallel"}
        assert flow.foreach_scope(step).id == flow.foreach_scope(flow.by_name[group.entry]).id
    assert list(group.steps) == [step.name for step in flow.steps if step.name in inside]


def check_contracted(flow: Flow) -> None:
    """The flow with a step for each group is one that the scopes pass would leave as it is."""
    verify(flow)
    again = build_scopes(flow, DiagnosticSink())
    assert again is not None
    assert {scope.id: scope for scope in again.scopes} == {scope.id: scope for scope in flow.scopes}
    assert again.steps == flow.steps


@settings(deadline=None, max_examples=20)
@given(flows(max_leaves=12), st.booleans(), st.data())
def test_random_groups(blocks: tuple[Block, ...], every: bool, data: st.DataObject) -> None:
    from flowc_compiler.ir import FuseSpec

    flow = lowered(Program(blocks).source)
    marked = data.draw(st.sets(st.sampled_from([step.name for step in flow.steps])))
    steps = tuple(
        step.model_copy(update={"specs": step.specs.model_copy(update={"fuse": FuseSpec(span=step.span)})})
        if step.name in marked else step
        for step in flow.steps
    )  # fmt: skip
    found = fuse_steps(flow.model_copy(update={"steps": steps}), DiagnosticSink(), every=every)
    verify(found)
    for group in found.pod_groups:
        check_group(found, group)
    check_contracted(contracted(found))
    if every:
        chained = [step for step in flow.steps if step.kind == "linear" and step.target is not None]
        for step in chained:
            follower = flow.by_name[step.target or ""]
            if follower.parents == (step.name,) and follower.kind != "join":
                assert found.group_of[step.name] is found.group_of[follower.name]


def test_long_chains_and_deep_arms() -> None:
    steps = tuple(Block("step") for _ in range(600))
    flow = fuse_steps(lowered(Program(steps).source), DiagnosticSink(), every=True)
    assert len(flow.pod_groups) == 1
    body: tuple[Block, ...] = (Block("step"),)
    for _ in range(150):
        body = (Block("switch", (body, (Block("step"),))),)
    flow = fuse_steps(lowered(Program(body).source), DiagnosticSink(), every=True)
    assert len(flow.pod_groups) == 1


LOOP = "start: again a, b; a: end; b: end; end"


def test_the_option_in_settings_and_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(written(filled(CHAIN)))
    (tmp_path / "pyproject.toml").write_text("[tool.flowc]\nfuse = true\n")
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p")
    assert "[--group, start," in done.stdout
    assert "--step" not in done.stdout.partition("kind: Workflow")[2]
    (tmp_path / "pyproject.toml").unlink()
    assert "--group" not in flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p").stdout.partition("kind: W")[2]
    (tmp_path / "flow.py").write_text(written("start: a, b; a: j; b: j; j* [kubernetes(image='x')]: end; end"))
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "--fuse")
    assert "option fuse has no effect: no two steps follow each other whose pods are alike" in done.stderr
    assert "the option fuse leaves steps apart: `end` has another image than the step before" in done.stderr


def test_a_loop_in_a_pod_needs_no_bound(tmp_path: Path) -> None:
    """Airflow needs a task for each iteration only where each has a pod."""
    compilation = compiled(tmp_path, written(LOOP))
    assert errors(emitted(compilation, "airflow")[1]) == ["FC501"]
    (file,), _ = emitted(compilation, "airflow", fuse=True)
    assert 'task_id="start"' in file.text
    assert "group=True" in file.text


def test_images_that_options_give_count(tmp_path: Path) -> None:
    """Which pods are alike is known only where steps have their images."""
    compilation = compiled(tmp_path, written(filled(CHAIN, b="fuse")))
    b = compilation.flow.by_name["b"]
    specs_of_b = b.specs.model_copy(update={"container": ContainerSpec(image="other")})
    steps = tuple(
        step.model_copy(update={"specs": specs_of_b}) if step is b else step for step in compilation.flow.steps
    )
    changed = replace(compilation, flow=compilation.flow.model_copy(update={"steps": steps}))
    assert errors(emitted(changed, "argo")[1]) == ["FC413"]


def test_decorator_of_the_command_line(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, written(filled(CHAIN)), attached=("fuse",))
    assert (found.code, "--fuse" in found.help) == ("FC401", True)


def test_a_local_run_names_what_it_does_not_share(tmp_path: Path) -> None:
    (note,) = unsupported_locally(compiled(tmp_path, written(filled(CHAIN, b="fuse"))).flow)
    assert note == "a local run has no pods that steps could share: b runs as without @fuse"


def test_the_time_and_resources_of_a_pod_in_a_manifest(tmp_path: Path) -> None:
    text = written(
        "start [timeout(seconds=10) and resources(memory=100)]: a;"
        "a [fuse and timeout(seconds=20) and resources(memory=300)]: end; end"
    )
    (file,), _ = emitted(compiled(tmp_path, text), "argo", timeout_grace=5)
    templates = {item["name"]: item for item in yaml_documents(file.text)[-1]["spec"]["templates"]}
    assert templates["s-start"]["activeDeadlineSeconds"] == 35
    assert templates["s-start"]["container"]["resources"]["requests"] == {"memory": "300Mi"}
    assert templates["s-start"]["retryStrategy"]["limit"] == "3"
