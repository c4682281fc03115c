"""The flow and its steps as mutators see them: `MutableFlow` and `MutableStep` of Metaflow 2.19, on syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flowc_compiler.evaluate.applied_decorators import DecoratorCall
from flowc_compiler.evaluate.evaluation_state import CallArguments, Recorded
from flowc_compiler.evaluate.literals import UnresolvedError, evaluate
from flowc_compiler.evaluate.recorded_values import recorded
from flowc_compiler.evaluate.values import Foreign, Instance, Iterator, Unresolved, is_kind
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS, REPEATABLE
from flowc_compiler.frontend.decorators.cli_decorators import MISSING, CliDecorator, pairs
from flowc_compiler.frontend.mutators.mutator_evaluator import (
    DUPLICATES,
    HostMethod,
    HostObject,
    OwnDecorator,
    UnfollowedError,
    own_decorator,
)
from flowc_compiler.syntax.served_imports import ServedName, callee

if TYPE_CHECKING:
    from flowc_compiler.evaluate.known_values import FileScope
    from flowc_compiler.frontend.mutators.mutator_evaluator import MutatorEvaluator

IGNORE, ERROR, OVERRIDE = DUPLICATES.values()
WAY_OUT = "write the decorators and parameters that it adds into the file"
"""What to do where a mutator cannot be followed."""


@dataclass(eq=False)
class Entry:
    """One decorator of a step or a flow."""

    name: str
    item: ast.expr | None = None
    """Where it is written; `None` for one of the command line."""
    own: OwnDecorator | None = None
    positional: list[object] = field(default_factory=list[object])
    given: dict[str, object] | None = None
    """Keyword arguments that are known as values; `None` where they are read from `item`."""
    cli: CliDecorator | None = None
    number: int | None = None
    """Of a decorator around the step that is written above it: which one, from the innermost."""
    instance: Instance | None = None
    """Of a mutator: its object, once it is made."""
    ran: bool = False

    @property
    def full_name(self) -> str:
        """The name with its module."""
        return self.name if self.own is None else f"{self.own.view.source.path.stem}.{self.name}"

    def is_named(self, name: str) -> bool:
        """Whether a mutator means this one."""
        return name == self.name or (self.own is not None and name.rpartition(".")[2] == self.name)


class Attached(HostObject):
    """What decorators are attached to: a step or the flow."""

    models: Mapping[str, Any]
    what: str

    def __init__(self, scope: FileScope, entries: Iterable[Entry], at: ast.AST) -> None:
        self.scope = scope
        self.entries = list(entries)
        """In the order in which they are applied, the nearest first."""
        self.at = at
        """Where what is added counts as written."""
        self.early = True
        """Whether this is `pre_mutate`."""
        self.changed = False

    @property
    def evaluator(self) -> MutatorEvaluator:
        """What evaluates the mutators."""
        return cast("MutatorEvaluator", self.scope.files.evaluator)

    def methods(self) -> dict[str, Callable[[CallArguments, ast.expr], object]]:
        """The methods by name."""
        return {
            "add_decorator": self._add,
            "remove_decorator": self._remove,
            "has_decorator": lambda given, node: bool(self._named(self.bound(given, node, "name")["name"])),
            "get_decorator_specs": lambda given, node: [
                self.spec(entry) for entry in self._named(self.bound(given, node, "name")["name"])
            ],
        }

    def attribute(self, name: str, node: ast.expr) -> object | None:
        """A method, a constant, or `decorator_specs`."""
        del node
        if name in DUPLICATES:
            return DUPLICATES[name]
        if name == "decorator_specs":
            specs = [self.spec(entry) for entry in self.entries if self.shows(entry)]
            return Iterator(lambda: specs)
        method = self.methods().get(name)
        return None if method is None else HostMethod(method)

    def shows(self, entry: Entry) -> bool:
        """Whether a mutator sees the decorator now."""
        return entry.cli is None or not self.early

    def refuse(self, message: str, node: ast.AST, help: str) -> UnfollowedError:
        """The error that a mutator does something wrong; for the caller to raise."""
        return UnfollowedError(message, help, (self.evaluator.view, node))

    def bound(self, given: CallArguments, node: ast.expr, *names: str, **defaults: object) -> dict[str, Any]:
        """The arguments of a method by name, each of them known. Raises UnfollowedError."""
        self.evaluator.check_certain(node)
        known = (*names, *defaults)
        values = {
            **defaults,
            **dict(zip(known, (item.value for item in given.positional), strict=False)),
            **{name: item.value for name, item in given.keywords.items()},
        }
        unknown = [name for name in values if name not in known]
        missing = [name for name in names if name not in values]
        if unknown or missing or len(given.positional) > len(known) or given.open:
            raise self.refuse(f"it takes {', '.join(known)}", node, "correct the arguments")
        return {name: self._known(value, node) for name, value in values.items()}

    def _known(self, value: object, node: ast.expr) -> object:
        """A value that is known all through, under the assumptions that arguments of decorators have."""
        match value:
            case Foreign(path=("flowc", *_, owner, name)) if owner.startswith("Mutable"):
                return DUPLICATES.get(name, value)
            case Foreign(path=("flowc", *_)):
                return value
            case _:
                pass
        try:
            return recorded(self.evaluator, node, Recorded(value, None), definitions=True)
        except UnresolvedError as error:
            raise self.refuse(error.reason or "an argument is not known", node, error.help or WAY_OUT) from None

    def spec(self, entry: Entry) -> tuple[object, ...]:
        """Name, full name, arguments and keyword arguments of a decorator."""
        full = entry.full_name if entry.own is not None else f"metaflow.plugins.{entry.name}"
        return entry.name, full, list(entry.positional), self.keywords(entry)

    def keywords(self, entry: Entry) -> dict[str, object]:
        """The keyword arguments of a decorator; of Metaflow's, the defaults, too."""
        if entry.cli is not None:
            return dict(entry.cli.arguments.model_dump())
        found: dict[str, object] = {}
        if entry.given is not None:
            found.update(entry.given)
        elif isinstance(entry.item, ast.Call):
            for keyword in entry.item.keywords:
                if keyword.arg is not None:
                    found[keyword.arg] = self._value(keyword.value)
        if entry.own is None and (model := self.models.get(entry.name)) is not None:
            fields = model.model_fields.items()
            found = {name: item.get_default(call_default_factory=True) for name, item in fields} | found
        return found

    def _value(self, node: ast.expr) -> object:
        try:
            return evaluate(node, self.scope)
        except UnresolvedError as error:
            return Unresolved(error.reason or "this argument is not known", error.help)

    def _named(self, name: object) -> list[Entry]:
        return [entry for entry in self.entries if entry.is_named(str(name)) and self.shows(entry)]

    def _remove(self, given: CallArguments, node: ast.expr) -> bool:
        values = self.bound(given, node, "deco_name", deco_args=None, deco_kwargs=None)
        args, kwargs = values["deco_args"], values["deco_kwargs"]
        self.check_phase(node)
        everything = args is None and kwargs is None
        gone = [
            entry
            for entry in self._named(values["deco_name"])
            if everything or ((args or []) == entry.positional and (kwargs or {}) == self.keywords(entry))
        ]
        if any(self.is_mutator(entry) for entry in gone):
            self.check_early(node, "a mutator is removed")
        self.entries = [entry for entry in self.entries if entry not in gone]
        self.changed = self.changed or bool(gone)
        return bool(gone)

    def is_mutator(self, entry: Entry) -> bool:
        """Whether a decorator is a mutator."""
        return entry.own is not None and entry.own.kind != "user step decorator"

    def check_phase(self, node: ast.expr) -> None:
        """Raise UnfollowedError where decorators may not be changed now."""

    def check_early(self, node: ast.expr, what: str) -> None:
        """Raise UnfollowedError outside of `pre_mutate`."""
        if not self.early:
            raise self.refuse(f"{what} in `pre_mutate` only, as in Metaflow", node, "move this to `pre_mutate`")

    def _add(self, given: CallArguments, node: ast.expr) -> object:
        values = self.bound(given, node, "deco_type", deco_args=None, deco_kwargs=None, duplicates=IGNORE)
        self.check_phase(node)
        entry = self._made(values["deco_type"], values["deco_args"] or [], values["deco_kwargs"] or {}, node)
        same = [other for other in self.entries if other.name == entry.name and self.shows(other)]
        if same and entry.name not in REPEATABLE:
            if values["duplicates"] == ERROR:
                message = f"{self.what} has `@{entry.name}` already, and the mutator adds it with duplicates=ERROR"
                raise self.refuse(message, node, "remove one of them")
            if values["duplicates"] != OVERRIDE:
                return None
            self.entries = [other for other in self.entries if other not in same]
        self.entries.append(entry)
        self.changed = True
        return None

    def _made(self, kind: object, args: object, kwargs: object, node: ast.expr) -> Entry:
        """The decorator that `add_decorator` names. Raises UnfollowedError."""
        if not (is_kind(args, list, tuple) and is_kind(kwargs, dict)):
            raise self.refuse("deco_args is a list, and deco_kwargs a dict", node, "correct the arguments")
        keywords = {str(key): value for key, value in cast("dict[object, object]", kwargs).items()}
        positional = list(cast("list[object]", args))
        if isinstance(kind, str):
            name, _, rest = kind.partition(":")
            written = {key: value for key, value in pairs(rest) if value is not MISSING}
            if written and (keywords or positional):
                raise self.refuse("arguments stand in the text and beside it", node, "give them in one place")
            keywords = written or keywords
            if name in self.models:
                return self._of_metaflow(name, positional, keywords, node)
            kind = self._found(name, node)
        own = own_decorator(kind)
        if own is not None and own.arguments is None:
            return self._of_users(own, positional, keywords, node)
        match kind:
            case Foreign(path=("flowc", name)) if name in self.models:
                return self._of_metaflow(name, positional, keywords, node)
            case _:
                pass
        raise self.refuse(
            f"this is no decorator of a {self.what.split()[0]}", node, "give the decorator itself, or its name"
        )

    def _found(self, name: str, node: ast.expr) -> object:
        """A decorator of the user's by its name in the file, with or without its module."""
        for view in self.evaluator.executed_views():
            value = self.evaluator.namespace(view).get(name.rpartition(".")[2])
            if own_decorator(value) is not None:
                return value
        raise self.refuse(f"there is no decorator `{name}`", node, "correct the name")

    def _of_metaflow(self, name: str, positional: list[object], keywords: dict[str, object], node: ast.expr) -> Entry:
        if positional:
            raise self.refuse("decorators of Metaflow take keyword arguments only", node, "use deco_kwargs")
        return Entry(name, call_of(self.evaluator, name, keywords, self.at), given=keywords)

    def _of_users(
        self, own: OwnDecorator, positional: list[object], keywords: dict[str, object], node: ast.expr
    ) -> Entry:
        """Add one of the user's own. Raises UnfollowedError where it may not stand here, or now."""
        raise NotImplementedError


