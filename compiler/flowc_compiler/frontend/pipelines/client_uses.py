"""What the code of tasks takes from ZenML's `Client`, step context and the like: FC106 for what is not served.

An attribute that is not there would fail in the task, hours later maybe. So the code that tasks can run is searched:
the steps, the functions that they name, in whatever local module, and the top level of these modules. Types are
followed as far as it is certain what an expression is: through names, loops, returned values, attributes of `self`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowc.protocol.zenml_names import CLASSES, FUNCTIONS, STACK_COMPONENTS
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.client_types import ClientTypes
from flowc_compiler.frontend.pipelines.pipeline_values import StepFunction
from flowc_compiler.frontend.pipelines.task_code import Scope, TaskCode, catches_missing_key
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import refusal_of_attribute
from flowc_compiler.syntax.tree_walk import walk

_MENTIONS = re.compile(rf"\b(?:{'|'.join(FUNCTIONS)})\b")
_LOOKS_UP = re.compile(r"\b(?:Client|Run|client|get_step_context|load_artifact|metaflow)\b")
"""Words of code that reads the results of runs."""
_IN_STEPS_ONLY = frozenset(FUNCTIONS) - {"Client"}
_ENDING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_NO_SECRETS = "flowc has no store of secrets: this raises KeyError, which the code catches"


class ClientUses(NamedTuple):
    """What the code of tasks reads by itself."""

    looks_up: bool
    """The results of steps, maybe."""
    reads_extra: bool
    """`.config.extra` of the running step or run."""


def check_uses(
    main: ModuleView,
    modules: LocalModules,
    steps: Iterable[StepFunction],
    sink: DiagnosticSink,
    secrets: Mapping[int, Collection[str]],
) -> ClientUses:
    """Collect FC106 for what the tasks of these steps take of served objects that don't have it.

    `secrets` has the names of those that all calls of a step have, by the identity of the step's node. Returns what
    the tasks read.
    """
    code = TaskCode(main, modules)
    for step in steps:
        code.reach(step.view, step.node)
    code.follow()
    for view in modules.views():
        for span, of_steps in view.refusals.of_steps:
            if not any(id(node) in code.by_node for node in of_steps):
                sink.soften("FC106", span)  # steps of other pipelines
    reads_extra = False
    if any(_MENTIONS.search(scope.view.source.text) for scope in code.scopes):
        types = ClientTypes(code)
        for scope in code.scopes:
            types.bind(scope)
        for scope in code.scopes:
            own = {name for names in secrets.values() for name in names}  # of a function that some step calls
            if id(scope.node) in secrets:
                own = set(secrets[id(scope.node)])
            check = _Check(types, scope, sink, own)
            check.run()
            reads_extra = reads_extra or check.reads_extra
    return ClientUses(any(_LOOKS_UP.search(scope.view.source.text) for scope in code.scopes), reads_extra)


def _first_text(call: ast.Call) -> str | None:
    """The first argument of a call, where it is a literal text."""
    values = [*call.args, *(item.value for item in call.keywords if item.arg == "name_id_or_prefix")]
    first = values[0].value if values and isinstance(values[0], ast.Constant) else None
    return first if isinstance(first, str) else None


def _of_component(name: str) -> str:
    """What to do without a component of a stack."""
    if name == "experiment_tracker":
        return "set the tracker up with its own variables, as with environment={'MLFLOW_TRACKING_URI': ...}"
    return "use the library itself within the step"


_COMPONENTS = frozenset({"StackComponent", "MissingComponent"})
"""The types of a stack's components: those that flowc replaces, and those that it does not have."""


