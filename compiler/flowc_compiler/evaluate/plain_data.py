"""What is plain data of Python's, and what may be compared as Python would."""

from __future__ import annotations

import ast

from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.values import PLAIN, Instance
from flowc_compiler.evaluate.weights import check_weight


def check_plain(evaluator: Evaluator, node: ast.AST, what: str, way_out: str, *values: object) -> None:
    """Raise EvaluationError where a part of values is not known, or is not plain data of Python's."""
    evaluator.check_known(node, what, way_out, *values)
    if any(map(has_objects, values)):
        message = f"flowc does not compute with the objects in `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use numbers, text, lists and dicts")


def has_objects(value: object) -> bool:
    """Whether a value is, or has in it, what is not plain data of Python's."""
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
                item.kind in {"dataclass", "opaque"} or item.namespace.keys() & {"__eq__", "__ne__", "__hash__"}
                for item in own
            ):
                return False
        elif isinstance(found, dict | list | tuple | set | frozenset) and id(found) not in seen:  # pyright: ignore[reportUnknownArgumentType]
            seen.add(id(found))  # pyright: ignore[reportUnknownArgumentType]
            pending.extend([*found, *found.values()] if isinstance(found, dict) else found)  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    return True
