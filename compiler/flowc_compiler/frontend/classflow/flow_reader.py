"""Reading the members of a flow class: parameters, constants, and steps with their decorators."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import LazyScope
from flowc_compiler.frontend.classflow.artifact_checks import check_artifacts
from flowc_compiler.frontend.classflow.flow_classes import ClassBodyReader, FlowDefinition, Member, assigned
from flowc_compiler.frontend.classflow.graph_builder import GraphBuilder, StepDraft
from flowc_compiler.frontend.classflow.transitions import find_calls
from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator, report_unused
from flowc_compiler.frontend.decorators.decorator_reader import FlowDecoratorReader
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.ir import Flow, Parameter, StepSpecs
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.tree_walk import bound_names, walk

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileScope
    from flowc_compiler.ir.artifact_effects import EffectsReader, Place

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
_NAMESPACES = {"exec", "eval", "globals", "locals", "setattr", "vars"}
"""Functions that may bind any name."""
RESERVED_STEPS = frozenset(
    {
        "next", "name", "input", "index", "foreach_stack", "merge_artifacts", "cmd", "script_name",
    }
)  # fmt: skip
"""Step names that would hide what FlowSpec itself provides, and `cmd`, which Metaflow reserves."""


class FlowReader:
    """Reads the members of one flow class, from whichever files they come."""

    def __init__(
        self,
        view: ModuleView,
        modules: LocalModules,
        configs: ConfigTable,
        scope_of: Callable[[ModuleView], FileScope],
        attached: tuple[CliDecorator, ...],
        sink: DiagnosticSink,
    ) -> None:
        self._view, self._modules, self._sink = view, modules, sink
        self._configs, self._scope_of, self._attached = configs, scope_of, attached
        self._bodies: dict[tuple[str, str], ClassBodyReader] = {}
        self._graph = GraphBuilder(sink)
        self._flow_decorators = FlowDecoratorReader(view, sink, modules)
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, None] = {}
        self._step_bodies: dict[str, ClassBodyReader] = {}
        self._alone = False
        self._container_places: dict[str, Place] = {}
        self._definition = FlowDefinition([], [])

    def read_configs(self, members: Sequence[Member]) -> None:
        """Read the configs that members declare; all other members may use their values."""
        for member in members:
            self._body(member.view, member.owner).read_configs(member.statement)

    def parameter_names(self, members: Sequence[Member]) -> dict[str, str]:
        """The names of the parameters that members declare, by attribute."""
        declared = (self._body(member.view, member.owner).parameter_name(member.statement) for member in members)
        return dict(filter(None, declared))

    def read(self, definition: FlowDefinition, *, unseen: bool) -> None:
        """Read all classes and members. `unseen` says that a base class cannot be read."""
        self._definition = definition
        self._graph.broken |= not definition.complete
        for found in definition.classes:
            self._flow_decorators.read(found.view, found.node, self._body(found.view, found.node).scope)
        self._note_steps(definition.members, unseen=unseen)
        for member in definition.members:
            self._member(self._body(member.view, member.owner), member.statement)
        check_artifacts(definition.members, self._graph.foreach_variables(), self._sink)

    def with_steps(self, member: Member) -> Member:
        """A member, with the `@step` that a decorator of the user's own applies to it written out."""
        if not isinstance(member.statement, FunctionNode):
            return member
        found = self._body(member.view, member.owner).decorators.with_steps(member.statement)
        if found is None:
            self._graph.add_malformed(member.statement.name)
        return member._replace(statement=found) if found not in {None, member.statement} else member

    def _note_steps(self, members: list[Member], *, unseen: bool) -> None:
        """Count the steps: one that is alone is start and end, and need not say so (as in Metaflow 2.19)."""
        steps = [
            item
            for item in members
            if isinstance(item.statement, FunctionNode)
            and self._body(item.view, item.owner).decorators.is_step(item.statement)
        ]
        self._alone = len(steps) == 1 and not unseen
        self._graph.unseen = unseen

    def finish(self, node: ast.ClassDef, effects: EffectsReader) -> Flow:
        """The flow; not complete when errors in single steps leave its graph unknown."""
        self._configs.check_given(node.name)
        name = self._view.name_span(node)
        ends = self._graph.ends(node.name, name)
        steps = self._graph.steps()
        report_unused(self._attached, self._sink)
        commands = {step.name: command for step in steps if (command := step.specs.command) is not None}
        if commands:
            from flowc_compiler.frontend.container_steps import with_containers

            places = self._container_places
            effects = with_containers(effects, {name: (commands[name], places[name]) for name in commands})
        specs = self._flow_decorators.specs()
        start, end = ends
        return Flow.model_construct(
            span=name,
            name=node.name,
            doc=ast.get_docstring(node) or "",
            file=self._view.source.name,
            source_hash=hashlib.sha256(self._view.source.text.encode()).hexdigest(),
            start=start or "",
            end=end or "",
            complete=not self._graph.broken and start is not None and end is not None,
            parameters=tuple(self._parameters.values()),
            configs=self._configs.configs,
            constants=tuple(self._constants),
            specs=specs,
            base_packages=self._flow_decorators.base_packages(),
            steps=tuple(steps),
            effects=effects,
            parameter_changes=self._definition.parameters,
        )

    def _body(self, view: ModuleView, owner: ast.ClassDef) -> ClassBodyReader:
        """What reads the body of a class."""
        key = (view.source.name, owner.name)
        if key not in self._bodies:
            self._bodies[key] = ClassBodyReader(
                view, self._configs, LazyScope(lambda: self._scope_of(view)), self._modules, self._sink
            )
        return self._bodies[key]

    def _member(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        """Read one statement of a class body."""
        if isinstance(statement, FunctionNode):
            self._method(body, statement)
        elif isinstance(statement, _BLOCKS):
            self._block(body, statement)
        elif not isinstance(statement, ast.ClassDef):
            self._assignment(body, statement)

    def _method(self, body: ClassBodyReader, function: FunctionNode) -> None:
        name = function.name
        if not body.decorators.is_step(function):
            body.decorators.check_plain_method(function)
            self._graph.forget(name)
            self._graph.methods.add(name)
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
                read_specs=lambda: self._specs(body, function),
                view=body.view,
                wrappers=self._definition.wrappers.get(name),
            )
        )

    def _specs(self, body: ClassBodyReader, function: FunctionNode) -> StepSpecs:
        kept = self._definition.attached
        attached = self._attached if kept is None else kept.get(function.name, ())
        specs = body.decorators.read(function, attached)
        if specs.command is not None:
            from flowc_compiler.frontend.container_steps import check_body, decorator_place

            check_body(function, body.view, self._modules, self._sink, method=True)
            self._container_places[function.name] = decorator_place(function, body.view)
        return specs

    def _signature(self, body: ClassBodyReader, function: FunctionNode) -> str | None:
        """The name of a step's `self`; `None` with FC107 collected when its signature is not a step's."""
        params = function.args
        extra = params.kwonlyargs or params.posonlyargs or params.kwarg or params.vararg
        if isinstance(function, ast.AsyncFunctionDef):
            message, way_out = "a step cannot be `async`", "call `asyncio.run(...)` inside of it"
        elif extra or len(params.args) not in (1, 2):
            without = f"write `def {function.name}(self):`" if not (extra or params.args) else ""
            message, way_out = (
                "a step takes `self`, a join `self, inputs`",
                without or "pass data as artifacts: `self.x = ...`",
            )
        else:
            return params.args[0].arg
        self._sink.error("FC107", message, body.view.head_span(function), help=way_out)
        return None

    def _block(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        """`if`, `try` and the like: what they bind are constants of the class, unless it may be more."""
        nodes = list(walk(statement))
        defines = any(isinstance(node, FunctionNode | ast.ClassDef | ast.Import | ast.ImportFrom) for node in nodes)
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        values = (node.value for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr))
        declares = any(value is not None and body.hides_declaration(value) for value in values)
        if defines or declares or names & _NAMESPACES or names & {*self._parameters, *self._step_bodies}:
            self._report_statement(body, statement)
            return
        for name in bound_names([statement]):
            self._graph.forget(name)
            if not name.startswith("__"):
                self._constants[name] = None

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
        self._graph.unseen = True  # it may bind steps
        self._sink.error(
            "FC108",
            "flowc cannot follow this statement in the body of a flow",
            body.view.span(statement),
            help="write steps and parameters directly in the class: `name = Parameter(...)`, `@step def name(self)`",
        )
