"""Expressions: names, containers, text, operators, comparisons and comprehensions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, cast

from flowc_compiler.evaluate.branches import fork, namespaces, snapshot, widen, widen_loop
from flowc_compiler.evaluate.builtin_functions import BUILTINS, builtin
from flowc_compiler.evaluate.evaluator import EvaluationError, Evaluator, Frame
from flowc_compiler.evaluate.exceptions import builtin_exception
from flowc_compiler.evaluate.functions import bound_names, defaults_of
from flowc_compiler.evaluate.merging import State
from flowc_compiler.evaluate.operations import COMPARISONS, LONGEST, UNARY, binary, check_format, cost
from flowc_compiler.evaluate.settings_objects import enumerated
from flowc_compiler.evaluate.targets import assign
from flowc_compiler.evaluate.values import (
    PLAIN,
    ClassObject,
    ConfigReference,
    DictView,
    Foreign,
    Function,
    Instance,
    Iterator,
    RuntimeValue,
    Undetermined,
    Unresolved,
)
from flowc_compiler.evaluate.weights import check_weight


def name(evaluator: Evaluator, node: ast.Name) -> object:
    """The value of a name: of the function, of those around it, of the module, or a builtin. Raises EvaluationError."""
    frame, key = evaluator.frame, node.id
    scopes = (frame.environment, *frame.closure)
    found = _in_scopes(evaluator, key, scopes)
    if found is None:
        if key in frame.local and not frame.is_class:
            message = f"`{key}` has no value here"
            raise evaluator.refuse("FC112", message, node, "bind it before it is used, on every way that leads here")
        namespace = evaluator.namespace(frame.view)
        found = _in_scopes(evaluator, key, (namespace,))
    if found is not None:
        known = enumerated(node, frame.view) if isinstance(found[0], Foreign) else None
        return found[0] if known is None else known[0]
    served = frame.view.names.resolve(node)
    if served is not None:
        return served_name(served)
    if key in BUILTINS and evaluator.lenient:
        return evaluator.builtin_name(key, node)
    if key in BUILTINS:
        return builtin(key)
    if evaluator.lenient and key in CLOBBERING:
        return Foreign("is known when the file runs", path=("builtins", key))
    if evaluator.lenient and (starred := evaluator.star_name(key)) is not None:
        return starred
    if evaluator.lenient and (error := builtin_exception(key)) is not None:
        return error
    raise _unknown(evaluator, node, namespace)


def _in_scopes(evaluator: Evaluator, name: str, scopes: Sequence[dict[str, object]]) -> tuple[object] | None:
    for scope in scopes:
        if name in scope:
            poison = evaluator.poisoned.get(id(scope))
            return (poison[1] if poison is not None else scope[name],)
    return None


def served_name(name: str) -> Foreign:
    """A name of flowc's, Metaflow's or ZenML's."""
    message = "is there when a step runs"
    return Foreign(message, WAY_OUT, path=("flowc", name))


CLOBBERING = frozenset({"exec", "eval", "globals", "locals", "compile", "__import__", "vars", "__builtins__"})
"""Builtins that may change any name of a file."""
WAY_OUT = "use it in a step; what shapes the graph is a parameter of the pipeline, or a value that is written out"


def _unknown(evaluator: Evaluator, node: ast.Name, namespace: dict[str, object]) -> EvaluationError:
    if hasattr(builtins, node.id):
        return evaluator.refuse(
            "FC115", f"flowc does not evaluate `{node.id}` in a pipeline's body", node, "do this in a step"
        )
    if "import *" in evaluator.view.source.text:
        return evaluator.refuse("FC115", f"`{node.id}` cannot be seen", node, "import it by its name, without `*`")
    close = get_close_matches(node.id, [*evaluator.frame.environment, *namespace], 1)
    way_out = f"did you mean `{close[0]}`?" if close else "define it, or correct the name"
    return evaluator.refuse("FC112", f"the name `{node.id}` is not defined", node, way_out)


def attribute(evaluator: Evaluator, node: ast.Attribute) -> object:
    """`value.name`."""
    return evaluator.attribute(evaluator.lookup(node.value), node.attr, node)


def literal(evaluator: Evaluator, node: ast.Constant) -> object:
    """A number, a string, `True`, `False`, `None` or `...`."""
    return evaluator.computed(node, lambda: node.value)


