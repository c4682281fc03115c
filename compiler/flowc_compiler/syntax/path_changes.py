"""What a file adds to the import path: `sys.path.append(...)` and its other spellings, with folders that can be read.

A folder is known by where the file is (`Path(__file__).parent`, `os.path.dirname(...)`), or by the working directory,
which is the flow's folder in a container. Nothing is run: names are looked up where they are assigned once.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from flowc_compiler.syntax.tree_walk import walk


class PathChange(NamedTuple):
    """One folder that is added to the import path."""

    folder: Path | None
    """`None` where it is not known."""
    front: bool
    line: int
    relative: bool = False
    """It depends on the working directory."""
    anchored: bool = True
    """It depends on where the file is, or on the working directory, and so moves with them."""


class _Unknown(Exception):  # noqa: N818 (never leaves this module)
    """The value of an expression is not known."""


def path_changes(tree: ast.Module, file: Path, working: Path) -> list[PathChange]:
    """The changes of the import path in a module at `file`, in their order; `working` is the working directory."""
    reader = _Reader(tree, file, working)
    reader.read(tree.body)
    return reader.found


class _Reader:
    """Reads statements in order. Loops over literals are followed, once for each item."""

    def __init__(self, tree: ast.Module, file: Path, working: Path) -> None:
        self.found: list[PathChange] = []
        self._file = file
        self._working = working
        self._relative = False
        self._anchored = False
        self._loop: dict[str, object] = {}
        self._assigned = _assigned_once(tree)
        self._modules = {"os": ("os",), "sys": ("sys",), "site": ("site",), "pathlib": ("pathlib",), **_imported(tree)}
        self._evaluating: set[str] = set()

    def read(self, statements: Sequence[ast.stmt]) -> None:
        """Collect the changes of some statements and of those inside of them."""
        for statement in statements:
            match statement:
                case ast.For(target=ast.Name(id=name), iter=items, body=body) if self._touches(statement):
                    self._read_loop(name, items, body)
                case ast.Expr(value=ast.Call() as call):
                    self._read_call(call)
                case ast.AugAssign(target=target, op=ast.Add(), value=value) if self._is_path(target):
                    self._add_all(value, front=False)
                case ast.Assign(targets=[ast.Subscript(value=owner, slice=place)], value=value) if self._is_path(owner):
                    self._read_slice(place, value)
                case ast.Assign(targets=[target], value=value) if self._is_path(target):
                    self._read_assignment(value)
                case _:
                    for block in _blocks(statement):
                        self.read(block)

    def _touches(self, node: ast.AST) -> bool:
        return any(isinstance(item, ast.expr) and self._is_path(item) for item in walk(node))

    def _read_loop(self, name: str, items: ast.expr, body: list[ast.stmt]) -> None:
        try:
            values = self._items(items)
        except _Unknown:
            self.found.append(PathChange(None, False, items.lineno))
            return
        for value in values:
            self._loop[name] = value
            self.read(body)
        self._loop.pop(name, None)

    def _read_call(self, call: ast.Call) -> None:
        match call:
            case ast.Call(func=ast.Attribute(value=owner, attr=method), args=args) if self._is_path(owner):
                if method == "append" and len(args) == 1:
                    self._add(args[0], front=False)
                elif method == "insert" and len(args) == 2:
                    front = isinstance(args[0], ast.Constant) and args[0].value == 0
                    self._add(args[1], front=front)
                elif method == "extend" and len(args) == 1:
                    self._add_all(args[0], front=False)
            case ast.Call(func=func, args=[folder, *_]) if self._dotted(func) == ("site", "addsitedir"):
                self._add(folder, front=False)
            case _:
                pass

    def _read_slice(self, place: ast.expr, value: ast.expr) -> None:
        match place:
            case ast.Slice(lower=None | ast.Constant(value=0 | 1), upper=None | ast.Constant(value=0 | 1)) if (
                place.upper is not None
            ):
                self._add_all(value, front=True)
            case ast.Slice(lower=None, upper=None):
                self._read_assignment(value)
            case ast.Slice():
                self._add_all(value, front=False)
            case _:
                self._add(value, front=True)

    def _read_assignment(self, value: ast.expr) -> None:
        """`sys.path = [x] + sys.path`, `sys.path[:] = [x, *sys.path]`: what is before the old path, and after it."""
        parts = _parts(value)
        own = next((at for at, (item, _) in enumerate(parts) if self._is_whole(item)), None)
        if own is None:
            self.found.append(PathChange(None, False, value.lineno))
            return
        for item, is_list in reversed(parts[:own]):
            (self._add_all if is_list else self._add)(item, front=True)
        for item, is_list in parts[own + 1 :]:
            (self._add_all if is_list else self._add)(item, front=False)

    def _is_whole(self, node: ast.expr) -> bool:
        """Whether an expression is the import path as it was."""
        match node:
            case ast.Call(func=ast.Name(id="list"), args=[inner]) | ast.Subscript(value=inner):
                return self._is_path(inner)
            case _:
                return self._is_path(node)

    def _is_path(self, node: ast.expr) -> bool:
        return self._dotted(node) == ("sys", "path")

    def _dotted(self, node: ast.expr) -> tuple[str, ...]:
        """The path of what a name or attribute stands for, by the file's imports."""
        match node:
            case ast.Name(id=name):
                return self._modules.get(name, ())
            case ast.Attribute(value=owner, attr=name):
                above = self._dotted(owner)
                return (*above, name) if above else ()
            case _:
                return ()

    def _add_all(self, node: ast.expr, *, front: bool) -> None:
        self._relative = self._anchored = False
        try:
            values = self._items(node)
        except _Unknown:
            self.found.append(PathChange(None, front, node.lineno))
            return
        for value in reversed(values) if front else values:
            self._put(value, node, front=front)

    def _add(self, node: ast.expr, *, front: bool) -> None:
        self._relative = self._anchored = False
        try:
            value = self._value(node)
        except _Unknown:
            self.found.append(PathChange(None, front, node.lineno))
            return
        self._put(value, node, front=front)

    def _put(self, value: object, node: ast.expr, *, front: bool) -> None:
        if isinstance(value, PurePath):
            return  # Python ignores what is no text
        if not isinstance(value, str):
            self.found.append(PathChange(None, front, node.lineno))
            return
        relative = self._relative or not Path(value).is_absolute()
        folder = Path(os.path.normpath(self._working / value))
        self.found.append(PathChange(folder, front, node.lineno, relative, relative or self._anchored))

    # Values: texts, and paths as `PurePath`.

    def _items(self, node: ast.expr) -> list[object]:
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self._value(item) for item in items]
            case ast.Name(id=name) if name in self._assigned:
                return self._items(self._assigned[name])
            case ast.GeneratorExp(elt=element, generators=[loop]) | ast.ListComp(elt=element, generators=[loop]):
                return self._mapped(element, loop)
            case ast.Call(func=ast.Name(id="map"), args=[function, items]):
                call = ast.Call(func=function, args=[ast.Name(id="_item", ctx=ast.Load())], keywords=[])
                loop = ast.comprehension(target=ast.Name(id="_item", ctx=ast.Store()), iter=items, ifs=[], is_async=0)
                return self._mapped(call, loop)
            case _:
                raise _Unknown

    def _mapped(self, element: ast.expr, loop: ast.comprehension) -> list[object]:
        if not isinstance(loop.target, ast.Name) or loop.ifs:
            raise _Unknown
        found: list[object] = []
        for item in self._items(loop.iter):
            self._loop[loop.target.id] = item
            found.append(self._value(element))
        self._loop.pop(loop.target.id, None)
        return found

    def _value(self, node: ast.expr) -> object:  # noqa: PLR0912 - one case for each form of expression
        """The value of an expression. Raises _Unknown."""
        match node:
            case ast.Constant(value=str() | int() as value):
                return value
            case ast.Name(id="__file__"):
                self._anchored = True
                return str(self._file)
            case ast.Name(id=name):
                return self._name(name)
            case ast.JoinedStr(values=values):
                return "".join(str(self._value(item)) for item in values)
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return str(self._value(value))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._joined(self._value(left), self._value(right))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._text(left) + self._text(right)
            case ast.Subscript(value=ast.Attribute(value=owner, attr="parents"), slice=place):
                return self._parent(self._value(owner), self._value(place))
            case ast.Attribute(value=owner, attr="parent"):
                return self._parent(self._value(owner), 0)
            case ast.Attribute() if self._dotted(node)[:1] == ("os",):
                return self._constant(self._dotted(node)[-1])
            case ast.Attribute(value=owner, attr="name") if isinstance(path := self._value(owner), PurePath):
                return path.name
            case ast.Call(func=func, args=args):
                return self._call(func, args)
            case _:
                raise _Unknown

    def _name(self, name: str) -> object:
        if name in self._loop:
            return self._loop[name]
        if name not in self._assigned or name in self._evaluating:
            raise _Unknown
        self._evaluating.add(name)
        try:
            return self._value(self._assigned[name])
        finally:
            self._evaluating.discard(name)

    def _text(self, node: ast.expr) -> str:
        value = self._value(node)
        if not isinstance(value, str):
            raise _Unknown
        return value

    def _constant(self, name: str) -> str:
        if name not in {"sep", "pardir", "curdir"}:
            raise _Unknown
        return str(getattr(os, name))

    def _joined(self, left: object, right: object) -> object:
        if not (isinstance(left, PurePath) or isinstance(right, PurePath)):
            raise _Unknown
        return PurePath(str(left)) / str(right)

    def _parent(self, path: object, place: object) -> PurePath:
        if not isinstance(path, PurePath) or not isinstance(place, int) or not 0 <= place < len(path.parents):
            raise _Unknown
        return path.parents[place]

    def _call(self, func: ast.expr, args: list[ast.expr]) -> object:
        called = self._dotted(func)
        match func, called:
            case ast.Name(id="str"), () if len(args) == 1:
                return str(self._value(args[0]))
            case _, ("os", "path", "dirname" | "basename" as name):
                return getattr(os.path, name)(self._one(args))
            case _, ("os", "path", "abspath" | "realpath" | "normpath" | "expanduser") | ("os", "fspath"):
                return self._absolute(self._one(args)) if called[-1] != "fspath" else self._one(args)
            case _, ("os", "path", "join"):
                return os.path.join(*(str(self._value(item)) for item in args)) if args else ""  # noqa: PTH118
            case _, ("os", "getcwd") | ("pathlib", "Path", "cwd"):
                self._relative = True
                return str(self._working) if called[-1] == "getcwd" else PurePath(self._working)
            case _, ("pathlib", "Path" | "PurePath" | "PosixPath"):
                return PurePath(*(str(self._value(item)) for item in args))
            case ast.Attribute(value=owner, attr=method), _:
                return self._method(self._value(owner), method, [self._value(item) for item in args])
            case _:
                raise _Unknown

    def _one(self, args: list[ast.expr]) -> str:
        if len(args) != 1:
            raise _Unknown
        return str(self._value(args[0]))

    def _absolute(self, path: str) -> str:
        self._relative = self._relative or not Path(path).is_absolute()
        return os.path.normpath(self._working / path)

    def _method(self, owner: object, method: str, args: list[object]) -> object:
        if isinstance(owner, PurePath) and method in {"resolve", "absolute"}:
            return PurePath(self._absolute(str(owner)))
        if isinstance(owner, PurePath) and method in {"joinpath", "with_name"}:
            return getattr(owner, method)(*(str(item) for item in args))
        if isinstance(owner, PurePath) and method in {"as_posix", "__str__", "__fspath__"}:
            return str(owner)
        raise _Unknown


