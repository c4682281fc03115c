"""The front end of function pipelines: a file's `@pipeline` function to a flow, whose body is the calls that it makes.

The body is evaluated when the flow is compiled, over the syntax tree; the file is never imported.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.evaluation_state import (
    EvaluationError,
    Frame,
    LimitError,
    Returned,
    Signal,
    deep_recursion,
)
from flowc_compiler.evaluate.operations import current_budget, spending
from flowc_compiler.evaluate.reachable_state import parts_of
from flowc_compiler.evaluate.values import Environment, Function
from flowc_compiler.frontend.pipelines.body_reads import report_extra, set_variables
from flowc_compiler.frontend.pipelines.client_uses import check_uses
from flowc_compiler.frontend.pipelines.command_options import CommandInputs, Texts, no_texts
from flowc_compiler.frontend.pipelines.fixed_conditions import report_conditions
from flowc_compiler.frontend.pipelines.old_pipelines import is_old, report_old
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_parameters import Bind, no_values, read_parameters
from flowc_compiler.frontend.pipelines.pipeline_runs import PipelineRuns, choose_pipeline
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    PipelineFunction,
    Result,
    StepBuilder,
    StepOutputs,
    build_body,
)
from flowc_compiler.frontend.pipelines.settings.layer_specs import pipeline_specs
from flowc_compiler.frontend.pipelines.settings.run_configuration import run_configuration, with_files
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.step_calls import resolve_order
from flowc_compiler.frontend.pipelines.types.pipeline_types import PipelineTypes
from flowc_compiler.frontend.pipelines.types.signatures import SINGLE, outputs_of
from flowc_compiler.ir import Flow
from flowc_compiler.ir.regions import references
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.tree_walk import bound_names

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator
    from flowc_compiler.ir import Value


def read_pipeline(
    source: SourceFile,
    module: ast.Module,
    sink: DiagnosticSink,
    flow_name: str | None = None,
    bind: Bind = no_values,
    attached: Sequence[str] = (),
    *,
    texts: Texts = no_texts,
    to_run: bool = False,
    to_check: bool = False,
    is_called: bool = False,
) -> Flow | None:
    """Evaluate a file's pipeline; `None`, with diagnostics collected, when that fails. Of one that fails in its body,
    the flow has the calls before, and is not complete.

    The pipeline is that of `flow_name`, or the one that the file itself calls, or the only one. `bind` is asked for
    values of its parameters from outside, `attached` are decorators for every step, as `--with` has them, and `texts`
    values for the options of the file's own command line. With `to_run` it is compiled for one run, which has these
    values; with `to_check` it is only checked, so that what a run will be given may be missing: what depends on that is
    not looked at, and the flow is `None` then, with warnings collected. One that `is_called` by another flow has its
    results, and what the file calls it with does not count.
    """
    decorators: tuple[CliDecorator, ...] = ()
    if attached:  # the models of all decorators take a while to import
        from flowc_compiler.frontend.decorators.cli_decorators import read_cli_decorators

        decorators = read_cli_decorators(attached, sink)
    outer, sink = sink, sink.nested()
    found = _evaluator_of(_File(source, module, decorators, texts), flow_name, sink)
    if found is not None:
        found[0].to_check = to_check
        if is_called:
            found[0].for_caller, found[0].runs = True, PipelineRuns()
    if found is not None and report_old(found[0].executed_views(), outer):
        return None
    try:
        with spending(len(source.text)):  # what executing the file has taken is not the pipeline's
            return _flow_of(found, flow_name, bind, decorators, to_run=to_run) if found is not None else None
    finally:
        outer.extend(sink)


def called_pipelines(source: SourceFile, module: ast.Module) -> tuple[str, ...]:
    """The pipelines that a file surely calls when it is run, in order; none where it depends on what is not known."""
    evaluator, _ = _executed(_File(source, module, (), no_texts), DiagnosticSink(), {})
    return evaluator.runs.surely_called()


def _flow_of(
    executed: _Executed, flow_name: str | None, bind: Bind, decorators: Sequence[CliDecorator], *, to_run: bool
) -> Flow | None:
    """The flow that a file's pipeline is."""
    evaluator, view = executed
    sink = evaluator.sink
    with deep_recursion(), evaluator.within(Frame(view, {})):
        try:
            flow = _read(evaluator, view, flow_name, bind, to_run=to_run)
            if decorators and flow is not None:
                from flowc_compiler.frontend.decorators.cli_decorators import report_unused

                report_unused(decorators, sink)
            return flow
        except (EvaluationError, LimitError) as error:
            _report_end(evaluator, view, error)
            return None
        except RecursionError:
            span = view.source.line_span(1)
            sink.error("FC114", "the pipeline is nested too deeply", span, help="write it with fewer levels")
            return None


