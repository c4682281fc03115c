"""Reading annotations: from the text of a file to a type. What is not understood is unknown, and never wrong.

Type checkers read what stands below `if TYPE_CHECKING:`, and so does this. Names that are bound twice are unclear.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowc_compiler.ir.type_model import (
    NEVER,
    NONE,
    SAME,
    TYPING,
    UNKNOWN,
    Instance,
    LiteralType,
    LocalClass,
    Reference,
    TupleType,
    Type,
    builtin_class,
    standard_class,
    typing_class,
    union_of,
    with_none,
)
from flowc_compiler.syntax.modules import Imported, LocalModules, ModuleView, bind_imports
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import bound_names

_KEEPS_BUILTINS = TYPING | {"flowc", "metaflow", "zenml"}
"""Modules whose `import *` brings in no name of a builtin class."""


@dataclass(frozen=True, eq=False)
class Alias:
    """A name for a type: `Frame = pd.DataFrame`."""

    text: str


@dataclass(frozen=True)
class Unclear:
    """A name that is bound in a way, or so often, that nothing is certain."""


Meaning = Imported | ast.ClassDef | Alias | Unclear


@dataclass(eq=False)
class FileNames:
    """The names of one file."""

    meanings: dict[str, Meaning] = field(default_factory=dict[str, Meaning])
    from_typing: bool = False
    """Whether `from typing import *` brings in the names of `typing`."""
    open: bool = False
    """Whether an `import *` may bring in any name."""


def file_names(view: ModuleView) -> FileNames:
    """The names that a file binds at its top level."""
    found = FileNames()
    for name, meaning in _bound(view, view.tree.body, found):
        before = found.meanings.setdefault(name, meaning)
        if before is not meaning and not _same(before, meaning):
            found.meanings[name] = Unclear()
    return found


def parsed(text: str) -> ast.expr | None:
    """The syntax tree of an annotation's text; `None` for text that is not an expression."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _same(one: Meaning, other: Meaning) -> bool:
    """Whether two bindings of a name mean the same: `from typing_extensions import X` where `typing` has no X."""
    match one, other:
        case Imported(level=0, module=[first], name=name), Imported(level=0, module=[second], name=also):
            return name == also and (first == second or {first, second} <= TYPING)
        case Imported(), Imported():
            return one == other
        case Imported(), Alias(text="None"):  # an optional package that is not installed
            return True
        case _:
            return False


def _bound(view: ModuleView, body: Iterable[ast.stmt], found: FileNames) -> Iterator[tuple[str, Meaning]]:
    for statement in body:
        match statement:
            case ast.Import() | ast.ImportFrom():
                yield from _imported(statement, found)
            case ast.ClassDef(name=name):
                yield name, statement
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, Alias(view.code(value))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, Alias(view.code(value))
            case ast.If(test=test, body=inner) if (dotted(test) or ("",))[-1] == "TYPE_CHECKING":
                yield from _bound(view, inner, found)
            case ast.Try(body=inner, handlers=handlers):
                yield from _bound(view, inner, found)
                for handler in handlers:
                    yield from _bound(view, handler.body, found)
            case _ if type(statement).__name__ == "TypeAlias":  # of Python 3.12
                yield from _type_alias(view, statement)
            case _:
                yield from ((name, Unclear()) for name in bound_names([statement]))


def _type_alias(view: ModuleView, statement: Any) -> Iterator[tuple[str, Meaning]]:
    """What `type Name = ...` binds; one with parameters is unclear."""
    yield statement.name.id, Unclear() if statement.type_params else Alias(view.code(statement.value))


def _imported(statement: ast.Import | ast.ImportFrom, found: FileNames) -> Iterator[tuple[str, Imported]]:
    bound: dict[str, Imported] = {}
    bind_imports(statement, bound)
    yield from bound.items()
    if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
        root = (statement.module or "").partition(".")[0]
        found.from_typing |= not statement.level and root in TYPING
        found.open |= statement.level > 0 or root not in _KEEPS_BUILTINS


_DEEPEST = 24
"""How deeply brackets and aliases may be nested."""
_LARGEST = 300
"""How many names one annotation may come to, aliases written out."""

Name = tuple[str, ...]
"""A dotted name in parts."""


