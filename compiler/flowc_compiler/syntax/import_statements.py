"""What a file imports and starts, found by reading its syntax tree: modules by name, and scripts by a literal name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from flowc_compiler.syntax.tree_walk import children


class Import(NamedTuple):
    """One name that a statement imports."""

    parts: tuple[str, ...]
    """The dotted name: a module, or where `attribute` is set perhaps something in one."""
    line: int
    level: int = 0
    """The dots before a relative import."""
    attribute: bool = False
    """The last part is the `y` of `from x import y`: a submodule, or a name that `x` defines."""
    star: bool = False
    optional: bool = False
    """The import is in a `try`, or its name is given to a function: the file works without the module."""
    called: bool = False
    """A function is called with the name."""
    started: bool = False
    """It is run as `python -m`, which finds it by the working directory."""
    package: tuple[str, ...] | None = None
    """Of `import_module(".x", "package")`: the package that the dots start from, by default the file's own."""

    @property
    def shown(self) -> str:
        """The module as a statement writes it."""
        return "." * self.level + ".".join(self.parts)

    def absolute(self, package: tuple[str, ...]) -> Import | None:
        """This import with its name from the top, for a file of `package`; `None` for more dots than packages."""
        if not self.level:
            return self
        package = self.package if self.package is not None else package
        if self.level > len(package):
            return None
        return self._replace(parts=package[: len(package) - self.level + 1] + self.parts)


IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
"""What catches a failed import."""
_SCRIPT = re.compile(r"[^\s;&|<>'\"]+\.(?:py|sh)(?=$|[\s;&|<>'\"])")

_MODULE = re.compile(r"(?:^|\s)-m ([A-Za-z_][\w.]*\w)")


def is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is `TYPE_CHECKING`: what stands below it is for type checkers and is never run."""
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """The imports of a module, those within functions, too.

    `import_module`, `__import__` and `run_module` of a literal count, `python -m` of one, and a literal that names the
    parser of a `Config` or an `IncludeFile`; what is for type checkers only does not.
    """
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:
        node, optional = pending.pop()
        match node:
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                pending.extend((item, optional) for item in orelse)
                continue
            case ast.Try(body=body, handlers=handlers) if any(catches(item.type, IMPORT_ERRORS) for item in handlers):
                pending.extend((item, True) for item in body)
                pending.extend((item, optional) for item in (*handlers, *node.orelse, *node.finalbody))
                continue
            case ast.Import(names=names):
                yield from (Import(tuple(alias.name.split(".")), node.lineno, optional=optional) for alias in names)
            case ast.ImportFrom():
                yield from _import_from(node, optional)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _is_import_call(func):
                yield _import_call(node, name)
            case ast.Call(keywords=keywords) if keywords and _takes_parser(node.func):
                yield from _parsers(keywords)
            case ast.List() | ast.Tuple() | ast.Constant():
                yield from _runs(node)
            case _:
                pass
        pending.extend((child, optional) for child in children(node))


def _runs(node: ast.List | ast.Tuple | ast.Constant) -> Iterator[Import]:
    """The modules that a command line runs by `-m`, a text or a list of texts."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and "-m " in node.value and len(node.value) < _LONGEST:
            for name in _MODULE.findall(node.value):
                yield from _started(name, node.lineno)
        return
    for first, second in pairwise(node.elts):
        match first, second:
            case ast.Constant(value="-m"), ast.Constant(value=str(name)):
                yield from _started(name, second.lineno)
            case _:
                pass


def _started(name: str, line: int) -> Iterator[Import]:
    """The modules that `python -m` runs."""
    module = Import(tuple(name.split(".")), line, optional=True, called=True, started=True)
    yield module
    yield module._replace(parts=(*module.parts, "__main__"), attribute=True)


class Script(NamedTuple):
    """A file that a text of the code names: `train.py` in `[sys.executable, "train.py"]`."""

    name: str
    line: int
    certain: bool
    """It is what the interpreter runs: the text stands after the interpreter, is `run_path`'s argument, or torchrun's
    `entrypoint`."""


