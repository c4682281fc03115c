"""The flow's file as a program: its code, in which the main block is the user's code too.

Compiled without the `ast` module, which a task would wait for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Dict, Iterator, List

ONLY_AST = 0x400
"""`ast.PyCFONLY_AST`."""
_MAIN = "__main__"
_PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def compile_program(source: bytes, file: str, flow: str) -> CodeType:
    """The code of a flow's file. Raises SyntaxError.

    The module keeps its own name, by which what it defines is pickled; so `__name__` in comparisons with `"__main__"`
    becomes that. Where nothing outside of the class names it, the main block is for something else, and stays out.
    """
    tree: Any = compile(source, file, "exec", ONLY_AST, dont_inherit=True)
    comparisons: List[Any] = []
    named = False
    for node in _nodes(tree, flow):
        kind = type(node).__name__
        if kind == "Compare":
            comparisons.append(node)
        elif kind == "Name" and node.id == flow:
            named = True
    for node in comparisons if named else ():
        _take_for_main(node)
    code: CodeType = compile(tree, file, "exec", dont_inherit=True)
    return code


def _nodes(tree: Any, flow: str) -> Iterator[Any]:
    """The nodes of a tree, without those of the flow's class."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if type(node).__name__ == "ClassDef" and node.name == flow:
            continue
        yield node
        pending.extend(children(node))


def children(node: Any) -> Iterator[Any]:
    """The nodes right below a node, in the order of their fields."""
    for name in node._fields:
        value: Any = getattr(node, name, None)
        items: List[Any] = value if issubclass(type(value), list) else [value]
        for item in items:
            if hasattr(item, "_fields"):
                yield item


def _take_for_main(comparison: Any) -> None:
    """Replace `__name__` in a comparison with `"__main__"`."""
    sides: List[Any] = [comparison.left, *comparison.comparators]
    if not any(_is_main(node) for side in sides for node in (side, *getattr(side, "elts", ()))):
        return
    sides = [_main_constant(side) if getattr(side, "id", "") == "__name__" else side for side in sides]
    comparison.left, *comparison.comparators = sides


def _is_main(node: Any) -> bool:
    return getattr(node, "value", None) == _MAIN


def _main_constant(name: Any) -> Any:
    from _ast import Constant

    place: Dict[str, Any] = {field: getattr(name, field, None) for field in _PLACE}
    return Constant(value=_MAIN, kind=None, **place)
