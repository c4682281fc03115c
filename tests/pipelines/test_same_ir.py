"""The same algorithm as a class flow and as a function pipeline has the same IR, but for names.

Steps are renamed by the order in which they are met from the start, so that nothing has to be said about which step is
which. What is compared: kinds, edges, scopes, specs, and what a join closes. What is not: spans, docs, and what a step
runs and looks at (`call`, `fan`, `tests`, names of variables and values of cases), which is said in other words.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from flowc_compiler.driver import compile_file

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_compiler.ir import Flow, Scope, Step

CLASS_HEAD = """\
from flowc import FlowSpec, {names}


class SameFlow(FlowSpec):
"""
PIPELINE_HEAD = """\
from flowc import {names}

"""


def shape(flow: Flow) -> dict[str, Any]:
    """All of a flow that is to be the same, by new names."""
    names = _renamed(flow)
    scopes = {scope.id: _scope(scope, names) for scope in flow.scopes}
    return {
        "start": names[flow.start],
        "end": names[flow.end],
        "steps": {names[step.name]: _step(step, names) for step in sorted(flow.steps, key=lambda s: names[s.name])},
        "scopes": sorted(scopes.values(), key=repr),
    }


def _renamed(flow: Flow) -> dict[str, str]:
    """New names, in the order in which steps are met: nearest to the start first, and then by the order of targets."""
    met = [flow.start]
    for name in met:
        met += [target for target in flow.by_name[name].targets if target not in met]
    assert set(met) == set(flow.by_name), "steps that nothing leads to"
    return {name: f"s{number:02}" for number, name in enumerate(met)}


def _step(step: Step, names: dict[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "kind": step.kind,
        "targets": [names[target] for target in step.targets],
        "parents": sorted(names[parent] for parent in step.parents),
        "specs": _without_spans(step.specs.model_dump()),
    }
    if step.kind == "join":
        said["closes"] = names[step.closes]
        said["arms"] = [sorted(names[parent] for parent in arm) for arm in step.arms]
    return said


def _without_spans(said: Any) -> Any:
    """What is asked for, and not where."""
    if isinstance(said, dict):
        return {key: _without_spans(value) for key, value in said.items() if not str(key).endswith("span")}  # pyright: ignore
    return [_without_spans(item) for item in said] if isinstance(said, list | tuple) else said  # pyright: ignore


def _scope(scope: Scope, names: dict[str, str]) -> dict[str, Any]:
    return {
        "kind": scope.kind,
        "opener": names.get(scope.opener or ""),
        "closer": names.get(scope.closer or ""),
        "steps": sorted(names[step] for step in scope.steps),
    }


def both(folder: Path, names: str, flow: str, pipeline: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shapes of a class flow's steps and of a pipeline's file."""
    folder.mkdir(exist_ok=True)
    (folder / "class_flow.py").write_text(
        CLASS_HEAD.format(names=", ".join(filter(None, ["step", names]))) + textwrap.indent(_clean(flow), "    ")
    )
    (folder / "pipeline.py").write_text(
        PIPELINE_HEAD.format(names="pipeline, step") + _clean(pipeline) + "\n\nmain()\n"
    )
    ours, theirs = (compile_file(folder / name).flow for name in ("class_flow.py", "pipeline.py"))
    assert theirs.frontend == "pipeline"
    return shape(ours), shape(theirs)


def _clean(text: str) -> str:
    return textwrap.dedent(text).strip() + "\n"


