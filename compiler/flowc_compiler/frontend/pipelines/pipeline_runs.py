"""The calls of pipelines that a file makes when it is run, with which arguments, and which of them is compiled."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.branches import snapshot
from flowc_compiler.evaluate.constructed import UNKNOWN, kept
from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.operations import HEAVIEST, current_budget
from flowc_compiler.evaluate.plain_data import TOO_HEAVY, has_objects, weight
from flowc_compiler.evaluate.reachable_state import State
from flowc_compiler.evaluate.values import Undetermined, Unresolved, is_kind, plain_copy
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import ROOTS, no_flow
from flowc_compiler.syntax.tree_walk import children, walk

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_AFTER = "what a run of a pipeline gives is known when it ran"


@dataclass(eq=False)
class Run:
    """A call of a pipeline where the file is run: not in another pipeline."""

    pipeline: PipelineFunction
    span: Span
    arguments: dict[str, object] = field(default_factory=dict[str, object])
    """Values by parameter; `Unresolved` for one that is not known."""
    spans: dict[str, Span] = field(default_factory=dict[str, Span])
    """Where each argument is written."""
    state: State | None = None
    """What the names of the files stood for."""
    may_be_first: bool = True
    """Whether no other call of the pipeline surely came before."""
    supposed: bool = False
    """Whether unknown code may make the call, and no line of the file does."""


class PipelineRuns:
    """The runs that were met, in order."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._called: dict[str, str] = {}
        """Which pipelines were called on the way to the present place: `surely` or `perhaps`."""

    def marks(self) -> object:
        """Which pipelines were called up to now."""
        return dict(self._called)

    def set_marks(self, marks: object) -> None:
        """Go back to `marks`."""
        self._called = dict(cast("dict[str, str]", marks))

    def merge_marks(self, marks: Sequence[object]) -> None:
        """Go on with what was called on several ways."""
        ways = [cast("dict[str, str]", item) for item in marks]
        names = {name for way in ways for name in way}
        self._called = {
            name: "surely" if all(way.get(name) == "surely" for way in ways) else "perhaps" for name in names
        }

    def record(
        self,
        evaluator: PipelineEvaluator,
        pipeline: PipelineFunction,
        arguments: CallArguments,
        node: ast.expr,
        reason: str = "",
    ) -> Unresolved:
        """Note a call; with a `reason`, one by unknown code with arguments that are not known."""
        if evaluator.rehearsing:
            return Unresolved(_AFTER)
        span = evaluator.span(node)
        may_be_first = self._called.get(pipeline.name) != "surely"
        run = Run(pipeline, span, may_be_first=may_be_first, supposed=bool(reason))
        names = [item.name for item in signature_of(pipeline.node).positional]
        given = [*zip(names, arguments.positional, strict=False), *arguments.keywords.items()]
        for name, value in given:
            run.arguments[name] = _kept(evaluator, value.value)
            run.spans[name] = evaluator.span(value.node)
        if arguments.open:
            unknown = Unresolved(reason or "it is unpacked from an unknown value", "write `-p`")
            for item in signature_of(pipeline.node).named:
                run.arguments.setdefault(item.name, unknown)
        if run.may_be_first:
            run.state = snapshot(evaluator, node)
        self.runs.append(run)
        self._called[pipeline.name] = "perhaps" if reason else "surely"
        return Unresolved(_AFTER)

    def surely_called(self) -> tuple[str, ...]:
        """The pipelines that were called, in order; none where one of them may not be."""
        names = dict.fromkeys(run.pipeline.name for run in self.runs)
        return tuple(names) if all(self._called.get(name) == "surely" for name in names) else ()

    def first(self, name: str) -> Run | None:
        """The first run of a pipeline: where several may be, with what they have in common."""
        found = [run for run in self.runs if run.pipeline.name == name and run.may_be_first]
        if len(found) < 2:
            return found[0] if found else None
        run = Run(found[0].pipeline, found[0].span, state=found[0].state)
        parameters = list(dict.fromkeys(key for item in found for key in item.arguments))
        for key in parameters:
            values = [item.arguments.get(key, _DEFAULT) for item in found]
            run.spans[key] = found[0].spans.get(key, found[0].span)
            run.arguments[key] = values[0] if _agree(values) else _differing(key, found)
        _merge_states(found)
        return run

    def configured_differently(self, name: str) -> list[Run]:
        """The runs that may be the first, where they are of differently configured copies of the pipeline."""
        found = [run for run in self.runs if run.pipeline.name == name and run.may_be_first]
        return found if len({tuple(map(id, run.pipeline.layers)) for run in found}) > 1 else []

    def others(self, name: str) -> list[Run]:
        """The runs of a pipeline after the first that the file makes itself."""
        found = [run for run in self.runs if run.pipeline.name == name]
        return [run for run in found[1:] if not run.may_be_first and not run.supposed]


