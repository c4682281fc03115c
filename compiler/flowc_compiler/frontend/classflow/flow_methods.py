"""The functions that steps call with the flow: methods of its class and bases, and functions of local modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.classflow.flow_classes import DECLARATIONS, Member, assigned
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS
from flowc_compiler.ir.artifact_effects import FlowEffects, Place, StepEffects
from flowc_compiler.syntax.modules import FoundClass, FunctionNode, LocalModules, ModuleView, bindings
from flowc_compiler.syntax.served_imports import callee, dotted
from flowc_compiler.syntax.tree_walk import children

FLOWSPEC = frozenset(
    {
        "input", "index", "next", "foreach_stack", "merge_artifacts", "name", "script_name", "cmd", "configs",
        "run_id", "from_dict", "create_exit_hooks", "trigger",
    }
)  # fmt: skip
"""What FlowSpec, here or in Metaflow, has under names that do not begin with an underscore."""
_HOOKS = {"__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__", "__new__"}
_PLAIN = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.JoinedStr, ast.ListComp, ast.SetComp, ast.DictComp)
"""Values of class attributes that are data: no step can set these."""
_TRANSPARENT = {
    ("staticmethod",), ("classmethod",), ("property",), ("abstractmethod",), ("abc", "abstractmethod"), ("override",),
    ("typing", "override"), ("cached_property",), ("functools", "cached_property"),
}  # fmt: skip
"""Decorators after which the function's body is what runs, once it is read or called."""
_SET_BY = {"metaflow_ray": "checkpoint_path", "ray_parallel": "checkpoint_path"}
"""What decorators of extensions set, in some of their versions, before the step runs."""
_EMPTY = {"ABC", "Generic", "Protocol", "object"}
"""Base classes of Python's that have no attributes."""
PROPERTIES = {("property",), ("cached_property",), ("functools", "cached_property")}


class Method(NamedTuple):
    """A function, and the file and class that it stands in."""

    view: ModuleView
    function: FunctionNode
    owner: ast.ClassDef | None = None

    @property
    def decorators(self) -> set[tuple[str, ...]]:
        """The dotted names of its decorators; an empty one for others."""
        return {dotted(callee(item)) for item in self.function.decorator_list}