def formatted(evaluator: Evaluator, node: ast.JoinedStr) -> str:
    """An f-string."""
    texts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = evaluator.evaluate(part.value)
            way_out = "make the text in a step that gets the result"
            check_plain(evaluator, part.value, "an f-string cannot contain it", way_out, value)
            texts.append(_field(evaluator, part, value))
        else:
            texts.append(str(cast("ast.Constant", part).value))
    return cast("str", evaluator.computed(node, lambda: "".join(texts)))


def _field(evaluator: Evaluator, field: ast.FormattedValue, value: object) -> str:
    check_weight(evaluator, field.value, value)
    spec = formatted(evaluator, cast("ast.JoinedStr", field.format_spec)) if field.format_spec is not None else ""
    shown = _CONVERSIONS[field.conversion](value) if field.conversion in _CONVERSIONS else value

    def run() -> str:
        check_format(spec)
        return format(shown, spec)

    return cast("str", evaluator.computed(field.value, run))


_CONVERSIONS: dict[int, Callable[[object], str]] = {ord("r"): repr, ord("s"): str, ord("a"): ascii}


def check_plain(evaluator: Evaluator, node: ast.AST, what: str, way_out: str, *values: object) -> None:
    """Raise EvaluationError where a part of values is not known, or is no plain data of Python's."""
    evaluator.check_known(node, what, way_out, *values)
    if any(map(has_objects, values)):
        message = f"flowc does not compute with the objects in `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use numbers, text, lists and dicts")


