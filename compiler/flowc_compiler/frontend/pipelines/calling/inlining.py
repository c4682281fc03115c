"""Functions that are evaluated in place: helpers, lambdas, and pipelines that a pipeline calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.calling.signature import Signature, bind, signature_of
from flowc_compiler.frontend.pipelines.evaluation.limits import DEEPEST_CALLS
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Frame, Given, Machine, Returned
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    Environment,
    FunctionNode,
    HelperFunction,
    PipelineFunction,
)
from flowc_compiler.frontend.pipelines.types.evaluation_types import BoundArgument
from flowc_compiler.frontend.values.bindings import bindings


def call_helper(machine: Machine, helper: HelperFunction, arguments: Arguments, node: ast.expr) -> object:
    """What a function of the user's returns."""
    if isinstance(helper.node, ast.Lambda):
        return _run(machine, helper, arguments, node)
    with _perhaps_a_step(machine, helper.node):
        _check_plain(machine, helper.node, node)
        return _run(machine, helper, arguments, node)


@contextmanager
def _perhaps_a_step(machine: Machine, function: FunctionNode) -> Generator[None]:
    """Say of what a function does, and the body of a pipeline cannot, that the function may be a step instead."""
    outer, machine.sink = machine.sink, DiagnosticSink()
    try:
        yield
    finally:
        inner, machine.sink = machine.sink, outer
        hint = f"put `@step` above `{function.name}` if it is a step"
        for item in inner.diagnostics:
            way_out = f"{hint}; else {item.help}" if item.code in _WORK and "@step" not in item.help else item.help
            tell = outer.error if item.severity == "error" else outer.warning
            tell(item.code, item.message, item.span, help=way_out, label=item.label)


_WORK = frozenset({"FC110", "FC115"})
"""What steps are for."""


def call_pipeline(machine: Machine, pipeline: PipelineFunction, arguments: Arguments, node: ast.expr) -> object:
    """What a pipeline returns that is called in another one: its steps become those of the caller, as in ZenML."""
    for name in ("id", "after"):
        if name in arguments.keywords and name not in _names(signature_of(pipeline.node)):
            given = arguments.keywords[name]
            raise machine.refuse(
                "FC113", f"the pipeline `{pipeline.name}` takes no `{name}`: its steps become steps of this pipeline",
                given.node, f"give `{name}=` to the steps in it",
            )  # fmt: skip
    return _run(machine, HelperFunction(pipeline.view, pipeline.node), arguments, node, pipeline)


def _names(signature: Signature) -> set[str]:
    return {item.name for item in signature.named}


def _check_plain(machine: Machine, function: FunctionNode, node: ast.expr) -> None:
    if isinstance(function, ast.AsyncFunctionDef):
        raise machine.refuse("FC110", f"`{function.name}` is `async`", node, "call it in a step")


def _run(
    machine: Machine,
    helper: HelperFunction,
    arguments: Arguments,
    node: ast.expr,
    pipeline: PipelineFunction | None = None,
) -> object:
    if len(machine.frames) > DEEPEST_CALLS:
        machine.exhausted("functions call each other too deeply", node, "write a loop, or do it in a step")
    signature = signature_of(helper.node)
    bound = bind(machine, signature, arguments, helper.name, node)
    if pipeline is not None:
        checked = [BoundArgument(key, given.value, machine.span(given.node)) for key, given in bound.named.items()]
        machine.hook.check_pipeline(pipeline, checked)
    environment: Environment = {name: given.value for name, given in bound.named.items()}
    if signature.star is not None:
        environment[signature.star] = tuple(given.value for given in bound.star)
    if signature.double_star is not None:
        environment[signature.double_star] = {name: given.value for name, given in bound.double_star.items()}
    body = helper.node.body
    local = frozenset(bindings(body)) if isinstance(body, list) else frozenset[str]()
    frame = Frame(helper.view, environment, helper.closure, local | environment.keys())
    _defaults(machine, helper, signature, frame)
    with machine.within(frame):
        if not isinstance(body, list):
            return machine.evaluate(body)
        signal = machine.execute(body)
    return signal.value if isinstance(signal, Returned) else None


def _defaults(machine: Machine, helper: HelperFunction, signature: Signature, frame: Frame) -> None:
    """Put the defaults of parameters without a value."""
    outside = Frame(helper.view, {}, helper.closure)
    for parameter in signature.named:
        name = parameter.name
        if name in frame.environment:
            continue
        if name in helper.defaults:
            frame.environment[name] = helper.defaults[name]
        elif parameter.default is not None:
            with machine.within(outside):
                value = frame.environment[name] = machine.evaluate(parameter.default)
            if isinstance(value, list | dict | set):
                default = cast("object", value)
                machine.frozen[id(default)] = (default, "it is the default of a parameter, and one for all calls")


def defaults_of(machine: Machine, node: FunctionNode | ast.Lambda) -> Environment:
    """The values of a function's defaults, which Python evaluates where the function is defined."""
    found: Environment = {}
    for parameter in signature_of(node).named:
        if parameter.default is not None:
            found[parameter.name] = machine.evaluate(parameter.default)
    return found


def apply(machine: Machine, function: object, values: tuple[object, ...], node: ast.expr) -> object:
    """What a function gives for values, as `key=` of `sorted` calls it."""
    return machine.call(function, Arguments([Given(value, node) for value in values]), node)


def callback(machine: Machine, function: object, node: ast.expr) -> Callable[..., object]:
    """A function of the evaluation as one that Python can call."""

    def called(*values: object) -> object:
        return apply(machine, function, values, node)

    return called
