"""The interface of a target: a name, what it can express, its options, and `emit`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from flowc_targets.base.options import TargetOptions

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile

__all__ = ["Capabilities", "EmittedFile", "Target", "TargetOptions"]


@dataclass(frozen=True, slots=True)
class EmittedFile:
    """One file of a target's output. `name` is what to call it in a folder.

    Of several files the first is the one that `-o FILE` names; the others stand beside it, and where their names begin
    with its own, they follow it: `flow.py` and `flow.configmap.yaml` become `dags/x.py` and `dags/x.configmap.yaml`.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can express. `emit_checked` reports what exceeds it at the line, and `flowc targets` lists it."""

    step_kinds: frozenset[str]
    """The IR's step kinds: linear, branch, foreach, parallel, switch, join."""
    max_foreach_depth: int | None = None
    """How deep foreach may nest; `None` is any depth."""
    branch_in_foreach: bool = True
    unbounded_loops: bool = True
    """Whether a step may lead to itself without a `@loop` that says how often at most."""
    kinds_of_output: tuple[str, ...] = ()
    """The values of the target's `kind` option, the default first; empty when there is one kind only."""


class Target(Protocol):
    """An engine that flowc writes for: a frozen dataclass behind an entry point of the group `flowc.targets`."""

    @property
    def name(self) -> str:
        """The name on the command line."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can express."""
        ...

    @property
    def options_model(self) -> type[TargetOptions]:
        """The options it reads; `emit` gets an instance of it."""
        ...

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """The files for a checked flow. Problems go to the sink; with an error in it the result means nothing."""
        ...
