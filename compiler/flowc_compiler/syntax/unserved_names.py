"""Names of `metaflow`, `zenml` and `flowc` that files import and the shim does not serve: FC106 for each.

One that it serves where flowc is installed, such as `Runner`, is a warning where a task certainly uses it.

A name that is only imported is a warning: a task gets a placeholder for it, which raises when it is used. It is an
error where it certainly is: by code that runs when a file is imported, and by a step's body. Most files use served
names only, which a text search finds out; the trees of the others are searched. `served_imports` has names and reasons.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.import_statements import IMPORT_ERRORS, catches, is_type_checking
from flowc_compiler.syntax.parsing import parse_text
from flowc_compiler.syntax.served_imports import (
    MODULES,
    OF_OTHERS,
    ROOTS,
    Names,
    callee,
    explain,
    is_served,
    starts_commands,
)
from flowc_compiler.syntax.tree_walk import children, walk

_FROM = re.compile(r"\bfrom[ \t]+((?:metaflow|zenml|flowc)[\w.]*)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n\\]|\\\n)*)")
_IMPORT = re.compile(r"^[ \t]*import[ \t]+.*\b(?:metaflow|zenml|flowc)\b", re.MULTILINE)
_FORGIVING = IMPORT_ERRORS | {"MetaflowException"}
"""What catches an import that fails, or a placeholder that is used."""
_WITH_COMMAND = (
    "`flowc run` has it; a pod needs flowc in its image and `--runtime image`, or the use raises NotServedError"
)
_ENDING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Refusals(NamedTuple):
    """The names of a file that are not served and certainly used."""

    names: frozenset[str] = frozenset()
    of_steps: tuple[tuple[Span, frozenset[Function]], ...] = ()
    """Where FC106 is for a name that only bodies of steps use, and these steps."""


def check_imports(source: SourceFile, sink: DiagnosticSink, tree: ast.Module) -> Refusals:
    """Collect FC106 for names that are not served, but for imports that never run or whose failure is expected.

    Returns the names of the file for which it is an error.
    """
    if not _suspicious(source.text):
        return Refusals()
    search = _Search(tree)
    refused: set[str] = set()
    of_steps: list[tuple[Span, frozenset[Function]]] = []
    for found in search.unserved:
        line = search.certain_use(found)
        span = source.node_span(found.node)
        if starts_commands(found.module, found.name):
            if line is not None:
                message = f"{found.name} starts the `flowc` command, and a task uses it in line {line or span.line}"
                sink.warning("FC106", message, span, help=_WITH_COMMAND)
            continue
        message, help_text, fix = explain(found.module, found.name)
        if line is None:
            way_out = "" if help_text.startswith("it serves") else f"; {help_text}"
            warned = f"a task may import it, and using it raises NotServedError{way_out}"
            sink.warning("FC106", message, span, help=warned)
            continue
        refused.add(found.bound)
        used = f", and line {line} uses it" if line not in {0, span.line} else ""
        sink.error("FC106", message + used, span, help=help_text, fix=fix)
        if (steps := search.steps_that_use(found)) is not None:
            of_steps.append((span, steps))
    return Refusals(frozenset(refused), tuple(of_steps))


def placed_nodes(tree: ast.Module) -> list[tuple[ast.AST, Place]]:
    """All nodes of a file that may run, in its order, with the places that they stand in."""
    return _Search(tree).nodes


def unserved_names(texts: Iterable[str]) -> dict[str, list[str]]:
    """What files import and the shim has placeholders for: names by their module, both sorted."""
    found: dict[str, set[str]] = {}
    for text in texts:
        if not _suspicious(text):
            continue
        try:
            tree = parse_text(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for item in _Search(tree).unserved:
            if item.module.partition(".")[0] in OF_OTHERS and not starts_commands(item.module, item.name):
                found.setdefault(item.module, set()).update(() if item.name is None else (item.name,))
    return {module: sorted(found[module]) for module in sorted(found)}


class _Unserved(NamedTuple):
    """A name, or a module, that is not served, where the file imports it or takes it of a module."""

    node: ast.AST
    module: str
    name: str | None
    bound: str
    """The name that it has in the file; empty for an attribute of a module."""
    scope: Function | None
    """The function that the import stands in."""


class Place(NamedTuple):
    """Where a node stands."""

    scope: Function | None = None
    certain: bool = True
    """It runs whenever the file is imported, or, in the body of a step, whenever the step runs."""
    forgiven: bool = False
    """Its failure is expected: it stands in a `try`."""


class _Search:
    """One file, of which a look at the text does not say that all of its names are served."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._names = Names(tree)
        self._modules: dict[str, str] = {}
        """Names that stand for a served package somewhere in the file."""
        self.nodes = list(self._walk())
        for node, _ in self.nodes:
            if isinstance(node, ast.Import):
                self._bind_modules(node)

    @cached_property
    def unserved(self) -> list[_Unserved]:
        """What is not served, in the order of the file, unless its failure is expected."""
        return [found for node, place in self.nodes if not place.forgiven for found in self._of(node, place)]

    def certain_use(self, found: _Unserved) -> int | None:
        """The line that certainly uses it, 0 for the import itself; `None` where nothing in the file does."""
        if found.module.partition(".")[0] == "flowc" and not starts_commands(found.module, found.name):
            return 0  # the package itself is there, and its import fails
        if not found.bound:
            return 0 if found.node in self._certain_nodes else None
        return next((node.lineno for node, _ in self._uses(found)), None)

    def steps_that_use(self, found: _Unserved) -> frozenset[Function] | None:
        """The steps that certainly use it; `None` where the import fails, or code uses it that runs with the file."""
        if found.module.partition(".")[0] == "flowc" or not found.bound:
            return None
        scopes = {scope for _, scope in self._uses(found)}
        return None if None in scopes else frozenset(scope for scope in scopes if scope is not None)

    def _uses(self, found: _Unserved) -> Iterator[tuple[ast.Name, Function | None]]:
        for node, scope in self._certain:
            if isinstance(node, ast.Name) and node.id == found.bound and self._is_meant(found, node, scope):
                yield node, scope

    @cached_property
    def _certain_nodes(self) -> set[ast.AST]:
        return {node for node, _ in self._certain}

    @cached_property
    def _certain(self) -> list[tuple[ast.expr, Function | None]]:
        """The expressions whose values code that certainly runs uses, with the function that this stands in."""
        return [
            (used, place.scope)
            for node, place in self.nodes
            if place.certain and not place.forgiven
            for used in used_by(node)
        ]

    def _is_meant(self, found: _Unserved, node: ast.Name, scope: Function | None) -> bool:
        """Whether a name in a scope can only be what the import binds."""
        if found.scope is None and scope is not None and self._binds(scope, node.id):
            return False
        return found.scope in (None, scope) and self._binds(found.scope or self._tree, node.id) == 1

    def _binds(self, scope: ast.AST, name: str) -> int:
        from flowc_compiler.syntax.modules import bindings  # which imports this module

        if scope not in self._bindings:
            counted = bindings(scope)
            self._bindings[scope] = Counter({key: len(nodes) for key, nodes in counted.items()})
        return self._bindings[scope][name]

    @cached_property
    def _bindings(self) -> dict[ast.AST, Counter[str]]:
        return {}

    def _bind_modules(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if alias.name in ROOTS:
                self._modules[alias.asname or alias.name] = alias.name
            elif root in OF_OTHERS and alias.asname is None:
                self._modules[root] = root

    def _of(self, node: ast.AST, place: Place) -> Iterator[_Unserved]:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.partition(".")[0] in ROOTS and not is_served(alias.name, None):
                        yield _Unserved(alias, alias.name, None, alias.asname or "", place.scope)
            case ast.ImportFrom(module=str(module), names=names, level=0) if module.partition(".")[0] in ROOTS:
                whole = is_served(module, None)
                for alias in names:
                    if whole and (_is_plain(module, alias.name) or f"{module}.{alias.name}" in MODULES):
                        continue
                    name = None if alias.name == "*" else alias.name
                    yield _Unserved(alias if whole else node, module, name, alias.asname or alias.name, place.scope)
            case ast.Attribute(value=value, attr=attr) if (owner := self._module(value)) is not None:
                if not _is_plain(owner, attr) and not is_served(f"{owner}.{attr}", None):
                    yield _Unserved(node, owner, attr, "", place.scope)
            case _:
                pass

    def _module(self, node: ast.expr) -> str | None:
        """The served module that an expression stands for, such as `metaflow.cards` for `mf.cards`."""
        if isinstance(node, ast.Name):
            return self._modules.get(node.id)
        if isinstance(node, ast.Attribute) and (above := self._module(node.value)) is not None:
            return name if (name := f"{above}.{node.attr}") in MODULES else None
        return None

    def _walk(self) -> Iterator[tuple[ast.AST, Place]]:
        """All nodes that may run, in the file's order, with the places that they stand in."""
        pending: list[tuple[ast.AST, Place]] = [(self._tree, Place())]
        while pending:
            node, place = pending.pop()
            yield node, place
            pending.extend(reversed(list(self._below(node, place))))

    def _below(self, node: ast.AST, place: Place) -> Iterator[tuple[ast.AST, Place]]:
        """The nodes below a node, and what its kind makes of their places."""
        perhaps = place._replace(certain=False)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                head = [node.args, *node.decorator_list, *([node.returns] if node.returns else [])]
                yield from ((item, place) for item in head)
                is_step = place.scope is None and place.certain and self._is_step(node)
                yield from _body(node.body, place._replace(scope=place.scope or node, certain=is_step))
            case ast.If(test=test, body=body, orelse=orelse):
                yield test, place
                if _is_main_guard(test):
                    yield from self._main_block(body, place)
                elif not is_type_checking(test):
                    yield from _body(body, perhaps)
                yield from _body(orelse, place if is_type_checking(test) else perhaps)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                forgiven = place.forgiven or any(catches(handler.type, _FORGIVING) for handler in handlers)
                yield from _body(body, place._replace(forgiven=forgiven))
                yield from ((handler, perhaps) for handler in handlers)
                yield from _body(orelse, place)
                yield from _body(final, place)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                yield from ((item, place) for item in items)
                suppressed = place.forgiven or any(_suppresses(item.context_expr) for item in items)
                yield from _body(body, place._replace(forgiven=suppressed))
            case (
                ast.For(iter=first) | ast.AsyncFor(iter=first) | ast.While(test=first) | ast.IfExp(test=first)
                | ast.Assert(test=first) | ast.Match(subject=first) | ast.BoolOp(values=[first, *_])
            ):  # fmt: skip
                yield first, place
                yield from ((item, perhaps) for item in children(node) if item is not first)
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.arg():
                yield from ((item, perhaps) for item in children(node))
            case ast.AnnAssign(annotation=annotation):
                yield from ((item, perhaps if item is annotation else place) for item in children(node))
            case ast.Module(body=body) | ast.ClassDef(body=body):
                yield from ((item, place) for item in children(node) if not isinstance(item, ast.stmt))
                yield from _body(body, place)
            case _:
                yield from ((item, place) for item in children(node))

    def _is_step(self, function: Function) -> bool:
        found = map(callee, function.decorator_list)
        return any(self._names.resolve(item) == "step" for item in found)

    def _main_block(self, body: list[ast.stmt], place: Place) -> Iterator[tuple[ast.AST, Place]]:
        """The statements of a main block: a task runs those before a flow of the file is named, and no other."""
        classes = {item.name for item in self._tree.body if isinstance(item, ast.ClassDef)}
        named = [any(isinstance(node, ast.Name) and node.id in classes for node in walk(item)) for item in body]
        runs = named.index(True) if True in named else 0
        yield from _body(body[:runs], place)
        yield from _body(body[runs:], place._replace(certain=False))


def _is_main_guard(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case _:
            return False


def _body(statements: list[ast.stmt], place: Place) -> Iterator[tuple[ast.AST, Place]]:
    """The statements of a block: those after a `return` or `raise` don't run."""
    for statement in statements:
        yield statement, place
        if isinstance(statement, _ENDING):
            place = place._replace(certain=False)


def used_by(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose values a node uses: it calls them, takes their attributes, derives from them.

    Passing a value on, storing it, comparing it by `is`, or naming it in an annotation or an `except` clause is no use.
    """
    match node:
        case ast.Call(func=used) | ast.Attribute(value=used) | ast.Subscript(value=used):
            yield used
        case ast.FormattedValue(value=used) | ast.withitem(context_expr=used) | ast.Await(value=used):
            yield used
        case ast.For(iter=used) | ast.AsyncFor(iter=used) | ast.comprehension(iter=used) | ast.Starred(value=used):
            yield used
        case ast.ClassDef(bases=bases, keywords=keywords, decorator_list=decorators):
            yield from (*bases, *(item.value for item in keywords), *decorators)
        case ast.FunctionDef(decorator_list=decorators) | ast.AsyncFunctionDef(decorator_list=decorators):
            yield from decorators
        case ast.BinOp(left=left, right=right, op=operator) if not isinstance(operator, ast.BitOr):
            yield from (left, right)
        case ast.Raise(exc=ast.expr() as used):
            yield used
        case _:
            pass


def _is_plain(module: str, name: str) -> bool:
    """Whether a name is there in every task."""
    return is_served(module, name) and not starts_commands(module, name)


def _suspicious(text: str) -> bool:
    """Whether some import may be of a name that is not served. Modules that are used by attribute count as such."""
    if _IMPORT.search(text):
        return True
    for match in _FROM.finditer(text):
        names = match[2].strip(" \t()\\").replace("\\\n", " ")
        if "#" in names or any(not _is_plain(match[1], item.split()[0]) for item in names.split(",") if item.split()):
            return True
    return False


def _suppresses(context: ast.expr) -> bool:
    match context:
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=kinds):
            return any(catches(kind, _FORGIVING) for kind in kinds)
        case _:
            return False
