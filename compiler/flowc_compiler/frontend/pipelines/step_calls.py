"""Calls of steps: arguments by parameter and as values of the IR, names, `id=`, `after=`, and the results."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from flowc_compiler.diagnostics import suggest
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.functions import Signature, bind, signature_of
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.evaluate.values import RuntimeValue, Unresolved
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MappedResult,
    NodeBuilder,
    PendingOrder,
    Result,
    StepBuilder,
    StepFunction,
    StepOutputs,
)
from flowc_compiler.frontend.pipelines.settings.lax_values import lax_value
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.types.pipeline_types import BoundArgument
from flowc_compiler.ir.regions import Argument, Call, OutputValue, ParameterValue, references

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

MOST_NODES = 10_000
"""Calls of steps, maps and `if`s on results."""
STEP_NAME = re.compile(r"(?!\d+$|.*\.json$)[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
"""What a step can be called: it names a folder of the run, beside files that end in `.json`, and tasks of engines.

No number is a name: Airflow tells a switch's choice from a foreach's count by that.
"""


def call_step(evaluator: PipelineEvaluator, step: StepFunction, arguments: CallArguments, node: ast.expr) -> object:
    """Add a call of a step to the graph; what it gives is its result."""
    name = given_name(evaluator, step, arguments, node)
    after = read_after(evaluator, arguments)
    _override(evaluator, signature_of(step.node), arguments, node, name)
    bound = bind_step(evaluator, step, arguments, node)
    return add_call(evaluator, step, name, bound, after, node)


def given_name(evaluator: PipelineEvaluator, step: StepFunction, arguments: CallArguments, node: ast.expr) -> str:
    """The name of a call: that of `id=`, or a free one made of the step's name."""
    own_parameters = {item.name for item in signature_of(step.node).named}
    given = arguments.pop("id") if "id" not in own_parameters else None
    if given is None or given.value is None:
        name, where = evaluator.nodes.free(step.name), node
    elif not isinstance(given.value, str):
        raise evaluator.refuse(
            "FC209", "an id must be text that is known when the flow is compiled", given.node, 'id="name"'
        )
    else:
        name, where = given.value, cast("ast.expr", given.node)
        if evaluator.nodes.is_taken(name):
            raise evaluator.refuse(
                "FC220",
                f"another step is called `{name}`",
                given.node,
                f'take another: id="{evaluator.nodes.free(name)}"',
            )
    if not STEP_NAME.fullmatch(name):
        raise evaluator.refuse(
            "FC209", f"the step name `{name}` is not made of letters, digits, `_`, `-` and `.`",
            where, "rename it; begin with a letter, a digit or `_`, use more than a number, and do not end in `.json`",
        )  # fmt: skip
    return name


def read_after(evaluator: PipelineEvaluator, arguments: CallArguments) -> list[BoundValue]:
    """The values of `after=`: names of steps, and results."""
    found: list[BoundValue] = []
    for key in ("after", "start_after"):
        given = arguments.pop(key)
        if given is not None:
            if key == "start_after":
                message = "`start_after` waits until a step has started, which engines cannot express"
                raise evaluator.refuse("FC221", message, given.node, "write `after=`, which waits until it is done")
            found += [BoundValue(value, given.node) for value in _flat(given.value)]
    return found


def _flat(value: object) -> Iterable[object]:
    if isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[object]", value):
            yield from _flat(item)
    elif value is not None:
        yield value


