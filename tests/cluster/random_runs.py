"""One random flow on both sides: on the local engine, and as what `flowc compile` prints, elsewhere."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from flowc import Run
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.cluster.strict import Ended, differences
from tests.local.flows import Recorder

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from tests.cluster.drawing import Drawn

WORKERS = 4
MOST_BATCHED = 0.7
"""How many of the foreach have batches, where any have."""
State = Literal["same", "differs", "refused", "large", "hung"]


@dataclass
class Case:
    """A flow that was drawn, and what became of it."""

    drawn: Drawn
    file: Path
    local: Ended
    attempts: int
    """How many times a task was begun, locally."""
    state: State | None = None
    """`None` until it is known."""
    found: list[str] = field(default_factory=list[str])
    """What differs, or why it was not run."""
    seconds: float = 0.0
    pods: int = 0
    sharing: tuple[str, ...] = ()
    """Arguments of `flowc compile` that let tasks share pods."""
    cached: bool = False
    """Whether each step has a cache, and the flow runs a second time."""
    taken: tuple[int, int] = (0, 0)
    """How many tasks of the last run were taken from the cache, of how many."""

    @property
    def runs(self) -> int:
        """How many runs are compared with the local one."""
        return 2 if self.cached else 1

    @property
    def options(self) -> tuple[str, ...]:
        """Arguments of `flowc compile` that every target has."""
        return (*self.drawn.arguments, *self.sharing, *(("--cache",) if self.cached else ()))

    def compare(self, run: Run, ok: bool) -> list[str]:
        """What differs in a run elsewhere, which is the last one so far."""
        tasks = [task for step in run for task in step if task.committed]
        self.taken = sum(task.origin_pathspec is not None for task in tasks), len(tasks)
        return differences(self.local, Ended(run, ok))

    @property
    def given(self) -> tuple[str, ...]:
        """Arguments of `flowc compile` that give the parameters their values, and let tasks share pods."""
        items = self.drawn.parameters.items()
        values = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in items)
        given = ("--set", f"parameters={{{values}}}") if values else ()
        return (*given, *self.options)


class Elsewhere(Protocol):
    """What runs manifests: a cluster, or `flowc simulate`."""

    def compile(self, case: Case) -> tuple[str, str]:
        """What `flowc compile` prints, and what it says; it prints nothing where it refuses."""
        ...

    def start(self, case: Case, manifest: str) -> None:
        """Begin to run a manifest."""
        ...

    def poll(self) -> list[Case]:
        """Cases that have ended since, compared."""
        ...

    @property
    def busy(self) -> int:
        """How many are on their way."""
        ...

    @property
    def room(self) -> bool:
        """Whether another may be started now."""
        ...


def random_batches(flow: Flow, name: str) -> tuple[str, ...]:
    """Batches for some of the foreach of a flow, the same for the same name; nothing for a flow without any."""
    source = random.Random(name)
    openers = [step.name for step in flow.steps if step.kind == "foreach"]
    chosen = [opener for opener in openers if source.random() < MOST_BATCHED] or openers[:1]
    sizes = (f"{opener}={source.randint(1, 3)}x{source.randint(1, 2)}" for opener in chosen)
    return tuple(word for size in sizes for word in ("--batch", size))


def run_here(drawn: Drawn, folder: Path, *, batched: bool = False, cached: bool = False) -> Case:
    """The flow on the local engine; `batched` chooses batches for what runs it elsewhere, twice where it is `cached`.

    Raises FlowcError where the file is refused.
    """
    folder.mkdir(parents=True)
    file = folder / "random_flow.py"
    file.write_text(drawn.text, encoding="utf-8")
    compilation = compile_file(file)
    root = str(folder / "store")
    options = RunOptions(root=root, params=drawn.parameters, max_workers=WORKERS)
    result = run_flow(compilation.flow, compilation.source, options, Recorder())
    ended = Ended(Run(f"{compilation.flow.name}/{result.run_id}", root=root), result.ok)
    sharing = random_batches(compilation.flow, drawn.name) if batched else ()
    return Case(drawn, file, ended, ended.attempts, sharing=sharing, cached=cached)


_REFUSALS = ("FC501", "error[FC413]")
"""What a target cannot express, and what cannot share a pod, not even a first part of it."""


def compile_case(case: Case, where: Elsewhere) -> str | None:
    """What `flowc compile` prints; `None` where it refuses, which the case then tells."""
    printed, said = where.compile(case)
    if printed:
        return printed
    refused = any(code in said for code in _REFUSALS) and "Traceback" not in said
    case.state = "refused" if refused else "differs"
    codes = [line for line in said.splitlines() if any(code in line for code in _REFUSALS)]
    case.found = codes[:1] if refused else [f"flowc compile: {said}"]
    return None
