"""The state of all that code can reach: names, and the lists, dicts, sets and namespaces that are reached from them."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from flowc_compiler.evaluate.values import (
    BoundMethod,
    ClassObject,
    Descriptor,
    DictView,
    Function,
    Instance,
    Module,
    Partial,
    Unresolved,
)

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluator import Evaluator

Container = list[object] | dict[object, object] | set[object]
_WITHOUT_PARTS = frozenset({str, int, float, bool, bytes, complex, type(None), type(...)})


class _Held(NamedTuple):
    """A container when a state was taken."""

    container: Container
    content: Container
    """A shallow copy: what it holds is part of the state itself."""
    reached: tuple[Container, ...]
    """The containers that it leads to, by way of objects that never change."""
    environments: frozenset[int]
    """Identities of those among them that are namespaces."""


class State:
    """The containers that are reached from some roots, with what they hold.

    With `like`, an earlier state, it shares what that one says of the containers that still hold the same: two states
    of a large file differ in a few containers, and an `if` needs a state for each of its arms.
    """

    def __init__(self, roots: Iterable[object], like: State | None = None) -> None:
        self._held: dict[int, _Held] = {}
        """By the identity of the container."""
        self.environments = set[int]()
        """Identities of the dicts that are namespaces: of functions, classes and objects."""
        self.size = 0
        """How much work it was to find them: containers that an earlier state has count for little."""
        earlier = like._held if like is not None else {}
        # Identity and not equality: two equal lists are two lists, and an arm may change one of them.
        pending, self.environments = self._reached(roots)
        while pending:
            container = pending.pop()
            if id(container) in self._held:
                continue
            held = earlier.get(id(container))
            if held is None or held.container is not container or not holds_the_same(container, held.content):
                reached, environments = self._reached(parts_of(container))
                held = _Held(container, container.copy(), tuple(reached), frozenset(environments))
                self.size += len(container)
            self.size += 1 + len(container) // 16
            self._held[id(container)] = held
            pending += held.reached
            if held.environments:
                self.environments |= held.environments

    def _reached(self, values: Iterable[object]) -> tuple[list[Container], set[int]]:
        """The containers that values are or lead to without another one between, and which of them are namespaces."""
        found, environments, seen = list[Container](), set[int](), set[int]()
        pending = [item for item in values if type(item) not in _WITHOUT_PARTS]
        while pending:
            value = pending.pop()
            self.size += 1
            if is_container(value):
                found.append(cast("Container", value))
            elif id(value) not in seen:
                seen.add(id(value))
                environments.update(map(id, namespaces_of(value)))
                pending += [part for part in parts_of(value) if type(part) not in _WITHOUT_PARTS]
        return found, environments

    def holds(self, value: object) -> bool:
        """Whether a container is part of the state."""
        return id(value) in self._held

    @property
    def containers(self) -> list[Container]:
        """The containers."""
        return [held.container for held in self._held.values()]

    def content(self, container: Container) -> Container:
        """What a container held; what it holds now, if it is not part of the state."""
        held = self._held.get(id(container))
        return container if held is None else held.content

    def changed(self) -> list[Container]:
        """The containers that hold something else now."""
        return [held.container for held in self._held.values() if not holds_the_same(held.container, held.content)]

    def forget_differences(self, other: State, why: Unresolved) -> None:
        """Let every name be unknown, and every container hold what is unknown, that holds something else in `other`."""
        for key, held in self._held.items():
            content = other.content(held.container)
            # What the other state does not reach was made after it, and cannot be what both mean.
            if key not in other._held or holds_the_same(held.content, content):
                continue
            self._held[key] = held._replace(content=_without_differences(held.content, content, why))

    def restore(self) -> None:
        """Let every container hold again what it held."""
        for held in self._held.values():
            if not holds_the_same(held.container, held.content):
                fill(held.container, held.content)


def _without_differences(held: Container, content: Container, why: Unresolved) -> Container:
    """A copy of what a container held that is unknown where it held something else in another state."""
    if isinstance(held, dict) and isinstance(content, dict):
        names = [name for name in {**held, **content} if held.get(name) is not content.get(name)]
        return {**held, **dict.fromkeys(names, why)}
    return [why] if isinstance(held, list) else {*held, why}


def state_of(evaluator: Evaluator, *more: object) -> State:
    """The state of all that the code that is being evaluated can reach, and of `more`."""
    evaluator.last_state = State([*roots_of(evaluator), *more], evaluator.last_state)
    return evaluator.last_state


def namespaces_of(value: object) -> list[dict[str, object]]:
    """The dicts in an object that are names and what they stand for."""
    match value:
        case Function():
            return [*value.closure, value.defaults]
        case ClassObject():
            return [value.namespace]
        case Instance():
            return [value.attributes]
        case Module():
            return [value.namespace]
        case _:
            return []


def parts_of(value: object) -> list[object]:
    """What is reached from a value directly."""
    if isinstance(value, dict):
        return list(cast("dict[object, object]", value).values())
    if isinstance(value, list | tuple | set):
        return list(cast("Iterable[object]", value))
    match value:
        case Function():  # most values are functions
            return [*value.closure, value.defaults]
        case Unresolved(options=options):
            return list(options)
        case Instance(of=of) if of is not None:
            return [value.attributes, of]
        case ClassObject(bases=bases):
            return [value.namespace, *bases]
        case DictView(owner=owner):
            return list(owner.values())
        case BoundMethod(owner=owner, function=function):
            return [owner, function]
        case Partial():
            return [value.function, *value.positional, *value.keywords.values()]
        case Descriptor(function=function):
            return [function]
        case _:
            return list(cast("list[object]", namespaces_of(value)))


def is_container(value: object) -> bool:
    """Whether a value is one that an arm may change in place."""
    return isinstance(value, list | dict | set)


def fill(container: Container, held: Iterable[object]) -> None:
    """Let a container hold what another one does."""
    if isinstance(container, list):
        container[:] = held
    else:
        container.clear()
        cast("Any", container).update(held)


def holds_the_same(left: Container, right: Container) -> bool:
    """Whether two containers hold the same objects."""
    if left is right:
        return True
    if len(left) != len(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return all(map(operator.is_, left.values(), right.values())) and list(left) == list(right)
    if isinstance(left, list) and isinstance(right, list):
        return all(map(operator.is_, left, right))
    return left == right


def roots_of(evaluator: Evaluator) -> list[object]:
    """Everything that the code that is being evaluated can reach."""
    roots: list[object] = [scope for frame in evaluator.frames for scope in (frame.environment, *frame.closure)]
    roots += [item for frame in evaluator.frames for item in (frame.first_receiver, frame.yields) if item is not None]
    return [*roots, *evaluator.module_names()]


def namespaces(evaluator: Evaluator) -> list[object]:
    """The dicts that hold the names of functions and modules."""
    own = [scope for frame in evaluator.frames for scope in (frame.environment, *frame.closure)]
    return [*own, *evaluator.module_names()]


def has_one_name(evaluator: Evaluator, container: object) -> bool:
    """Whether all that the code can reach has a list, dict or set in one place only."""
    places, seen = 0, set[int]()
    pending = roots_of(evaluator)
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, str | int | float):
            continue
        seen.add(id(value))
        inner = parts_of(value)
        places += sum(item is container for item in inner)
        pending.extend(inner)
    return places < 2
