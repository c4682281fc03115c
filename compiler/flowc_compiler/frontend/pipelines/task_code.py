"""The code that the tasks of a pipeline can run, as far as it can be named: steps, what they name, and their files."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flowc_compiler.syntax.import_statements import is_type_checking
from flowc_compiler.syntax.modules import FunctionNode, Imported, LocalModules, ModuleView, bind_imports
from flowc_compiler.syntax.served_imports import Names, callee

_FORGIVING = {"AttributeError", "Exception", "BaseException"}
_OF_KEYS = {"KeyError", "LookupError"}
DEEPEST = 50
"""How far names are followed from one to another."""
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(eq=False)
class Scope:
    """A function, or the top level of a file, with the code of what it defines inside."""

    view: ModuleView
    node: ast.AST
    nodes: list[ast.AST]
    names: Names
    """What imports inside of a function bind, too."""
    imports: dict[str, Imported]
    bindings: dict[str, list[Callable[[], str]]] = field(default_factory=dict[str, list[Callable[[], str]]])
    """What each name is bound to, as the types of these values."""
    owner: Scope | None = None
    """The class of a method, where attributes of `self` are bound."""
    perhaps: bool = False
    """Whether nothing here calls it: a method that a class from elsewhere may call."""


class TaskCode:
    """The code that tasks can run, as far as it can be named."""

    def __init__(self, main: ModuleView, modules: LocalModules) -> None:
        self.modules = modules
        self.scopes: list[Scope] = []
        self.by_node: dict[int, Scope] = {}
        self._defined: dict[int, dict[str, _Definition]] = {}
        self._loaded: dict[tuple[int, int, tuple[str, ...]], ModuleView | None] = {}
        self._methods: dict[str, list[tuple[ModuleView, FunctionNode, Scope]]] = {}
        """The methods that no code has named so far, by name."""
        self._attributes: set[str] = set()
        self.reach(main, main.tree)

    def reach(self, view: ModuleView, node: ast.AST, owner: Scope | None = None, *, perhaps: bool = False) -> None:
        """Note that a task can run a function, a file, or a class, with the methods that some code names."""
        if id(node) in self.by_node:
            return
        nodes = list(_executed(node.body if isinstance(node, ast.Module) else [node], inside=node))
        names, imports = view.names, view.imports
        inner = [item for item in nodes if isinstance(item, ast.Import | ast.ImportFrom)]
        if inner and not isinstance(node, ast.Module):
            names, imports = Names(ast.Module([*view.tree.body, *inner], [])), dict(view.imports)
            for statement in inner:
                bind_imports(statement, imports)
        self.by_node[id(node)] = scope = Scope(view, node, nodes, names, imports, owner=owner, perhaps=perhaps)
        self.scopes.append(scope)
        for item in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(item, FunctionNode):
                self._method(view, item, scope)

    def _method(self, view: ModuleView, node: FunctionNode, owner: Scope) -> None:
        """Reach a method, unless it is an ordinary one that no code has named so far."""
        is_ordinary = not node.decorator_list and not node.name.startswith("__")
        if is_ordinary and node.name not in self._attributes:
            self._methods.setdefault(node.name, []).append((view, node, owner))
        else:
            self.reach(view, node, owner)

    def follow(self) -> None:
        """Reach all that is named by what was reached; then what classes from elsewhere may call."""
        self._follow(0)
        for view, node, owner in [item for items in self._methods.values() for item in items]:
            if self._derives_from_elsewhere(owner):
                before = len(self.scopes)
                self.reach(view, node, owner, perhaps=True)
                self._follow(before)

    def _follow(self, done: int) -> None:
        while done < len(self.scopes):
            scope = self.scopes[done]
            done += 1
            self.reach(scope.view, scope.view.tree)
            for node in scope.nodes:
                if isinstance(node, ast.Attribute):
                    self._name_attribute(node.attr)
                for view, found in self._named(scope, node):
                    self.reach(view, found, perhaps=scope.perhaps)

    def _name_attribute(self, name: str) -> None:
        """Reach the methods of a name."""
        self._attributes.add(name)
        for view, node, owner in self._methods.pop(name, ()):
            self.reach(view, node, owner)

    def _derives_from_elsewhere(self, owner: Scope) -> bool:
        """Whether a class has a base that is no class of the files, whose code may call its methods."""
        pending: list[ast.AST] = [owner.node]
        for _ in range(DEEPEST):
            if not pending:
                return False
            node = pending.pop()
            scope = self.by_node.get(id(node))
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                found = self.definition(scope or owner, base)
                if found is None:
                    return not (isinstance(base, ast.Name) and base.id == "object")
                pending.append(found[1])
        return True

    def _named(self, scope: Scope, node: ast.AST) -> Iterator[tuple[ModuleView, ast.AST]]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound: dict[str, Imported] = {}
            bind_imports(node, bound)
            for item in bound.values():
                parts = item.module if item.name is None else (*item.module, item.name)
                for length in range(len(parts), 0, -1):
                    if (view := self.load(scope.view, item.level, parts[:length])) is not None:
                        yield view, view.tree
                        break
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            found = self.definition(scope, node)
            if found is not None and not _is_pipeline(*found):
                yield found

    def definition(self, scope: Scope, node: ast.expr) -> tuple[ModuleView, _Definition] | None:
        """The function or class that an expression names."""
        view, name = scope.view, node.id if isinstance(node, ast.Name) else ""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            bound = scope.imports.get(node.value.id)
            if bound is None:
                return None
            parts = bound.module if bound.name is None else (*bound.module, bound.name)
            module = self.load(view, bound.level, parts)
            if module is None:
                return None
            view, name = module, node.attr
        imports = scope.imports if view is scope.view else view.imports
        for _ in range(DEEPEST):
            if name in self.defined(view):
                return view, self.defined(view)[name]
            bound = imports.get(name)
            if bound is None or bound.name is None:
                return None
            module = self.load(view, bound.level, bound.module)
            if module is None:
                return None
            view, name, imports = module, bound.name, module.imports
        return None

    def defined(self, view: ModuleView) -> dict[str, _Definition]:
        """The functions and classes at the top level of a file, by name."""
        if id(view) not in self._defined:
            nodes = _executed(view.tree.body, inside=view.tree)
            self._defined[id(view)] = {item.name: item for item in nodes if isinstance(item, _Definition)}
        return self._defined[id(view)]

    def load(self, view: ModuleView, level: int, parts: tuple[str, ...]) -> ModuleView | None:
        """A local module, looked for once."""
        key = (id(view) if level else 0, level, parts)
        if key not in self._loaded:
            self._loaded[key] = self.modules.load(view, level, parts) if level or parts else None
        return self._loaded[key]


def _is_pipeline(view: ModuleView, node: ast.AST) -> bool:
    """Whether a function is a pipeline, whose body no task runs."""
    decorators = node.decorator_list if isinstance(node, FunctionNode) else []
    called = map(callee, decorators)
    return any(view.names.resolve(item) == "pipeline" for item in called)


def _executed(body: Iterable[ast.AST], *, inside: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a function or a file: of functions at the top level of a file, what their `def` runs.

    Not what is for type checkers, what only the main program does, and what may fail.
    """
    pending: list[ast.AST] = list(body)[::-1]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case ast.If(test=test, orelse=orelse) if is_type_checking(test) or _is_main(test):
                children: list[ast.AST] = [*orelse]
            case ast.Try(handlers=handlers) if any(map(_forgives, handlers)):
                children = [*handlers, *node.orelse, *node.finalbody]
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node is not inside and not isinstance(
                inside, FunctionNode
            ):
                children = [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
            case _:
                children = list(ast.iter_child_nodes(node))
        pending.extend(reversed(children))


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def catches_missing_key(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches a KeyError."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _OF_KEYS) for kind in kinds)


def _forgives(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _FORGIVING) for kind in kinds)