STEPS = """
@step
def load() -> list[int]:
    return [1, 2]

@step
def work(x):
    return x

@step
def other(x):
    return x

@step
def pair(a, b):
    return [a, b]

@step
def gather(xs):
    return xs

"""
CHAIN = (
    """
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.next(self.other)

    @step
    def other(self):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    a = load()
    b = work(a)
    c = other(b)
    other(c)
    """,
)
BRANCH = (
    """
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.join)

    @step
    def b(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    x = load()
    work(pair(work(x), other(x)))
    """,
)
FOREACH = (
    """
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    other(gather(work.map(load())))
    """,
)
CHAIN_IN_FOREACH = (
    """
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.more)

    @step
    def more(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    first = work.map(load())
    second = other.map(first)
    work(gather(second))
    """,
)
NESTED = (
    """
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.expand, foreach="items")

    @step
    def expand(self):
        self.parts = [1, 2]
        self.next(self.work, foreach="parts")

    @step
    def work(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    other(gather(each.map(load())))
    """,
)
BRANCH_IN_FOREACH = (
    """
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.split, foreach="items")

    @step
    def split(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next(self.inner)

    @step
    def b(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    other(gather(fork.map(load())))
    """,
)
FOREACH_IN_BRANCH = (
    """
    @step
    def start(self):
        self.next(self.list, self.other)

    @step
    def list(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.inner)

    @step
    def inner(self, inputs):
        self.next(self.outer)

    @step
    def other(self):
        self.next(self.outer)

    @step
    def outer(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    x = load()
    a = gather(work.map(other(x)))
    b = other(x)
    work(pair(a, b))
    """,
)
SWITCH = (
    """
    @step
    def start(self):
        self.kind = "big"
        self.next({"big": self.big, "small": self.small}, condition="kind")

    @step
    def big(self):
        self.next(self.end)

    @step
    def small(self):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    kind = load()
    if kind == "big":
        r = work(1)
    else:
        r = other(2)
    gather(r)
    """,
)
SWITCH_OF_CHAINS = (
    """
    @step
    def start(self):
        self.kind = "big"
        self.next({"big": self.big, "small": self.small, "no": self.no}, condition="kind")

    @step
    def big(self):
        self.next(self.more)

    @step
    def more(self):
        self.next(self.end)

    @step
    def small(self):
        self.next(self.end)

    @step
    def no(self):
        self.next(self.end)

    @step
    def end(self):
        pass
    """,
    """
    kind = load()
    if kind == "big":
        r = other(work(1))
    elif kind == "small":
        r = other(2)
    else:
        r = work(3)
    gather(r)
    """,
)
EACH = """
@pipeline
def each(x):
    return gather(work.map(other(x)))

@pipeline
def fork(x):
    y = other(x)
    return pair(work(y), other(y))

"""
PAIRS = {
    "chain": CHAIN,
    "branch": BRANCH,
    "foreach": FOREACH,
    "chain in foreach": CHAIN_IN_FOREACH,
    "nested foreach": NESTED,
    "branch in foreach": BRANCH_IN_FOREACH,
    "foreach in branch": FOREACH_IN_BRANCH,
    "switch": SWITCH,
    "switch of chains": SWITCH_OF_CHAINS,
}


@pytest.mark.parametrize("name", list(PAIRS))
def test_the_same_shape(name: str, tmp_path: Path) -> None:
    flow, body = PAIRS[name]
    pipeline = STEPS + EACH + "@pipeline\ndef main():\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    ours, theirs = both(tmp_path, "", flow, pipeline)
    assert theirs == ours


SPECS = {
    "retry": ("retry", "@retry(times=2, minutes_between_retries=0)", "retry=Retry(limit=2, backoff=0)"),
    "resources": (
        "resources",
        '@resources(cpu=2, memory="4Gi")',
        'settings={"resources": ResourceSettings(cpu_count=2, memory="4GiB")}',
    ),
    "gpu": ("resources", "@resources(gpu=1, memory=16384)", 'resources=Resources(gpu=1, memory="16Gi")'),
    "timeout": ("timeout", "@timeout(seconds=90)", "timeout=90"),
    "image": ("kubernetes", '@kubernetes(image="python:3.12")', 'image="python:3.12"'),
}
NAMES = "from flowc import Resources, Retry\nfrom zenml.config import ResourceSettings\n"


@pytest.mark.parametrize("name", list(SPECS))
def test_the_same_specs(name: str, tmp_path: Path) -> None:
    imported, decorator, argument = SPECS[name]
    flow = CHAIN[0].replace("    @step\n    def work", f"    {decorator}\n    @step\n    def work")
    steps = (NAMES + STEPS).replace("@step\ndef work", f"@step({argument})\ndef work")
    body = textwrap.indent(textwrap.dedent(CHAIN[1]).strip(), "    ")
    ours, theirs = both(tmp_path, imported, flow, f"{steps}@pipeline\ndef main():\n{body}")
    assert theirs == ours
