"""The front end of class flows: `class F(FlowSpec)` with `@step` methods, Metaflow's shape."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import LazyScope
from flowc_compiler.frontend.classflow.class_bodies import ClassBodyReader, assigned
from flowc_compiler.frontend.classflow.flow_classes import ClassTable, Member
from flowc_compiler.frontend.classflow.graph_builder import GraphBuilder, StepDraft
from flowc_compiler.frontend.classflow.transitions import find_calls
from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator, read_cli_decorators
from flowc_compiler.frontend.decorators.decorator_reader import FlowDecoratorReader
from flowc_compiler.frontend.parameters.config_sources import NO_CONFIGS, GivenConfigs
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.ir import Flow, Parameter
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import FoundClass, FunctionNode, LocalModules, ModuleView

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileValues

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
RESERVED_STEPS = frozenset(
    {
        "next", "name", "input", "index", "foreach_stack", "merge_artifacts", "cmd", "script_name",
    }
)  # fmt: skip
"""Step names that would hide what FlowSpec itself provides, and `cmd`, which Metaflow reserves."""


def read_class_flow(
    source: SourceFile,
    module: ast.Module,
    sink: DiagnosticSink,
    flow_name: str | None = None,
    configs: GivenConfigs = NO_CONFIGS,
    attached: Sequence[str] = (),
) -> Flow | None:
    """The IR of a file's class flow, without scopes; `None`, with diagnostics collected, when there is none.

    `attached` are decorators for every step, as `--with` has them.
    """
    view = ModuleView(source, module, sink)
    table = ClassTable(view, sink)
    node = table.find_flow(flow_name)
    if node is None:
        return None
    reader = _FlowReader(view, table.modules, sink, configs, read_cli_decorators(attached, sink))
    members = _not_overridden(table.members(node))
    for member in members:
        reader.body(member.view, member.owner).read_configs(member.statement)
    for found in table.linearized(node):
        reader.check_class_decorators(found.view, found.node)
        _check_later_members(found, sink)
    reader.note_steps(members, unseen=table.unseen)
    for member in members:
        reader.member(reader.body(member.view, member.owner), member.statement)
    return reader.finish(node)


def _check_later_members(found: FoundClass, sink: DiagnosticSink) -> None:
    """A member that a class is given after its body, `Flow.x = ...`, must not be lost."""
    name = found.node.name
    for statement in (item for item in found.view.tree.body if isinstance(item, ast.Assign)):
        for target in statement.targets:
            match target:
                case ast.Attribute(value=ast.Name(id=owner), attr=member) if owner == name:
                    sink.error(
                        "FC108", f"`{name}` gets a member after its class body", found.view.span(statement),
                        help=f"write it into the body of the class: `{member} = ...`",
                    )  # fmt: skip
                case _:
                    pass


def _not_overridden(members: list[Member]) -> list[Member]:
    """Of methods of one name the last, as Python has it: a base class's may be abstract and lead nowhere."""
    last = {
        member.statement.name: position
        for position, member in enumerate(members)
        if isinstance(member.statement, FunctionNode)
    }
    return [
        member
        for position, member in enumerate(members)
        if not isinstance(member.statement, FunctionNode) or last[member.statement.name] == position
    ]


