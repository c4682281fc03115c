"""What a module imports, read from its syntax tree."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.syntax.import_root import is_type_checking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Import(NamedTuple):
    """One name that an import statement asks for."""

    parts: tuple[str, ...]
    """The dotted name from the top: a module, or where `attribute` is set perhaps something in one."""
    line: int
    relative: bool = False
    attribute: bool = False
    """The last part is `y` of `from x import y`: a submodule, or a name that `x` defines."""
    star: bool = False
    optional: bool = False
    """The import stands in a `try`: the module copes without it."""
    beyond: bool = False
    """A relative import with more dots than there are packages: it cannot work."""


_IMPORT = re.compile(r"\b(?:from|import)\b[ \t]*([^\n;#]*)")
_WORD = re.compile(r"\w+")
_IMPORT_CALL = re.compile(r"\b(?:import_module|__import__)\b")
_COPES = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def imports_of(tree: ast.Module, package: tuple[str, ...]) -> Iterator[Import]:
    """The imports of a module of `package`, those within functions, too.

    `import_module` and `__import__` of a literal count; what is for type checkers only does not.
    """
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, optional = pending.pop()
        match node:
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                pending.extend((item, optional) for item in orelse)
                continue
            case ast.Try(body=body, handlers=handlers) if any(_copes(item.type) for item in handlers):
                pending.extend((item, True) for item in body)
                pending.extend((item, optional) for item in (*handlers, *node.orelse, *node.finalbody))
                continue
            case ast.Import(names=names):
                yield from (Import(tuple(alias.name.split(".")), node.lineno, optional=optional) for alias in names)
            case ast.ImportFrom():
                yield from _import_from(node, package, optional)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _is_import_call(func):
                yield from _import_call(node, name, package)
            case _:
                pass
        pending.extend((child, optional) for child in ast.iter_child_nodes(node))


def may_import_local(text: str, folder: Path) -> bool:
    """Whether a file could import anything of a folder, by a look at its text.

    Most flows import what is installed and nothing else, and a syntax tree of a large flow takes a while.
    """
    names: set[str] = set()
    for match in _IMPORT.finditer(text):
        line = match[1]
        if line.startswith(".") or line.rstrip().endswith("\\"):
            return True
        names.update(_WORD.findall(line))
    local = {path.name.partition(".")[0] for path in folder.iterdir()}
    return not names.isdisjoint(local) or bool(_IMPORT_CALL.search(text))


def exported(tree: ast.Module) -> tuple[str, ...]:
    """The names in a literal `__all__`: a star import of a package imports those of them that are submodules."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)):
                names = (item.value for item in items if isinstance(item, ast.Constant))
                return tuple(name for name in names if isinstance(name, str))
            case _:
                pass
    return ()


def _import_from(node: ast.ImportFrom, package: tuple[str, ...], optional: bool) -> Iterator[Import]:
    relative = node.level > 0
    module = tuple(node.module.split(".")) if node.module else ()
    if node.level > len(package):
        shown = "." * node.level + (node.module or "")
        yield Import((shown,), node.lineno, relative=True, optional=optional, beyond=True)
        return
    base = (package[: len(package) - node.level + 1] if relative else ()) + module
    star = any(alias.name == "*" for alias in node.names)
    yield Import(base, node.lineno, relative=relative, optional=optional, star=star)
    for alias in node.names:
        if alias.name != "*":
            yield Import((*base, alias.name), node.lineno, relative=relative, attribute=True, optional=optional)


def _import_call(node: ast.Call, name: str, package: tuple[str, ...]) -> Iterator[Import]:
    """`import_module("x")`, and `import_module(".x", ...)`, where the package is this module's own or a literal."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        yield Import(tuple(name.split(".")), node.lineno, optional=True)
        return
    given = [*node.args[1:], *(word.value for word in node.keywords if word.arg == "package")]
    match given:
        case [ast.Constant(value=str(other))]:
            package = tuple(other.split("."))
        case _:
            pass
    if level <= len(package):
        rest = name[level:]
        base = package[: len(package) - level + 1]
        yield Import(base + (tuple(rest.split(".")) if rest else ()), node.lineno, relative=True, optional=True)


def _is_import_call(func: ast.expr) -> bool:
    match func:
        case ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"):
            return True
        case _:
            return False


def _copes(caught: ast.expr | None) -> bool:
    """Whether an `except` clause catches an import that fails."""
    match caught:
        case None:
            return True
        case ast.Tuple(elts=items):
            return any(_copes(item) for item in items)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in _COPES
        case _:
            return False
