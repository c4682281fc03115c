"""One random flow on both sides: on the local engine, and as what `flowc compile` prints, elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from flowc import Run
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.cluster.strict import Ended
from tests.local.flows import Recorder

if TYPE_CHECKING:
    from tests.cluster.drawing import Drawn

WORKERS = 4
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

    @property
    def given(self) -> tuple[str, ...]:
        """Arguments of `flowc compile` that give the parameters their values."""
        items = self.drawn.parameters.items()
        values = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in items)
        return ("--set", f"parameters={{{values}}}") if values else ()


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


def run_here(drawn: Drawn, folder: Path) -> Case:
    """The flow on the local engine. Raises FlowcError where the file is refused."""
    folder.mkdir(parents=True)
    file = folder / "random_flow.py"
    file.write_text(drawn.text, encoding="utf-8")
    compilation = compile_file(file)
    root = str(folder / "store")
    options = RunOptions(root=root, params=drawn.parameters, max_workers=WORKERS)
    result = run_flow(compilation.flow, compilation.source, options, Recorder())
    ended = Ended(Run(f"{compilation.flow.name}/{result.run_id}", root=root), result.ok)
    return Case(drawn, file, ended, ended.attempts)


def compile_case(case: Case, where: Elsewhere) -> str | None:
    """What `flowc compile` prints; `None` where it refuses, which the case then tells."""
    printed, said = where.compile(case)
    if printed:
        return printed
    refused = "FC501" in said and "Traceback" not in said
    case.state = "refused" if refused else "differs"
    codes = [line for line in said.splitlines() if "FC501" in line]
    case.found = codes[:1] if refused else [f"flowc compile: {said}"]
    return None
