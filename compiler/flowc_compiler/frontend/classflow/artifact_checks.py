"""What a flow sets as an attribute and no later step will have: names that are taken, and values that are not data.

Only what is certain is reported: not a name that the file binds twice, and not a value that some method deletes, as
files do that keep a connection for the time of one task.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.classflow.flow_classes import Member, assigned
from flowc_compiler.syntax.modules import FunctionNode, ModuleView, bindings, own_nodes
from flowc_compiler.syntax.served_imports import callee, dotted

OWN_ATTRIBUTES: Mapping[str, str] = {
    "input": "the item of a foreach",
    "index": "the number of the item of a foreach",
    "next": "which says what follows",
    "foreach_stack": "the items of every foreach around a task",
    "merge_artifacts": "which takes over what the inputs of a join agree on",
}
"""What FlowSpec has under names that a flow may want for something else."""
FIXED: Mapping[str, str] = {
    **{name: OWN_ATTRIBUTES[name] for name in ("input", "index", "next")},
    "script_name": "the name of the flow's file",
}
"""Those that cannot be set, or that no step can do without."""
_THREADS = ("Lock", "RLock", "Condition", "Event", "Semaphore", "BoundedSemaphore", "Barrier", "Thread", "local")
UNPICKLABLE: Mapping[str, str] = {
    "open": "an open file",
    **{f"threading.{name}": f"a `threading.{name}`" for name in _THREADS},
    "queue.Queue": "a queue",
    "socket.socket": "a socket",
    "sqlite3.connect": "a connection to a database",
    "subprocess.Popen": "a process",
    "concurrent.futures.ThreadPoolExecutor": "a pool of threads",
    "concurrent.futures.ProcessPoolExecutor": "a pool of processes",
}
"""Functions whose results cannot be pickled, and what these are."""
_KEEPING = ("collections.defaultdict", "functools.partial")
"""Functions whose results are pickled with the arguments."""


_DECLARATIONS = {"Parameter", "IncludeFile", "Config"}
_RENAME = "choose another name"


class _Setting(NamedTuple):
    """An assignment to an attribute of the flow."""

    name: str
    node: ast.AST
    value: ast.expr | None
    """`None` where it is not one expression."""


def check_artifacts(members: list[Member], foreach: Mapping[str, str], sink: DiagnosticSink) -> None:
    """Collect FC305 for names that FlowSpec or methods of the flow have, and FC316 for values that are not stored.

    `foreach` has the variable that a step fans out over, by the step's name: of an iterator, a list is stored.
    """
    methods = {
        item.statement.name: _Method(item.view, item.statement)
        for item in members
        if isinstance(item.statement, FunctionNode)
    }
    deleted = {name for method in methods.values() for name in method.deleted}
    for item in members:
        _check_member(item, sink)
    for method in methods.values():
        counts = Counter(one.name for one in method.settings)
        for one in method.settings:
            if _check_name(one, methods, method.view, sink) or one.value is None or one.name in deleted:
                continue
            if counts[one.name] == 1:
                _check_value(one, one.value, method, methods, foreach, sink)


def _hides(name: str) -> str:
    """The message for an attribute of the class that takes a name of FlowSpec's."""
    return f"`{name}` hides `self.{name}`, {OWN_ATTRIBUTES[name]}"


def _check_member(item: Member, sink: DiagnosticSink) -> None:
    """A parameter, constant or method of such a name."""
    statement = item.statement
    target = assigned(statement)
    if isinstance(statement, FunctionNode) and not statement.decorator_list:
        if statement.name in ("input", "index"):
            sink.warning("FC305", _hides(statement.name), item.view.head_span(statement), help=_RENAME)
    elif target is not None and target[0] in OWN_ATTRIBUTES:
        name, value = target
        declared = isinstance(value, ast.Call) and item.view.names.resolve(value.func) in _DECLARATIONS
        report = sink.error if declared or name == "next" else sink.warning
        report("FC305", _hides(name), item.view.span(statement), help=_RENAME)


def _check_name(one: _Setting, methods: Mapping[str, _Method], view: ModuleView, sink: DiagnosticSink) -> bool:
    """Whether an artifact cannot have its name, with FC305 collected unless a property of the flow has it."""
    name, span = one.name, view.span(one.node)
    if name in methods:
        if methods[name].found_by_name:
            message = f"the artifact `{name}` has the name of a method, which later steps get for `self.{name}`"
            sink.warning("FC305", message, span, help=_RENAME)
    elif name in FIXED:
        sink.error("FC305", f"`self.{name}` cannot be set: it is FlowSpec's, {FIXED[name]}", span, help=_RENAME)
    elif name in OWN_ATTRIBUTES:
        sink.warning("FC305", f"the artifact {_hides(name)}", span, help=_RENAME)
    else:
        return False
    return True