_DEFAULT = object()


def _kept(evaluator: PipelineEvaluator, value: object) -> object:
    """A value as it is now."""
    value = settled(evaluator, value)
    found = kept(evaluator, value)
    if found is not UNKNOWN:
        return found
    found = evaluator.undetermined(value)
    if found is not None:
        return found
    if is_kind(value, list, dict, set, tuple):
        inner = evaluator.find_undetermined(value)
        if isinstance(inner, Unresolved):
            return inner
        if weight(value) > HEAVIEST:
            return Unresolved(TOO_HEAVY, "compute it in a step")
        if not has_objects(value):
            return plain_copy(value)
    return value


def _agree(values: Sequence[object]) -> bool:
    first = values[0]
    if any(isinstance(item, Undetermined) for item in values):
        return all(item is first for item in values)
    return all(type(item) is type(first) and repr(item) == repr(first) for item in values)


def _differing(name: str, runs: Sequence[Run]) -> Unresolved:
    for run in runs:
        value = run.arguments.get(name)
        if isinstance(value, Unresolved):
            return value
    lines = [str(line) for line in dict.fromkeys(run.span.line for run in runs)]
    shown = f"{', '.join(lines[:-1])} and {lines[-1]}" if len(lines) > 1 else lines[0]
    message = f"the calls in the lines {shown} pass different values, and flowc cannot know which of them runs"
    return Unresolved(message, f"write `-p {name}=...`")


def _merge_states(runs: Sequence[Run]) -> None:
    """Let names be unknown in the state of the first run that stand for something else in that of another."""
    first = runs[0].state
    for run in runs[1:]:
        if first is not None and run.state is not None:
            first.forget_differences(run.state, Unresolved("it depends on which call of the pipeline runs"))


_IMPORT_LATER = "import what only tasks need within the steps"


class Chosen(NamedTuple):
    """A pipeline, and the call that sets its parameters."""

    pipeline: PipelineFunction
    run: Run | None