def has_objects(value: object) -> bool:
    """Whether a value is, or has in it, what is no plain data of Python's."""
    pending, seen = [value], set[int]()
    while pending:
        found = pending.pop()
        if isinstance(found, dict | list | tuple | set | frozenset):
            if id(found) not in seen:  # pyright: ignore[reportUnknownArgumentType]
                seen.add(id(found))  # pyright: ignore[reportUnknownArgumentType]
                pending.extend([*found, *found.values()] if isinstance(found, dict) else found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        elif not isinstance(found, (*PLAIN, range, slice)) and type(found).__module__ != "datetime":
            return True
    return False


def elements(evaluator: Evaluator, items: Iterable[ast.expr]) -> list[object]:
    """The entries of a list, tuple or set that is written out, `*more` included."""
    values: list[object] = []
    for item in items:
        if isinstance(item, ast.Starred):
            values.extend(evaluator.iterate(evaluator.evaluate(item.value), item.value))
        else:
            values.append(evaluator.evaluate(item))
    return values


def make_list(evaluator: Evaluator, node: ast.List) -> object:
    """A list that is written out."""
    return evaluator.computed(node, elements, evaluator, node.elts)


def make_tuple(evaluator: Evaluator, node: ast.Tuple) -> object:
    """A tuple that is written out."""
    return evaluator.computed(node, lambda: tuple(elements(evaluator, node.elts)))


def make_set(evaluator: Evaluator, node: ast.Set) -> object:
    """A set that is written out."""
    values = elements(evaluator, node.elts)
    check_hashable(evaluator, node, values)
    return evaluator.computed(node, lambda: set(values))


def make_dict(evaluator: Evaluator, node: ast.Dict) -> object:
    """A dict that is written out."""
    found: dict[object, object] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        if key_node is not None:
            key = evaluator.evaluate(key_node)
            check_key(evaluator, key_node, key)
            found[key] = evaluator.evaluate(value_node)
            continue
        value = evaluator.evaluate(value_node)
        if not isinstance(value, dict) or evaluator.undetermined(value):
            raise _no_dict(evaluator, value, value_node)
        found.update(cast("dict[object, object]", value))
    return evaluator.computed(node, lambda: found)


def check_key(evaluator: Evaluator, node: ast.AST, key: object) -> None:
    """Raise EvaluationError for what cannot be a key of a dict."""
    evaluator.check_known(node, "it cannot be a key of a dict", "make the dict in a step", key)
    check_hashable(evaluator, node, key)
    evaluator.computed(node, lambda: hash(key) and None)


def check_hashable(evaluator: Evaluator, node: ast.AST, value: object) -> None:
    """Raise EvaluationError for objects that may be equal to each other by rules of their own."""
    if not compared_by_identity(value):
        message = "flowc does not compare objects of this class"
        raise evaluator.refuse("FC113", message, node, "use numbers or text")
    check_weight(evaluator, node, value)


def compared_by_identity(value: object) -> bool:
    """Whether comparing this with Python's operators does what the file's classes would do."""
    pending, seen = [value], set[int]()
    while pending:
        found = pending.pop()
        if isinstance(found, Instance):
            own = () if found.of is None else found.of.mro()
            if found.of is None or any(
                item.kind in {"dataclass", "opaque"} or "__eq__" in item.namespace or "__hash__" in item.namespace
                for item in own
            ):
                return False
        elif isinstance(found, dict | list | tuple | set | frozenset) and id(found) not in seen:  # pyright: ignore[reportUnknownArgumentType]
            seen.add(id(found))  # pyright: ignore[reportUnknownArgumentType]
            pending.extend([*found, *found.values()] if isinstance(found, dict) else found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return True


def _no_dict(evaluator: Evaluator, value: object, node: ast.AST) -> EvaluationError:
    if evaluator.undetermined(value) is not None:
        return evaluator.not_known(value, node, "it is no dict yet", "do this in a step")
    return evaluator.refuse("FC112", f"`{evaluator.code(node)}` is no dict", node, "correct it")


def unary(evaluator: Evaluator, node: ast.UnaryOp) -> object:
    """`-x`, `+x`, `~x` and `not x`."""
    if isinstance(node.op, ast.Not):
        return negation(evaluator, node)
    value = evaluator.evaluate(node.operand)
    check_plain(evaluator, node, "nothing can be computed with it here", "do it in a step that gets the result", value)
    return evaluator.computed(node, UNARY[type(node.op)], value)


def operation(evaluator: Evaluator, node: ast.BinOp) -> object:
    """Arithmetic, and sums of strings and lists."""
    return operate(evaluator, node, node.op, evaluator.evaluate(node.left), evaluator.evaluate(node.right))


def operate(evaluator: Evaluator, node: ast.AST, op: ast.operator, left: object, right: object) -> object:
    """`left op right`."""
    inside = isinstance(left, str | bytes | set | frozenset) and not isinstance(op, ast.BitOr)
    operands = (left, right) if inside else [item for item in (left, right) if evaluator.undetermined(item)]
    found = evaluator.find_undetermined(*operands, node=node)
    if found is not None:
        what, way_out = "nothing can be computed with it here", "do it in a step that gets the result"
        error = evaluator.not_known(found, node, what, way_out)
        error.options = (left, right)
        raise error
    if inside:
        check_weight(evaluator, node, right)
    if any(not isinstance(item, list | tuple | dict) and has_objects(item) for item in (left, right)):
        raise evaluator.refuse(
            "FC113", f"flowc does not compute with the objects in `{evaluator.code(node)}`", node,
            "use numbers, text, lists and dicts", left, right,
        )  # fmt: skip
    return evaluator.computed(node, binary, op, left, right)


def subscript(evaluator: Evaluator, node: ast.Subscript) -> object:
    """`value[key]`, `value[1:]`."""
    value = evaluator.evaluate(node.value)
    return entry(evaluator, value, key_of(evaluator, node.slice), node)


def key_of(evaluator: Evaluator, node: ast.expr) -> object:
    """What stands in `[...]`."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else evaluator.evaluate(part) for part in (lower, upper, step)))
        case ast.Tuple(elts=items) if any(isinstance(item, ast.Slice) for item in items):
            return tuple(key_of(evaluator, item) for item in items)
        case _:
            return evaluator.evaluate(node)


def entry(evaluator: Evaluator, value: object, key: object, node: ast.expr) -> object:
    """`value[key]`. An entry of a run-time value is one, too."""
    parts = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    if (found := evaluator.find_undetermined(*parts)) is not None:
        what, way_out = "it cannot be an index here", "look it up in a step that gets the result"
        error = evaluator.not_known(found, node, what, way_out)
        error.options = (value,)
        raise error
    if isinstance(value, ConfigReference):
        return extended(value, key)
    if isinstance(value, Foreign) and evaluator.lenient:
        return Foreign(value.message, value.help, path=(*value.path, "[]"))
    found = evaluator.undetermined(value)
    if isinstance(found, RuntimeValue):
        return evaluator.runtime_entry(value, key, node)
    if found is not None:
        error = evaluator.not_known(found, node, "it has no entries yet", "do this in a step")
        error.options = (value,)
        raise error
    if isinstance(value, ClassObject) and value.kind == "enum":
        return evaluator.attribute(value, str(key), node)
    if not isinstance(value, str | bytes | list | tuple | dict | range):
        message = f"flowc does not evaluate `{evaluator.code(node)}` in a pipeline's body"
        raise evaluator.refuse("FC110", message, node, "use plain data", value)
    if isinstance(value, dict):
        check_hashable(evaluator, node, key)
    return evaluator.computed(node, lambda: cast("Any", value)[key])


def extended(value: ConfigReference, key: object) -> ConfigReference:
    """An entry of a config."""
    return ConfigReference(
        value.message, value.help, code=value.code, wrong=value.wrong, call=value.call, name=value.name,
        expression=value.expression, view=value.view, path=(*value.path, key),
    )  # fmt: skip


# Conditions.


def test(evaluator: Evaluator, node: ast.expr) -> bool | Undetermined:
    """Whether a condition holds; the value itself where that is not known. Raises EvaluationError."""
    return truth(evaluator, _tested(evaluator, node), node)


def truth(evaluator: Evaluator, value: object, node: ast.AST) -> bool | Undetermined:
    """Whether a value counts as true."""
    found = evaluator.undetermined(value)
    if found is not None:
        return found
    if isinstance(value, Instance) and (value.of is None or value.of.kind != "enum"):
        own = value.of.mro() if value.of is not None else []
        if value.of is None or any(
            item.kind == "opaque" or item.namespace.keys() & {"__bool__", "__len__"} for item in own
        ):
            return Unresolved("flowc cannot tell whether this object counts as true")
    if isinstance(value, Iterator):
        return True
    if isinstance(value, DictView):
        return bool(value.owner)
    return bool(evaluator.computed(node, bool, value))


def _tested(evaluator: Evaluator, node: ast.expr) -> object:
    """The value of a condition, of which only the truth counts."""
    match node:
        case ast.BoolOp():
            return _both(evaluator, node)
        case ast.UnaryOp(op=ast.Not()):
            return negation(evaluator, node)
        case _:
            return evaluator.evaluate(node)


def _both(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`and` or `or` in a condition: what is known decides, or drops out."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    found = test(evaluator, node.values[0])
    for item in node.values[1:]:
        if isinstance(found, bool):
            if found is (word == "or"):
                break
            found = test(evaluator, item)
            continue
        if isinstance(found, Unresolved):
            right = fork(evaluator, [partial(test, evaluator, item), lambda: True], node, found)
            if right is (word == "or") and not evaluator.lenient:
                return right
            continue
        right = evaluator.runtime_operation("condition", [item], node)
        if isinstance(right, bool):
            if right is (word == "or"):
                return right
        else:
            found = cast("Undetermined", evaluator.runtime_operation(f"{word}, one more", [found, right], node))
    return found


def negation(evaluator: Evaluator, node: ast.UnaryOp) -> object:
    """`not x`."""
    value = test(evaluator, node.operand)
    if isinstance(value, RuntimeValue):
        return evaluator.runtime_operation("not", [value], node)
    return not value if isinstance(value, bool) else value


def boolean(evaluator: Evaluator, node: ast.BoolOp) -> object:
    """`a and b` as a value: one of the two where the first is known, and true or false for comparisons of results."""
    word = "and" if isinstance(node.op, ast.And) else "or"
    left_node, left = node.values[0], evaluator.evaluate(node.values[0])
    for item in node.values[1:]:
        holds = truth(evaluator, left, left_node)
        if isinstance(holds, bool):
            if holds is (word == "or"):
                return left
            left_node, left = item, evaluator.evaluate(item)
        elif isinstance(holds, RuntimeValue):
            left = evaluator.runtime_operation(f"{word}, as a value", [left, item], node)
        else:
            left = fork(evaluator, [partial(evaluator.evaluate, item), partial(_itself, left)], node, holds)
    return left


def _itself(value: object) -> object:
    return value


def comparison(evaluator: Evaluator, node: ast.Compare) -> object:
    """`a < b`, `a < b < c`, `a in b`, `a is None`."""
    left_node, left = node.left, evaluator.evaluate(node.left)
    found: object = True
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(found, RuntimeValue):
            right = evaluator.runtime_operation("comparator", [comparator], node)
        else:
            right = evaluator.evaluate(comparator)
        one = _compare(evaluator, node, op, (left, left_node), (right, comparator))
        if not isinstance(one, Undetermined) and not one:
            return one
        if isinstance(found, RuntimeValue) and isinstance(one, RuntimeValue):
            found = evaluator.runtime_operation("and", [found, one], node)
        elif not isinstance(found, Undetermined):
            found = one
        left_node, left = comparator, right
    return found


def _compare(
    evaluator: Evaluator,
    node: ast.Compare,
    op: ast.cmpop,
    left: tuple[object, ast.expr],
    right: tuple[object, ast.expr],
) -> object:
    shown, function = COMPARISONS[type(op)]
    one, other = left[0], right[0]
    if isinstance(op, ast.Is | ast.IsNot):
        unknown = evaluator.undetermined(one) or evaluator.undetermined(other)
        if isinstance(unknown, Unresolved) and any(isinstance(item, Unresolved) for item in (one, other)):
            raise evaluator.refuse_unresolved(unknown, node)
        if not isinstance(unknown, RuntimeValue):
            return function(one, other)
    elif isinstance(op, ast.In | ast.NotIn) and isinstance(other, dict) and not evaluator.undetermined(other):
        unknown = evaluator.find_undetermined(one)
    else:
        unknown = evaluator.find_undetermined(one, other, node=node)
    if unknown is None:
        return _compare_known(evaluator, node, op, one, other)
    if isinstance(unknown, Unresolved):
        raise evaluator.refuse_unresolved(unknown, node)
    return evaluator.runtime_operation(shown, [one, other, left[1], right[1]], node)


def _compare_known(evaluator: Evaluator, node: ast.Compare, op: ast.cmpop, one: object, other: object) -> object:
    if isinstance(other, DictView) and isinstance(op, ast.In | ast.NotIn):
        other = other.entries() if other.kind != "keys" else other.owner
    for item in (one, other):
        check_hashable(evaluator, node, item)
        if isinstance(item, Iterator) or (has_objects(item) and isinstance(op, ast.Lt | ast.LtE | ast.Gt | ast.GtE)):
            message = f"flowc does not compare `{evaluator.code(node)}`"
            raise evaluator.refuse("FC113", message, node, "compare numbers and text")
    if isinstance(other, ClassObject) and isinstance(op, ast.In | ast.NotIn):
        raise evaluator.refuse("FC113", f"flowc does not look into `{evaluator.code(node)}`", node, "write it out")
    evaluator.charge(min(cost(one), cost(other)) if isinstance(op, ast.Eq | ast.NotEq) else cost(other), node)
    if isinstance(other, range) and len(other) > LONGEST and not isinstance(one, int):
        evaluator.exhausted("this range is longer than what flowc looks through", node, "compare numbers")
    return evaluator.computed(node, COMPARISONS[type(op)][1], one, other)


def conditional(evaluator: Evaluator, node: ast.IfExp) -> object:
    """`x if condition else y`."""
    condition = test(evaluator, node.test)
    if isinstance(condition, bool):
        return evaluator.evaluate(node.body if condition else node.orelse)
    arms: list[Callable[[], object]] = [lambda: evaluator.evaluate(node.body), lambda: evaluator.evaluate(node.orelse)]
    if isinstance(condition, RuntimeValue):
        return evaluator.runtime_choice([(node.test, arms[0]), (None, arms[1])], condition, node)
    return fork(evaluator, arms, node, condition)


# Functions and comprehensions.


def make_lambda(evaluator: Evaluator, node: ast.Lambda) -> object:
    """`lambda ...: ...`."""
    return Function(evaluator.view, node, closure_of(evaluator.frame), defaults_of(evaluator, node))


def closure_of(frame: Frame) -> tuple[dict[str, object], ...]:
    """What a function that is defined here sees beside the names of the module: no names of classes."""
    if frame.is_class or (frame.function is None and frame.around is None):
        return frame.closure
    return (frame.environment, *frame.closure)


def named(evaluator: Evaluator, node: ast.NamedExpr) -> object:
    """`(name := value)`."""
    value = evaluator.evaluate(node.value)
    frame = evaluator.frame
    while frame.around is not None:
        frame = frame.around
    with evaluator.within(frame):
        evaluator.bind(node.target.id, value)
    return value


Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def comprehension(evaluator: Evaluator, node: Comprehension) -> object:
    """The list, set or dict that a comprehension makes, or the iterator that a generator expression is."""
    for clause in node.generators:
        if clause.is_async:
            message = "a pipeline's body cannot have `async for`: it is compiled, and not run"
            raise evaluator.refuse("FC110", message, clause.iter, "write `for`")
    outer = evaluator.frame
    first = node.generators[0].iter
    source = evaluator.evaluate(first)
    inner = Frame(
        outer.view, {}, closure_of(outer), around=outer, function=outer.function, first_receiver=outer.first_receiver
    )
    if outer.is_class:  # the names of a class are seen by the first source only
        inner.closure = outer.closure
    if isinstance(node, ast.GeneratorExp):
        element = node.elt
        if isinstance(source, Undetermined) or evaluator.undetermined(source):
            return _over_unknown(evaluator, node, source, inner)
        lenient = evaluator.lenient

        def make() -> list[object]:
            values: list[object] = []
            outer_lenient, evaluator.lenient = evaluator.lenient, lenient
            try:
                with evaluator.within(inner):
                    start = evaluator.iterate(source, first)
                    _turns(evaluator, node.generators, start, lambda: values.append(evaluator.evaluate(element)))
            finally:
                evaluator.lenient = outer_lenient
            return values

        return Iterator(make, watch_of(evaluator, [node], [outer.environment, *outer.closure]))
    if evaluator.lenient and evaluator.undetermined(source) is not None:
        return _over_unknown(evaluator, node, source, inner)
    return _collect(evaluator, node, evaluator.iterate(source, first), inner)


def _collect(evaluator: Evaluator, node: Comprehension, source: list[object], inner: Frame) -> object:
    if isinstance(node, ast.DictComp):
        pairs: dict[object, object] = {}

        def put() -> None:
            key = evaluator.evaluate(node.key)
            check_key(evaluator, node.key, key)
            pairs[key] = evaluator.evaluate(node.value)

        with evaluator.within(inner):
            _turns(evaluator, node.generators, source, put)
        return evaluator.computed(node, lambda: pairs)
    values: list[object] = []
    element = node.elt
    with evaluator.within(inner):
        _turns(evaluator, node.generators, source, lambda: values.append(evaluator.evaluate(element)))
    if isinstance(node, ast.SetComp):
        evaluator.check_known(node, "it cannot be in a set", "make the set in a step", values)
        check_hashable(evaluator, node, values)
        return evaluator.computed(node, lambda: set(values))
    return evaluator.computed(node, lambda: values)


def _over_unknown(evaluator: Evaluator, node: Comprehension, source: object, inner: Frame) -> object:
    """Evaluate a comprehension over what is not known once, for what its calls do."""
    found = evaluator.undetermined(source)
    if not evaluator.lenient or not isinstance(found, Unresolved):
        evaluator.iterate(source, node.generators[0].iter)
        raise EvaluationError
    item = Unresolved(found.message, found.help, (source,))

    def turn() -> object:
        with evaluator.within(inner):
            assign(evaluator, node.generators[0].target, item, node.generators[0].iter)
            for clause in node.generators:
                if clause is not node.generators[0]:
                    evaluator.evaluate(clause.iter)
                    assign(evaluator, clause.target, item, clause.iter)
                for condition in clause.ifs:
                    evaluator.evaluate(condition)
            for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
                evaluator.evaluate(part)
        return None

    widen_loop(evaluator, turn, bound_names([ast.Expr(node)]), node, found)
    return item


def _turns(
    evaluator: Evaluator, clauses: Sequence[ast.comprehension], source: list[object], body: Callable[[], None]
) -> None:
    clause, *inner = clauses
    for item in source:
        evaluator.tick(clause.iter)
        assign(evaluator, clause.target, item, clause.iter)
        if all(_holds(evaluator, condition) for condition in clause.ifs):
            if not inner:
                body()
            else:
                following = inner[0].iter
                _turns(evaluator, inner, evaluator.iterate(evaluator.evaluate(following), following), body)


def _holds(evaluator: Evaluator, node: ast.expr) -> bool:
    holds = test(evaluator, node)
    if not isinstance(holds, bool):
        what, way_out = "a comprehension cannot leave things out by it", "choose in a step that gets the results"
        raise evaluator.not_known(holds, node, what, way_out)
    return holds


def iterated(evaluator: Evaluator, value: object, node: ast.AST) -> list[object]:
    """The entries of a known list, dict, range, ... Raises EvaluationError."""
    found = evaluator.undetermined(value)
    if found is not None:
        code = evaluator.code(node)
        way_out = f"write `work.map({code})`, and pass what that gives to the next step"
        raise evaluator.not_known(found, node, "nothing can go over it here", way_out)
    if isinstance(value, Iterator):
        check_unspent(evaluator, value, node)
        items = take_items(evaluator, value, node, whole=True)
        taken = items[::-1]
        items.clear()
        if evaluator.conditional:  # what is taken out of an iterator is not put back before the next arm
            evaluator.poison(value, Unresolved("whether something was taken out of it is not known"))
        return taken
    if isinstance(value, DictView):
        return value.entries()
    if isinstance(value, range) and len(value) > LONGEST:
        evaluator.exhausted("this range is longer than what flowc goes over", node, "go over it in a step")
    if isinstance(value, ClassObject) and value.kind == "enum":
        members: dict[int, object] = {id(item): item for item in value.namespace.values() if isinstance(item, Instance)}
        return list(members.values())
    if not isinstance(value, str | bytes | list | tuple | set | frozenset | dict | range) and has_objects(value):
        message = f"flowc cannot go over `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use lists and dicts", value)
    if evaluator.lenient and isinstance(value, set | frozenset) and not has_order(value):  # pyright: ignore[reportUnknownArgumentType]
        message = f"the order of the set `{evaluator.code(node)}` is another one in each process"
        raise evaluator.refuse("FC112", message, node, "write `sorted(...)`")
    evaluator.charge(cost(value), node)
    return cast("list[object]", evaluator.computed(node, in_order, value))


def has_order(values: Iterable[object]) -> bool:
    """Whether Python goes over a set in the same order in each process: hashes of text are not the same."""
    entries = list(values)
    return len(entries) < 2 or all(isinstance(item, int | float) for item in entries)


def take_items(evaluator: Evaluator, value: Iterator, node: ast.AST, *, whole: bool = False) -> list[object]:
    """The items that are left in an iterator, in reverse. All are made at once: what making one changes must not show.

    With `whole`, all are taken at once in Python, too.
    """
    if whole or not evaluator.lenient or value.watch is None or value.is_made:
        return cast("list[object]", evaluator.computed(node, value.items))
    before = snapshot(evaluator, node)
    items = cast("list[object]", evaluator.computed(node, value.items))
    why = Unresolved("a generator changes it, and when is not known")
    changed = before.changed()
    if changed:
        for item in changed:
            content = State([item]).content(item)
            widen(evaluator, item, content, {*map(id, namespaces(evaluator)), *before.environments}, node, why)
        raise evaluator.refuse("FC115", "when this generator changes what it changes is not known", node, "use a list")
    return items


def watch_of(
    evaluator: Evaluator, body: Sequence[ast.AST], scopes: Sequence[dict[str, object]]
) -> Callable[[], tuple[State, object]]:
    """What tells whether something changed that the code of a generator reads."""
    view = evaluator.view
    names = sorted({node.id for item in body for node in ast.walk(item) if isinstance(node, ast.Name)})

    def watch() -> tuple[State, object]:
        spaces = [*scopes, evaluator.namespace(view)]
        values = [next((scope[name] for scope in spaces if name in scope), None) for name in names]
        own = [item for item in values if not isinstance(item, Function | ClassObject)]
        return State(own), tuple(map(id, values))

    return watch


def check_unspent(evaluator: Evaluator, value: Iterator, node: ast.AST) -> None:
    """Raise EvaluationError with FC112 for an iterator that was gone over: Python finds nothing in it."""
    if value.touched and not evaluator.lenient:
        message = f"`{evaluator.code(node)}` was gone over before: nothing is left in it"
        raise evaluator.refuse("FC112", message, node, "make a list of it first: `list(...)`")


def in_order(values: Iterable[object]) -> list[object]:
    """The entries of a set, in an order that is the same each time that a file is compiled; of others, in theirs."""
    entries = list(values)
    unordered = isinstance(values, set | frozenset) and not has_order(entries)
    if unordered and not any(isinstance(item, Undetermined) for item in entries):
        return sorted(entries, key=repr)
    return entries