def bind_step(
    evaluator: PipelineEvaluator, step: StepFunction, arguments: CallArguments, node: ast.expr
) -> dict[str, BoundValue]:
    """The arguments by parameter. Raises EvaluationError with FC113 where they do not fit."""
    signature = signature_of(step.node)
    if signature.star is not None or signature.double_star is not None:
        raise evaluator.refuse(
            "FC113", f"the step `{step.function}` takes `*args` or `**kwargs`", node,
            "give each of its parameters a name; a list or a dict holds any number of values",
        )  # fmt: skip
    annotations = {item.name: item.node.annotation for item in signature.named}
    preset = {
        key: lax_value(item, annotations.get(key))
        for key, item in preset_parameters(evaluator, step).items()
        if key not in arguments.keywords
    }
    taken = {item.name for item in signature.positional[: len(arguments.positional)]}
    for key, value in preset.items():
        if key not in taken:
            arguments.keywords[key] = BoundValue(value, node)
    missing: list[str] = []
    if evaluator.awaits_run and not arguments.open:
        given = taken | arguments.keywords.keys()
        missing = [item.name for item in signature.named if item.default is None and item.name not in given]
        arguments.keywords.update({item: BoundValue(Unresolved(""), node) for item in missing})
    found = bind(evaluator, signature, arguments, step.function, node).named
    if missing:
        _expect_configuration(evaluator, step.function, missing, node)
    return found


def _expect_configuration(evaluator: PipelineEvaluator, name: str, missing: Sequence[str], node: ast.expr) -> None:
    """Warn (FC113) of arguments that only the configuration of a run can give, where another file runs the pipeline."""
    evaluator.missing += missing
    shown = ", ".join(f"`{item}`" for item in missing)
    evaluator.sink.warning(
        "FC113", f"the call of `{name}` leaves {shown} to the configuration of a run, and this file has no run",
        evaluator.span(node), help="check the file that runs the pipeline: its `config_path` may give the value",
        label="what depends on it is not checked",
    )  # fmt: skip


def _override(
    evaluator: PipelineEvaluator, signature: Signature, arguments: CallArguments, node: ast.expr, name: str
) -> None:
    """Let the run's configuration set a step's parameters that its call does not pass.

    A call that passes another value is FC113, which ZenML refuses, too. Where it passes a result, that counts: FC410.
    """
    places = {item.name: index for index, item in enumerate(signature.positional[: len(arguments.positional)])}
    annotations = {item.name: item.node.annotation for item in signature.named}
    for key, (given, span) in evaluator.run_configuration.parameters_of(name, evaluator.lasting_sink).items():
        value = lax_value(given, annotations.get(key))
        old = arguments.positional[places[key]] if key in places else arguments.keywords.get(key)
        if old is None:
            arguments.keywords[key] = BoundValue(value, node)
            continue
        known = evaluator.find_undetermined(old.value)
        passed = evaluator.code(old.node)
        if isinstance(known, RuntimeValue) and not _is_parameter(old.value):
            evaluator.lasting_sink.warning(
                "FC410", f"`{key}` of the step `{name}` does nothing here: its call passes the result `{passed}`", span,
                help="remove it, or leave the argument out of the call",
            )  # fmt: skip
        elif _passed_value(evaluator, old.value) != value:
            evaluator.lasting_sink.error(
                "FC113", f"`{key}` of the step `{name}` is {value!r} here, and its call passes `{passed}`", span,
                help="say it in one place: in the configuration or in the call",
            )  # fmt: skip


def _passed_value(evaluator: PipelineEvaluator, value: object) -> object:
    """The value that a call passes; of a parameter of the run, its default."""
    if isinstance(value, Result) and isinstance(value.value, ParameterValue):
        return evaluator.parameter_values.get(value.value.name, value)
    return value


def _is_parameter(value: object) -> bool:
    return isinstance(value, Result) and isinstance(value.value, ParameterValue)


def preset_parameters(evaluator: PipelineEvaluator, step: StepFunction) -> dict[str, object]:
    """Arguments that `.with_options(parameters={...})` and `@step(parameters=...)` give."""
    found: dict[str, object] = {}
    for layer in step.layers:
        for arg in layer.arguments:
            if isinstance(arg, ast.keyword) and arg.arg == "parameters":
                try:
                    values = evaluate(arg.value, layer.scope)
                except UnresolvedError as error:
                    message = f"`parameters` is not known{error.because}"
                    evaluator.sink.error("FC402", message, layer.view.span(arg.value), help="write it out")
                    raise EvaluationError from None
                if isinstance(values, dict):
                    entries = cast("dict[object, object]", values)
                    found.update({str(key): value for key, value in entries.items()})
    return found


