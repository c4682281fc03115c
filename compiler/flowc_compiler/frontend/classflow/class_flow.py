"""The front end of class flows, `class F(FlowSpec)` with `@step` methods, and the graph of their steps."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from flowc_compiler.diagnostics import DiagnosticSink, Fix, suggest
from flowc_compiler.evaluate.literals import LazyScope
from flowc_compiler.frontend.classflow.artifact_checks import check_artifacts
from flowc_compiler.frontend.classflow.flow_classes import (
    ClassBodyReader,
    ClassTable,
    Member,
    assigned,
    check_later_members,
    has_mutators,
    not_overridden,
)
from flowc_compiler.frontend.classflow.transitions import Transition, find_calls
from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator, read_cli_decorators, report_unused
from flowc_compiler.frontend.decorators.decorator_reader import FlowDecoratorReader
from flowc_compiler.frontend.parameters.config_sources import NO_CONFIGS, GivenConfigs
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.ir import (
    BranchStep,
    Flow,
    ForeachStep,
    JoinStep,
    LinearStep,
    ParallelStep,
    Parameter,
    Step,
    StepSpecs,
    SwitchStep,
)
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.modules import FoundClass, FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.tree_walk import bound_names, walk

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileValues
    from flowc_compiler.frontend.mutators.apply_mutators import MutatedFlow
    from flowc_compiler.ir.artifact_effects import EffectsReader, FlowEffects, Place
    from flowc_compiler.ir.model import StepWrapper

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


def read_class_flow(
    source: SourceFile,
    module: ast.Module,
    sink: DiagnosticSink,
    flow_name: str | None = None,
    configs: GivenConfigs = NO_CONFIGS,
    attached: Sequence[str] = (),
) -> Flow | None:
    """The IR of a file's class flow, without scopes; `None`, with diagnostics collected, when there is none. It is not
    complete when errors leave its graph unknown.

    `attached` are decorators for every step, as `--with` has them.
    """
    view = ModuleView(source, module, sink)
    table = ClassTable(view, sink)
    node = table.find_flow(flow_name)
    if node is None:
        return None
    reader = _FlowReader(view, table.modules, sink, configs, read_cli_decorators(attached, sink))
    members = not_overridden(table.members(node))
    for member in members:
        reader.body(member.view, member.owner).read_configs(member.statement)
    classes = table.linearized(node)
    for found in classes:
        check_later_members(found, sink)
    members = [reader.with_steps(member) for member in members]
    members, classes = reader.mutated(members, classes)
    for found in classes:
        reader.check_class_decorators(found.view, found.node)
    reader.note_steps(members, unseen=table.unseen)
    for member in members:
        reader.member(reader.body(member.view, member.owner), member.statement)
    check_artifacts(members, reader.foreach_variables(), sink)
    return reader.finish(node, cache(partial(read_effects, members, classes, table.modules, sink)))


def read_effects(
    members: list[Member], classes: list[FoundClass], modules: LocalModules, sink: DiagnosticSink
) -> FlowEffects | None:
    """What the steps of a flow do with artifacts; `None` for a file that is nested too deeply."""
    from flowc_compiler.frontend.classflow.flow_methods import FlowMethods

    try:
        methods = FlowMethods(members, classes, modules, sink)
        methods.silent |= any(item.code == "FC108" for item in sink.diagnostics)  # it may bind what steps read
        return methods.effects()
    except RecursionError:
        return None


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
        self._flow_decorators = FlowDecoratorReader(view, sink, modules)
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, None] = {}
        self._step_bodies: dict[str, ClassBodyReader] = {}
        self._alone = False
        self._container_places: dict[str, Place] = {}
        self._mutated: MutatedFlow | None = None

    @cached_property
    def _values(self) -> FileValues:
        from flowc_compiler.evaluate.known_values import FileValues
        from flowc_compiler.frontend.mutators.mutator_evaluator import MutatorEvaluator

        return FileValues(self._modules, self._configs, self._sink, MutatorEvaluator)

    def mutated(self, members: list[Member], classes: list[FoundClass]) -> tuple[list[Member], list[FoundClass]]:
        """The members and classes as mutators have changed them."""
        if not has_mutators(members, classes, self._modules):
            return members, classes
        from flowc_compiler.frontend.mutators.apply_mutators import MutatorRun

        run = MutatorRun(members, classes, self._modules, self._values.of, self._attached, self._sink)
        declared = [self.body(member.view, member.owner).parameter_name(member.statement) for member in members]
        found = run.apply(dict(filter(None, declared)), self._configs.attributes())
        if found is None:
            self._graph.broken = True
            return members, classes
        self._mutated = found
        return found.members, found.classes

    def with_steps(self, member: Member) -> Member:
        """A member, with the `@step` that a decorator of the user's own applies to it written out."""
        if not isinstance(member.statement, FunctionNode):
            return member
        found = self.body(member.view, member.owner).decorators.with_steps(member.statement)
        if found is None:
            self._graph.add_malformed(member.statement.name)
        return member._replace(statement=found) if found not in {None, member.statement} else member

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

    def foreach_variables(self) -> dict[str, str]:
        """The variable of each foreach, by the step that opens it."""
        return self._graph.foreach_variables()

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
            parameter_changes=self._mutated.parameters if self._mutated is not None else None,
        )

    def body(self, view: ModuleView, owner: ast.ClassDef) -> ClassBodyReader:
        """What reads the body of a class."""
        key = (view.source.name, owner.name)
        if key not in self._bodies:
            self._bodies[key] = ClassBodyReader(
                view, self._configs, LazyScope(lambda: self._values.of(view)), self._modules, self._sink
            )
        return self._bodies[key]

    def member(self, body: ClassBodyReader, statement: ast.stmt) -> None:
        """Read one statement of a class body."""
        if isinstance(statement, FunctionNode):
            self._method(body, statement)
        elif isinstance(statement, _BLOCKS):
            self._block(body, statement)
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
                wrappers=self._mutated.wrappers.get(name) if self._mutated is not None else None,
            )
        )

    def _specs(self, body: ClassBodyReader, function: FunctionNode) -> StepSpecs:
        attached = self._attached if self._mutated is None else self._mutated.attached.get(function.name, ())
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
            message, way_out = "a step takes `self`, a join `self, inputs`", "pass data as artifacts: `self.x = ...`"
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


