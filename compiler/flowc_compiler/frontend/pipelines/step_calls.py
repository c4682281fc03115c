"""Calls of steps: arguments by parameter, names, `id=`, `after=`, and the results."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import cast

from flowc_compiler.evaluate.evaluator import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.functions import bind, signature_of
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.frontend.pipelines.argument_values import argument_value
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import Result, StepFunction, StepOutputs
from flowc_compiler.frontend.pipelines.region_builder import StepBuilder
from flowc_compiler.frontend.pipelines.step_order import wait_for
from flowc_compiler.frontend.pipelines.types.evaluation_types import BoundArgument
from flowc_compiler.ir.regions import Argument, Call, OutputValue

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
    """The arguments by parameter. Raises EvaluationError with FC113 where they do not fit the function."""
    signature = signature_of(step.node)
    if signature.star is not None or signature.double_star is not None:
        raise evaluator.refuse(
            "FC113", f"the step `{step.function}` takes `*args` or `**kwargs`", node,
            "give each of its parameters a name; a list or a dict holds any number of values",
        )  # fmt: skip
    preset = {name: item for name, item in preset_parameters(evaluator, step).items() if name not in arguments.keywords}
    taken = {item.name for item in signature.positional[: len(arguments.positional)]}
    for name, value in preset.items():
        if name not in taken:
            arguments.keywords[name] = BoundValue(value, node)
    return bind(evaluator, signature, arguments, step.function, node).named


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
        specs=evaluator.specs_of(step),
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
