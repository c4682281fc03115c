"""What names mean at a file's top level where its annotations are concerned.

Type checkers read what stands below `if TYPE_CHECKING:`, and so does this. Names that are bound twice are unclear.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from flowc_compiler.frontend.pipelines.types.standard import TYPING
from flowc_compiler.frontend.values.bindings import bindings
from flowc_compiler.syntax.modules import Imported, ModuleView
from flowc_compiler.syntax.names import dotted

_KEEPS_BUILTINS = TYPING | {"flowc", "metaflow", "zenml"}
"""Modules whose `import *` brings in no name of a builtin class."""


@dataclass(frozen=True, eq=False)
class Alias:
    """A name for a type: `Frame = pd.DataFrame`."""

    text: str


@dataclass(frozen=True)
class Unclear:
    """A name that is bound in a way, or so often, that nothing is certain."""


Meaning = Imported | cst.ClassDef | Alias | Unclear


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
    """The syntax tree of an annotation's text; `None` for what is no expression."""
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


def _bound(
    view: ModuleView, body: Iterable[cst.BaseStatement | cst.BaseSmallStatement], found: FileNames
) -> Iterator[tuple[str, Meaning]]:
    for statement in body:
        match statement:
            case cst.SimpleStatementLine(body=small):
                yield from _bound(view, small, found)
            case cst.Import() | cst.ImportFrom():
                yield from _imported(statement, found)
            case cst.ClassDef(name=cst.Name(value=name)):
                yield name, statement
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                yield name, Alias(view.tree.code_for_node(value))
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
                yield name, Alias(view.tree.code_for_node(value))
            case cst.TypeAlias(name=cst.Name(value=name), value=value, type_parameters=None):
                yield name, Alias(view.tree.code_for_node(value))
            case cst.TypeAlias(name=cst.Name(value=name)):
                yield name, Unclear()
            case cst.If(test=test, body=inner) if (dotted(test) or ("",))[-1] == "TYPE_CHECKING":
                yield from _bound(view, inner.body, found)
            case cst.Try(body=inner, handlers=handlers):
                yield from _bound(view, inner.body, found)
                for handler in handlers:
                    yield from _bound(view, handler.body.body, found)
            case _:
                yield from ((name, Unclear()) for name in bindings([statement]))


def _imported(statement: cst.Import | cst.ImportFrom, found: FileNames) -> Iterator[tuple[str, Imported]]:
    if isinstance(statement, cst.Import):
        for alias in statement.names:
            parts = dotted(alias.name)
            if alias.evaluated_alias is not None:
                yield alias.evaluated_alias, Imported(0, parts, None)
            else:
                yield parts[0], Imported(0, parts[:1], None)
        return
    module = dotted(statement.module) if statement.module is not None else ()
    level = len(statement.relative)
    if isinstance(statement.names, cst.ImportStar):
        root = ".".join(module[:1])
        found.from_typing |= not level and root in TYPING
        found.open |= level > 0 or root not in _KEEPS_BUILTINS
        return
    for alias in statement.names:
        name = alias.evaluated_name
        yield alias.evaluated_alias or name, Imported(level, module, name)
