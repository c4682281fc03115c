"""Calls in a pipeline's body: what is called, with what, and whether flowc can follow it."""

from __future__ import annotations

import ast
from typing import cast

from flowc_compiler.frontend.pipelines.calling.functions import configured, with_layer
from flowc_compiler.frontend.pipelines.calling.inlining import call_helper, call_pipeline
from flowc_compiler.frontend.pipelines.calling.stepcalls import call_step
from flowc_compiler.frontend.pipelines.code.builtincalls import call_builtin
from flowc_compiler.frontend.pipelines.code.expressions import iterated
from flowc_compiler.frontend.pipelines.code.methods import call_method
from flowc_compiler.frontend.pipelines.evaluation.bodyscope import BodyScope
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Given, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    BoundMethod,
    Builtin,
    HelperFunction,
    PipelineFunction,
    StepFunction,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.evaluation.unknown import is_unknown, not_known
from flowc_compiler.frontend.values.literals import NotLiteralError
from flowc_compiler.frontend.values.made import made
from flowc_compiler.syntax.names import dotted


def call(machine: Machine, node: ast.Call) -> object:
    """The value of a call expression."""
    settings = _settings(machine, node)
    if settings is not None:
        return settings[0]
    if machine.served(node.func) == "unmapped":
        return _unmapped(machine, node)
    if isinstance(node.func, ast.Attribute) and (method := _configuring(machine, node)) is not None:
        return method
    callee = machine.evaluate(node.func)
    return call_value(machine, callee, evaluate_arguments(machine, node), node)


def call_value(machine: Machine, callee: object, arguments: Arguments, node: ast.expr) -> object:
    """The value of a call of something that is evaluated, with evaluated arguments."""
    machine.tick(node)
    match callee:
        case StepFunction():
            return call_step(machine, callee, arguments, node)
        case PipelineFunction():
            return call_pipeline(machine, callee, arguments, node)
        case HelperFunction():
            return call_helper(machine, callee, arguments, node)
        case Builtin():
            return call_builtin(machine, callee, arguments, node)
        case BoundMethod():
            return call_method(machine, callee, arguments, node)
        case _:
            pass
    if is_unknown(callee):
        raise not_known(machine, node, "it cannot be called here", "call it in a step that gets the result")
    what = machine.code(node.func if isinstance(node, ast.Call) else node)
    raise machine.refuse(
        "FC112", f"`{what}` cannot be called", node, "call a step, a function of the file or a builtin"
    )


def evaluate_arguments(machine: Machine, call: ast.Call) -> Arguments:
    """The arguments of a call, `*` and `**` unpacked."""
    arguments = Arguments()
    for arg in call.args:
        if isinstance(arg, ast.Starred):
            items = iterated(machine, machine.evaluate(arg.value), arg.value)
            arguments.positional += [Given(item, arg.value) for item in items]
        else:
            arguments.positional.append(Given(machine.evaluate(arg), arg))
    for keyword in call.keywords:
        value = machine.evaluate(keyword.value)
        if keyword.arg is None:
            _unpack(machine, arguments, value, keyword.value)
        else:
            _put(machine, arguments, keyword.arg, Given(value, keyword.value))
    return arguments


def _unpack(machine: Machine, arguments: Arguments, value: object, node: ast.expr) -> None:
    if is_unknown(value):
        raise not_known(machine, node, "`**` cannot take arguments out of it", "name the arguments")
    if not isinstance(value, dict):
        raise machine.refuse("FC113", f"`{machine.code(node)}` is no dict", node, "`**` takes a dict of arguments")
    for key, item in cast("dict[object, object]", value).items():
        if not isinstance(key, str):
            raise machine.refuse("FC113", "the names of arguments are text", node, "use text for the keys")
        _put(machine, arguments, key, Given(item, node))


def _put(machine: Machine, arguments: Arguments, name: str, given: Given) -> None:
    if name in arguments.keywords:
        raise machine.refuse("FC113", f"the argument `{name}` is given twice", given.node, "keep one of them")
    arguments.keywords[name] = given


def _settings(machine: Machine, node: ast.Call) -> tuple[object] | None:
    """The object of settings that a call makes, if it makes one."""
    root = dotted(node.func)[:1]
    if not root or machine.is_local(root[0]):
        return None
    try:
        return made(node, machine.view, BodyScope(machine, machine.frame))
    except NotLiteralError as error:
        message = f"flowc cannot tell this value{error.because}"
        raise machine.refuse("FC402", message, error.node, error.help or "write the value out") from None


def _unmapped(machine: Machine, node: ast.Call) -> Unmapped:
    arguments = evaluate_arguments(machine, node)
    if len(arguments.positional) != 1 or arguments.keywords:
        raise machine.refuse("FC113", "`unmapped` takes one argument", node, "write `unmapped(value)`")
    return Unmapped(arguments.positional[0].value)


def _configuring(machine: Machine, node: ast.Call) -> object:
    """What `.with_options(...)` and `.configure(...)` give: their arguments are settings, and are read elsewhere."""
    function = cast("ast.Attribute", node.func)
    if function.attr not in {"with_options", "configure"}:
        return None
    owner = machine.evaluate(function.value)
    if not isinstance(owner, StepFunction | PipelineFunction):
        return None
    if function.attr == "with_options":
        return with_layer(owner, configured(machine, owner, node, "with_options"))
    if machine.arms:
        raise machine.refuse(
            "FC223", "a step cannot be configured in an `if` on a result", node,
            "write `other = step.with_options(...)`, and call that",
        )  # fmt: skip
    owner.layers.append(configured(machine, owner, node, "configure"))
    return owner
