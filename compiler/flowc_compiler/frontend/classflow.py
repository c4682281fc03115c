"""The front end of class flows: `class F(FlowSpec)` with `@step` methods, Metaflow's shape."""

from __future__ import annotations

import hashlib
import inspect
import re
from dataclasses import dataclass
from typing import Any

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.classes import ClassTable
from flowc_compiler.frontend.decorators import DecoratorReader, callee
from flowc_compiler.frontend.locate import Locator
from flowc_compiler.frontend.names import KNOWN_LATER, Names
from flowc_compiler.frontend.parameters import ParameterReader
from flowc_compiler.frontend.transitions import Transition, TransitionReader, find_calls
from flowc_compiler.ir import BranchStep, Flow, ForeachStep, JoinStep, LinearStep, Parameter, Step
from flowc_compiler.source import SourceFile

_STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
RESERVED_STEPS = frozenset(
    {
        "next", "name", "input", "index", "foreach_stack", "merge_artifacts", "cmd", "script_name", "run", "show",
        "check", "parameters", "inputs", "self",
    }
)  # fmt: skip
"""Step names that would hide what FlowSpec itself provides."""


@dataclass
class _Draft:
    """A step as the file has it, before its edges are known to be right."""

    function: cst.FunctionDef
    joins: bool
    transition: Transition | None


def read_class_flow(
    source: SourceFile, module: cst.Module, sink: DiagnosticSink, flow_name: str | None = None
) -> Flow | None:
    """The IR of a file's class flow, without scopes; `None`, with diagnostics collected, when there is none."""
    locator = Locator(source, module)
    names = Names(module, locator, sink)
    table = ClassTable(module, names, locator, sink)
    node = table.find_flow(flow_name)
    if node is None:
        return None
    return _FlowReader(source, locator, names, sink).read(node, table.members(node))