class _Check:
    """The check of one scope."""

    def __init__(self, types: ClientTypes, scope: Scope, sink: DiagnosticSink, secrets: Collection[str]) -> None:
        self._types, self._scope, self._sink, self._secrets = types, scope, sink, secrets
        self.reads_extra = False
        self._skipped = set(map(id, self._behind_components()))
        """What only runs with a component of a stack: `if alerter: alerter.post(...)`."""
        self._caught = {
            id(inner)
            for node in scope.nodes
            if isinstance(node, ast.Try) and any(map(catches_missing_key, node.handlers))
            for statement in node.body
            for inner in walk(statement)
        }
        """What stands in a `try` that expects a KeyError."""

    def run(self) -> None:
        """Collect FC106 for what is not served."""
        for node in self._scope.nodes:
            if id(node) in self._skipped:
                continue
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                self._attribute(node)
            elif isinstance(node, ast.Call):
                self._call(node)

    def _behind_components(self) -> Iterator[ast.AST]:
        """The nodes that run only where a component of the stack is there."""
        for node in self._scope.nodes:
            if isinstance(node, ast.If | ast.IfExp | ast.While) and self._wants_component(node.test):
                for part in node.body if isinstance(node.body, list) else [node.body]:
                    yield from walk(part)
            elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
                places = [place for place, value in enumerate(node.values) if self._is_component(value)]
                for part in node.values[places[0] + 1 :] if places else ():
                    yield from walk(part)
            for statements in _blocks(node):
                yield from self._after_return(statements)

    def _after_return(self, statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
        """What follows on `if not component: return`."""
        for place, item in enumerate(statements):
            match item:
                case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=component), body=[*_, last]) if isinstance(
                    last, _ENDING
                ) and not isinstance(last, ast.Raise):
                    if self._is_component(component):
                        for rest in statements[place + 1 :]:
                            yield from walk(rest)
                        return
                case _:
                    pass

    def _wants_component(self, test: ast.expr) -> bool:
        """Whether a condition holds only where a component is there."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
            return any(map(self._wants_component, test.values))
        return self._is_component(test)

    def _is_component(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name | ast.Attribute) and self._types.of(self._scope, node) == "MissingComponent"

    def _attribute(self, node: ast.Attribute) -> None:
        of = self._types.of(self._scope, node.value)
        if of == "Stack" and node.attr in STACK_COMPONENTS and node.attr != "orchestrator":
            message = f"`{node.attr}` of the active stack can only be named: flowc has no stacks"
            self._sink.warning("FC106", message, self._scope.view.span(node), help=_of_component(node.attr))
        self.reads_extra = self.reads_extra or (
            of in {"RunningRunConfig", "RunningStepConfig"} and node.attr == "extra"
        )
        if of == "Client" and node.attr == "get_secret":
            self._secret(node)
        if of not in CLASSES or node.attr in CLASSES[of] or node.attr.startswith("__"):
            return
        reason, owner = refusal_of_attribute(node.attr) or f"it has {', '.join(sorted(CLASSES[of]))}", f"`{of}`"
        if of in _COMPONENTS:
            reason, owner = "flowc has no stacks: use the library itself within the step", "a component of the stack"
        self._error(node, f"flowc does not serve `{node.attr}` of {owner}", reason)

    def _secret(self, node: ast.Attribute) -> None:
        """A secret is one of the step's own: `get_secret("name")` in a step with `secrets=["name"]`."""
        calls = (item for item in self._scope.nodes if isinstance(item, ast.Call) and item.func is node)
        names = [_first_text(call) for call in calls]
        if names and all(name is not None and name in self._secrets for name in names):
            return
        shown = next((name for name in names if name is not None), "name")
        way_out = f'give it to the step: `@step(secrets=["{shown}"])`; or read the variable of its key'
        if id(node) in self._caught:
            self._sink.warning("FC106", _NO_SECRETS, self._scope.view.span(node), help=way_out)
        else:
            message = "`get_secret` of `Client` has only secrets that the step names, and flowc has no store of others"
            self._error(node, message, way_out)

    def _call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2:
            of = self._types.of(self._scope, node.args[0])
            if of in {"Stack", *_COMPONENTS}:
                message = "the class of a component is asked for, and flowc has no stacks"
                self._error(node, message, "remove it, and set the library itself up within the step")
        called = self._types.of(self._scope, node.func)
        if not called.startswith("("):
            return
        served = self._types.served(self._scope, node.func)
        name = self._scope.view.code(node.func).rpartition(".")[2]
        if (
            served
            and self._scope.names.resolve(node.func) in _IN_STEPS_ONLY
            and isinstance(self._scope.node, ast.Module)
        ):
            self._error(node, f"`{name}` is called where no step runs", "call it in a step")
        takes = called[1:].partition(")")[0].split()
        for keyword in node.keywords:
            if keyword.arg is not None and keyword.arg not in takes:
                reason = refusal_of_attribute(keyword.arg) or f"it takes {', '.join(takes) or 'nothing'}"
                self._error(keyword.value, f"flowc does not serve `{keyword.arg}` of `{name}`", reason)

    def _error(self, node: ast.AST, message: str, help_text: str) -> None:
        """An error; a warning in a method that nothing here calls."""
        add = self._sink.warning if self._scope.perhaps else self._sink.error
        add("FC106", message, self._scope.view.span(node), help=help_text)


def _blocks(node: ast.AST) -> Iterator[Sequence[ast.stmt]]:
    """The blocks of statements of a node."""
    for name in ("body", "orelse", "finalbody"):
        statements = getattr(node, name, None)
        if isinstance(statements, list):
            yield statements
