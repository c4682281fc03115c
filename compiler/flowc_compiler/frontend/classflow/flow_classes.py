"""Finding the class of a flow, its members and those of its local base classes, and reading class bodies."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import LazyScope
from flowc_compiler.frontend.classflow.transitions import TransitionReader
from flowc_compiler.frontend.decorators.decorator_reader import DecoratorReader
from flowc_compiler.frontend.decorators.user_decorators import definitions, kind_of
from flowc_compiler.frontend.parameters.config_table import ConfigTable
from flowc_compiler.frontend.parameters.declaration_calls import CallReader
from flowc_compiler.frontend.parameters.parameter_reader import ParameterReader
from flowc_compiler.frontend.shape import called_names
from flowc_compiler.syntax.modules import FoundClass, FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import ROOTS, callee, dotted, is_served, no_flow

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileScope
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator
    from flowc_compiler.ir.model import ParameterChanges, StepWrapper


class Member(NamedTuple):
    """One statement of a class body, and the file that it stands in."""

    view: ModuleView
    statement: ast.stmt
    owner: ast.ClassDef
    """The class that the body is of."""


@dataclass
class FlowDefinition:
    """What a flow is read from: as it is written, or as mutators have changed it."""

    members: list[Member]
    classes: list[FoundClass]
    """The flow's class and its bases, nearest first."""
    attached: dict[str, tuple[CliDecorator, ...]] | None = None
    """The decorators of the command line that each step keeps; `None` where all steps keep all."""
    wrappers: dict[str, tuple[StepWrapper, ...]] = field(default_factory=dict[str, "tuple[StepWrapper, ...]"])
    """What runs around the steps where that is not what stands above them."""
    parameters: ParameterChanges | None = None
    complete: bool = True
    """Whether all changes are known: otherwise an error is collected."""


class ClassTable:
    """The top-level classes of a module, and those of local modules that they build on."""

    def __init__(self, view: ModuleView, sink: DiagnosticSink) -> None:
        self._view = view
        self._sink = sink
        self.modules = LocalModules(view, sink)
        self._known = self.modules.with_installed()
        self.unseen = False
        """Whether a base class could not be found."""

    def find_flow(self, wanted: str | None) -> ast.ClassDef | None:
        """The flow class: `wanted`, or the only one that no other flow builds on or calls; else FC102 or FC103."""
        own = self._own()
        flows = self.flows()
        if wanted is not None:
            if wanted not in flows:
                self._no_flow(f"there is no flow `{wanted}` in {self._view.source.name}", flows)
            return flows.get(wanted)
        self._check_strangers(own, flows)
        if self.unseen:
            return None
        built_on = {base.key for name in flows for base in self._bases(own[name])}
        leaves = {name: node for name, node in flows.items() if own[name].key not in built_on}
        called = {name for node in flows.values() for name in called_names(node, self._view.names)}
        leaves = {name: node for name, node in leaves.items() if name not in called} or leaves
        if not leaves:
            message, where, help_text = no_flow(self._view)
            self._sink.error("FC102", message, where, help=help_text)
            return None
        if len(leaves) > 1:
            for node in list(leaves.values())[1:]:
                self._sink.error(
                    "FC103", f"`{node.name}` is another flow of this file",
                    self._view.name_span(node),
                    help=f"name the one you mean with `--flow`: {', '.join(leaves)}",
                )  # fmt: skip
            return None
        return next(iter(leaves.values()))

    def flows(self) -> dict[str, ast.ClassDef]:
        """Every class of the file that is a flow, those that others build on among them."""
        return {name: item.node for name, item in self._own().items() if self._is_flow(item, set())}

    def members(self, flow: ast.ClassDef) -> list[Member]:
        """The statements of a flow's body and of its bases', those of a base first."""
        members: list[Member] = []
        for found in reversed(self.linearized(flow)):
            self._check_bases(found)
            body = definitions(found.node.body, found.view, self.modules)
            members.extend(Member(found.view, item, found.node) for item in body)
        return members

    def linearized(self, flow: ast.ClassDef) -> list[FoundClass]:
        """The class and its bases, nearest first, each once (where it stands last, as in Python's own order)."""
        order: dict[tuple[str, str], FoundClass] = {}
        pending = [FoundClass(self._view, flow)]
        turns = 0
        while pending and turns < _MOST_BASES:
            current = pending.pop(0)
            order.pop(current.key, None)
            order[current.key] = current
            pending = [base for base in self._bases(current) if base.key != current.key] + pending
            turns += 1
        return list(order.values())

    def _own(self) -> dict[str, FoundClass]:
        return {name: FoundClass(self._view, node) for name, node in self._view.classes.items()}

    def _bases(self, found: FoundClass) -> list[FoundClass]:
        """The bases that can be read."""
        bases = (self._known.find(found.view, base) for base in found.node.bases)
        return [base for base in bases if base is not None]

    def _is_flow(self, found: FoundClass, seen: set[tuple[str, str]]) -> bool:
        if found.key in seen:
            return False
        seen.add(found.key)
        direct = any(found.view.names.resolve(base) == "FlowSpec" for base in found.node.bases)
        return direct or any(self._is_flow(base, seen) for base in self._bases(found))

    def _check_strangers(self, own: dict[str, FoundClass], flows: dict[str, ast.ClassDef]) -> None:
        """Collect FC105 for classes with steps that may be flows by a base that is not seen: another is not the one."""
        built_on = {base.key for found in own.values() for base in self._bases(found)}
        for name, found in own.items():
            if name not in flows and found.key not in built_on and _has_steps(found):
                self._check_bases(found)

    def _check_bases(self, found: FoundClass) -> None:
        view = found.view
        for base in [*found.node.bases, *(keyword.value for keyword in found.node.keywords)]:
            known = view.names.resolve(base) == "FlowSpec" or _is_python_own(base, view)
            if known or (base in found.node.bases and self._known.find(view, base) is not None):
                continue
            self.unseen = True
            if base in found.node.bases and self._is_refused(view.imported_path(base)):
                continue
            message, help_text = self._unseen_base(view, base, is_base=base in found.node.bases)
            self._sink.error(
                "FC105", f"the base class `{view.code(base)}` is {message}", view.span(base), help=help_text
            )

    def _is_refused(self, path: tuple[str, ...]) -> bool:
        """Whether FC106 has said of an import that flowc has no such name."""
        if len(path) < 2 or path[0] not in ROOTS or is_served(".".join(path[:-1]), path[-1]):
            return False
        return any(item.code == "FC106" and item.severity == "error" for item in self._sink.diagnostics)

    def _unseen_base(self, view: ModuleView, base: ast.expr, *, is_base: bool) -> tuple[str, str]:
        """Where a base class is not, and what to do about it."""
        file = self._known.last_file(view, base) if is_base else None
        if file is not None and file[1] is None:
            return f"imported from {file[0]}, which cannot be read", "correct that file first"
        if file is not None and file[1] is not None:
            otherwise = "define it there with `class`, or correct the import"
            return f"not a class of {file[0]}", suggest(dotted(base)[-1], file[1].classes, otherwise).help
        package = view.imported_path(base)[:1] if is_base else ()
        if not package:
            way_out = "move the class, or the steps that it holds, into this file or a module beside the flow"
            return "not in a local file", way_out
        name = _DISTRIBUTIONS.get(package[0], package[0])
        return f"not in a local file, nor in a package that is installed beside flowc ({package[0]})", (
            f"install {name} where flowc runs, which reads its source and never executes it, and in the tasks' "
            f"image; or ship its source with `--include ../path/to/{package[0]}`"
        )

    def _no_flow(self, message: str, flows: dict[str, ast.ClassDef]) -> None:
        known = (
            f"the flows here: {', '.join(flows)}"
            if flows
            else "a flow is `class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`"
        )
        self._sink.error("FC102", message, self._view.source.line_span(1), help=known)