class MutableStep(Attached):
    """A step."""

    models = ARGUMENTS

    def __init__(self, name: str, scope: FileScope, entries: Iterable[Entry], at: ast.AST) -> None:
        super().__init__(scope, entries, at)
        self.name = name
        self.what = f"step `{name}`"
        self.flow: MutableFlow | None = None

    def attribute(self, name: str, node: ast.expr) -> object | None:
        """Also `flow`."""
        return self.flow if name == "flow" else super().attribute(name, node)

    def _of_users(
        self, own: OwnDecorator, positional: list[object], keywords: dict[str, object], node: ast.expr
    ) -> Entry:
        if own.kind == "flow mutator":
            raise self.refuse("a flow mutator is not for steps", node, "add it to the flow")
        if own.kind == "step mutator":
            self.check_early(node, "a step mutator is added")
        elif positional:
            raise self.refuse("user step decorators take keyword arguments only", node, "use deco_kwargs")
        return Entry(own.name, None, own, positional, keywords)


class MutableFlow(Attached):
    """The flow."""

    models = FLOW_ARGUMENTS
    what = "flow"

    def __init__(
        self,
        scope: FileScope,
        entries: Iterable[Entry],
        at: ast.AST,
        steps: Mapping[str, MutableStep],
        parameters: Mapping[str, str],
        configs: Mapping[str, object],
    ) -> None:
        super().__init__(scope, entries, at)
        self.steps = dict(steps)
        self.parameters: dict[str, tuple[str, object]] = {
            attribute: (known, Instance(None, {"name": known})) for attribute, known in parameters.items()
        }
        self.configs = dict(configs)
        self.members: set[str] = {*steps, *parameters, *configs}
        self.added: dict[str, DecoratorCall] = {}
        self.removed: list[str] = []
        for step in self.steps.values():
            step.flow = self

    def methods(self) -> dict[str, Callable[[CallArguments, ast.expr], object]]:
        """Also those for parameters."""
        own = {"add_parameter": self._add_parameter, "remove_parameter": self._remove_parameter}
        return {**super().methods(), **own}

    def attribute(self, name: str, node: ast.expr) -> object | None:
        """Also `steps`, `parameters` and `configs`, and each of them by its name."""
        if name == "steps":
            steps = [(key, self.steps[key]) for key in sorted(self.steps)]
            return Iterator(lambda: steps)
        if name == "parameters":
            parameters = [(key, self.parameters[key][1]) for key in sorted(self.parameters)]
            return Iterator(lambda: parameters)
        if name == "configs":
            configs = list(self.configs.items())
            return Iterator(lambda: configs)
        found = super().attribute(name, node)
        if found is not None:
            return found
        if name in self.parameters:
            return self.parameters[name][1]
        return self.steps.get(name, self.configs.get(name))

    def check_phase(self, node: ast.expr) -> None:
        """Decorators of the flow are changed in `pre_mutate`."""
        self.check_early(node, "a flow's decorators are changed")

    def _of_users(
        self, own: OwnDecorator, positional: list[object], keywords: dict[str, object], node: ast.expr
    ) -> Entry:
        if own.kind != "flow mutator":
            raise self.refuse(f"a {own.kind} is not for flows", node, "add it to a step")
        return Entry(own.name, None, own, positional, keywords)

    def _add_parameter(self, given: CallArguments, node: ast.expr) -> None:
        values = self.bound(given, node, "name", "value", overwrite=False)
        self.check_early(node, "a parameter is added")
        name, value = values["name"], values["value"]
        if not isinstance(value, DecoratorCall) or value.path[1:2] not in {("Parameter",), ("IncludeFile",)}:
            raise self.refuse("this is neither a Parameter nor an IncludeFile", node, "give a Parameter")
        if name in self.members and not values["overwrite"]:
            message = f"the flow has a member `{name}` already"
            raise self.refuse(message, node, "give another name, or overwrite=True")
        shown = value.arguments.positional[0].value if value.arguments.positional else name
        self.members.add(name)
        self.added[name] = value
        self.parameters[name] = (str(shown), Instance(None, {"name": shown}))

    def _remove_parameter(self, given: CallArguments, node: ast.expr) -> bool:
        name = self.bound(given, node, "parameter_name")["parameter_name"]
        self.check_early(node, "a parameter is removed")
        for attribute, (known, _) in self.parameters.items():
            if known == name:
                del self.parameters[attribute]
                self.members.discard(attribute)
                if self.added.pop(attribute, None) is None:
                    self.removed.append(attribute)
                return True
        return False


def call_of(evaluator: MutatorEvaluator, name: str, keywords: Mapping[str, object], at: ast.AST) -> ast.Call:
    """A call of a name of the runtime with known values, as if it were written at a place."""

    def argument(value: object) -> ast.expr:
        made = ast.copy_location(ast.Name("", ast.Load()), at)
        evaluator.records[made] = Recorded(value, None)
        return made

    function = ast.copy_location(ServedName(name, ast.Load()), at)
    given = [ast.copy_location(ast.keyword(key, argument(value)), at) for key, value in keywords.items()]
    return ast.copy_location(ast.Call(function, [], given), at)


def served(item: ast.expr, scope: FileScope) -> str | None:
    """The name of Metaflow's that a decorator is."""
    return scope.view.names.resolve(callee(item))
