"""What reads the parts of one class body: a flow has one for itself, and one for each of its bases."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import LazyScope
from flowc_compiler.frontend.classflow.transitions import TransitionReader
from flowc_compiler.frontend.decorators.decorator_reader import DecoratorReader
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.frontend.parameters.declaration_calls import CallReader
from flowc_compiler.frontend.parameters.parameter_reader import ParameterReader
from flowc_compiler.syntax.modules import ModuleView

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileScope


class ClassBodyReader:
    """One class body, and what its names stand for."""

    def __init__(
        self, view: ModuleView, configs: ConfigTable, scope: LazyScope[FileScope], sink: DiagnosticSink
    ) -> None:
        self.view = view
        self.names = view.names
        self._sink = sink
        self._configs = configs
        self._config_names = set[str]()
        """The attributes of the body that are configs."""
        self.scope = scope
        """What expressions in the class statement stand for."""

    @cached_property
    def decorators(self) -> DecoratorReader:
        """What reads the decorators of its methods."""
        return DecoratorReader(self.view, self._sink, self.scope)

    @cached_property
    def transitions(self) -> TransitionReader:
        """What reads its calls of `self.next`."""
        return TransitionReader(self.view, self._sink, self.scope)

    @cached_property
    def calls(self) -> CallReader:
        """What reads calls of Parameter, IncludeFile and Config."""
        return CallReader(self.view, self._sink, self.scope)

    @cached_property
    def parameters(self) -> ParameterReader:
        """What reads its parameters."""
        return ParameterReader(self.names, self.calls)

    def declared(self, value: ast.expr) -> str:
        """`Parameter`, `IncludeFile` or `Config` for a call of one of these; else nothing."""
        called = self.names.resolve(value.func) if isinstance(value, ast.Call) else None
        return called if called in DECLARATIONS else ""

    def hides_declaration(self, value: ast.expr) -> bool:
        """Whether a value is, or has in it, a parameter, a config or a step that is not written as one."""
        calls = [node for node in ast.walk(value) if isinstance(node, ast.Call)]
        if any(self.declared(call) or self.names.resolve(call.func) == "step" for call in calls):
            return True
        made = self.scope.made.made_by(value) if isinstance(value, ast.Call) else ()
        return len(made) == 2 and made[0] == "flowc" and made[1] in DECLARATIONS

    def is_config(self, node: ast.expr) -> bool:
        """Whether an expression begins with a config or a `config_expr`, of which a class body has no value yet."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Call):
            return self.names.resolve(node.func) == "config_expr"
        return isinstance(node, ast.Name) and node.id in self._config_names

    def read_configs(self, statement: ast.stmt) -> None:
        """Read the configs that a statement of the body assigns; the rest of the body may use their values."""
        match assigned(statement):
            case (attribute, ast.Call() as call) if self.declared(call) == "Config":
                name = self._configs.read(self.calls, attribute, call, self.view.source.path.parent)
                if name is not None:
                    self._config_names.add(attribute)
            case _:
                pass


DECLARATIONS = frozenset({"Parameter", "IncludeFile", "Config"})
"""What declares a parameter or a config of a flow."""


def assigned(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """Name and value of `name = value` and `name: kind = value`; `None` for any other statement."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return name, value
        case _:
            return None