def add_call(
    evaluator: PipelineEvaluator,
    step: StepFunction,
    name: str,
    bound: dict[str, BoundValue],
    after: list[BoundValue],
    node: ast.expr,
) -> object:
    """Put a call of a step into the current region, and give its result."""
    if len(evaluator.nodes) >= MOST_NODES:
        evaluator.exhausted(
            f"the pipeline has more than {MOST_NODES} steps", node, "map over a list: `work.map(items)`"
        )
    from flowc_compiler.frontend.pipelines.body_reads import materialize_reads

    bound = materialize_reads(evaluator, bound, after)
    checked = [BoundArgument(key, given.value, evaluator.span(given.node)) for key, given in bound.items()]
    evaluator.hook.check_call(step, checked, evaluator.span(node))
    values = tuple(
        Argument(name=key, value=argument_value(evaluator, given.value, given.node)) for key, given in bound.items()
    )
    doc = ast.get_docstring(step.node)
    added = StepBuilder(
        name=name,
        span=evaluator.span(node),
        call=Call(function=step.function, module=step.module, arguments=values, outputs=step.outputs, many=step.many),
        specs=evaluator.specs_of(step, name),
        doc=doc or "",
    )
    evaluator.nodes.add(added)
    waited = [
        *after,
        *(given for given in bound.values() if isinstance(given.value, StepOutputs) and not given.value.names),
    ]
    wait_for(evaluator, added, waited)
    return results(evaluator, step, name)


def results(evaluator: PipelineEvaluator, step: StepFunction, name: str) -> object:
    """What a call of a step gives: a result, or several."""
    types = evaluator.hook.output_types(step)
    found = tuple(
        Result(OutputValue(step=name, name=output), kind, name)
        for output, kind in zip(step.outputs, types, strict=True)
    )
    return found[0] if len(found) == 1 and not step.many else StepOutputs(name, step.outputs, found)


def wait_for(evaluator: PipelineEvaluator, node: NodeBuilder, after: Iterable[BoundValue]) -> None:
    """Let a node wait for steps, by their names or results. A name may be that of a step that is called later."""
    for given in after:
        if isinstance(given.value, str) and evaluator.nodes.get(given.value) is None:
            waiting = PendingOrder(node, given.value, evaluator.nodes.path(), evaluator.span(given.node))
            evaluator.waiting.append(waiting)
            continue
        for name in waited_names(evaluator, given):
            _add_order(node, evaluator.nodes.anchor(name))


def waited_names(evaluator: PipelineEvaluator, given: BoundValue) -> list[str]:
    """The nodes that an entry of `after=` waits for. Raises EvaluationError with FC221 for anything but a step."""
    match given.value:
        case str() as name:
            return [name]
        case StepOutputs(step=step):
            return [step]
        case MappedResult(map=mapped):
            return [mapped.name]
        case Result(value=value, node=node):
            names = [*references(value), *([node] if node is not None else [])]
            if names:
                return list(dict.fromkeys(names))
        case _:
            pass
    raise evaluator.refuse(
        "FC221", f"`after` takes steps, and `{evaluator.code(given.node)}` is not a step", given.node,
        "give the name of a step, its result, or a list of these",
    )  # fmt: skip


def resolve_order(evaluator: PipelineEvaluator) -> None:
    """Look up the names of steps that were called after the step that waits for them. FC221 for unknown names."""
    for node, name, path, span in evaluator.waiting:
        if evaluator.nodes.get(name) is not None:
            _add_order(node, evaluator.nodes.anchor(name, path))
            continue
        known = evaluator.nodes.names
        help_text, fix = suggest(name, known, f"the steps are {', '.join(known[:20])}")
        evaluator.sink.error("FC221", f"there is no step `{name}`", span, help=help_text, fix=fix)


def _add_order(node: NodeBuilder, name: str | None) -> None:
    if name is not None and name not in node.after:
        node.after = (*node.after, name)