def _imported(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """What the file's import statements bind, where it is of a module that makes paths."""
    found: dict[str, tuple[str, ...]] = {}
    for node in walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {item.asname: tuple(item.name.split(".")) for item in names if item.asname is not None}
            case ast.ImportFrom(module=str(module), level=0, names=names):
                found |= {item.asname or item.name: (*module.split("."), item.name) for item in names}
            case _:
                pass
    return found


def _assigned_once(tree: ast.Module) -> dict[str, ast.expr]:
    """The names of a module that one statement binds, with what it binds them to."""
    found: dict[str, ast.expr] = {}
    several: set[str] = set()
    for node in walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                several |= {name} & set(found)
                found[name] = value
            case ast.AugAssign(target=ast.Name(id=name)) | ast.Global(names=[name, *_]):
                several.add(name)
            case _:
                pass
    return {name: value for name, value in found.items() if name not in several}


def _parts(value: ast.expr) -> list[tuple[ast.expr, bool]]:
    """The parts of a sum of lists, each with whether it is itself a list."""
    match value:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_parts(left), *_parts(right)]
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [(item.value, True) if isinstance(item, ast.Starred) else (item, False) for item in items]
        case _:
            return [(value, True)]


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statements inside of a statement. Functions may be called or not; what they add counts."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list):
            yield block
    for handler in getattr(statement, "handlers", ()):
        yield handler.body
