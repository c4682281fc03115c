"""The front end of class flows: `class F(FlowSpec)` with `@step` methods, Metaflow's shape."""

from __future__ import annotations

import hashlib
import inspect
import re
from functools import cached_property

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.basepackages import with_base_packages
from flowc_compiler.frontend.classes import ClassTable, Member
from flowc_compiler.frontend.decorators import DecoratorReader
from flowc_compiler.frontend.drafts import Draft, Graph
from flowc_compiler.frontend.flowdecorators import FlowDecoratorReader
from flowc_compiler.frontend.modules import ModuleView
from flowc_compiler.frontend.names import KNOWN_LATER
from flowc_compiler.frontend.parameters import ParameterReader
from flowc_compiler.frontend.transitions import TransitionReader, find_calls
from flowc_compiler.ir import Flow, Parameter
from flowc_compiler.source import SourceFile

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED_STEPS = frozenset(
    {
        "next", "name", "input", "index", "foreach_stack", "merge_artifacts", "cmd", "script_name", "run", "show",
        "check", "parameters", "inputs", "self",
    }
)  # fmt: skip
"""Step names that would hide what FlowSpec itself provides."""


def read_class_flow(
    source: SourceFile, module: cst.Module, sink: DiagnosticSink, flow_name: str | None = None
) -> Flow | None:
    """The IR of a file's class flow, without scopes; `None`, with diagnostics collected, when there is none."""
    view = ModuleView(source, module, sink)
    table = ClassTable(view, sink)
    node = table.find_flow(flow_name)
    if node is None:
        return None
    reader = _FlowReader(view, sink)
    for found in table.linearized(node):
        reader.check_class_decorators(found.view, found.node)
    for member in _not_overridden(table.members(node)):
        reader.member(member.view, member.statement)
    return reader.finish(node)


def _not_overridden(members: list[Member]) -> list[Member]:
    """Of methods of one name the last, as Python has it: a base class's may be abstract and lead nowhere."""
    last = {
        member.statement.name.value: position
        for position, member in enumerate(members)
        if isinstance(member.statement, cst.FunctionDef)
    }
    return [
        member
        for position, member in enumerate(members)
        if not isinstance(member.statement, cst.FunctionDef) or last[member.statement.name.value] == position
    ]


