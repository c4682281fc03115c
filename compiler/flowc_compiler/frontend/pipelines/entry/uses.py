"""How a pipeline's body uses a parameter: one that is only passed to steps may be a parameter of each run."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import PipelineFunction, StepFunction
from flowc_compiler.frontend.values.bindings import bindings
from flowc_compiler.syntax.names import dotted

_SHAPING = frozenset({"id", "after", "start_after"})
"""Arguments of a step's call that are for the graph."""
_METHODS = frozenset({"map", "product", "submit"})


def only_passed_on(machine: Machine, pipeline: PipelineFunction, name: str, *, is_list: bool) -> bool:
    """Whether every use of a parameter is as a whole argument of a step's call, or of what is mapped.

    A list that a pipeline is mapped over, `per_item.map(items)`, is such a use, too: the pipeline sees the items only.
    """
    local = frozenset(bindings(pipeline.node.body.body)) | {item.name.value for item in pipeline.node.params.params}
    uses = list(_uses(pipeline.node.body, name))
    with machine.within(Frame(pipeline.view, {}, (), local)):
        return all(call is not None and _is_step(machine, call, is_list=is_list) for call in uses)


def _uses(body: cst.CSTNode, name: str) -> Iterator[cst.Call | None]:
    """For each use of a name: the call that it is a whole argument of, or `None`."""
    pending: list[cst.CSTNode] = [body]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Name):
            if node.value == name:
                yield None
        elif isinstance(node, cst.Attribute):
            pending.append(node.value)
        elif isinstance(node, cst.Call):
            pending.append(node.func)
            for arg in node.args:
                passed = _passed(arg)
                if isinstance(passed, cst.Name) and passed.value == name:
                    yield None if arg.star or (arg.keyword is not None and arg.keyword.value in _SHAPING) else node
                else:
                    pending.append(arg.value)
        else:
            pending.extend(node.children)


def _passed(arg: cst.Arg) -> cst.BaseExpression:
    """What an argument is, `unmapped(...)` around it left out."""
    match arg.value:
        case cst.Call(func=function, args=[cst.Arg(value=inner, keyword=None)]) if dotted(function)[-1:] == (
            "unmapped",
        ):
            return inner
        case _:
            return arg.value


def _is_step(machine: Machine, call: cst.Call, *, is_list: bool) -> bool:
    function = call.func
    mapped = isinstance(function, cst.Attribute) and function.attr.value in {"map", "product"}
    if isinstance(function, cst.Attribute) and function.attr.value in _METHODS:
        function = function.value
    if isinstance(function, cst.Call) and isinstance(function.func, cst.Attribute):
        if function.func.attr.value != "with_options":
            return False
        function = function.func.value
    if not dotted(function):
        return False
    value, problem = machine.attempt(function)
    if isinstance(value, PipelineFunction):
        return mapped and is_list and not any(_passed(arg) is not arg.value for arg in call.args)
    return problem is None and isinstance(value, StepFunction)
