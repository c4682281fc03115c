"""Methods of steps, of pipelines and of their results, and entries of results."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import cast

from flowc_compiler.evaluate.evaluator import CallArguments, EvaluationError
from flowc_compiler.evaluate.values import Function, RuntimeValue
from flowc_compiler.frontend.pipelines.argument_values import argument_value
from flowc_compiler.frontend.pipelines.mapped_calls import call_map
from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
from flowc_compiler.frontend.pipelines.pipeline_values import (
    FunctionMethod,
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
)
from flowc_compiler.ir.regions import ElementValue, OutputValue

_FUTURES = frozenset({"result", "artifacts"})
"""Methods of ZenML's futures that give the artifact itself."""


def method_of(evaluator: PipelineEvaluator, owner: object, name: str, node: ast.expr) -> object | None:
    """A method of a step, a pipeline or a result; `None` for other attributes. Raises EvaluationError."""
    if isinstance(owner, StepFunction | PipelineFunction):
        if name in {"map", "product", "submit"}:
            return FunctionMethod(owner, name)
        if name in {"name", "__name__"}:
            return owner.name
        if isinstance(owner, PipelineFunction) and name in {"run", "__call__"} and evaluator.lenient:
            return owner
    elif isinstance(owner, RuntimeValue):
        return _of_result(evaluator, owner, name, cast("ast.Attribute", node))
    if name in {"map", "product"} and isinstance(node, ast.Attribute):
        shown = evaluator.code(node.value)
        what = f"put `@step` above `{shown}`" if isinstance(owner, Function) else f"write `work.{name}({shown})`"
        message = f"`{name}` is a method of steps, and `{shown}` is not a step"
        raise evaluator.refuse("FC222", message, node, what, owner)
    return None


def _of_result(evaluator: PipelineEvaluator, owner: object, name: str, node: ast.Attribute) -> object:
    if name in {"load", "wait", "running", "artifacts", "result", "chunk", "get_artifact", "unpack"}:
        return FunctionMethod(owner, name)
    if name in {"map", "product"}:
        raise evaluator.refuse(
            "FC222", f"`{name}` is a method of steps, not of their results", node,
            f"write `work.{name}({evaluator.code(node.value)})`",
        )  # fmt: skip
    what, way_out = f"it has no attribute `{name}` yet", "read it in a step that gets the result"
    raise evaluator.not_known(owner, node, what, way_out)


def call_method(
    evaluator: PipelineEvaluator, method: FunctionMethod, arguments: CallArguments, node: ast.expr
) -> object:
    """What a method gives. Raises EvaluationError."""
    owner, name = method.owner, method.name
    if isinstance(owner, StepFunction | PipelineFunction):
        if name == "submit":
            return evaluator.call(owner, arguments, node)
        return call_map(evaluator, owner, arguments, node, product=name == "product")
    return _call_result(evaluator, owner, name, arguments, node)


def _call_result(
    evaluator: PipelineEvaluator, owner: object, name: str, arguments: CallArguments, node: ast.expr
) -> object:
    values = [given.value for given in (*arguments.positional, *arguments.keywords.values())]
    if name in _FUTURES and not values:
        return owner
    if name == "chunk" and len(values) == 1 and isinstance(owner, Result):
        return entry_of(evaluator, owner, values[0], node)
    if name == "get_artifact" and len(values) == 1:
        return _artifact(evaluator, owner, values[0], node)
    if name == "unpack" and isinstance(owner, MappedResult) and not values:
        return _unpacked(evaluator, owner, node)
    if name == "wait":
        raise evaluator.refuse("FC111", "the pipeline's body is over before a step runs", node, "write `after=[...]`")
    if name == "unpack":
        raise evaluator.refuse("FC222", "`unpack` is for what `.map` gives", node, "assign: `first, second = step()`")
    raise evaluator.not_known(
        owner, node, f"`{name}` cannot be called",
        "pass the result itself to the step that needs it: the step gets the value",
    )  # fmt: skip


def _artifact(evaluator: PipelineEvaluator, owner: object, key: object, node: ast.expr) -> object:
    names = owner.names if isinstance(owner, StepOutputs) else ("output",)
    if key in names and isinstance(owner, StepOutputs):
        return owner.results[names.index(key)]
    if isinstance(owner, Result):
        return owner
    raise evaluator.refuse("FC112", f"there is no output `{key}`", node, f"the outputs are {', '.join(names)}")


def _unpacked(evaluator: PipelineEvaluator, owner: MappedResult, node: ast.expr) -> object:
    """One mapped result for each output of the step that is mapped."""
    item = owner.item
    parts = (
        item.results
        if isinstance(item, StepOutputs)
        else cast("Iterable[object]", item)
        if isinstance(item, tuple)
        else ()
    )
    found = tuple(MappedResult(owner.map, part) for part in parts)
    if not found:
        message = "`unpack` is for a step with several outputs"
        raise evaluator.refuse("FC222", message, node, "annotate the step: `-> tuple[A, B]`, and `return a, b` in it")
    return found


def entry_of(
    evaluator: PipelineEvaluator, value: object, key: object, node: ast.AST, entries: int | None = None
) -> object:
    """`value[key]` of a result; `entries` is how many there must be, where all of them are unpacked."""
    if isinstance(value, StepOutputs):
        if not value.results:
            message = f"the step `{value.step}` has no output"
            raise evaluator.refuse("FC112", message, node, "return a value from it, and annotate it")
        if entries is not None and entries != len(value.results):
            raise _wrong_number(evaluator, node, len(value.results), entries)
        return evaluator.computed(node, lambda: value.results[cast("int", key)])
    if isinstance(value, MappedResult) and entries is not None:
        raise evaluator.not_known(
            value, node, "how many items were mapped over is not known",
            "of a step with several outputs: `first, second = work.map(items).unpack()`",
        )  # fmt: skip
    if not isinstance(value, Result | MappedResult):
        raise evaluator.refuse("FC222", "`unmapped(...)` has no entries", node, "take the entry first")
    if isinstance(key, bool) or not isinstance(key, int | str):
        what = "take one entry of it, by a number or a string"
        raise evaluator.not_known(value, node, what, "do it in a step")
    whole = argument_value(evaluator, value, node)
    of = value.type if isinstance(value, Result) else None
    step = value.node if isinstance(value, Result) else whole.step if isinstance(whole, OutputValue) else None
    hook = evaluator.hook
    kind = hook.item_type(value) if isinstance(value, MappedResult) else hook.element_type(of, key)
    return Result(ElementValue(value=whole, key=key, entries=entries), kind, step)


def _wrong_number(evaluator: PipelineEvaluator, node: ast.AST, count: int, wanted: int) -> EvaluationError:
    shown = f"{wanted} value{'s' * (wanted != 1)}"
    message = f"`{evaluator.code(node)}` has {count} value{'s' * (count != 1)}, and {shown} are expected"
    return evaluator.refuse("FC112", message, node, "make the numbers equal")