def _check_value(
    one: _Setting,
    value: ast.expr,
    method: _Method,
    methods: Mapping[str, _Method],
    foreach: Mapping[str, str],
    sink: DiagnosticSink,
) -> None:
    """Collect FC316 for a value that is dropped, or that ends the task."""
    span, name = method.view.span(one.node), method.function.name
    own = methods.get(method.attribute(value))
    function = value if own is None or not own.found_by_name else own.function
    if isinstance(function, ast.Lambda | FunctionNode) or _is_plain(method.definition(value)):
        if name != "__init__":  # which runs in every task
            sink.warning(
                "FC316", f"`{one.name}` is a function, which is not stored: no step that follows has it", span,
                help="make it a method of the flow, or a function of the file, and call that",
            )  # fmt: skip
    elif (kind := _unpicklable(value, method)) is not None and foreach.get(name) != one.name:
        sink.warning(
            "FC316", f"`{one.name}` has {kind} in it, which cannot be stored: the task fails when it ends", span,
            help="keep it in a local variable, and store what it is made of; of an iterator, store `list(...)`",
        )  # fmt: skip


def _is_plain(found: ast.AST | None) -> bool:
    """Whether a definition is of a function that no decorator can have made something else."""
    return isinstance(found, FunctionNode) and not found.decorator_list


def _unpicklable(value: ast.expr, method: _Method) -> str | None:
    """What in a value cannot be pickled."""
    match value:
        case ast.Lambda():
            return "a lambda"
        case ast.GeneratorExp():
            return "a generator"
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            return next(filter(None, (_unpicklable(part, method) for part in parts)), None)
        case ast.Name():
            found = method.definition(value)
            return "a module" if isinstance(found, ast.Import) else _local_class(found, method)
        case ast.Call(func=called, args=arguments):
            return _result(called, arguments, method)
        case _:
            return None


def _result(called: ast.expr, arguments: list[ast.expr], method: _Method) -> str | None:
    """What in the result of a call cannot be pickled."""
    found = method.definition(called)
    if found is not None and _is_plain(found):
        return "a generator" if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(found)) else None
    if found is not None and not isinstance(found, ast.Import | ast.ImportFrom):
        return _local_class(found, method)
    name = ".".join(method.view.imported_path(called) or dotted(called))
    if name in _KEEPING:
        return next(filter(None, (_unpicklable(item, method) for item in arguments)), None)
    return UNPICKLABLE.get(name)


def _local_class(found: ast.AST | None, method: _Method) -> str | None:
    local = isinstance(found, ast.ClassDef) and found not in method.view.tree.body
    return "a class that a step defines" if local else None


class _Method:
    """A method of the flow: what it sets, deletes and defines."""

    def __init__(self, view: ModuleView, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.view = view
        self.function = function
        self.settings: list[_Setting] = []
        self.deleted: set[str] = set()
        decorators = [dotted(item) for item in function.decorator_list]
        called = map(callee, function.decorator_list)
        self.found_by_name = all(view.names.resolve(item) for item in called)
        """Whether it is what `self.name` gives, and not perhaps a property."""
        first = function.args.args[:1]
        self._self = first[0].arg if first and ("staticmethod",) not in decorators else ""
        for node in own_nodes(function) if self._self else ():
            self._read(node)

    def attribute(self, node: ast.expr) -> str:
        """The name of an attribute of the flow; empty for any other expression."""
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == self._self:
                return name
            case _:
                return ""

    def definition(self, name: ast.expr) -> ast.AST | None:
        """The only statement that binds a name, in the method or at the top of the file; else `None`."""
        if not isinstance(name, ast.Name):
            return None
        found = self._bindings.get(name.id) or self.view.bindings.get(name.id) or ()
        return found[0] if len(found) == 1 else None

    @cached_property
    def _bindings(self) -> dict[str, list[ast.AST]]:
        return bindings(self.function)

    def _read(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._set(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._set(target, value)
            case (
                ast.AugAssign(target=target) | ast.For(target=target) | ast.withitem(optional_vars=ast.expr() as target)
            ):
                self._set(target, None)
            case ast.Delete(targets=targets):
                self.deleted.update(map(self.attribute, targets))
            case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=owner), ast.Constant(value=str(name)), value]):
                if owner == self._self:
                    self.settings.append(_Setting(name, node, value))
            case ast.Call(func=ast.Name(id="delattr"), args=[_, ast.Constant(value=str(name))]):
                self.deleted.add(name)
            case _:
                pass

    def _set(self, target: ast.expr, value: ast.expr | None) -> None:
        match target:
            case ast.Attribute() if name := self.attribute(target):
                self.settings.append(_Setting(name, target, value))
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                paired = isinstance(value, ast.Tuple) and len(value.elts) == len(targets)
                for number, item in enumerate(targets):
                    self._set(item, value.elts[number] if paired and isinstance(value, ast.Tuple) else None)
            case _:
                pass