def _report_end(evaluator: PipelineEvaluator, view: ModuleView, error: EvaluationError | LimitError) -> None:
    """Collect FC114 where evaluating has ended without another error, and not for want of what a run will be given."""
    if not evaluator.sink.has_errors and (isinstance(error, LimitError) or not evaluator.missing):
        message = f"{view.source.name}, with what it imports, takes too long to evaluate"
        span = view.source.line_span(1)
        evaluator.sink.error("FC114", message, span, help="import what only tasks need within the steps")


_Executed = tuple[PipelineEvaluator, ModuleView]


class _File(NamedTuple):
    """A file that is read, and what is said from outside."""

    source: SourceFile
    module: ast.Module
    decorators: Sequence[CliDecorator]
    texts: Texts


def _evaluator_of(file: _File, wanted: str | None, sink: DiagnosticSink) -> _Executed | None:
    """The evaluator of a file that was executed, as its command line has it by default and by what is given.

    Where that calls no pipeline, or not the one that is wanted, one option may have another value. `None`, with FC103
    collected, where several pipelines are called so.
    """
    evaluator, view = found = _executed(file, sink, {})
    called = _called(evaluator)
    if (wanted in called) if wanted is not None else bool(called):
        return found
    first: dict[str, dict[str, object]] = {}
    if any(map(is_old, evaluator.executed_views())):
        return found
    with spending(len(file.source.text)):
        for tried in islice(evaluator.command_inputs.alternatives(), _MOST_WAYS):
            for name in _called(_executed(file, DiagnosticSink(), tried, evaluator)[0]):
                first.setdefault(name, tried)
    if wanted is None and len(first) > 1:
        _report_ways(evaluator, view, first)
        return None
    chosen = first.get(wanted) if wanted is not None else next(iter(first.values()), None)
    if chosen is None:
        return found
    with spending(len(file.source.text)):
        return _executed(file, sink, chosen)


_MOST_WAYS = 40
"""Values of options that are tried."""


def _executed(
    file: _File, sink: DiagnosticSink, tried: Mapping[str, object], like: PipelineEvaluator | None = None
) -> _Executed:
    """The evaluator of the executed file, with other values of options; with `like`, with that one's modules."""
    with current_budget().paused():
        view = ModuleView(file.source, file.module, sink)
        modules = LocalModules(view, sink) if like is None else like.modules
    inputs = CommandInputs(file.texts, tried)
    types = PipelineTypes(modules, sink)
    evaluator = PipelineEvaluator(view, modules, sink, types, file.decorators, inputs)
    if like is not None:
        evaluator.adopt(like)
    with deep_recursion(), evaluator.within(Frame(view, {})), suppress(EvaluationError, LimitError, RecursionError):
        evaluator.namespace(view)
    return evaluator, view


def _called(evaluator: PipelineEvaluator) -> list[str]:
    return list(dict.fromkeys(run.pipeline.name for run in evaluator.runs.runs))


def _report_ways(evaluator: PipelineEvaluator, view: ModuleView, ways: Mapping[str, Mapping[str, object]]) -> None:
    """Collect FC103 for a program that runs one of several pipelines, as an option says, and none by default."""
    options = [f"`-p {key}={json.dumps(value)}`" for tried in ways.values() for key, value in tried.items()]
    evaluator.sink.error(
        "FC103", f"{view.source.name} runs one of several pipelines, by its options: {', '.join(ways)}",
        view.source.line_span(1), help=f"name one with `--flow`, or give the option: {', '.join(options)}",
    )  # fmt: skip


