"""What the code of tasks takes from ZenML's `Client`, step context and the like: FC106 for what is not served.

An attribute that is not there would fail in the task, hours later maybe. So the code that tasks can run is searched:
the steps, the functions that they name, in whatever local module, and the top level of these modules. Types are
followed as far as it is certain what an expression is: through names, loops, returned values, attributes of `self`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from flowc.protocol.zenml_names import CLASSES, FUNCTIONS, STACK_COMPONENTS
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction
from flowc_compiler.syntax.import_statements import is_type_checking
from flowc_compiler.syntax.modules import FunctionNode, Imported, LocalModules, ModuleView, bind_imports
from flowc_compiler.syntax.served_imports import Names, callee, refusal_of_attribute

_MENTIONS = re.compile(rf"\b(?:{'|'.join(FUNCTIONS)})\b")
_LOOKS_UP = re.compile(r"\b(?:Client|Run|client|get_step_context|load_artifact|metaflow)\b")
"""Words of code that reads the results of runs."""
_FORGIVING = {"AttributeError", "Exception", "BaseException"}
_IN_STEPS_ONLY = frozenset(FUNCTIONS) - {"Client"}
_DEEPEST = 50
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_OF_MAPPINGS = {"values": "[{}]", "items": "<{}>", "get": "{}", "pop": "{}"}


def check_uses(main: ModuleView, modules: LocalModules, steps: Iterable[StepFunction], sink: DiagnosticSink) -> bool:
    """Collect FC106 for what the tasks of these steps take of served objects that don't have it.

    Returns whether some code may look for the results of steps by itself.
    """
    code = _Code(main, modules)
    for step in steps:
        code.reach(step.view, step.node)
    code.follow()
    if any(_MENTIONS.search(scope.view.source.text) for scope in code.scopes):
        types = _Types(code)
        for scope in code.scopes:
            types.bind(scope)
        for scope in code.scopes:
            _Check(types, scope, sink).run()
    return any(_LOOKS_UP.search(scope.view.source.text) for scope in code.scopes)


@dataclass(eq=False)
class _Scope:
    """A function, or the top level of a file, with the code of what it defines inside."""

    view: ModuleView
    node: ast.AST
    nodes: list[ast.AST]
    names: Names
    """What imports inside of a function bind, too."""
    imports: dict[str, Imported]
    bindings: dict[str, list[Callable[[], str]]] = field(default_factory=dict[str, list[Callable[[], str]]])
    """What each name is bound to, as the types of these values."""
    owner: _Scope | None = None
    """The class of a method, where attributes of `self` are bound."""


class _Code:
    """The code that tasks can run, as far as it can be named."""

    def __init__(self, main: ModuleView, modules: LocalModules) -> None:
        self.modules = modules
        self.scopes: list[_Scope] = []
        self.by_node: dict[int, _Scope] = {}
        self._defined: dict[int, dict[str, _Definition]] = {}
        self._loaded: dict[tuple[int, int, tuple[str, ...]], ModuleView | None] = {}
        self.reach(main, main.tree)

    def reach(self, view: ModuleView, node: ast.AST, owner: _Scope | None = None) -> None:
        """Note that a task can run a function, the methods of a class, or a file."""
        if id(node) in self.by_node:
            return
        nodes = list(_executed(node.body if isinstance(node, ast.Module) else [node], inside=node))
        names, imports = view.names, view.imports
        inner = [item for item in nodes if isinstance(item, ast.Import | ast.ImportFrom)]
        if inner and not isinstance(node, ast.Module):
            names, imports = Names(ast.Module([*view.tree.body, *inner], [])), dict(view.imports)
            for statement in inner:
                bind_imports(statement, imports)
        self.by_node[id(node)] = scope = _Scope(view, node, nodes, names, imports, owner=owner)
        self.scopes.append(scope)
        for item in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(item, FunctionNode):
                self.reach(view, item, scope)

    def follow(self) -> None:
        """Reach all that is named by what was reached."""
        done = 0
        while done < len(self.scopes):
            scope = self.scopes[done]
            done += 1
            self.reach(scope.view, scope.view.tree)
            for node in scope.nodes:
                for view, found in self._named(scope, node):
                    self.reach(view, found)

    def _named(self, scope: _Scope, node: ast.AST) -> Iterator[tuple[ModuleView, ast.AST]]:
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

    def definition(self, scope: _Scope, node: ast.expr) -> tuple[ModuleView, _Definition] | None:
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
        for _ in range(_DEEPEST):
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


def _forgives(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _FORGIVING) for kind in kinds)


class _Types:
    """The types of expressions, by the names in `CLASSES`: `[X]` is a list of X, `{X}` a dict, `<X>` its pairs.

    A function is `(parameters)X`. The empty text is whatever is not known.
    """

    def __init__(self, code: _Code) -> None:
        self.code = code
        self._open: set[tuple[int, str]] = set()

    def bind(self, scope: _Scope) -> None:
        """Note what the names of a scope are bound to."""
        for node in scope.nodes:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(scope, target, partial(self.of, scope, value))
                case ast.NamedExpr(target=target, value=value):
                    self._bind(scope, target, partial(self.of, scope, value))
                case ast.AnnAssign(target=target, annotation=annotation, value=value):
                    declared = partial(str, self._annotated(scope, annotation))
                    self._bind(scope, target, declared if value is None else partial(self.of, scope, value))
                case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
                    self._bind(scope, target, lambda iterable=iterable: self._item(scope, iterable))  # type: ignore[misc]
                case ast.arg(arg=name, annotation=annotation):
                    known = self._annotated(scope, annotation)
                    scope.bindings.setdefault(name, []).append(lambda known=known: known)  # type: ignore[misc]
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    scope.bindings.setdefault(name, [])
                case ast.AugAssign(target=target) | ast.withitem(optional_vars=ast.expr() as target):
                    self._bind(scope, target, str)
                case _:
                    pass

    def _bind(self, scope: _Scope, target: ast.expr, value: Callable[[], str]) -> None:
        match target:
            case ast.Name(id=name):
                scope.bindings.setdefault(name, []).append(value)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                (scope.owner or scope).bindings.setdefault(f"self.{name}", []).append(value)
            case ast.Tuple(elts=[first, second]):
                self._bind(scope, first, str)
                self._bind(scope, second, lambda: value()[1:-1] if value().startswith("<") else "")
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    self._bind(scope, element, str)
            case _:
                pass

    def _annotated(self, scope: _Scope, annotation: ast.expr | None) -> str:
        if annotation is None:
            return ""
        return "Client" if scope.names.resolve(annotation) == "Client" else ""

    def _item(self, scope: _Scope, iterable: ast.expr) -> str:
        of = self.of(scope, iterable)
        return of if of.startswith("<") else of[1:-1] if of.startswith("[") else ""

    def lookup(self, scope: _Scope, name: str) -> str:
        """The type of a name, where all that it is bound to are of one."""
        if name not in scope.bindings:
            top = self.code.by_node.get(id(scope.view.tree))
            if top is not None and top is not scope:
                return self.lookup(top, name)
            return self._imported(scope, name)
        key = (id(scope), name)
        if key in self._open or len(self._open) > _DEEPEST:
            return ""
        self._open.add(key)
        found = {value() for value in scope.bindings[name]}
        self._open.discard(key)
        return found.pop() if len(found) == 1 else ""

    def _imported(self, scope: _Scope, name: str) -> str:
        bound = scope.imports.get(name)
        return self._global(scope, bound.level, bound.module, bound.name) if bound is not None and bound.name else ""

    def _of_module(self, scope: _Scope, module: ast.expr, name: str) -> str:
        bound = scope.imports.get(module.id) if isinstance(module, ast.Name) else None
        if bound is None:
            return ""
        return self._global(scope, bound.level, (*bound.module, *((bound.name,) if bound.name else ())), name)

    def _global(self, scope: _Scope, level: int, parts: tuple[str, ...], name: str) -> str:
        """The type of a name of a local module."""
        module = self.code.load(scope.view, level, parts)
        top = self.code.by_node.get(id(module.tree)) if module is not None else None
        return self.lookup(top, name) if top is not None and name in top.bindings else ""

    def of(self, scope: _Scope, node: ast.expr, depth: int = 0) -> str:
        """The type of an expression."""
        if depth > _DEEPEST:
            return ""
        match node:
            case ast.Name(id=name):
                served = self.served(scope, node)
                return served or self.lookup(scope, name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                owner = scope.owner or scope
                return self.lookup(owner, f"self.{name}") if f"self.{name}" in owner.bindings else ""
            case ast.Attribute(value=value, attr=name):
                found = self.served(scope, node) or attribute_type(self.of(scope, value, depth + 1), name)
                return found or self._of_module(scope, value, name)
            case ast.Call(func=function):
                called = self.of(scope, function, depth + 1)
                return called.partition(")")[2] if called.startswith("(") else self._returned(scope, function)
            case ast.Subscript(value=value, slice=index):
                of = self.of(scope, value, depth + 1)
                return of if isinstance(index, ast.Slice) else of[1:-1] if of[:1] in {"[", "{"} else ""
            case ast.NamedExpr(value=value):
                return self.of(scope, value, depth + 1)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other]):
                found = self.of(scope, one, depth + 1)
                return found if found == self.of(scope, other, depth + 1) else ""
            case _:
                return ""

    def served(self, scope: _Scope, node: ast.expr) -> str:
        """The type of a function that is served, such as `Client`; nothing for others."""
        if isinstance(node, ast.Name) and node.id in scope.bindings:
            return ""
        return FUNCTIONS.get(scope.names.resolve(node) or "", "")

    def _returned(self, scope: _Scope, function: ast.expr) -> str:
        """What a local function returns."""
        found = self.code.definition(scope, function)
        inner = self.code.by_node.get(id(found[1])) if found is not None else None
        if inner is None or not isinstance(inner.node, FunctionNode) or len(self._open) > _DEEPEST:
            return ""
        key = (id(inner), "return")
        if key in self._open:
            return ""
        self._open.add(key)
        returned = [node.value for node in inner.nodes if isinstance(node, ast.Return)]
        types = {self.of(inner, value) if value is not None else "" for value in returned}
        self._open.discard(key)
        return types.pop() if len(types) == 1 else ""


def attribute_type(of: str, name: str) -> str:
    """The type of an attribute of a type, by the names in `CLASSES`; empty where it is not known."""
    if of in CLASSES:
        return CLASSES[of].get(name, "")
    if of.startswith("{") and name in _OF_MAPPINGS:
        return "()" + _OF_MAPPINGS[name].replace("{}", of[1:-1])
    return of if of.startswith("[") and name == "items" else ""


def _of_component(name: str) -> str:
    """What to do without a component of a stack."""
    if name == "experiment_tracker":
        return "set the tracker up with its own variables, as with environment={'MLFLOW_TRACKING_URI': ...}"
    return "use the library itself within the step"


class _Check:
    """The check of one scope."""

    def __init__(self, types: _Types, scope: _Scope, sink: DiagnosticSink) -> None:
        self._types, self._scope, self._sink = types, scope, sink

    def run(self) -> None:
        """Collect FC106 for what is not served."""
        for node in self._scope.nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                self._attribute(node)
            elif isinstance(node, ast.Call):
                self._call(node)

    def _attribute(self, node: ast.Attribute) -> None:
        of = self._types.of(self._scope, node.value)
        if of == "Stack" and node.attr in STACK_COMPONENTS and node.attr != "orchestrator":
            message = f"`{node.attr}` of the active stack can only be named: flowc has no stacks"
            self._sink.warning("FC106", message, self._scope.view.span(node), help=_of_component(node.attr))
        if of not in CLASSES or node.attr in CLASSES[of] or node.attr.startswith("__"):
            return
        reason = refusal_of_attribute(node.attr) or f"it has {', '.join(sorted(CLASSES[of]))}"
        self._error(node, f"flowc does not serve `{node.attr}` of `{of}`", reason)

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
            of = self._types.of(self._scope, node.args[0])
            if of in {"Stack", "StackComponent"}:
                message = "the class of a component is asked for, and flowc has no stacks"
                self._error(node, message, "remove it, and set the library itself up within the step")
        called = self._types.of(self._scope, node.func)
        if not called.startswith("("):
            return
        served = self._types.served(self._scope, node.func)
        name = self._scope.view.code(node.func).rpartition(".")[2]
        if (
            served
            and self._scope.names.resolve(node.func) in _IN_STEPS_ONLY
            and isinstance(self._scope.node, ast.Module)
        ):
            self._error(node, f"`{name}` is called where no step runs", "call it in a step")
        takes = called[1:].partition(")")[0].split()
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in takes:
                reason = refusal_of_attribute(keyword.arg) or f"it takes {', '.join(takes) or 'nothing'}"
                self._error(keyword.value, f"flowc does not serve `{keyword.arg}` of `{name}`", reason)

    def _error(self, node: ast.AST, message: str, help_text: str) -> None:
        self._sink.error("FC106", message, self._scope.view.span(node), help=help_text)