def scripts_of(tree: ast.Module) -> Iterator[Script]:
    """The files that end in `.py` or `.sh` and are named by texts of a module, other than docstrings."""
    certain: set[ast.AST] = set()
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Call(func=ast.Name(id="run_path") | ast.Attribute(attr="run_path"), args=[first, *_]):
                certain.add(first)
            case ast.Call(func=ast.Attribute(attr="run"), keywords=keywords):
                certain.update(item.value for item in keywords if item.arg == "entrypoint")
            case ast.List(elts=[first, second, *_]) | ast.Tuple(elts=[first, second, *_]) if _is_interpreter(first):
                certain.add(second)
            case ast.Constant(value=str(text)) if len(text) < _LONGEST:
                yield from (item._replace(line=node.lineno, certain=node in certain) for item in scripts_in(text))
            case _:
                pass
        pending.extend(children(node))


def scripts_in(text: str) -> Iterator[Script]:
    """The files that end in `.py` or `.sh` and are words of a command line, or of the lines of a shell script."""
    for number, line in enumerate(text.splitlines(), 1):
        yield from (Script(name, number, certain=False) for name in _SCRIPT.findall(line))


_LONGEST = 2000
"""Longer texts are no command lines."""


def exported(tree: ast.Module) -> tuple[str, ...] | None:
    """The names in a literal `__all__`, to which others may be added; `None` where a module has none."""
    found: tuple[str, ...] | None = None
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=items) | ast.Tuple(elts=items)):
                found = _texts(items)
            case ast.AugAssign(target=ast.Name(id="__all__"), value=ast.List(elts=items) | ast.Tuple(elts=items)):
                found = (*(found or ()), *_texts(items))
            case _:
                pass
    return found


def _texts(items: list[ast.expr]) -> tuple[str, ...]:
    return tuple(item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str))


def _import_from(node: ast.ImportFrom, optional: bool) -> Iterator[Import]:
    base = tuple(node.module.split(".")) if node.module else ()
    star = any(alias.name == "*" for alias in node.names)
    yield Import(base, node.lineno, node.level, optional=optional, star=star)
    for alias in node.names:
        if alias.name != "*":
            yield Import((*base, alias.name), node.lineno, node.level, attribute=True, optional=optional)


def _import_call(node: ast.Call, name: str) -> Import:
    """`import_module("x")`, and `import_module(".x", ...)`, where the package is this module's own or a literal."""
    level = len(name) - len(name.lstrip("."))
    parts = tuple(name[level:].split(".")) if name[level:] else ()
    package: tuple[str, ...] | None = None
    match [*node.args[1:], *(word.value for word in node.keywords if word.arg == "package")]:
        case [ast.Constant(value=str(other))] if level:
            package = tuple(other.split("."))
        case _:
            pass
    return Import(parts, node.lineno, level, optional=True, called=True, package=package)


def _parsers(keywords: list[ast.keyword]) -> Iterator[Import]:
    """The module of `parser="module.function"`; a dot in front is for Metaflow's own."""
    for word in keywords:
        match word:
            case ast.keyword(arg="parser", value=ast.Constant(value=str(name))) if name.rpartition(".")[0]:
                if not name.startswith("."):
                    yield Import(tuple(name.split(".")[:-1]), word.value.lineno, optional=True, called=True)
            case _:
                pass


def _takes_parser(func: ast.expr) -> bool:
    match func:
        case ast.Name(id="Config" | "IncludeFile") | ast.Attribute(attr="Config" | "IncludeFile"):
            return True
        case _:
            return False


def _is_import_call(func: ast.expr) -> bool:
    match func:
        case ast.Name(id="__import__" | "import_module" | "run_module"):
            return True
        case ast.Attribute(attr="import_module" | "run_module"):
            return True
        case _:
            return False


def _is_interpreter(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr="executable"):
            return True
        case ast.Constant(value=str(text)):
            return re.fullmatch(r"(?:/\S+/)?python[\d.]*", text) is not None
        case _:
            return False


def catches(caught: ast.expr | None, kinds: frozenset[str]) -> bool:
    """Whether an `except` clause, whose expression this is, catches an error of one of these names."""
    match caught:
        case None:
            return True
        case ast.Tuple(elts=items):
            return any(catches(item, kinds) for item in items)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in kinds
        case _:
            return False