def _has_steps(found: FoundClass) -> bool:
    methods = (item for item in definitions(found.node.body, found.view) if isinstance(item, FunctionNode))
    return any(found.view.names.resolve(callee(item)) == "step" for method in methods for item in method.decorator_list)


def _is_python_own(base: ast.expr, view: ModuleView) -> bool:
    """Whether a base is one of Python's own library, such as `ABC` or `Generic[T]`: none of those is a flow."""
    base = base.value if isinstance(base, ast.Subscript) else base
    if isinstance(base, ast.Name) and base.id == "object":
        return True
    package = view.imported_path(base)[:1]
    return bool(package) and package[0] in sys.stdlib_module_names


_DISTRIBUTIONS = {"obproject": "ob-project-utils"}
"""Packages with base classes of flows, where their distributions are called otherwise."""
_MOST_BASES = 1000
"""Classes that build on each other in a circle, which Python would refuse, must not cause an endless loop."""


def check_later_members(found: FoundClass, sink: DiagnosticSink) -> None:
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


def not_overridden(members: list[Member]) -> list[Member]:
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


class ClassBodyReader:
    """One class body, and what its names stand for."""

    def __init__(
        self,
        view: ModuleView,
        configs: ConfigTable,
        scope: LazyScope[FileScope],
        modules: LocalModules,
        sink: DiagnosticSink,
    ) -> None:
        self.view = view
        self._modules = modules
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
        return DecoratorReader(self.view, self._sink, self.scope, self._modules, in_class=True)

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

    def parameter_name(self, statement: ast.stmt) -> tuple[str, str] | None:
        """The attribute and the name of a parameter that a statement declares."""
        match assigned(statement):
            case (attribute, ast.Call() as call) if self.declared(call) in {"Parameter", "IncludeFile"}:
                given = [*call.args[:1], *(item.value for item in call.keywords if item.arg == "name")]
                name = given[0].value if given and isinstance(given[0], ast.Constant) else None
                return attribute, name if isinstance(name, str) else attribute
            case _:
                return None

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


def has_mutators(flow: FlowDefinition, modules: LocalModules) -> bool:
    """Whether a mutator stands above the flow or one of its steps."""
    placed = [(found.view, item) for found in flow.classes for item in found.node.decorator_list]
    for member in flow.members:
        if isinstance(member.statement, FunctionNode):
            placed += [(member.view, item) for item in member.statement.decorator_list]
    names = {(view.source.name, ast.unparse(callee(item))): (view, callee(item)) for view, item in placed}
    return any(
        kind_of(node, view, modules) in {"flow mutator", "step mutator"}
        for view, node in names.values()
        if view.names.resolve(node) is None
    )


def check_order(flow: FlowDefinition, modules: LocalModules, sink: DiagnosticSink) -> None:
    """Collect FC408 for decorators of Metaflow's API below `@step`, where they get a function that is no step yet."""
    for member in flow.members:
        items = member.statement.decorator_list if isinstance(member.statement, FunctionNode) else []
        view = member.view
        above = [view.names.resolve(callee(item)) == "step" for item in items]
        for item in items[above.index(True) + 1 :] if True in above else ():
            kind = kind_of(callee(item), view, modules) if view.names.resolve(callee(item)) is None else None
            if kind is not None and kind != "flow mutator":
                message = f"`@{view.code(callee(item))}` is a {kind}, and stands below `@step`"
                sink.error("FC408", message, view.span(item), help="put it above `@step`")


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
