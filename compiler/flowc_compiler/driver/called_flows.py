"""The flows that the steps of a flow call, each compiled by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.ir import CalledFlow, Flow, FlowCall
from flowc_compiler.passes import run_passes
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.local_code import local_code


class _Called(NamedTuple):
    """A flow that is being compiled, because one of those before it calls it."""

    name: str
    file: Path


@dataclass(frozen=True)
class CallReader:
    """Compiles called flows, and those that they call."""

    read: Callable[[CalledFlow], Flow | None]
    """Reads a called flow, before its passes."""
    sink: DiagnosticSink

    def with_called(self, flow: Flow, file: Path) -> Flow:
        """The flow with the flows that its steps call in `called`; those with errors, which are collected, lack."""
        return self._with_called(flow, (_Called(flow.name, file.resolve()),))

    @staticmethod
    def with_modules(flow: Flow, source: SourceFile) -> Flow:
        """The flow with the modules of calls by the names that its own tasks import them by.

        A called flow may be in a folder from which its imports have shorter names, when it is compiled by itself.
        """
        code, main = local_code(source), Path(source.path).absolute()
        changed: list[FlowCall] = []
        for call in flow.calls:
            path = Path(call.file).absolute()
            module = None if path == main else code.names.get(path, call.module)
            changed.append(call.model_copy(update={"module": module}))
        return flow.model_copy(update={"calls": tuple(changed)})

    def _with_called(self, flow: Flow, above: tuple[_Called, ...]) -> Flow:
        found: dict[str, Flow] = {}
        for step in flow.steps:
            spec = step.specs.called
            inner = self._compiled(spec, above) if spec is not None else None
            if inner is not None:
                found[step.name] = inner
        return flow.model_copy(update={"called": found}) if found else flow

    def _compiled(self, spec: CalledFlow, above: tuple[_Called, ...]) -> Flow | None:
        key = _Called(spec.flow, Path(spec.file).resolve())
        if key in above:
            circle = " calls ".join(f"`{item.name}`" for item in (*above[above.index(key) :], key))
            message = f"flows call each other without an end: {circle}"
            help_ = "a called flow becomes a part of its caller: let one of them do without the other"
            self.sink.error("FC228", message, spec.span, help=help_)
            return None
        flow = self.read(spec)
        if flow is None or not flow.complete:
            return None
        self._check_returns(flow, spec)
        return run_passes(self._with_called(flow, (*above, key)), self.sink, called=True)

    def _check_returns(self, flow: Flow, spec: CalledFlow) -> None:
        """Collect FC229 for artifacts that no step of the called flow can set."""
        effects = flow.effects() if flow.effects is not None and spec.returns else None
        if effects is None or effects.silent:
            return
        steps = [effects.of(step.name) for step in flow.steps]
        if any(item.havoc or item.opaque for item in steps):
            return
        returned = (name for step in flow.steps if step.specs.called is not None for name in step.specs.called.returns)
        caught = (step.specs.catch.variable for step in flow.steps if step.specs.catch is not None)
        known = {*effects.known, *(name for item in steps for name in item.sets), *returned, *caught}
        for name in spec.returns.values():
            if name not in known:
                sets = sorted(name for item in steps for name in item.sets)
                otherwise = f"its steps set {', '.join(sets)}" if sets else "its steps set nothing"
                message = f"flow {flow.name} is to return `{name}`, which none of its steps sets"
                self.sink.error("FC229", message, spec.span, help=suggest(name, sets, otherwise).help)
