"""The statements of executed cells: what each binds, changes and reads, when it is executed and later."""

from __future__ import annotations

import ast
import symtable
from typing import Any, Dict, Iterator, List, NamedTuple, Set

_ALLOW_AWAIT = 0x2000
"""`ast.PyCF_ALLOW_TOP_LEVEL_AWAIT`: cells may await."""
_CODE_MAGICS = frozenset({"flowc", "time", "timeit", "capture", "prun"})
"""Magics of cells that execute what is in the cell."""
_CHANGING = frozenset(
    {
        "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "register", "remove", "reverse",
        "setdefault", "sort", "update",
    }
)  # fmt: skip
"""Methods that change their object."""
_COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})


_SIMPLE = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Expr,
    ast.Import, ast.ImportFrom,
)  # fmt: skip
"""Statements without a part that may not be executed."""


class Cell(NamedTuple):
    """A cell as it was executed."""

    number: int
    """The number in `In [number]`."""
    text: str
    first: int = 1
    """The line of the cell that the text begins at: a cell with `%%` has one line before it."""


class Statement(NamedTuple):
    """A statement at the top of a cell."""

    cell: Cell
    node: ast.stmt
    binds: Set[str]
    changes: Set[str]
    """Names whose objects it changes."""
    now: Set[str]
    """Names that it reads when it is executed."""
    later: Set[str]
    """Names that functions in it read when they are called."""

    @property
    def keeps(self) -> Set[str]:
        """Names that it binds, and that may have the value from before: a loop, say, may do nothing."""
        return set() if isinstance(self.node, _SIMPLE) else self.binds

    @property
    def line(self) -> int:
        """Its first line in the cell."""
        return self.cell.first - 1 + _first_line(self.node)

    def line_of(self, name: str) -> int:
        """The line in the cell that first has a name, as far as that can be told."""
        lines = [item.lineno for item in ast.walk(self.node) if isinstance(item, ast.Name) and item.id == name]
        return self.cell.first - 1 + min(lines) if lines else self.line

    def text(self, names: Set[str]) -> str:
        """Its text, of an import only that of the given names."""
        node = self.node
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            wanted = [item for item in node.names if _bound(item) in names or item.name == "*"]
            kind: Any = type(node)
            options = {"module": node.module, "level": node.level} if isinstance(node, ast.ImportFrom) else {}
            return ast.unparse(kind(names=wanted or node.names, **options))
        lines = self.cell.text.splitlines()
        if _first_line(node) != node.lineno:
            return "\n".join(lines[_first_line(node) - 1 : node.end_lineno])
        return ast.get_source_segment(self.cell.text, node) or ast.unparse(node)


def statements(cells: List[Cell]) -> List[Statement]:
    """The statements of cells in the order of their execution. What is no Python was not executed."""
    found: List[Statement] = []
    for cell in cells:
        try:
            tree: ast.Module = compile(cell.text, "cell", "exec", ast.PyCF_ONLY_AST | _ALLOW_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        for node in tree.body:
            inner = _in_magic(node)
            found += (
                [_statement(cell, node)] if inner is None else statements([Cell(cell.number, inner, cell.first + 1)])
            )
    return found


def _in_magic(node: ast.stmt) -> str | None:
    """The text of a cell in a magic that executes it."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "run_cell_magic":
        values = [item.value for item in call.args if isinstance(item, ast.Constant)]
        if len(values) == 3 and values[0] in _CODE_MAGICS:
            return as_python(str(values[2]))
    return None


def as_python(text: str) -> str:
    """The text of a cell with its magics and shell commands as calls, on the same lines."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return text
    empty = len(text) - len(text.lstrip("\n"))  # IPython drops them
    transformers: Any = TransformerManager
    return "\n" * empty + str(transformers().transform_cell(text[empty:]))


def _statement(cell: Cell, node: ast.stmt) -> Statement:
    binds, now, later = set[str](), set[str](), set[str]()
    try:
        table = symtable.symtable(ast.unparse(node), "cell", "exec")
    except (SyntaxError, RecursionError):  # it awaits
        names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
        binds = {
            item.id for item in ast.walk(node) if isinstance(item, ast.Name) and not isinstance(item.ctx, ast.Load)
        }
        return Statement(cell, node, binds, set(), names - binds, set())
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            now.add(symbol.get_name())
    for child in table.get_children():
        _add_reads(child, now, later, is_called=False)
    now.update(_read_to_bind(node))
    if isinstance(node, (ast.For, ast.AsyncFor)):  # which binds its own names before it reads them
        now -= _names(node.target) - _names(node.iter)
    return Statement(cell, node, binds, set(_changed(node)), now, later)


def _names(node: ast.expr) -> Set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}


def _read_to_bind(node: ast.stmt) -> Iterator[str]:
    """The names that `x += 1` and `del x` need, which symtable has as bound only."""
    for item in _outside_of_functions(node):
        if isinstance(item, (ast.AugAssign, ast.Delete)):
            targets = [item.target] if isinstance(item, ast.AugAssign) else item.targets
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _outside_of_functions(node: ast.AST) -> Iterator[ast.AST]:
    """What is executed with a statement, itself among it."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield item
            waiting += ast.iter_child_nodes(item)


def _add_reads(table: symtable.SymbolTable, now: Set[str], later: Set[str], *, is_called: bool) -> None:
    """Add the globals that a scope reads, and those in it."""
    is_called = is_called or (table.get_type() == "function" and table.get_name() not in _COMPREHENSIONS)
    for symbol in table.get_symbols():
        if symbol.is_global():
            (later if is_called else now).add(symbol.get_name())
    for child in table.get_children():
        _add_reads(child, now, later, is_called=is_called)


def _changed(node: ast.stmt) -> Iterator[str]:
    """The names whose objects a statement changes, as far as it shows; those in a block among them."""
    if not isinstance(node, _SIMPLE):
        for item in _outside_of_functions(node):
            if isinstance(item, ast.stmt) and isinstance(item, _SIMPLE):
                yield from _changed(item)
    targets: List[ast.expr] = []
    if isinstance(node, (ast.Assign, ast.Delete)):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and function.attr in _CHANGING:
            targets = [function]
    for target in targets:
        root = target
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name) and root is not target:
            yield root.id


def changes_import_path(statement: Statement) -> bool:
    """Whether a statement changes `sys.path`, which imports of others need."""
    return "sys" in statement.changes and "sys.path" in ast.unparse(statement.node)


def _bound(item: ast.alias) -> str:
    return item.asname or item.name.partition(".")[0]


def _first_line(node: ast.stmt) -> int:
    decorators: List[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def names_of(found: List[Statement]) -> Dict[str, List[int]]:
    """The statements that bind each name, in their order."""
    positions: Dict[str, List[int]] = {}
    for position, statement in enumerate(found):
        for name in statement.binds:
            positions.setdefault(name, []).append(position)
    return positions