class TypeReader:
    """Reads the annotations of a flow's files. Every file's names are looked at once."""

    def __init__(self, modules: LocalModules) -> None:
        self.modules = modules
        self._views: dict[str, ModuleView] = {}
        self._names: dict[Path, FileNames] = {}
        self._resolved: dict[Reference, Type] = {}
        self._annotations: dict[tuple[str, str], Type] = {}

    def annotation(self, view: ModuleView, node: ast.expr | None, hidden: Iterable[str] = ()) -> Type:
        """The type that an annotation of a file says; `hidden` are names of type parameters around it."""
        if node is None:
            return UNKNOWN
        text = view.code(node)
        key = (str(view.source.path), text)
        taken = frozenset(hidden)
        if taken:
            return _Reading(self, view, taken).text(text)
        if key not in self._annotations:
            self._annotations[key] = _Reading(self, view).text(text)
        return self._annotations[key]

    def expression(self, view: ModuleView, text: str) -> Type:
        """The type that the text of an expression says, such as a base of a class."""
        return _Reading(self, view).text(text)

    def special(self, view: ModuleView, text: str) -> str | None:
        """The name of `typing` that an expression begins with, such as `Protocol` for `t.Protocol[T]`."""
        node = parsed(text)
        parts = dotted(node.value if isinstance(node, ast.Subscript) else node)
        full = self.imported(view, parts) if parts else None
        return full[-1] if full is not None and len(full) == 2 and full[0] in TYPING else None

    def names(self, view: ModuleView) -> FileNames:
        """The names of a file."""
        path = view.source.path
        if path not in self._names:
            self._names[path] = file_names(view)
            self._views[str(path)] = view
        return self._names[path]

    def class_definition(self, of: LocalClass) -> tuple[ModuleView, ast.ClassDef] | None:
        """Where a local class is defined."""
        view = self._views.get(of.file)
        found = self.names(view).meanings.get(of.name) if view is not None else None
        return (view, found) if view is not None and isinstance(found, ast.ClassDef) else None

    def imported(self, view: ModuleView, parts: Name) -> Name | None:
        """The dotted path of what a name is imported as, where it is by an absolute import."""
        names = self.names(view)
        found = names.meanings.get(parts[0])
        if isinstance(found, Imported) and not found.level:
            return (*found.module, *((found.name,) if found.name is not None else ()), *parts[1:])
        if found is None and names.from_typing and len(parts) == 1 and builtin_class(parts[0]) is None:
            return ("typing", parts[0])
        return None

    def resolve(self, of: Type) -> Type:
        """What a reference stands for: a local file is read now. Other types are returned as they are."""
        if not isinstance(of, Reference):
            return of
        if of not in self._resolved:
            self._resolved[of] = UNKNOWN  # of names that lead in a circle
            self._resolved[of] = self._looked_up(of)
        return self._resolved[of]

    def _looked_up(self, of: Reference) -> Type:
        view = self._views[of.file]
        found = self.modules.origin(view, _node(of.parts))
        if found is not None:
            return self.resolve(_Reading(self, found[0]).name((found[1],)))
        if ":" in of.target:  # of a package's own folder, where there is no such file
            return UNKNOWN
        return _absolute(of.target)