class _FlowReader:
    """Reads the members of one flow class."""

    def __init__(self, source: SourceFile, locator: Locator, names: Names, sink: DiagnosticSink) -> None:
        self._source = source
        self._locator = locator
        self._names = names
        self._sink = sink
        self._decorators = DecoratorReader(names, locator, sink)
        self._transitions = TransitionReader(locator, sink)
        self._parameter_reader = ParameterReader(names, locator, sink)
        self._drafts: dict[str, _Draft] = {}
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, None] = {}
        self._malformed: set[str] = set()
        """Steps that are there and cannot be read: they count as known, so that one mistake is reported once."""
        self._broken = False

    def read(self, node: cst.ClassDef, members: list[cst.BaseStatement]) -> Flow | None:
        """The flow; `None` when its graph cannot be told for errors in single steps."""
        self._check_class_decorators(node)
        for member in members:
            if isinstance(member, cst.FunctionDef):
                self._method(member)
            elif isinstance(member, cst.SimpleStatementLine):
                for small in member.body:
                    self._assignment(small)
            elif not isinstance(member, cst.ClassDef):
                self._report_statement(member)
        self._check_parameter_names()
        self._check_ends(node)
        steps = self._steps()
        if self._broken:
            return None
        doc = node.get_docstring()
        return Flow(
            span=self._locator.class_name(node),
            name=node.name.value,
            doc=inspect.cleandoc(doc) if doc else "",
            file=self._source.name,
            source_hash=hashlib.sha256(self._source.text.encode()).hexdigest(),
            parameters=tuple(self._parameters.values()),
            constants=tuple(self._constants),
            steps=tuple(steps),
        )

    def _check_class_decorators(self, node: cst.ClassDef) -> None:
        for item in node.decorators:
            name = callee(item)
            known = self._names.resolve(name) in KNOWN_LATER
            shown = self._locator.module.code_for_node(name)
            message = f"`@{shown}` is not supported yet" if known else f"`@{shown}` is not a decorator that flowc knows"
            self._sink.error("FC401", message, self._locator.anywhere(name), help="remove it from the flow")

    def _method(self, function: cst.FunctionDef) -> None:
        name = function.name.value
        if not self._decorators.is_step(function):
            self._decorators.check_plain_method(function)
            self._drafts.pop(name, None)
            return
        self_name = self._signature(function)
        if not _STEP_NAME.fullmatch(name) or name in RESERVED_STEPS:
            why = "is reserved" if name in RESERVED_STEPS else "is not made of a-z, 0-9 and _, beginning with a letter"
            self._sink.error(
                "FC209", f"the step name `{name}` {why}", self._locator.function(function), help="rename it"
            )
            self._broken = True
        if self_name is None:
            self._malformed.add(name)
            self._broken = True
            return
        transition = self._transitions.read(function, self_name, is_end=name == "end")
        if transition is None and name != "end":
            self._broken = True
        self._drafts.pop(name, None)
        self._drafts[name] = _Draft(function, len(function.params.params) == 2, transition)

    def _signature(self, function: cst.FunctionDef) -> str | None:
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
        self._sink.error("FC107", message, self._locator.function(function), help=way_out)
        return None

    def _assignment(self, statement: cst.BaseSmallStatement) -> None:
        match statement:
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))], value=value):
                pass
            case cst.AnnAssign(target=cst.Name(value=name), value=cst.BaseExpression() as value):
                pass
            case _:
                self._check_other(statement)
                return
        called = self._names.resolve(value.func) if isinstance(value, cst.Call) else None
        if called == "Parameter" and isinstance(value, cst.Call):
            parameter = self._parameter_reader.read(name, value)
            if parameter is not None:
                self._parameters[name] = parameter
        elif called in KNOWN_LATER:
            span = self._locator.anywhere(value)
            self._sink.error("FC301", f"`{called}` is not supported yet", span, help="use a Parameter")
        elif not name.startswith("__"):
            self._constants[name] = None

    def _check_other(self, statement: cst.BaseSmallStatement) -> None:
        """A parameter that is bound in another way than `name = Parameter(...)` must not be lost."""
        if not isinstance(statement, (cst.Expr, cst.Pass)) and any(
            self._names.resolve(call.func) in {"Parameter", *KNOWN_LATER} for call in find_calls(statement)
        ):
            self._report_statement(statement)

    def _report_statement(self, statement: cst.CSTNode) -> None:
        self._sink.error(
            "FC108",
            "flowc cannot follow this statement in the body of a flow",
            self._locator.anywhere(statement),
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
            if parameter.attribute in self._drafts:
                message = f"`{parameter.attribute}` is a parameter and a step"
                self._sink.error("FC305", message, parameter.span, help="rename one of them")

    def _check_ends(self, node: cst.ClassDef) -> None:
        for name in ("start", "end"):
            if name not in self._drafts and name not in self._malformed:
                self._broken = True
                self._sink.error(
                    "FC206", f"flow `{node.name.value}` has no step `{name}`", self._locator.anywhere(node.name),
                    help=f"add a method `{name}` with `@step`",
                )  # fmt: skip

    def _steps(self) -> list[Step]:
        parents: dict[str, list[str]] = {name: [] for name in self._drafts}
        for name, draft in self._drafts.items():
            for target, node in draft.transition.targets.items() if draft.transition else ():
                if target in parents:
                    parents[target].append(name)
                elif target not in self._malformed:
                    self._broken = True
                    self._sink.error(
                        "FC201",
                        f"step `{name}` leads to `{target}`, which is not a step",
                        self._locator.anywhere(node),
                        help=_suggestion(target, list(parents)),
                    )
        return [self._step(name, draft, tuple(parents[name])) for name, draft in self._drafts.items()]

    def _step(self, name: str, draft: _Draft, parents: tuple[str, ...]) -> Step:
        transition = draft.transition
        targets = tuple(transition.targets if transition else ())
        first = next(iter(targets), None)
        foreach = transition.foreach if transition else None
        common = self._common(name, draft, parents)
        if draft.joins and (len(targets) > 1 or foreach is not None):
            self._broken = True
            self._sink.error(
                "FC210",
                f"the join `{name}` fans out again",
                transition.span if transition else None,
                help="let it lead to one step, and fan out from there",
            )
        if draft.joins:
            return JoinStep(target=first, **common)
        if foreach is not None and first is not None:
            return ForeachStep(variable=foreach, target=first, **common)
        if len(targets) > 1:
            return BranchStep(targets=targets, **common)
        return LinearStep(target=first, **common)

    def _common(self, name: str, draft: _Draft, parents: tuple[str, ...]) -> dict[str, Any]:
        """The fields that steps of every kind have."""
        doc = draft.function.get_docstring()
        return {
            "name": name,
            "span": self._locator.function(draft.function),
            "doc": inspect.cleandoc(doc) if doc else "",
            "specs": self._decorators.read(draft.function),
            "next_span": draft.transition.span if draft.transition else None,
            "parents": parents,
        }


def _suggestion(wrong: str, known: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(wrong, known, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"add a method `{wrong}` with `@step`; the steps are {', '.join(known[:20])}"