class _Readers:
    """What reads the parts of a class body in one file."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink) -> None:
        self.view = view
        self.locator = view.locator
        self.names = view.names
        self._sink = sink

    @cached_property
    def decorators(self) -> DecoratorReader:
        return DecoratorReader(self.names, self.locator, self._sink)

    @cached_property
    def transitions(self) -> TransitionReader:
        return TransitionReader(self.locator, self._sink)

    @cached_property
    def parameters(self) -> ParameterReader:
        return ParameterReader(self.names, self.locator, self._sink)


class _FlowReader:
    """Reads the members of one flow class, from whichever files they come."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink) -> None:
        self._view = view
        self._sink = sink
        self._readers: dict[str, _Readers] = {}
        self._graph = Graph(sink)
        self._flow_decorators = FlowDecoratorReader(view, sink)
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, None] = {}

    def finish(self, node: cst.ClassDef) -> Flow | None:
        """The flow; `None` when its graph cannot be told for errors in single steps."""
        self._check_parameter_names()
        name = self._view.locator.class_name(node)
        ends = self._graph.ends(node.name.value, name)
        steps = self._graph.steps()
        specs = self._flow_decorators.specs()
        if self._graph.broken or ends is None:
            return None
        doc = node.get_docstring()
        return Flow(
            span=name,
            name=node.name.value,
            doc=inspect.cleandoc(doc) if doc else "",
            file=self._view.source.name,
            source_hash=hashlib.sha256(self._view.source.text.encode()).hexdigest(),
            start=ends[0],
            end=ends[1],
            parameters=tuple(self._parameters.values()),
            constants=tuple(self._constants),
            specs=specs,
            steps=with_base_packages(tuple(steps), self._flow_decorators.base_packages(), self._sink),
        )

    def member(self, view: ModuleView, statement: cst.BaseStatement) -> None:
        """Read one statement of a class body."""
        readers = self._readers.get(view.source.name)
        if readers is None:
            readers = self._readers[view.source.name] = _Readers(view, self._sink)
        if isinstance(statement, cst.FunctionDef):
            self._method(readers, statement)
        elif isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                self._assignment(readers, small)
        elif not isinstance(statement, cst.ClassDef):
            self._report_statement(readers, statement)

    def check_class_decorators(self, view: ModuleView, node: cst.ClassDef) -> None:
        """Read the decorators of a class."""
        self._flow_decorators.read(view, node)

    def _method(self, readers: _Readers, function: cst.FunctionDef) -> None:
        name = function.name.value
        if not readers.decorators.is_step(function):
            readers.decorators.check_plain_method(function)
            self._graph.forget(name)
            return
        span = readers.locator.function(function)
        self_name = self._signature(readers, function)
        if not _STEP_NAME.fullmatch(name) or name in RESERVED_STEPS:
            why = "is reserved" if name in RESERVED_STEPS else "is not made of a-z, 0-9 and _, beginning with a letter"
            self._sink.error("FC209", f"the step name `{name}` {why}", span, help="rename it")
            self._graph.broken = True
        if self_name is None:
            self._graph.add_malformed(name)
            return
        marks = readers.decorators.step_marks(function)
        is_end = name == "end" or "end" in marks
        transition = readers.transitions.read(function, self_name, is_end=is_end)
        if transition is None and not is_end:
            self._graph.broken = True
        doc = function.get_docstring()
        self._graph.add(
            Draft(
                name=name,
                span=span,
                doc=inspect.cleandoc(doc) if doc else "",
                joins=len(function.params.params) == 2,
                marks=marks,
                transition=transition,
                read_specs=lambda: readers.decorators.read(function),
                locator=readers.locator,
            )
        )

    def _signature(self, readers: _Readers, function: cst.FunctionDef) -> str | None:
        """The name of a step's `self`; `None` with FC107 collected when its signature is not a step's."""
        params = function.params
        extra = bool(params.kwonly_params or params.posonly_params or params.star_kwarg) or not isinstance(
            params.star_arg, cst.MaybeSentinel
        )
        if function.asynchronous is not None:
            message, way_out = "a step cannot be `async`", "call `asyncio.run(...)` inside of it"
        elif extra or len(params.params) not in (1, 2):
            message, way_out = "a step takes `self`, a join `self, inputs`", "pass data as artifacts: `self.x = ...`"
        else:
            return params.params[0].name.value
        self._sink.error("FC107", message, readers.locator.function(function), help=way_out)
        return None

    def _assignment(self, readers: _Readers, statement: cst.BaseSmallStatement) -> None:
        match statement:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                pass
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
                pass
            case _:
                self._check_other(readers, statement)
                return
        called = readers.names.resolve(value.func) if isinstance(value, cst.Call) else None
        if called == "Parameter" and isinstance(value, cst.Call):
            parameter = readers.parameters.read(name, value)
            if parameter is not None:
                self._parameters[name] = parameter
        elif called in KNOWN_LATER:
            span = readers.locator.anywhere(value)
            self._sink.error("FC301", f"`{called}` is not supported yet", span, help="use a Parameter")
        elif not name.startswith("__"):
            self._constants[name] = None

    def _check_other(self, readers: _Readers, statement: cst.BaseSmallStatement) -> None:
        """A parameter that is bound in another way than `name = Parameter(...)` must not be lost."""
        if not isinstance(statement, (cst.Expr, cst.Pass)) and any(
            readers.names.resolve(call.func) in {"Parameter", *KNOWN_LATER} for call in find_calls(statement)
        ):
            self._report_statement(readers, statement)

    def _report_statement(self, readers: _Readers, statement: cst.CSTNode) -> None:
        self._sink.error(
            "FC108",
            "flowc cannot follow this statement in the body of a flow",
            readers.locator.anywhere(statement),
            help="write steps and parameters directly in the class: `name = Parameter(...)`, `@step def name(self)`",
        )

    def _check_parameter_names(self) -> None:
        seen: dict[str, str] = {}
        for parameter in self._parameters.values():
            folded = parameter.name.lower().replace("-", "_")
            if folded in seen:
                message = f"the parameter name `{parameter.name}` differs from `{seen[folded]}` by case or dashes only"
                self._sink.error("FC305", message, parameter.span, help="rename one of them")
            seen[folded] = parameter.name
            if parameter.attribute in self._graph:
                message = f"`{parameter.attribute}` is a parameter and a step"
                self._sink.error("FC305", message, parameter.span, help="rename one of them")