class FlowMethods:
    """A flow's class and its bases: their attributes, methods, and the effects of these, each computed once."""

    def __init__(
        self, members: list[Member], classes: list[FoundClass], modules: LocalModules, sink: DiagnosticSink
    ) -> None:
        self._classes = classes
        self._modules = modules
        self._sink = sink
        self.methods: dict[str, Method] = {}
        self.protected: dict[str, str] = {}
        self.constants: dict[str, ast.expr] = {}
        """Values of attributes of the class that no step can set."""
        self.bound = {name for found in classes for name in _bound(found.node)}
        """What the class and its bases have in their bodies."""
        self.attributes = {*FLOWSPEC, *self.bound}
        self.plain = set[str]()
        """Attributes that are data or classes, and no functions."""
        self.guarded = set[str]()
        self.silent = False
        self.read_methods: list[Method] = []
        """The functions whose effects were computed."""
        self._effects: dict[tuple[int, str], StepEffects | None] = {}
        for member in members:
            self._member(member)

    @property
    def has_helpers(self) -> bool:
        """Whether there are methods that steps may call."""
        return any(not _is_step(method) and name != "__init__" for name, method in self.methods.items())

    def _member(self, member: Member) -> None:
        statement, view = member.statement, member.view
        if isinstance(statement, FunctionNode):
            self.methods[statement.name] = Method(view, statement, member.owner)
            self.protected.pop(statement.name, None)
            self.constants.pop(statement.name, None)
            if self.methods[statement.name].decorators == {("property",)} and view.is_builtin("property"):
                self.protected[statement.name] = "property"
            self.silent |= statement.name in _HOOKS
            return
        if isinstance(statement, ast.ClassDef):
            self.plain.add(statement.name)
        target = assigned(statement)
        if target is None:
            return
        name, value = target
        self.methods.pop(name, None)
        self.protected.pop(name, None)
        self.constants.pop(name, None)
        declared = view.names.resolve(value.func) if isinstance(value, ast.Call) else None
        if declared in DECLARATIONS:
            self.protected[name] = "config" if declared == "Config" else "parameter"
        elif isinstance(value, _PLAIN):
            self.plain.add(name)
            if not name.startswith("_"):
                self.protected[name] = "constant"
                self.constants[name] = value

    def effects(self) -> FlowEffects:
        """What every step does."""
        steps = {name: self._step(method) for name, method in self.methods.items() if _is_step(method)}
        if "__init__" in self.methods:  # which runs in every task
            found = self.of(self.methods["__init__"])
            self.silent |= found is None or found.havoc
            self.attributes.update(found.sets if found is not None else ())
        for found_class in self._classes:
            self._check_class(found_class)
        from flowc_compiler.frontend.classflow.flow_types import FlowTypes

        types = FlowTypes(self, self._modules)
        return FlowEffects(
            steps, frozenset(self.attributes), frozenset(self.guarded), self.protected, self.silent, types
        )  # fmt: skip

    def _step(self, method: Method) -> StepEffects:
        effects = self.of(method)
        assert effects is not None, "no step is read twice at a time"
        names = [method.view.names.resolve(callee(item)) for item in method.function.decorator_list]
        strange = [
            item
            for item, name in zip(method.function.decorator_list, names, strict=True)
            if name != "step" and name not in ARGUMENTS
        ]
        if strange:
            self.note(f"`@{method.view.code(strange[0])}` may replace the step", Place(method.view.source, strange[0]))
        for artifact in [_SET_BY[name] for name in names if name in _SET_BY]:
            effects.sets.add(artifact)
            effects.reads.pop(artifact, None)
            effects.sure.pop(artifact, None)
        return effects

    def _check_class(self, found: FoundClass) -> None:
        """End the analysis if the class may be given attributes from outside of its body."""
        name, text = found.node.name, found.view.source.text
        for base in found.node.bases:
            last = (dotted(base.value if isinstance(base, ast.Subscript) else base) or ("",))[-1]
            if not (found.view.names.resolve(base) == "FlowSpec" or last in _EMPTY or self.named_class(last)):
                self.silent = True
                self.note(f"what `{found.view.code(base)}` has is not known", Place(found.view.source, base))
        for item in found.node.decorator_list:
            if found.view.names.resolve(callee(item)) is None:
                self.silent = True
                self.note(f"`@{found.view.code(item)}` may change the class", Place(found.view.source, item))
        if not re.search(rf"\b{re.escape(name)}\b(?!\()", text):  # it is only defined and started
            return
        for node, parent in _with_parents(found.view.tree):
            if isinstance(node, ast.Name) and node.id == name and not _is_plain_use(node, parent):
                self.silent = True
                self.note(f"`{name}` is passed on, and may be changed", Place(found.view.source, node))
                return

    def of(self, method: Method, parameter: str | None = None) -> StepEffects | None:
        """The effects of a function on the flow that it gets as `parameter`, by default its first one.

        `None` while they are being computed: the functions call each other.
        """
        from flowc_compiler.frontend.classflow.artifact_reader import ArtifactReader

        arguments = method.function.args
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        if parameter is None:
            static = ("staticmethod",) in method.decorators or ("classmethod",) in method.decorators
            parameter = "" if static or not names else names[0]
        key = (id(method.function), parameter)
        if key not in self._effects:
            self._effects[key] = None
            self.read_methods.append(method)
            joins = names[1] if len(names) == 2 and method.owner is not None and _is_step(method) else ""
            self._effects[key] = ArtifactReader(self, method, parameter, joins).read()
        return self._effects[key]

    def of_inputs(self, method: Method, parameter: str) -> StepEffects | None:
        """What a function does with the inputs of a join that it gets as `parameter`; `None` if it may do without."""
        from flowc_compiler.frontend.classflow.artifact_reader import ArtifactReader

        key = (id(method.function), f"inputs {parameter}")
        if key not in self._effects:
            self._effects[key] = None
            if self.follows(method) and not any(map(_is_condition, ast.walk(method.function))):
                self._effects[key] = ArtifactReader(self, method, "", parameter).read()
        return self._effects[key]

    def follows(self, method: Method) -> bool:
        """Whether a call of a function runs its body, and no more."""
        resolve = method.view.names.resolve
        return isinstance(method.function, ast.FunctionDef) and all(
            dotted(callee(item)) in _TRANSPARENT or (name := resolve(callee(item))) == "step" or name in ARGUMENTS
            for item in method.function.decorator_list
        )

    def inherited(self, owner: ast.ClassDef | None, name: str, *, below: bool) -> Method | None:
        """The method that `super().name` means in the class, or `Class.name` where it is not `below` it."""
        position = next((number for number, found in enumerate(self._classes) if found.node is owner), None)
        if position is None:
            return None
        for found in self._classes[position + below :]:
            for item in found.node.body:
                if isinstance(item, FunctionNode) and item.name == name:
                    return Method(found.view, item, found.node)
        return None

    def named_class(self, name: str) -> ast.ClassDef | None:
        """The class of that name, if the flow derives from it."""
        return next((found.node for found in self._classes if found.node.name == name), None)

    def function(self, view: ModuleView, called: ast.expr) -> Method | None:
        """The function of this file, or of a local module, that an expression names."""
        if isinstance(called, ast.Name) and called.id in view.single_functions:
            return Method(view, view.single_functions[called.id])
        found = self._modules.origin(view, called)
        if found is None or found[1] not in found[0].single_functions:
            return None
        return Method(found[0], found[0].single_functions[found[1]])

    def note(self, reason: str, place: Place) -> None:
        """Say for `flowc check -v` why something is not known."""
        self._sink.note(f"artifacts are not followed further: {reason}", place.span)


