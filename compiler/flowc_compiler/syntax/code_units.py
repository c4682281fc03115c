"""The parts of a module that count on their own for a cache: its functions, classes and statements.

A part is compared by its syntax tree, so that comments, line breaks, quotes and places do not count. Docstrings do not
either, unless some code reads them.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from flowc_compiler.syntax.import_effects import (
    BUILT_IN,
    acts,
    harmless_names,
    is_executed,
    is_harmless_module,
    is_plain_target,
    is_pure,
    plain_classes,
    root_of,
)
from flowc_compiler.syntax.import_statements import is_type_checking
from flowc_compiler.syntax.served_imports import MODULES, OF_FLOWC, ROOTS
from flowc_compiler.syntax.tree_walk import bound_names, children, walk_scope

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_ESCAPES = frozenset({"eval", "exec", "globals", "vars", "__import__", "import_module", "run_path", "run_module"})
"""Functions by which code reaches what it does not name."""
_ESCAPING_ATTRIBUTES = frozenset({"__dict__", "__globals__", "f_globals", "f_locals", "modules"})
_BY_NAME = frozenset({"getattr", "hasattr", "setattr", "delattr", "attrgetter", "methodcaller"})
"""Functions that reach an attribute by a text."""
_UNUSED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


@dataclass
class References:
    """What a part names."""

    names: set[str] = field(default_factory=set[str])
    """Names that are used as a whole."""
    based: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """`(a, b)` for `a.b`."""
    attributes: set[str] = field(default_factory=set[str])
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list[ast.Import | ast.ImportFrom])
    escapes: bool = False
    """Whether it may reach what it does not name."""


def references(nodes: Iterable[ast.AST], steps: frozenset[str]) -> References:
    """What some nodes name. The steps that `self.next` is given are not reached by it."""
    found = References()
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while pending:
        node, is_annotation = pending.pop()
        inner = children(node)
        match node:
            case ast.Name(id=name):
                found.names.add(name)
            case ast.Attribute(value=ast.Name(id=base), attr=name):
                found.based.add((base, name))
                found.attributes.add(name)
                found.escapes = found.escapes or name in _ESCAPES or name in _ESCAPING_ATTRIBUTES
                continue
            case ast.Attribute(attr=name):
                found.attributes.add(name)
                found.escapes = found.escapes or name in _ESCAPES or name in _ESCAPING_ATTRIBUTES
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="next")):
                inner = [item for item in _next_arguments(node) if not _is_step(item, steps)]
            case ast.Call(func=func, args=args):
                if _note_call(func, args, found):
                    inner = inner[2:]
            case ast.Import() | ast.ImportFrom():
                found.imports.append(node)
                found.escapes = found.escapes or any(
                    alias.name == "modules" or (alias.asname is not None and alias.name in _ESCAPES)
                    for alias in node.names
                )
            case ast.Constant(value=str(text)) if is_annotation:
                found.names.update(_IDENTIFIER.findall(text))
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                inner = [*orelse]
            case _:
                pass
        for item in inner:
            pending.append((item, is_annotation or _is_annotation(node, item)))
    return found


def _is_annotation(node: ast.AST, inner: ast.AST) -> bool:
    match node:
        case ast.arg(annotation=found) | ast.AnnAssign(annotation=found):
            return inner is found
        case ast.FunctionDef(returns=found) | ast.AsyncFunctionDef(returns=found):
            return inner is found
        case _:
            return False


def _next_arguments(node: ast.Call) -> Iterator[ast.AST]:
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(argument, ast.Dict):
            yield from (item for item in (*argument.keys, *argument.values) if item is not None)
        else:
            yield argument


def _is_step(node: ast.AST, steps: frozenset[str]) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in steps


def _note_call(func: ast.expr, args: list[ast.expr], found: References) -> bool:
    """Note what a call reaches by a text; returns whether it is `getattr(name, "text")`, which uses no more of it."""
    name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
    if name in _ESCAPES:
        found.escapes = True
    if name in _BY_NAME:
        at = 0 if name in ("attrgetter", "methodcaller") else 1
        match args[at : at + 1]:
            case [ast.Constant(value=str(text))]:
                parts = text.split(".")
                found.attributes.update(parts)
                if at and isinstance(args[0], ast.Name):
                    found.based.add((args[0].id, parts[0]))
                    return isinstance(func, ast.Name)
            case _:
                found.escapes = True
    return False


@dataclass(eq=False)
class Unit:
    """A part of a module."""

    name: str
    """What people know it by, such as `prep.clean`."""
    digest: str
    refs: References
    binds: frozenset[str] = frozenset()
    """The names that it binds at the top level of its module, or in its class."""
    effect: bool = False
    """Whether it does something when its module is executed, beside binding its names."""
    node: ast.AST | None = None
    order: str = ""
    """What came before it in its module, where that may change what it is made of."""


def digest(nodes: Iterable[ast.AST | str], *, docs: bool, harmless: frozenset[str] = frozenset()) -> str:
    """A digest of syntax trees, without places; `docs` is whether docstrings count.

    Those of classes and functions count anyway that somebody else may read: whose base or decorator is not `harmless`.
    """
    hasher = hashlib.sha256()
    pending: list[object] = []
    pending.extend(reversed(list(nodes)))
    while pending:
        item = pending.pop()
        if isinstance(item, _Mark):
            hasher.update(f"{item.text}\0".encode())
        elif isinstance(item, ast.AST):
            hasher.update(f"({type(item).__name__}\0".encode())
            body = None if docs else _without_docstring(item, harmless)
            pending.append(_Mark(")"))
            for name in reversed(item._fields):
                value: object = getattr(item, name, None)
                value = body if name == "body" and body is not None else value
                if name not in _UNUSED_FIELDS and value is not None and value != []:
                    pending += [value, _Mark(f"{name}=")]
        elif isinstance(item, list):
            pending += [_Mark("]"), *reversed(item), _Mark("[")]  # pyright: ignore[reportUnknownArgumentType]
        else:
            hasher.update(f"{type(item).__name__} {item!r}\0".encode())
    return hasher.hexdigest()


class _Mark(NamedTuple):
    """What is between the parts of a tree."""

    text: str


def _without_docstring(node: ast.AST, harmless: frozenset[str]) -> list[ast.stmt] | None:
    """The body of a function, class or module that begins with a docstring, without that; `None` where it counts."""
    if not isinstance(node, FunctionNode | ast.ClassDef | ast.Module) or not node.body:
        return None
    around = [] if isinstance(node, ast.Module) else [*node.decorator_list, *getattr(node, "bases", ())]
    if not all(isinstance(root, ast.Name) and root.id in harmless | BUILT_IN for root in map(root_of, around)):
        return None
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return node.body[1:]
        case _:
            return None


class ModuleUnits:
    """The parts of one module."""

    def __init__(
        self,
        name: str,
        tree: ast.Module,
        *,
        docs: bool = False,
        main: bool = False,
        steps: frozenset[str] = frozenset(),
        flow_classes: frozenset[str] = frozenset(),
    ) -> None:
        """`main` is whether the main block is executed, too; `flow_classes` are those that have the `steps`."""
        self.name = name
        self.tree = tree
        self._steps = steps
        self._flow_classes = flow_classes
        self.served = served_names(tree)
        self.heads: dict[str, Unit] = {}
        """The classes of the flow, without their methods."""
        self.members: dict[str, list[Unit]] = {}
        """The methods and parameters of these, by name."""
        self.always: list[Unit] = []
        """The methods among them that Python calls itself."""
        self.units: list[Unit] = []
        self.bindings: dict[str, list[Unit]] = {}
        self.imports: list[tuple[ast.Import | ast.ImportFrom, Unit]] = []
        """The imports of its top level, with their parts."""
        self.harmless = harmless_names(tree)
        self._plain = plain_classes(tree, self.harmless)
        self._docs = docs
        self._main = main
        for node in tree.body:
            self._add(node)
        self._note_order()

    def own(self, name: str, nodes: list[ast.AST | str], steps: frozenset[str], **what: object) -> Unit:
        """A new part, of some nodes."""
        refs = references([node for node in nodes if isinstance(node, ast.AST)], steps)
        own = digest([self.name, *nodes], docs=self._docs, harmless=self.harmless)
        unit = Unit(f"{self.name}.{name}", own, refs)
        for key, value in what.items():
            setattr(unit, key, value)
        self.units.append(unit)
        return unit

    def _add(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case ast.If(test=test, orelse=orelse) if is_type_checking(test):
                for item in orelse:
                    self._add(item)
                return
            case ast.If(test=test, orelse=orelse) if is_main(test) and not self._main:
                for item in orelse:
                    self._add(item)
                return
            case _:
                pass
        if isinstance(node, ast.ClassDef) and self._split(node):
            return
        binds = bound_names([node])
        what = next(iter(sorted(binds)), f"line {node.lineno}") if len(binds) == 1 else f"<{type(node).__name__}>"
        parts: list[ast.AST | str] = [node]
        if isinstance(node, FunctionNode):
            parts = self.function_parts(node)
        elif isinstance(node, ast.ClassDef) and self.is_served_only(node):
            parts = [node.name, *node.bases, *node.keywords, *node.body]
        unit = self.own(what, parts, self._steps, binds=binds, node=node)
        for name in binds:
            self.bindings.setdefault(name, []).append(unit)
        found = [item for item in walk_scope([node]) if isinstance(item, ast.Import | ast.ImportFrom)]
        self.imports += [(item, unit) for item in found]
        unit.effect = self._is_effect(node)

    def _split(self, node: ast.ClassDef) -> bool:
        """Split the class of a flow: its steps and methods count on their own. False for any other class."""
        if node.name not in self._flow_classes:
            return False
        served = [item for item in node.decorator_list if self.is_served(item)]
        decorators = [item for item in node.decorator_list if item not in served]
        data: list[ast.AST | str] = []
        members: list[tuple[str, list[ast.AST | str]]] = []
        for item in node.body:
            match item:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    members.append((name, [node.name, *self.function_parts(item)]))
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func))
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=func))
                ) if self.is_served(func):
                    members.append((name, [node.name, item]))
                case ast.Expr(value=ast.Constant()) | ast.Pass():
                    pass
                case _:
                    data.append(item)
        head: list[ast.AST | str] = [node.name, *decorators, *node.bases, *node.keywords, *data]
        whole = self.own(node.name, head, self._steps, binds=frozenset({node.name}), node=node)
        self.bindings.setdefault(node.name, []).append(whole)
        self.heads[node.name] = whole
        for name, parts in members:
            unit = self.own(f"{node.name}.{name}", parts, self._steps, binds=frozenset({name}))
            if name.startswith("__"):
                self.always.append(unit)
            self.members.setdefault(name, []).append(unit)
        return True

    def function_parts(self, node: FunctionNode) -> list[ast.AST | str]:
        """A function without decorators that only say how and where its step runs."""
        kept = [item for item in node.decorator_list if not self.is_served(item)]
        body = node.body if self._docs or kept else _without_docstring(node, self.served) or node.body
        returns = [node.returns] if node.returns is not None else []
        return [type(node).__name__, node.name, *kept, node.args, *returns, *body]

    def is_served_only(self, node: ast.ClassDef) -> bool:
        """Whether a class has decorators, all of which flowc serves."""
        return bool(node.decorator_list) and all(map(self.is_served, node.decorator_list))

    def is_served(self, node: ast.expr) -> bool:
        """Whether a decorator, or a function that is called, is one that flowc serves."""
        root = root_of(node)
        return isinstance(root, ast.Name) and root.id in self.served

    def _note_order(self) -> None:
        """Note what came before a part: statements that do something, and of names that are bound again, which."""
        again = {name for name, units in self.bindings.items() if len(units) > 1}
        bound: Counter[str] = Counter()
        effects = 0
        for unit in self.units:
            executed = is_executed(unit.node)
            used = unit.binds | unit.refs.names | {base for base, _ in unit.refs.based} if executed else unit.binds
            seen = [f"{name} {bound[name]}" for name in sorted(used & again) if bound[name]]
            unit.order = ", ".join([str(effects), *seen]) if seen or (executed and effects) else ""
            effects += unit.effect and not isinstance(unit.node, ast.Import | ast.ImportFrom)
            bound.update(unit.binds & again)

    def _is_effect(self, node: ast.stmt) -> bool:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return False  # decorators are looked at where all modules are known
            case ast.ClassDef(body=body):
                return any(map(acts, body))
            case ast.Assign(targets=targets, value=value):
                return not all(map(is_plain_target, targets)) or not is_pure(value, self.harmless, self._plain)
            case ast.AnnAssign(target=target, value=value):
                pure = value is None or is_pure(value, self.harmless, self._plain)
                return not is_plain_target(target) or not pure
            case ast.Import(names=names):
                return any(not is_harmless_module(alias.name) for alias in names)
            case ast.ImportFrom(module=module, level=level):
                return level == 0 and not is_harmless_module(module or "")
            case _:
                return True


def is_main(test: ast.expr) -> bool:
    """Whether a condition is that of the main block."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__")) | ast.Compare(comparators=[ast.Name(id="__name__")]):
            return True
        case _:
            return False


def served_names(tree: ast.Module) -> frozenset[str]:
    """The names that a module imports from those that flowc serves."""
    found: set[str] = set()
    for node in tree.body:
        match node:
            case ast.Import(names=names):
                found.update(
                    alias.asname or alias.name.partition(".")[0]
                    for alias in names
                    if alias.name.partition(".")[0] in ROOTS
                )
            case ast.ImportFrom(module=str(module), level=0, names=[ast.alias(name="*")]):
                found |= MODULES.get(module, OF_FLOWC if module == "flowc" else frozenset())
            case ast.ImportFrom(module=str(module), level=0, names=names) if module.partition(".")[0] in ROOTS:
                found.update(alias.asname or alias.name for alias in names)
            case _:
                pass
    return frozenset(found)