def choose_pipeline(evaluator: PipelineEvaluator, view: ModuleView, wanted: str | None) -> Chosen | None:
    """The pipeline to compile: `wanted`, or the one that the file calls, or the only one; else FC102 or FC103."""
    bound = evaluator.namespace(view)
    pipelines = {
        item.name: found
        for item in view.tree.body
        if isinstance(item, FunctionNode) and isinstance(found := bound.get(item.name), PipelineFunction)
    }
    runs = evaluator.runs.runs
    for run in runs:
        pipelines.setdefault(run.pipeline.name, run.pipeline)
    missing = not pipelines or (wanted is not None and wanted not in pipelines)
    problem = "takes too long to evaluate" if evaluator.gave_up else current_budget().overdrawn()
    if (missing and problem is not None) or view in evaluator.gave_up:
        # The evaluation has ended before the definition of the pipeline, or before the call of it.
        message = f"{view.source.name}, with what it imports, {problem}"
        evaluator.sink.error("FC114", message, view.source.line_span(1), help=_IMPORT_LATER)
        return None
    imported = _imported(evaluator, view) if missing else {}
    if wanted is not None and wanted in imported:
        pipelines[wanted] = imported[wanted]
    if wanted is not None and wanted not in pipelines:
        known = f"the pipelines here: {', '.join({**pipelines, **imported})}" if pipelines or imported else _WRITE_ONE
        evaluator.sink.error(
            "FC102", f"there is no flow `{wanted}` in {view.source.name}", view.source.line_span(1), help=known
        )
        return None
    if not pipelines:
        message, where, way_out = no_flow(view)
        if imported:
            where = view.source.line_span(1)
            files = dict.fromkeys(pipeline.view.source.name for pipeline in imported.values())
            message = f"flowc does not see which pipeline {view.source.name} calls"
            way_out = f"name one with `--flow`: {', '.join(imported)}; or check its file: {', '.join(files)}"
        elif classes := _imported_classes(evaluator, view):
            name, (where, file) = next(iter(classes.items()))
            message = f"the flow `{name}` is not in {view.source.name}, but in {file}"
            way_out = f"name that file: {file}"
        evaluator.sink.error("FC102", message, where, help=way_out)
        return None
    names = [wanted] if wanted is not None else _candidates(pipelines, runs)
    if len(names) > 1:
        for name in names[1:]:
            evaluator.sink.error(
                "FC103", f"`{name}` is another flow of this file", pipelines[name].view.name_span(pipelines[name].node),
                help=f"name the one you mean with `--flow`: {', '.join(names)}",
            )  # fmt: skip
        return None
    first = evaluator.runs.first(names[0])
    for other in evaluator.runs.configured_differently(names[0])[1:]:
        evaluator.sink.error(
            "FC402", f"which options of `{names[0]}` count is not known: another call of it has others", other.span,
            help="call the pipeline with the same options, whichever way the file takes",
        )  # fmt: skip
    for other in evaluator.runs.others(names[0]):
        evaluator.sink.warning(
            "FC117", f"`{names[0]}` is called a second time: the first call sets its parameters", other.span,
            help="give the values of another run with `-p`",
        )  # fmt: skip
    return Chosen(first.pipeline if first is not None else pipelines[names[0]], first)


def _imported(evaluator: PipelineEvaluator, view: ModuleView) -> dict[str, PipelineFunction]:
    """The pipelines of other files that a file imports somewhere, by name."""
    found: dict[str, PipelineFunction] = {}
    for node, module in _local_imports(evaluator, view):
        names = evaluator.namespace(module)
        for alias in node.names:
            value = names.get(alias.name)
            if isinstance(value, PipelineFunction):
                found.setdefault(value.name, value)
    return found


def _imported_classes(evaluator: PipelineEvaluator, view: ModuleView) -> dict[str, tuple[Span, str]]:
    """The class flows of other files that a file imports, by name: where it does, and their file."""
    from flowc_compiler.frontend.classflow.flow_classes import ClassTable

    found: dict[str, tuple[Span, str]] = {}
    for node, module in _local_imports(evaluator, view):
        flows = ClassTable(module, DiagnosticSink()).flows()
        names = [alias.name for alias in node.names if alias.name in flows]
        found.update({name: (view.span(node), module.source.name) for name in names})
    return found


def _local_imports(evaluator: PipelineEvaluator, view: ModuleView) -> Iterator[tuple[ast.ImportFrom, ModuleView]]:
    """The `from x import y` of a file whose `x` is a local module, and that."""
    for node in walk(view.tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        parts = tuple(node.module.split(".")) if node.module else ()
        module = evaluator.modules.load(view, node.level, parts) if node.level or parts[:1] not in _SERVED else None
        if module is not None:
            yield node, module


_SERVED = {(root,) for root in ROOTS}
_WRITE_ONE = "a flow is `class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`"


def _candidates(pipelines: dict[str, PipelineFunction], runs: list[Run]) -> list[str]:
    """The pipelines that the file calls; otherwise those that no other pipeline calls."""
    called = list(dict.fromkeys(run.pipeline.name for run in runs))
    if called:
        return called
    inner = {name for other, pipeline in pipelines.items() for name in _names_in(pipeline.node) if name != other}
    return [name for name in pipelines if name not in inner] or list(pipelines)


def _names_in(node: FunctionNode) -> set[str]:
    names: set[str] = set()
    pending: list[ast.AST] = [*node.body]
    while pending:
        current = pending.pop()
        if isinstance(current, ast.Name):
            names.add(current.id)
        pending.extend(children(current))
    return names
