"""`for` and comprehensions over a result: a map, whose body is evaluated once for whatever item there is.

Turns run side by side, so that none may need what another one leaves. A list that each turn appends to becomes the list
of what they append, in the order of the items.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, Frame, Returned
from flowc_compiler.evaluate.reachable_state import has_one_name, namespaces, state_of
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import Unresolved, is_kind
from flowc_compiler.frontend.pipelines.pipeline_values import (
    MapBuilder,
    MappedResult,
    RegionBuilder,
    Result,
    StepOutputs,
)
from flowc_compiler.frontend.pipelines.result_expressions import operation
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.ir.regions import ItemValue
from flowc_compiler.ir.type_model import Verdict
from flowc_compiler.syntax.tree_walk import bound_names

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_ALONE = "the turns of a loop over a result run side by side"
_WAY_OUT = "do it in a step that gets the whole list, or append what each turn gives to a list"


def run_loop(evaluator: PipelineEvaluator, source: object, node: ast.For) -> None:
    """Evaluate the body of a `for` over a result once, in a map of its own. Raises EvaluationError.

    Where it calls no step, what it computes of the results of a map needs none, and a loop that leaves nothing, since
    it only prints, is none.
    """
    environment = evaluator.frame.environment
    lists = {name: cast("list[object]", environment[name]) for name in _appended(evaluator, node)}
    opened, item = _open(evaluator, source, node.iter)
    outer = dict(environment)
    try:
        given = _turn(evaluator, opened, item, node, list(lists))
        if not opened.body.nodes:
            environment.clear()
            environment.update(outer)
            if not lists and not bound_names(node.body):
                evaluator.nodes.current.nodes.remove(opened)
                return
            opened = _without_steps(evaluator, opened, source, node.iter)
            given = _turn(evaluator, opened, cast("MappedResult", source).item, node, list(lists))
    finally:
        environment.clear()
        environment.update(outer)
        for name in bound_names([node]):
            message = f"it is what the last turn leaves, and {_ALONE}"
            environment[name] = Unresolved(message, "append what each turn gives to a list", code="FC223")
    for name, old in lists.items():
        value, is_list = given[name]
        environment[name] = _joined(evaluator, old, MappedResult(opened, value), node.iter, is_list=is_list)


def _turn(
    evaluator: PipelineEvaluator, opened: MapBuilder, item: object, node: ast.For, lists: Sequence[str]
) -> dict[str, tuple[object, bool]]:
    """Evaluate the body for an item. Gives what it appends to each of some lists."""
    frame = evaluator.frame
    environment = frame.environment
    for name in bound_names([node]):
        message = f"it is what the turn before leaves, and {_ALONE}"
        environment[name] = Unresolved(message, _WAY_OUT, code="FC223")
    fresh = {name: list[object]() for name in lists}
    environment.update(fresh)
    before = state_of(evaluator)
    frame.loops += 1
    try:
        with evaluator.nodes.inside(opened.body):
            assign(evaluator, node.target, item, node.iter)
            signal = evaluator.execute(node.body)
            given = {name: _given(evaluator, environment[name], node) for name in lists}
    finally:
        frame.loops -= 1
    if signal == "break" or isinstance(signal, Returned):
        word = "break" if signal == "break" else "return"
        raise evaluator.refuse("FC223", f"`{word}` cannot end a loop over a result: {_ALONE}", node.iter, _WAY_OUT)
    own = {*map(id, namespaces(evaluator)), *before.environments, *map(id, fresh.values())}
    for container in before.changed():
        if id(container) not in own:
            names = [name for name, value in environment.items() if value is container]
            shown = f"`{names[0]}`" if names else "what was made before it"
            raise evaluator.refuse(
                "FC223", f"a loop over a result cannot change {shown}: {_ALONE}", node.iter, _WAY_OUT
            )
    return given


def _without_steps(evaluator: PipelineEvaluator, opened: MapBuilder, source: object, node: ast.expr) -> MapBuilder:
    """The map whose results are gone over, instead of a new one whose body calls no step. Raises EvaluationError."""
    evaluator.nodes.current.nodes.remove(opened)
    if not isinstance(source, MappedResult):
        raise _no_steps(evaluator, node)
    return source.map


def _chosen_instead(evaluator: PipelineEvaluator, node: ast.expr, clause: ast.comprehension) -> str:
    """What to write instead of a comprehension with `if`: a loop, where it calls steps, else a step."""
    items = evaluator.code(clause.iter)
    made = node.elt if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp) else ast.Constant(None)
    if not any(isinstance(item, ast.Call) for item in ast.walk(made)):
        return f"do it in a step that gets `{items}`"
    return f"write `for {evaluator.code(clause.target)} in {items}:`, and in it `if ...:` and `found.append(...)`"


def run_comprehension(evaluator: PipelineEvaluator, source: object, node: ast.expr, inner: Frame) -> object | None:
    """What a comprehension over a result gives; `None` where flowc cannot follow it. It calls steps for each item, or
    computes with the results of a map.
    """
    if not isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp) or len(node.generators) > 1:
        return None
    (clause,) = node.generators
    if clause.ifs:
        what = "a comprehension cannot leave things out by it"
        raise evaluator.not_known(source, clause.ifs[0], what, _chosen_instead(evaluator, node, clause))
    opened, item = _open(evaluator, source, clause.iter)
    before = state_of(evaluator)
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    values = _item_values(evaluator, opened, item, clause, parts, inner)
    if before.changed():
        message = f"a comprehension over a result cannot change what was made before it: {_ALONE}"
        raise evaluator.refuse("FC223", message, node, _WAY_OUT)
    if not opened.body.nodes:
        opened = _without_steps(evaluator, opened, source, clause.iter)
        values = _item_values(evaluator, opened, cast("MappedResult", source).item, clause, parts, inner)
    match node:
        case ast.DictComp():
            pairs = operation(evaluator, "call", [("zip", node), *((value, node) for value in values)], node)
            return operation(evaluator, "call", [("dict", node), (pairs, node)], node)
        case ast.SetComp():
            return operation(evaluator, "call", [("set", node), (values[0], node)], node)
        case _:
            return values[0]


def _item_values(
    evaluator: PipelineEvaluator,
    opened: MapBuilder,
    item: object,
    clause: ast.comprehension,
    parts: Sequence[ast.expr],
    inner: Frame,
) -> list[MappedResult]:
    """What the parts of a comprehension are for each item of a map."""
    with evaluator.nodes.inside(opened.body), evaluator.within(inner):
        assign(evaluator, clause.target, item, clause.iter)
        return [MappedResult(opened, evaluator.evaluate(part)) for part in parts]


def _no_steps(evaluator: PipelineEvaluator, node: ast.expr) -> Exception:
    code = evaluator.code(node)
    message = "a step's result is not known when the flow is compiled: this loop over it calls no step"
    way_out = f"do it in a step that gets `{code}`, and use what that returns"
    return evaluator.refuse("FC111", message, node, way_out)


def _open(evaluator: PipelineEvaluator, source: object, node: ast.expr) -> tuple[MapBuilder, Result]:
    """A map over a result, and its item. As in Python, a dict gives its keys and a text its characters."""
    if isinstance(source, StepOutputs):
        raise evaluator.not_known(source, node, "the step has several outputs, or none", "go over one of its outputs")
    hook = evaluator.hook
    if not isinstance(source, MappedResult) and hook.rules.mapped(hook.type_of(source)) is not Verdict.FITS:
        source = evaluator.runtime_call("call", "list", CallArguments([BoundValue(source, node)]), node)
    opened = MapBuilder(
        name=evaluator.nodes.numbered("for"),
        span=evaluator.span(node),
        sources=(argument_value(evaluator, source, node),),
        body=RegionBuilder(),
    )
    evaluator.nodes.add(opened)
    return opened, Result(ItemValue(opener=opened.name), hook.item_type(source))


def _appended(evaluator: PipelineEvaluator, node: ast.For) -> Iterator[str]:
    """The names of lists that the loop's body appends to, and uses for nothing else."""
    appends = {
        id(call.func.value): call.func.value.id
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in {"append", "extend"}
        and isinstance(call.func.value, ast.Name)
    }
    bound = bound_names([node])
    for name in dict.fromkeys(appends.values()):
        value = evaluator.frame.environment.get(name)
        if name in bound or not is_kind(value, list) or evaluator.undetermined(value):
            continue
        evaluator.check_free(value, node)
        uses = [
            use for use in ast.walk(node) if isinstance(use, ast.Name) and use.id == name and id(use) not in appends
        ]
        if uses:
            message = f"`{name}` is read while the loop appends to it: {_ALONE}"
            raise evaluator.refuse("FC223", message, uses[0], _WAY_OUT)
        if not has_one_name(evaluator, value):
            message = f"another variable has the same list as `{name}`, to which a loop over a result appends"
            raise evaluator.refuse("FC223", message, node.iter, "make a list of its own: `list(...)`")
        yield name


def _given(evaluator: PipelineEvaluator, value: object, node: ast.For) -> tuple[object, bool]:
    """What one turn appends, and whether that is a list of any number of entries."""
    if is_kind(value, list) and len(entries := cast("list[object]", value)) == 1 and not evaluator.undetermined(value):
        return entries[0], False
    return Result(argument_value(evaluator, value, node)), True


def _joined(evaluator: PipelineEvaluator, old: list[object], found: object, node: ast.expr, *, is_list: bool) -> object:
    """A list with what all turns have appended."""
    if is_list:
        found = operation(evaluator, "call", [("sum", node), (found, node), (list[object](), node)], node)
    return operation(evaluator, "+", [(old, node), (found, node)], node) if old else found
