"""What names mean at a file's top level where its annotations are concerned.

Type checkers read what stands below `if TYPE_CHECKING:`, and so does this. Names that are bound twice are unclear.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from flowc_compiler.evaluate.functions import bound_names
from flowc_compiler.frontend.pipelines.types.standard_classes import TYPING
from flowc_compiler.syntax.modules import Imported, ModuleView, bind_imports
from flowc_compiler.syntax.served_imports import dotted

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
