"""What names and attributes in a pipeline's body stand for."""

from __future__ import annotations

import ast
import builtins
from difflib import get_close_matches

from flowc_compiler.frontend.pipelines.code.builtincalls import BUILTINS, builtin, library
from flowc_compiler.frontend.pipelines.code.methods import attribute as attribute_of
from flowc_compiler.frontend.pipelines.evaluation.machine import Frame, Machine, RefusedError
from flowc_compiler.frontend.pipelines.evaluation.objects import FunctionNode, Unusable
from flowc_compiler.frontend.values.made import enumerated
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.names import dotted
from flowc_compiler.syntax.served_imports import ROOTS, is_served

_CONSTANTS: dict[str, object] = {"True": True, "False": False, "None": None, "Ellipsis": ..., "__name__": "__main__"}


def name(machine: Machine, node: ast.Name) -> object:
    """The value of a name: of the function, of those around it, of the module, or a builtin. Raises RefusedError."""
    frame, key = machine.frame, node.id
    for scope in (frame.environment, *frame.closure):
        if key in scope:
            return usable(machine, scope[key], node)
    if key in frame.local:
        message = f"`{key}` has no value here"
        raise machine.refuse("FC112", message, node, "bind it before it is used, on every way that leads here")
    found = of_module(machine, node)
    if found is not None:
        return usable(machine, found[0], node)
    if key in _CONSTANTS:
        return _CONSTANTS[key]
    if key in BUILTINS:
        return builtin(key)
    raise _unknown(machine, node)


def of_module(machine: Machine, node: ast.Name) -> tuple[object] | None:
    """The value of a name at the top level of the file; `None` where the file gives it none. Raises RefusedError."""
    view = machine.view
    imported = view.imports.get(node.id)
    if imported is None:
        names = machine.file(view)
        return (names.value(node.id, node),) if names.binds(node.id) else None
    known = enumerated(node, view)
    if known is not None:
        return known
    if imported.name is not None and not imported.level:
        found = library(".".join(imported.module), imported.name)
        if found is not None:
            return (found,)
    origin = machine.modules.origin(view, node)
    if origin is not None:
        return (_of_file(machine, origin, node),)
    raise _imported(machine, node, node.id)


def _of_file(machine: Machine, origin: tuple[ModuleView, str], node: ast.expr) -> object:
    """The value of a name of a local module."""
    view, key = origin
    with machine.within(Frame(view, {})):
        found = of_module(machine, ast.Name(id=key)) if _binds(machine, view, key) else None
    if found is None:
        message = f"there is no `{key}` in {view.source.name}"
        raise machine.refuse("FC112", message, node, "correct the name, or define it there")
    return found[0]


def _binds(machine: Machine, view: ModuleView, key: str) -> bool:
    return key in view.imports or machine.file(view).binds(key)


def attribute(machine: Machine, node: ast.Attribute) -> object:
    """The value of an attribute: of a local module, or a method of a value. Raises RefusedError."""
    root = dotted(node)[:1]
    if root and not machine.is_local(root[0]) and root[0] in machine.view.imports:
        known = enumerated(node, machine.view)
        if known is not None:
            return known[0]
        module = machine.view.imports[root[0]]
        if module.name is None and not module.level and isinstance(node.value, ast.Name):
            found = library(".".join(module.module), node.attr)
            if found is not None:
                return found
        origin = machine.modules.origin(machine.view, node)
        if origin is not None:
            return usable(machine, _of_file(machine, origin, node), node)
        if module.name is None:
            raise _imported(machine, node, machine.code(node))
    owner = machine.evaluate(node.value)
    return attribute_of(machine, owner, node.attr, node)


def usable(machine: Machine, value: object, node: ast.expr) -> object:
    """A value, unless it stands for one that cannot be read. Raises RefusedError."""
    if not isinstance(value, Unusable):
        return value
    if not value.message:
        raise RefusedError
    code = "FC223" if "arms" in value.message else "FC115"
    message = f"`{machine.code(node)}` cannot be used here: {value.message}"
    raise machine.refuse(code, message, node, value.help)


def _imported(machine: Machine, node: ast.AST, shown: str) -> RefusedError:
    way_out = "use it in a step; what shapes the graph is a parameter of the pipeline, or a value that is written out"
    imported = machine.view.imports[shown.partition(".")[0].strip()]
    if imported.module[:1] in {(root,) for root in ROOTS} and not imported.level:
        if not is_served(".".join(imported.module), imported.name) and _is_told(machine):
            return RefusedError()
        message = f"`{shown}` is there when a step runs: the body is compiled, and not run"
        return machine.refuse("FC115", message, node, way_out)
    message = f"`{shown}` comes from a module that flowc cannot see: the body is compiled, and not run"
    return machine.refuse("FC115", message, node, way_out)


def _is_told(machine: Machine) -> bool:
    """Whether the names that the file imports, and flowc does not serve, are reported where they are imported."""
    file = machine.view.names and machine.view.source.path
    reported = (item.span for item in machine.lasting_sink.diagnostics if item.code == "FC106")
    return any(span is not None and span.file == str(file) for span in reported)


def _unknown(machine: Machine, node: ast.Name) -> RefusedError:
    if hasattr(builtins, node.id):
        return machine.refuse(
            "FC115", f"flowc does not evaluate `{node.id}` in a pipeline's body", node, "do this in a step"
        )
    if "import *" in machine.view.source.text:
        return machine.refuse("FC115", f"`{node.id}` cannot be seen", node, "import it by its name, without `*`")
    functions = [item.name for item in machine.view.tree.body if isinstance(item, FunctionNode)]
    close = get_close_matches(node.id, [*machine.frame.environment, *functions, *machine.view.imports], 1)
    way_out = f"did you mean `{close[0]}`?" if close else "define it, or correct the name"
    return machine.refuse("FC112", f"the name `{node.id}` is not defined", node, way_out)
