"""Expressions with results in them: trees of operations that the task does which needs their outcome."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from flowc.protocol.expressions import FUNCTIONS, METHODS
from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluation_state import CallArguments
from flowc_compiler.evaluate.operations import DEEPEST_TREE, HEAVIEST
from flowc_compiler.evaluate.plain_data import TOO_HEAVY, weight
from flowc_compiler.evaluate.values import Iterator, is_kind
from flowc_compiler.frontend.pipelines.arm_bindings import conditions, evaluate_where
from flowc_compiler.frontend.pipelines.pipeline_values import AttributeResult, Result, Tree
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.types.operation_types import operation_type
from flowc_compiler.ir.regions import OperationValue, Operator, Value, inner_values

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
    from flowc_compiler.source import Span

CHAINED = frozenset({"+", "-", "*", "/", "//", "%", "@", "<<", ">>", "&", "|", "^"})
"""Operators that group from the left: a long chain is one operation, and not as many within each other."""
COMPARED = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"})
_NEVER_FAIL = frozenset({"==", "!=", "is", "is not", "and", "or", "not", "if", "concat", "isinstance", "slice"})


def operation(
    evaluator: PipelineEvaluator,
    operator: str,
    operands: Sequence[tuple[object, ast.AST]],
    node: ast.AST,
    keywords: Sequence[str] = (),
) -> Result:
    """The result of an operation; each operand with where it stands. Raises EvaluationError."""
    values = tuple(operand_value(evaluator, value, where) for value, where in operands)
    span = None if operator in _NEVER_FAIL else evaluator.span(node)
    chained = _chained(values[0], operator, span)
    size = _measured(evaluator, values, node, chains=chained is not None)
    made = OperationValue.model_construct(
        kind="operation",
        operator=cast("Operator", operator),
        operands=values if chained is None else (*chained, *values[1:]),
        keywords=tuple(keywords),
        span=span,
    )
    evaluator.trees[id(made)] = Tree(made, *size)
    types = [evaluator.hook.type_of(value) for value, _ in operands]
    return Result(made, evaluator.hook.known(operation_type(evaluator.hook.rules, made, types)))


def _chained(first: Value, operator: str, span: Span | None) -> tuple[Value, ...] | None:
    """The operands of a first operand that is the same operation, on the same line."""
    match first:
        case OperationValue(operator=before, span=earlier, operands=operands) if before == operator in CHAINED:
            return operands if earlier is not None and span is not None and earlier.line == span.line else None
        case _:
            return None


def operand_value(evaluator: PipelineEvaluator, value: object, node: ast.AST) -> Value:
    """An operand as a value of the IR; the bounds of a slice may be results."""
    if is_kind(value, slice):
        bounds = cast("slice", value)
        parts = (bounds.start, bounds.stop, bounds.step)
        values = tuple(argument_value(evaluator, part, node) for part in parts)
        return OperationValue(operator="slice", operands=values)
    if isinstance(value, Result) and id(value.value) in evaluator.trees:
        return value.value  # its size is known: looking at all of it each time would take the square of a long sum
    return argument_value(evaluator, value, node)


def _measured(evaluator: PipelineEvaluator, values: Sequence[Value], node: ast.AST, *, chains: bool) -> tuple[int, int]:
    """The size and the depth of an operation. Raises EvaluationError with FC114 where it is too large."""
    sizes = [evaluator.trees.get(id(value)) or Tree(value, weight(value), _depth(value)) for value in values]
    total = 1 + sum(item.weight for item in sizes)
    depth = max(item.depth + 1 - (chains and not place) for place, item in enumerate(sizes))
    if total > HEAVIEST or depth > DEEPEST_TREE:
        raise evaluator.refuse("FC114", TOO_HEAVY, node, "make it in a step")
    return total, depth


def _depth(value: Value) -> int:
    """How deeply values are nested in a value; it is not larger than what is checked for every value."""
    deepest, pending = 0, [(value, 1)]
    while pending:
        found, depth = pending.pop()
        deepest = max(deepest, depth)
        pending += [(part, depth + 1) for part in inner_values(found)]
    return deepest


def attribute(evaluator: PipelineEvaluator, owner: Result, name: str, node: ast.AST) -> AttributeResult:
    """`result.name`."""
    made = operation(evaluator, "getattr", [(owner, node), (name, node)], node)
    return AttributeResult(made.value, made.type, None, owner, name)


def call(
    evaluator: PipelineEvaluator, kind: str, name: str, arguments: CallArguments, node: ast.expr, owner: object = None
) -> Result | None:
    """A call of a builtin function, or of a method of a value; `None` for one that tasks do not do.

    `key=` of `sorted` and the like is a function, which is no data.
    """
    if name not in (FUNCTIONS if kind == "call" else METHODS):
        return None
    first = [(name, node)] if kind == "call" else [(owner, node), (name, node)]
    given = [(item.value, item.node) for item in (*arguments.positional, *arguments.keywords.values())]
    plain = (str, int, float, complex, bool, bytes, type(None), list, tuple, dict, set, frozenset, range, Iterator)
    if not all(evaluator.undetermined(value) or is_kind(value, *plain) for value, _ in given):
        return None
    return operation(evaluator, kind, [*first, *given], node, tuple(arguments.keywords))


def conditional(tests: Sequence[Value], values: Sequence[Value]) -> Value:
    """The value of the first test that holds, else the last."""
    *earlier, chosen = values
    for condition, value in reversed(list(zip(tests, earlier, strict=True))):
        chosen = OperationValue(operator="if", operands=(condition, value, chosen))
    return chosen


def result_operation(evaluator: PipelineEvaluator, operator: str, operands: Sequence[object], node: ast.AST) -> object:
    """What conditions and comparisons of results give when the flow runs."""
    if operator.endswith((", condition", ", comparator", ", as a value")):
        return _later_operand(evaluator, operator, operands, node)
    if operator.endswith("one more"):
        word = operator.partition(",")[0]
        left, right = (argument_value(evaluator, item, node) for item in operands)
        # A long chain is one operation, and not as many within each other.
        chained = left.operands if isinstance(left, OperationValue) and left.operator == word else (left,)
        return Result(OperationValue(kind="operation", operator=cast("Operator", word), operands=(*chained, right)))
    if operator in COMPARED and len(operands) == 4:
        one, other, left_node, right_node = operands
        places = [(one, cast("ast.AST", left_node)), (other, cast("ast.AST", right_node))]
        return operation(evaluator, operator, places, node)
    return operation(evaluator, operator, [(item, node) for item in operands], node)


def _later_operand(evaluator: PipelineEvaluator, operator: str, operands: Sequence[object], node: ast.AST) -> object:
    """A right side, which Python evaluates only where the left one lets it: it may not call a step."""
    word, _, place = operator.partition(", ")
    before, last = len(evaluator.nodes), cast("ast.expr", operands[-1])
    first = operands[0]
    known = first.value if isinstance(first, Result) else argument_value(evaluator, first, node)
    left = conditions([(known, word == "and")])
    evaluated = partial(test, evaluator, last) if place == "condition" else partial(evaluator.evaluate, last)
    value = evaluate_where(evaluator, left, last, evaluated)
    if len(evaluator.nodes) > before:
        shown = {"condition": "a condition", "comparator": "a comparison"}.get(place, "an expression")
        way_out = "call the step before"
        if place == "condition":
            way_out = "call the step before the `if`, or write a second `if` inside of the first"
        message = f"whether this step is called depends on a result, in the middle of {shown}"
        raise evaluator.refuse("FC223", message, last, way_out)
    if place != "as a value":
        return value
    return operation(evaluator, word, [(operands[0], node), (value, last)], node)
