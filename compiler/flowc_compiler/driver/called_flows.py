"""The flows that the steps of a flow call, each compiled by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.driver.parameter_inputs import text_of
from flowc_compiler.ir import CalledFlow, Flow, FlowCall, Parameter, Step
from flowc_compiler.passes import run_passes
from flowc_compiler.passes.called_flows import with_values
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.local_code import local_code
from flowc_compiler.syntax.source_reading import read_source

if TYPE_CHECKING:
    from flowc_compiler.ir import Value


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
        """The flow with modules of called flows by the names that its own tasks import them by.

        A called flow may be in a folder from which its imports have shorter names, when it is compiled by itself.
        """
        names = _ModuleNames(source)
        calls = tuple(names.of_call(call) for call in flow.calls)
        pipelines = {call.step: call for call in calls if call.pipeline}
        steps = [
            names.of_step(step, pipelines[step.within]) if step.within in pipelines else step for step in flow.steps
        ]
        return flow.model_copy(update={"calls": calls, "steps": tuple(steps)})

    def _with_called(self, flow: Flow, above: tuple[_Called, ...]) -> Flow:
        found: dict[str, Flow] = {}
        for name, spec in flow.calling():
            inner = self._compiled(spec, above)
            if inner is not None:
                found[name] = inner
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
        """Collect FC229 for artifacts that no step of the called flow can set, or that a pipeline does not return."""
        if flow.frontend == "pipeline":
            _check_results(flow, spec, self.sink)
            return
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


def _check_results(flow: Flow, spec: CalledFlow, sink: DiagnosticSink) -> None:
    """Collect FC229 for what a pipeline does not return, or what a run of its own does not have as it is."""
    results: Mapping[str, Value] = flow.results or {}
    for name in spec.returns.values():
        value = results.get(name)
        if value is None:
            otherwise = f"it returns {', '.join(results)}" if results else "it returns nothing"
            message = f"pipeline {flow.name} is to return `{name}`, which is none of its results"
            sink.error("FC229", message, spec.span, help=suggest(name, list(results), otherwise).help)
        elif spec.deployed and not (value.kind == "output" and not value.levels):
            message = (
                f"`{name}`, which the deployed pipeline {flow.name} is to return, is not what one of its steps returns"
            )
            sink.error("FC229", message, spec.span, help="return it from a step of that pipeline")


def bind_call(called: CalledFlow, sink: DiagnosticSink) -> Callable[..., Mapping[str, str]]:
    """What gives a called pipeline the parameters that shape its graph: the others it gets when it runs.

    Collects FC229, FC303 and FC304.
    """

    def bind(name: str, parameters: tuple[Parameter, ...], span: Span) -> Mapping[str, str]:
        del span
        found: dict[str, str] = {}
        for item in parameters:
            key, given = item.name, called.params
            if not item.fixed:
                continue
            if key in called.artifacts or (called.deployed and key in given):
                message = f"`{key}` shapes the graph of pipeline {name}, and so no run can give it another value"
                way_out = "leave it out" if called.deployed else "give it a value that is written out, by `params=`"
                sink.error("FC229", message, called.span, help=way_out)
            elif key in given:
                text = text_of(given[key], item.model_copy(update={"span": called.span}), sink)
                found |= {key: text} if text is not None else {}
            elif item.required and not item.has_default:
                message = f"pipeline {name} is called without its required parameter `{key}`"
                way_out = f'give it a value: `params={{"{key}": ...}}`'
                sink.error("FC304", message, called.span, help="give it a default" if called.deployed else way_out)
        return found

    return bind


class _ModuleNames:
    """The names that tasks of a flow import modules by."""

    def __init__(self, source: SourceFile) -> None:
        self._main = Path(source.path).absolute()
        self._names = local_code(source).names
        self._of_files: dict[str, dict[str, Path]] = {}

    def of_call(self, call: FlowCall) -> FlowCall:
        """A call, with the module of the called flow, and those of a pipeline's parameters."""
        call = call.model_copy(update={"module": self._name(Path(call.file).absolute(), call.module)})
        renamed = (item.model_copy(update={"module": self._renamed(item.module, call)}) for item in call.parameters)
        return call.model_copy(update={"parameters": tuple(renamed)})

    def of_step(self, step: Step, call: FlowCall) -> Step:
        """A step of a called pipeline, with the modules of its function and of objects among its arguments."""
        if step.call is not None:
            module = self._renamed(step.call.module, call)
            step = step.model_copy(update={"call": step.call.model_copy(update={"module": module})})
        return with_values(step, lambda value: self._of_value(value, call))

    def _of_value(self, value: Value, call: FlowCall) -> Value:
        from flowc_compiler.ir.regions import rebuilt

        value = rebuilt(value, lambda inner: self._of_value(inner, call))
        if value.kind != "object":
            return value
        return value.model_copy(update={"module": self._renamed(value.module, call)})

    def _renamed(self, module: str | None, call: FlowCall) -> str | None:
        """The name of a module that a pipeline's own file knows by another one."""
        if module is None:
            return call.module
        if call.file not in self._of_files:
            source = read_source(Path(call.file), DiagnosticSink())
            names = local_code(source).names if source is not None else {}
            self._of_files[call.file] = {name: path for path, name in names.items()}
        path = self._of_files[call.file].get(module)
        return module if path is None else self._name(path, module)

    def _name(self, path: Path, otherwise: str | None) -> str | None:
        return None if path == self._main else self._names.get(path, otherwise)
