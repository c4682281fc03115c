"""Expressions: names, containers, text, operators, comparisons and comprehensions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from flowc_compiler.diagnostics import Fix, suggest
from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, stripped, under
from flowc_compiler.evaluate.builtin_names import BUILTINS, builtin
from flowc_compiler.evaluate.conditions import negation
from flowc_compiler.evaluate.enumerations import member_text
from flowc_compiler.evaluate.environment_reads import read_variable
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.exceptions import builtin_exception
from flowc_compiler.evaluate.functions import defaults_of
from flowc_compiler.evaluate.operations import UNARY, binary, check_format, costs_nothing
from flowc_compiler.evaluate.plain_data import (
    check_fields,
    check_hashable,
    check_key,
    check_keys,
    check_plain,
    check_weight,
    check_written,
    has_objects,
)
from flowc_compiler.evaluate.settings_objects import enumerated
from flowc_compiler.evaluate.targets import index_parts, key_of
from flowc_compiler.evaluate.values import (
    Assumed,
    ClassObject,
    ConfigReference,
    Foreign,
    Function,
    Instance,
    Member,
    RuntimeValue,
    Unresolved,
    is_kind,
)
from flowc_compiler.syntax.served_imports import OF_FLOWC, package_for


def name(evaluator: Evaluator, node: ast.Name) -> object:
    """The value of a name: of the function, of those around it, of the module, or a builtin. Raises EvaluationError."""
    frame, key = evaluator.frame, node.id
    scopes = (frame.environment, *frame.closure)
    found = _in_scopes(evaluator, key, scopes)
    namespace = frame.environment
    if found is None:
        if key in frame.local and not frame.is_class:
            message = f"`{key}` has no value here"
            raise evaluator.refuse("FC112", message, node, "bind it before it is used, on every path that leads here")
        namespace = evaluator.namespace(frame.view)
        found = _in_scopes(evaluator, key, (namespace,))
    if found is not None:
        known = enumerated(evaluator, node) if isinstance(found[0], Foreign) else None
        return found[0] if known is None else known[0]
    served = frame.view.names.resolve(node)
    if served is not None:
        return served_name(served)
    if key in BUILTINS and evaluator.lenient:
        return evaluator.builtin_name(key, node)
    if key in BUILTINS:
        return builtin(key)
    if key == "open":  # which is that of `io`
        return Foreign("is known when the file runs", path=("io", "open"))
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
    message = "is only known when a step runs"
    return Foreign(message, WAY_OUT, path=("flowc", name))


CLOBBERING = frozenset({"exec", "eval", "globals", "locals", "compile", "__import__", "vars", "__builtins__"})
"""Builtins that may change any name of a file."""
WAY_OUT = "compute it in a step, make it a parameter, or write the value out"


def _unknown(evaluator: Evaluator, node: ast.Name, namespace: dict[str, object]) -> EvaluationError:
    if hasattr(builtins, node.id):
        return evaluator.refuse(
            "FC115", f"flowc does not evaluate `{node.id}` in a pipeline's body", node, "do this in a step"
        )
    if "import *" in evaluator.view.source.text:
        return evaluator.refuse("FC115", f"`{node.id}` cannot be seen", node, "import it by its name, without `*`")
    way_out, fix = suggest(node.id, [*evaluator.frame.environment, *namespace], "define it, or correct the name")
    if fix is None and node.id in OF_FLOWC:
        package = package_for(node.id, evaluator.view.imported_packages)
        way_out, fix = f"import it: `from {package} import {node.id}`", Fix("import", package, node.id)
    return evaluator.refuse("FC112", f"the name `{node.id}` is not defined", node, way_out, fix=fix)


def attribute(evaluator: Evaluator, node: ast.Attribute) -> object:
    """`value.name`."""
    return evaluator.attribute(evaluator.lookup(node.value), node.attr, node)


def literal(evaluator: Evaluator, node: ast.Constant) -> object:
    """A number, a string, `True`, `False`, `None` or `...`."""
    if costs_nothing(node.value):
        return node.value
    return evaluator.computed(node, lambda: node.value)


def formatted(evaluator: Evaluator, node: ast.JoinedStr) -> object:
    """An f-string; a run-time value where it contains one."""
    texts: list[object] = []
    assumed: list[Assumed] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = evaluator.evaluate(part.value)
            if found := assumed_parts(evaluator, value):
                assumed += found
                value = stripped(value)
            if isinstance(value, Instance) and part.conversion in {-1, ord("s")}:
                value = member_text(value, formatted=part.conversion < 0) or value
            texts.append(_field(evaluator, part, value))
        else:
            texts.append(str(cast("ast.Constant", part).value))
    if evaluator.find_undetermined(texts) is not None:
        return evaluator.runtime_operation("concat", texts, node)
    text = evaluator.computed(node, lambda: "".join(cast("list[str]", texts)))
    return under(evaluator, text, assumed) if assumed else text


def _field(evaluator: Evaluator, field: ast.FormattedValue, value: object) -> object:
    spec = formatted(evaluator, cast("ast.JoinedStr", field.format_spec)) if field.format_spec is not None else ""
    if isinstance(evaluator.find_undetermined(value, spec, node=field.value), RuntimeValue):
        conversion = "" if field.conversion < 0 else chr(field.conversion)
        return evaluator.runtime_operation("format", [value, conversion, spec], field.value)
    way_out = "make the text in a step that gets the result"
    check_plain(evaluator, field.value, "an f-string cannot contain it", way_out, value, spec)
    return _formatted_field(evaluator, field, value, str(spec))


def _formatted_field(evaluator: Evaluator, field: ast.FormattedValue, value: object, spec: str) -> object:
    check_written(evaluator, field.value, value)
    shown = _CONVERSIONS[field.conversion](value) if field.conversion in _CONVERSIONS else value

    def run() -> str:
        check_format(spec)
        return format(shown, spec)

    return evaluator.computed(field.value, run)


_CONVERSIONS: dict[int, Callable[[object], str]] = {ord("r"): repr, ord("s"): str, ord("a"): ascii}


def elements(evaluator: Evaluator, items: Iterable[ast.expr]) -> list[object]:
    """The entries of a list, tuple or set that is written out, `*more` included."""
    values: list[object] = []
    for item in items:
        if isinstance(item, ast.Starred):
            values.extend(evaluator.iterate(evaluator.evaluate(item.value), item.value))
        else:
            values.append(evaluator.evaluate(item))
    return values


def _joined(
    evaluator: Evaluator, node: ast.List | ast.Tuple, kind: type[list[object]] | type[tuple[object, ...]]
) -> object:
    """A list or tuple that takes in run-time values by `*`: a sum of its parts, or `None` where there are none."""
    parts: list[object] = []
    entries: list[object] = []
    found = False
    for item in node.elts:
        value = evaluator.evaluate(item.value if isinstance(item, ast.Starred) else item)
        if not isinstance(item, ast.Starred):
            entries.append(value)
        elif isinstance(evaluator.undetermined(value), RuntimeValue):
            given = CallArguments([BoundValue(value, item.value)])
            parts += [kind(entries), evaluator.runtime_call("call", kind.__name__, given, item.value)]
            entries, found = [], True
        else:
            entries += evaluator.iterate(value, item.value)
    parts = [item for item in [*parts, kind(entries)] if isinstance(item, RuntimeValue) or item]
    whole = parts[0] if parts else kind()
    for part in parts[1:]:
        whole = operate(evaluator, node, ast.Add(), whole, part)
    return whole if found else evaluator.computed(node, lambda: whole)


def make_list(evaluator: Evaluator, node: ast.List) -> object:
    """A list that is written out."""
    if any(isinstance(item, ast.Starred) for item in node.elts) and not evaluator.lenient:
        return _joined(evaluator, node, list)
    return evaluator.computed(node, elements, evaluator, node.elts)


def make_tuple(evaluator: Evaluator, node: ast.Tuple) -> object:
    """A tuple that is written out."""
    if any(isinstance(item, ast.Starred) for item in node.elts) and not evaluator.lenient:
        return _joined(evaluator, node, tuple)
    return evaluator.computed(node, lambda: tuple(elements(evaluator, node.elts)))


def make_set(evaluator: Evaluator, node: ast.Set) -> object:
    """A set that is written out."""
    values = elements(evaluator, node.elts)
    check_keys(evaluator, node, values)
    return evaluator.computed(node, lambda: set(values))


def make_dict(evaluator: Evaluator, node: ast.Dict) -> object:
    """A dict that is written out; what it takes in by `**` may be a run-time value."""
    found: dict[object, object] = {}
    before: object = None
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        if key_node is not None:
            key = evaluator.evaluate(key_node)
            check_key(evaluator, key_node, key)
            found[key] = evaluator.evaluate(value_node)
            continue
        value = evaluator.evaluate(value_node)
        if isinstance(evaluator.undetermined(value), RuntimeValue) and not evaluator.lenient:
            later = evaluator.runtime_call("call", "dict", CallArguments([BoundValue(value, value_node)]), value_node)
            earlier = found if before is None else operate(evaluator, node, ast.BitOr(), before, found)
            before, found = operate(evaluator, node, ast.BitOr(), earlier, later), {}
            continue
        if not is_kind(value, dict) or evaluator.undetermined(value):
            raise _no_dict(evaluator, value, value_node)
        found.update(cast("dict[object, object]", value))
    if before is not None:
        return operate(evaluator, node, ast.BitOr(), before, found)
    return evaluator.computed(node, lambda: found)


def _no_dict(evaluator: Evaluator, value: object, node: ast.AST) -> EvaluationError:
    if evaluator.undetermined(value) is not None:
        return evaluator.not_known(value, node, "it is not a dict yet", "do this in a step")
    return evaluator.refuse("FC112", f"`{evaluator.code(node)}` is not a dict", node, "correct it")


def unary(evaluator: Evaluator, node: ast.UnaryOp) -> object:
    """`-x`, `+x`, `~x` and `not x`."""
    if isinstance(node.op, ast.Not):
        return negation(evaluator, node)
    value = evaluator.evaluate(node.operand)
    if isinstance(evaluator.undetermined(value), RuntimeValue):
        return evaluator.runtime_operation(_SHOWN_UNARY[type(node.op)], [value], node)
    if assumed := assumed_parts(evaluator, value):
        return assuming(evaluator, assumed, lambda: evaluator.computed(node, UNARY[type(node.op)], stripped(value)))
    check_plain(evaluator, node, "nothing can be computed with it here", "do it in a step that gets the result", value)
    return evaluator.computed(node, UNARY[type(node.op)], value)


_SHOWN_UNARY: dict[type[ast.unaryop], str] = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}
_SHOWN: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip


def operation(evaluator: Evaluator, node: ast.BinOp) -> object:
    """Arithmetic, and sums of strings and lists."""
    return operate(evaluator, node, node.op, evaluator.evaluate(node.left), evaluator.evaluate(node.right))


def operate(evaluator: Evaluator, node: ast.AST, op: ast.operator, left: object, right: object) -> object:
    """`left op right`."""
    if not (isinstance(op, ast.Mod) and is_kind(left, str)):
        left, right = (item.plain if isinstance(item, Member) else item for item in (left, right))
    inside = is_kind(left, str, bytes, set, frozenset) and not isinstance(op, ast.BitOr)
    operands = (left, right) if inside else [item for item in (left, right) if evaluator.undetermined(item)]
    found = evaluator.find_undetermined(*operands, node=node)
    if isinstance(found, RuntimeValue):
        return evaluator.runtime_operation(_SHOWN[type(op)], [left, right], node)
    if found is not None and (assumed := assumed_parts(evaluator, *operands)):
        run = partial(operate, evaluator, node, op, stripped(left), stripped(right))
        return assuming(evaluator, assumed, run)
    if found is not None:
        what, way_out = "nothing can be computed with it here", "do it in a step that gets the result"
        error = evaluator.not_known(found, node, what, way_out)
        error.options = (left, right)
        raise error
    if inside:
        if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
            check_fields(evaluator, node, left, right)
        else:
            check_weight(evaluator, node, right)
    opaque = [item for item in (left, right) if not is_kind(item, list, tuple, dict) and has_objects(item)]
    if isinstance(evaluator.find_undetermined(*opaque), RuntimeValue):
        return evaluator.runtime_operation(_SHOWN[type(op)], [left, right], node)
    if opaque:
        raise evaluator.refuse(
            "FC113", f"flowc does not compute with the objects in `{evaluator.code(node)}`", node,
            "use numbers, text, lists and dicts", left, right,
        )  # fmt: skip
    return evaluator.computed(node, binary, op, left, right)


def subscript(evaluator: Evaluator, node: ast.Subscript) -> object:
    """`value[key]`, `value[1:]`."""
    value = evaluator.lookup(node.value)
    if isinstance(value, Unresolved) and not evaluator.lenient and not is_environment(value):
        value = evaluator.settle_or_refuse(value, node.value)
    return entry(evaluator, value, key_of(evaluator, node.slice), node)


def is_environment(value: object) -> bool:
    """Whether this is `os.environ`."""
    return isinstance(value, Foreign) and value.path == ("os", "environ")


def entry(evaluator: Evaluator, value: object, key: object, node: ast.expr) -> object:
    """`value[key]`. An entry of a run-time value is one, too."""
    if is_environment(value):
        return read_variable(evaluator, key, node, required=True)
    outer = [value] if isinstance(evaluator.undetermined(value), Assumed) else []
    if assumed := assumed_parts(evaluator, *outer, *index_parts(key)):
        whole = stripped(value) if outer else value
        index = slice(*map(stripped, index_parts(key))) if is_kind(key, slice) else stripped(key)
        return assuming(evaluator, assumed, lambda: entry(evaluator, whole, index, node))
    found = evaluator.find_undetermined(*index_parts(key))
    if isinstance(found, RuntimeValue):
        return evaluator.runtime_operation("getitem", [value, key], node)
    if found is not None:
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
    if not is_kind(value, str, bytes, list, tuple, dict, range):
        message = f"flowc does not evaluate `{evaluator.code(node)}` in a pipeline's body"
        raise evaluator.refuse("FC110", message, node, "use plain data", value)
    if is_kind(value, dict):
        check_hashable(evaluator, node, key)
    return evaluator.computed(node, lambda: cast("Any", value)[key])


def extended(value: ConfigReference, key: object) -> ConfigReference:
    """An entry of a config."""
    return ConfigReference(
        value.message, value.help, code=value.code, wrong=value.wrong, call=value.call, name=value.name,
        expression=value.expression, view=value.view, path=(*value.path, key),
    )  # fmt: skip


def make_lambda(evaluator: Evaluator, node: ast.Lambda) -> object:
    """`lambda ...: ...`."""
    return Function(evaluator.view, node, evaluator.frame.inner_closure, defaults_of(evaluator, node))


def named(evaluator: Evaluator, node: ast.NamedExpr) -> object:
    """`(name := value)`."""
    value = evaluator.evaluate(node.value)
    frame = evaluator.frame
    while frame.around is not None:
        frame = frame.around
    with evaluator.within(frame):
        evaluator.bind(node.target.id, value)
    return value