class _FlowReader:
    """Reads the members of one flow class, from whichever files they come."""

    def __init__(
        self,
        view: ModuleView,
        modules: LocalModules,
        sink: DiagnosticSink,
        configs: GivenConfigs,
        attached: tuple[CliDecorator, ...],
    ) -> None:
        self._view = view
        self._attached = attached
        self._sink = sink
        self._bodies: dict[tuple[str, str], ClassBodyReader] = {}
        self._configs = ConfigTable(configs, sink)
        self._modules = modules
        self._graph = GraphBuilder(sink)
        self._flow_decorators = FlowDecoratorReader(view, sink)
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, None] = {}
        self._step_bodies: dict[str, ClassBodyReader] = {}
        self._alone = False

    @cached_property
    def _values(self) -> FileValues:
        from flowc_compiler.evaluate.known_values import FileValues

        return FileValues(self._modules, self._configs)

    def note_steps(self, members: list[Member], *, unseen: bool) -> None:
        """Count the steps: one that is alone is start and end, and need not say so (as in Metaflow 2.19)."""
        steps = [
            item
            for item in members
            if isinstance(item.statement, FunctionNode)
            and self.body(item.view, item.owner).decorators.is_step(item.statement)
        ]
        self._alone = len(steps) == 1 and not unseen
        self._graph.unseen = unseen

    def finish(self, node: ast.ClassDef) -> Flow | None:
        """The flow; `None` when errors in single steps leave its graph unknown."""
        self._configs.check_given(node.name)
        name = self._view.name_span(node)
        ends = self._graph.ends(node.name, name)
        steps = self._graph.steps()
        specs = self._flow_decorators.specs()
        if self._graph.broken or ends is None:
            return None
        return Flow.model_construct(
            span=name,
            name=node.name,
            doc=ast.get_docstring(node) or "",
            file=self._view.source.name,
            source_hash=hashlib.sha256(self._view.source.text.encode()).hexdigest(),
            start=ends[0],
            end=ends[1],
            parameters=tuple(self._parameters.values()),
            configs=self._configs.configs,
            constants=tuple(self._constants),
            specs=specs,
            base_packages=self._flow_decorators.base_packages(),
            steps=tuple(steps),
        )

    def body(self, view: ModuleView, owner: ast.ClassDef) -> ClassBodyReader:
        """What reads the body of a class."""
        key = (view.source.name, owner.name)
        if key not in self._bodies:
            self._bodies[key] = ClassBodyReader(
                view, self._configs, LazyScope(lambda: self._values.of(view)), self._sink
            )
        return self._bodies[key]

    def member(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        """Read one statement of a class body."""
        if isinstance(statement, FunctionNode):
            self._method(body, statement)
        elif isinstance(statement, _BLOCKS):
            self._report_statement(body, statement)
        elif not isinstance(statement, ast.ClassDef):
            self._assignment(body, statement)

    def check_class_decorators(self, view: ModuleView, node: ast.ClassDef) -> None:
        """Read the decorators of a class."""
        self._flow_decorators.read(view, node, self.body(view, node).scope)

    def _method(self, body: ClassBodyReader, function: FunctionNode) -> None:
        name = function.name
        if not body.decorators.is_step(function):
            body.decorators.check_plain_method(function)
            self._graph.forget(name)
            self._parameters.pop(name, None)
            return
        span = body.view.head_span(function)
        self_name = self._signature(body, function)
        if not _STEP_NAME.fullmatch(name) or name in RESERVED_STEPS:
            why = "is reserved" if name in RESERVED_STEPS else "is not made of a-z, 0-9 and _, beginning with a letter"
            self._sink.error("FC209", f"the step name `{name}` {why}", span, help="rename it")
            self._graph.broken = True
        if self_name is None:
            self._graph.add_malformed(name)
            return
        marks = body.decorators.step_marks(function)
        is_end = name == "end" or "end" in marks or self._alone
        found = body.transitions.read(function, self_name)
        transition = None if found == "none" else found
        if found == "none" and not is_end:
            self._graph.add_endless(name, self_name, span)
        elif transition is None and not is_end:
            self._graph.broken = True
        self._step_bodies[name] = body
        self._graph.add(
            StepDraft(
                name=name,
                span=span,
                doc=ast.get_docstring(function) or "",
                joins=len(function.args.args) == 2,
                marks=marks,
                transition=transition,
                read_specs=lambda: body.decorators.read(function, self._attached),
                view=body.view,
            )
        )

    def _signature(self, body: ClassBodyReader, function: FunctionNode) -> str | None:
        """The name of a step's `self`; `None` with FC107 collected when its signature is not a step's."""
        params = function.args
        extra = params.kwonlyargs or params.posonlyargs or params.kwarg or params.vararg
        if isinstance(function, ast.AsyncFunctionDef):
            message, way_out = "a step cannot be `async`", "call `asyncio.run(...)` inside of it"
        elif extra or len(params.args) not in (1, 2):
            message, way_out = "a step takes `self`, a join `self, inputs`", "pass data as artifacts: `self.x = ...`"
        else:
            return params.args[0].arg
        self._sink.error("FC107", message, body.view.head_span(function), help=way_out)
        return None

    def _assignment(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        target = assigned(statement)
        if target is None:
            self._check_other(body, statement)
            return
        name, value = target
        declared = body.declared(value)
        if isinstance(value, ast.Call) and declared in {"Parameter", "IncludeFile"}:
            reader = body.parameters
            parameter = reader.read(name, value) if declared == "Parameter" else reader.read_include(name, value)
            if parameter is not None:
                if self._step_bodies.get(name) is not body:
                    self._graph.forget(name)  # a base class's step
                self._parameters[name] = parameter
        elif not declared and (self._step_bodies.get(name) is body or body.hides_declaration(value)):
            self._report_statement(body, statement)
        elif not declared and not name.startswith("__"):
            self._check_constant(body, value)
            self._graph.forget(name)
            self._parameters.pop(name, None)
            self._constants[name] = None

    def _check_constant(self, body: ClassBodyReader, value: ast.expr) -> None:
        """In a class body a config has no value yet: what it would be bound to is the expression, not its value."""
        if not isinstance(value, ast.Name) and body.is_config(value):
            self._sink.error(
                "FC108", "an attribute of a flow cannot be the value of a config", body.view.span(value),
                help="read the config itself in the steps, as `self.config.entry`, or use it for a Parameter's default",
            )  # fmt: skip

    def _check_other(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        """A parameter that is bound in another way than `name = Parameter(...)` must not be lost."""
        lost = any(body.declared(call) for call in find_calls(statement))
        if isinstance(statement, ast.Delete):
            names = {item.id for item in statement.targets if isinstance(item, ast.Name)}
            lost = not names.isdisjoint({*self._parameters, *self._step_bodies})
        if lost and not isinstance(statement, (ast.Expr, ast.Pass)):
            self._report_statement(body, statement)

    def _report_statement(self, body: ClassBodyReader, statement: ast.AST) -> None:
        self._sink.error(
            "FC108",
            "flowc cannot follow this statement in the body of a flow",
            body.view.span(statement),
            help="write steps and parameters directly in the class: `name = Parameter(...)`, `@step def name(self)`",
        )