def _is_condition(node: ast.AST) -> bool:
    """Whether something in a function may run or not, or runs later."""
    conditions = (ast.If, ast.IfExp, ast.BoolOp, ast.Match, ast.Try, ast.TryStar, ast.While, ast.Yield, ast.YieldFrom)
    return isinstance(node, conditions) or (isinstance(node, ast.comprehension) and bool(node.ifs))


def _is_step(method: Method) -> bool:
    return any(method.view.names.resolve(callee(item)) == "step" for item in method.function.decorator_list)


def _bound(node: ast.ClassDef) -> Iterable[str]:
    """The names that a class body binds; `name: kind` alone binds none."""
    declared = {item.target for item in node.body if isinstance(item, ast.AnnAssign) and item.value is None}
    return (name for name, found in bindings(node).items() if any(item not in declared for item in found))


def _with_parents(tree: ast.AST) -> Iterable[tuple[ast.AST, ast.AST]]:
    pending = [tree]
    while pending:
        parent = pending.pop()
        for child in children(parent):
            yield child, parent
            pending.append(child)


def _is_plain_use(node: ast.Name, parent: ast.AST) -> bool:
    """Whether the use of a class leaves it as it is: a call, a base, the value of an attribute, and tests."""
    match parent:
        case ast.Call(func=called):
            harmless = isinstance(called, ast.Name) and called.id in {
                "super",
                "isinstance",
                "issubclass",
                "print",
                "call_flow",
            }
            return called is node or harmless
        case ast.ClassDef(bases=bases):
            return node in bases
        case ast.Attribute(ctx=context):
            return isinstance(context, ast.Load)
        case ast.AnnAssign() | ast.arg() | ast.FunctionDef():
            return True
        case _:
            return False