@dataclass(frozen=True)
class StepDraft:
    """A step before its edges are known to be right."""

    name: str
    span: Span
    doc: str
    joins: bool
    """Whether it takes `inputs`."""
    marks: frozenset[str]
    """`start` and `end`, as `@step(start=True)` says."""
    transition: Transition | None
    read_specs: Callable[[], StepSpecs]
    """Reads its decorators; called once, when the step is known to count (a base class's may be overridden)."""
    view: ModuleView
    wrappers: tuple[StepWrapper, ...] | None = None


class GraphBuilder:
    """The steps of one flow, in the order of the file."""

    def __init__(self, sink: DiagnosticSink) -> None:
        self._sink = sink
        self._drafts: dict[str, StepDraft] = {}
        self._malformed: set[str] = set()
        """Steps that are there and cannot be read: they count as known, so that one mistake is reported once."""
        self._missing: set[str] = set()
        """`start` and `end`, where FC206 has said that there is no such step."""
        self._endless: dict[str, tuple[str, Span]] = {}
        """Steps that do not say what follows them, with their `self` and span."""
        self.methods: set[str] = set()
        """The names of methods without `@step`."""
        self.broken = False
        """Whether an error makes the graph unknowable."""
        self.unseen = False
        """Whether a base class cannot be read: what is missing may be a step of it."""

    def __contains__(self, name: str) -> bool:
        return name in self._drafts

    def foreach_variables(self) -> dict[str, str]:
        """The variable of each foreach, by the step that opens it."""
        transitions = ((name, draft.transition) for name, draft in self._drafts.items())
        return {name: found.foreach for name, found in transitions if found is not None and found.foreach is not None}

    def add(self, draft: StepDraft) -> None:
        """Add a step; one of a base class with the same name is overridden."""
        self.forget(draft.name)
        self._drafts[draft.name] = draft

    def add_malformed(self, name: str) -> None:
        """Note a step that cannot be read."""
        self._malformed.add(name)
        self.broken = True

    def add_endless(self, name: str, self_name: str, span: Span) -> None:
        """Note a step without `self.next` that is not the end: FC202, when all steps are known."""
        self._endless[name] = (self_name, span)
        self.broken = True

    def forget(self, name: str) -> None:
        """A method that is not a step overrides the step of a base class."""
        self._drafts.pop(name, None)

    def ends(self, flow: str, where: Span) -> tuple[str | None, str | None]:
        """The names of the first and the last step; `None` for one with FC206 or FC217 collected."""
        return self._end("start", flow, where), self._end("end", flow, where)

    def _end(self, mark: str, flow: str, where: Span) -> str | None:
        """The step that is marked as `start` or `end`, else the one of that name (as in Metaflow 2.19).

        A step that is alone and leads nowhere is both.
        """
        if len(self._drafts) == 1 and not self._malformed:
            (only,) = self._drafts.values()
            if only.transition is None:
                return only.name
        marked = [draft for draft in self._drafts.values() if mark in draft.marks]
        if mark in self._drafts and self._drafts[mark] not in marked:
            marked.append(self._drafts[mark])
        if len(marked) == 1:
            return marked[0].name
        for draft in marked[1:]:
            self._sink.error(
                "FC217", f"`{marked[0].name}` and `{draft.name}` are both the {mark} step", draft.span,
                help=f"mark one step with `@step({mark}=True)`, or call it `{mark}`, and no other",
            )  # fmt: skip
        if not marked and mark not in self._malformed and not self.unseen:
            self._missing.add(mark)
            self._sink.error(
                "FC206", f"flow `{flow}` has no step `{mark}`", where,
                help=f"{self._way_to(mark)}, or mark a step with `@step({mark}=True)`",
            )  # fmt: skip
        return None

    def _way_to(self, name: str) -> str:
        """How a step comes about that is missing."""
        return (
            f"write `@step` above the method `{name}`"
            if name in self.methods
            else f"add a method `{name}` with `@step`"
        )

    def steps(self) -> list[Step]:
        """The steps, with their parents; unknown targets are collected as FC201."""
        parents: dict[str, list[str]] = {name: [] for name in self._drafts}
        for name, draft in self._drafts.items():
            for target, node in draft.transition.targets.items() if draft.transition else ():
                if target in parents:
                    if target != name or not draft.transition or draft.transition.condition is None:
                        parents[target].append(name)
                    continue
                self.broken = True
                if target not in self._malformed and target not in self._missing and not self.unseen:
                    otherwise = f"{self._way_to(target)}; the steps are {', '.join([*parents][:20])}"
                    known = () if target in self.methods else parents
                    help_text, fix = suggest(target, known, otherwise)
                    message = f"step `{name}` leads to `{target}`, which is not a step"
                    self._sink.error("FC201", message, draft.view.span(node), help=help_text, fix=fix)
        self._report_endless(parents)
        return [self._step(draft, tuple(parents[name])) for name, draft in self._drafts.items()]

    def _report_endless(self, parents: dict[str, list[str]]) -> None:
        """Collect FC202 for steps that do not say what follows them."""
        unreached = [name for name, found in parents.items() if not found and name != "start"]
        for name, (self_name, span) in self._endless.items():
            others = [other for other in unreached if other != name and not self._drafts[other].joins]
            certain = len(self._endless) == len(others) == 1 and not self._malformed and not self.unseen
            self._sink.error(
                "FC202", f"step `{name}` does not name the next step", span,
                help=f"end it with `{self_name}.next({self_name}.{others[0] if certain else 'some_step'})`",
                fix=Fix("next", name, others[0]) if certain else None,
            )  # fmt: skip

    def _step(self, draft: StepDraft, parents: tuple[str, ...]) -> Step:
        """The step of a draft. Its parts have been validated: this saves building a validator of all specs."""
        transition = draft.transition
        common: dict[str, Any] = {
            "name": draft.name,
            "span": draft.span,
            "doc": draft.doc,
            "specs": draft.read_specs(),
            "next_span": transition.span if transition else None,
            "parents": parents,
            "wrappers": draft.wrappers,
        }
        targets = tuple(transition.targets) if transition else ()
        first = next(iter(targets), None)
        if draft.joins:
            self._check_join(draft)
            return JoinStep.model_construct(target=first, **common)
        if transition is None or first is None:
            return LinearStep.model_construct(target=None, **common)
        if transition.condition is not None:
            return SwitchStep.model_construct(variable=transition.condition, cases=transition.cases, **common)
        if transition.foreach is not None:
            return ForeachStep.model_construct(variable=transition.foreach, target=first, **common)
        if transition.parallel:
            return ParallelStep.model_construct(num_parallel=transition.num_parallel, target=first, **common)
        if len(targets) > 1:
            return BranchStep.model_construct(targets=targets, **common)
        return LinearStep.model_construct(target=first, **common)

    def _check_join(self, draft: StepDraft) -> None:
        transition = draft.transition
        if transition is None:
            return
        if transition.foreach or transition.condition or transition.parallel or len(transition.targets) > 1:
            self.broken = True
            what = "is a switch, too" if transition.condition else "fans out again"
            self._sink.error(
                "FC210", f"the join `{draft.name}` {what}", transition.span,
                help="lead to one step from it, and branch or fan out there",
            )  # fmt: skip