def _read(
    evaluator: PipelineEvaluator, view: ModuleView, flow_name: str | None, bind: Bind, *, to_run: bool
) -> Flow | None:
    chosen = choose_pipeline(evaluator, view, flow_name)
    if chosen is None:
        return None
    pipeline, run = chosen
    evaluator.is_called = run is not None
    evaluator.calling = [pipeline]
    if run is not None and run.state is not None:
        run.state.restore()
    span = pipeline.view.name_span(pipeline.node)  # it may be another file's
    layers = with_files(pipeline.layers, view.source.path.parent, evaluator.sink)
    evaluator.pipeline_layers = layers
    evaluator.run_configuration = run_configuration(layers, evaluator.sink)
    specs, base_packages = pipeline_specs(layers, evaluator.sink)
    with evaluator.within(Frame(pipeline.view, {})):
        parameters, environment = read_parameters(evaluator, pipeline, run, bind, span)
    if any(item.name not in environment for item in parameters):
        return None
    options = tuple(item for item in evaluator.command_inputs.parameters(known=True) if item.name not in environment)
    known = [item.name for item in parameters if item.fixed and item.name not in evaluator.missing]
    fixed = {name: environment[name] for name in known}
    if fixed and not to_run:
        report_conditions(evaluator, pipeline, fixed)
    complete = True
    results: dict[str, Value] | None = None
    try:
        signal = _evaluate(evaluator, pipeline, environment)
        returned = _returned(signal)
        results = _results(evaluator, pipeline, signal) if evaluator.for_caller else None
        resolve_order(evaluator)
        set_variables(evaluator)
        evaluator.run_configuration.report_unused(evaluator.sink, evaluator.nodes.names)
        body = build_body(evaluator.nodes.root)
        evaluator.hook.check(body, pipeline.view, pipeline.node)
        uses = check_uses(view, evaluator.modules, evaluator.hook.called, evaluator.sink, _secrets(evaluator))
        report_extra(evaluator, evaluator.step_layers(), is_read=uses.reads_extra)
        if uses.looks_up:
            returned = tuple(sorted(evaluator.nodes.names))
    except (EvaluationError, LimitError) as error:
        _report_end(evaluator, view, error)
        returned, body, complete = (), build_body(evaluator.nodes.root), False
        if (
            evaluator.missing
        ):  # what other values of parameters would call is not known: these steps are the likely ones
            check_uses(view, evaluator.modules, evaluator.hook.called, evaluator.sink, _secrets(evaluator))
    complete = complete and not evaluator.sink.failed
    if not complete and not evaluator.nodes.names:
        return None
    if not evaluator.nodes.names:
        evaluator.sink.error(
            "FC224", f"the pipeline `{pipeline.name}` calls no step", span,
            help="call functions with `@step` in its body",
        )  # fmt: skip
        return None
    return Flow.model_construct(
        span=span,
        name=pipeline.name,
        doc=ast.get_docstring(pipeline.node) or "",
        file=view.source.name,
        source_hash=hashlib.sha256(view.source.text.encode()).hexdigest(),
        frontend="pipeline",
        parameters=(*parameters, *options),
        specs=specs,
        base_packages=base_packages,
        returned=returned,
        results=results,
        body=body,
        complete=complete,
    )


def _secrets(evaluator: PipelineEvaluator) -> dict[int, set[str]]:
    """The Secrets of Kubernetes that all calls of a step have, by the identity of its node."""
    of_calls: dict[tuple[str | None, str], set[str]] = {}
    for name in evaluator.nodes.names:
        step = evaluator.nodes.get(name)
        if isinstance(step, StepBuilder):
            key, spec = (step.call.module, step.call.function), step.specs.secrets
            own = {item.id for item in spec.sources if item.type == "kubernetes"} if spec is not None else set[str]()
            of_calls[key] = of_calls.get(key, own) & own
    return {id(step.node): of_calls.get((step.module, step.function), set()) for step in evaluator.hook.called}


def _evaluate(evaluator: PipelineEvaluator, pipeline: PipelineFunction, environment: Environment) -> Signal:
    local = bound_names(pipeline.node.body) | environment.keys()
    function = Function(pipeline.view, pipeline.node, (), pipeline.defaults)
    with evaluator.within(Frame(pipeline.view, environment, (), local, function=function)):
        return evaluator.execute(pipeline.node.body)


def _returned(signal: Signal) -> tuple[str, ...]:
    """The steps whose results are in what a pipeline returns."""
    pending: list[object] = [signal.value] if isinstance(signal, Returned) else []
    seen = set[int]()
    steps: dict[str, None] = {}
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Result(value=known):
                steps.update(dict.fromkeys(references(known)))
            case StepOutputs(step=step):
                steps[step] = None
            case MappedResult(item=item):
                pending.append(item)
            case _:
                pending += parts_of(value)
    return tuple(sorted(steps))


def _results(evaluator: PipelineEvaluator, pipeline: PipelineFunction, signal: Signal) -> dict[str, Value]:
    """What a pipeline returns, by the names that a step with this annotation and value has for its outputs."""
    if not isinstance(signal, Returned) or signal.value is None:
        return {}
    outputs = outputs_of(pipeline.node, pipeline.view, evaluator.sink)
    node = pipeline.node.returns or pipeline.node
    value = argument_value(evaluator, signal.value, node)
    if value.kind != "tuple":
        return {(outputs.names or (SINGLE,))[0]: value}
    named = outputs.names if outputs.many else ()
    names = [named[place] if place < len(named) else f"{SINGLE}_{place}" for place in range(len(value.values))]
    return dict(zip(names, value.values, strict=True))