class _Reading:
    """The reading of one annotation, of a bounded size."""

    def __init__(self, reader: TypeReader, view: ModuleView, hidden: frozenset[str] = frozenset()) -> None:
        self._reader = reader
        self._view = view
        self._names = reader.names(view)
        self._hidden = hidden
        self._depth = 0
        self._left = _LARGEST

    def text(self, text: str) -> Type:
        """The type that a text says."""
        node = parsed(text)
        return UNKNOWN if node is None else self._read(node)

    def _read(self, node: ast.expr) -> Type:
        self._depth += 1
        self._left -= 1
        try:
            return UNKNOWN if self._depth > _DEEPEST or self._left < 0 else self._node(node)
        finally:
            self._depth -= 1

    def _node(self, node: ast.expr) -> Type:
        match node:
            case ast.Name() | ast.Attribute():
                parts = dotted(node)
                return self.name(parts) if parts else UNKNOWN
            case ast.Constant(value=None):
                return NONE
            case ast.Constant(value=str(text)):
                inner = parsed(text)
                return UNKNOWN if inner is None else self._read(inner)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._union((left, right))
            case ast.Subscript(value=value, slice=inner):
                arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                return self._subscript(dotted(value), arguments)
            case ast.Call(func=func, args=[_, of]) if self._typing_name(dotted(func)) == "NewType":
                return self._read(of)
            case _:
                return UNKNOWN

    def name(self, parts: Name) -> Type:
        """The type that a dotted name says."""
        if parts[0] in self._hidden:
            return UNKNOWN
        special = self._typing_name(parts)
        if special is not None:
            return _bare(special)
        found = self._names.meanings.get(parts[0])
        match found:
            case Imported():
                return self._of_import(found, parts)
            case ast.ClassDef() if len(parts) == 1:
                return LocalClass(str(self._view.source.path), parts[0])
            case Alias(text=text) if len(parts) == 1:
                node = parsed(text)
                return UNKNOWN if node is None or isinstance(node, ast.Constant) else self._read(node)
            case None if len(parts) == 1 and not self._names.open and builtin_class(parts[0]) is not None:
                return UNKNOWN if parts[0] == "type" else Instance(parts[0])
            case _:
                return UNKNOWN

    def _of_import(self, found: Imported, parts: Name) -> Type:
        path = (*found.module, *((found.name,) if found.name is not None else ()), *parts[1:])
        start = "" if not found.level else f"{_folder(self._view.source.path, found.level)}:"
        reference = Reference(start + ".".join(path), str(self._view.source.path), parts)
        if not found.level and standard_class(".".join(path)) is not None:
            return self._reader.resolve(reference)  # but for a file of that name beside the flow
        return reference

    def _typing_name(self, parts: Name) -> str | None:
        full = self._reader.imported(self._view, parts) if parts and parts[0] not in self._hidden else None
        return full[-1] if full is not None and len(full) == 2 and full[0] in TYPING else None

    def _union(self, nodes: Iterable[ast.expr]) -> Type:
        return union_of([self._read(node) for node in nodes])

    def _subscript(self, parts: Name, arguments: list[ast.expr]) -> Type:
        special = self._typing_name(parts) if parts else None
        if special is not None and special in _FORMS:
            return _FORMS[special](self, arguments)
        base = self.name(parts) if parts and parts[0] not in self._hidden else UNKNOWN
        if not isinstance(base, Instance):
            return base if isinstance(base, LocalClass | Reference) else UNKNOWN
        if base.foreign:
            return base
        if base.name == "tuple":
            return self._tuple(arguments)
        return Instance(base.name, tuple(self._read(item) for item in arguments))

    def _tuple(self, arguments: list[ast.expr]) -> Type:
        match arguments:
            case [ast.Tuple(elts=[])]:
                return TupleType(())
            case [item, ast.Constant(value=value)] if value is ...:
                return Instance("tuple", (self._read(item),))
            case _ if any(isinstance(item, ast.Starred) for item in arguments):
                return Instance("tuple")
            case _:
                return TupleType(tuple(self._read(item) for item in arguments))

    def optional(self, arguments: list[ast.expr]) -> Type:
        """`Optional[T]`."""
        return with_none(self._read(arguments[0]))

    def union(self, arguments: list[ast.expr]) -> Type:
        """`Union[A, B]`."""
        return self._union(arguments)

    def first(self, arguments: list[ast.expr]) -> Type:
        """`Annotated[T, ...]` and others that say more about T."""
        return self._read(arguments[0])

    def literal(self, arguments: list[ast.expr]) -> Type:
        """`Literal["a", 1]`; a member of an enumeration is its class."""
        return union_of([self._literal(item) for item in arguments])

    def _literal(self, node: ast.expr) -> Type:
        match node:
            case ast.Constant(value=None):
                return NONE
            case ast.Constant(value=bool(value)):
                return LiteralType("bool", value)
            case ast.Constant(value=int(value)) | ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return LiteralType("int", value if isinstance(node, ast.Constant) else -value)
            case ast.Constant(value=str(value)):
                return LiteralType("str", value)
            case ast.Constant(value=bytes(value)):
                return LiteralType("bytes", value)
            case _:
                return UNKNOWN


_FORMS: dict[str, Callable[[_Reading, list[ast.expr]], Type]] = {
    "Optional": _Reading.optional,
    "Union": _Reading.union,
    "Annotated": _Reading.first,
    "Final": _Reading.first,
    "ClassVar": _Reading.first,
    "Required": _Reading.first,
    "NotRequired": _Reading.first,
    "ReadOnly": _Reading.first,
    "Literal": _Reading.literal,
}


def _bare(special: str) -> Type:
    """A name of `typing` without brackets."""
    if special in {"NoReturn", "Never"}:
        return NEVER
    known = typing_class(special)
    return UNKNOWN if known is None else Instance(known)


def _absolute(path: str) -> Type:
    """The class of a dotted path that no local file has: a standard one, or a foreign one."""
    if standard_class(path) is not None:
        return Instance(path.removeprefix("builtins."))
    return Instance(SAME.get(path, path), foreign=True)


def _folder(path: Path, level: int) -> Path:
    """The folder that a relative import starts from."""
    return path.absolute().parents[min(level, len(path.absolute().parents)) - 1]


def _node(parts: Name) -> ast.expr:
    node: ast.expr = ast.Name(parts[0])
    for part in parts[1:]:
        node = ast.Attribute(node, part)
    return node
