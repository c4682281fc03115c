"""What the arms of an undecided `if` leave behind: each starts from the same state, and the states are merged.

The state is every name of the functions that are being evaluated, and every list, dict, set and namespace that is
reached from them. An arm changes them in place; its changes are noted and taken back before the next arm.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from flowc_compiler.evaluate.operations import DEEPEST_VALUE
from flowc_compiler.evaluate.values import (
    BoundMethod,
    ClassObject,
    Descriptor,
    DictView,
    Function,
    Instance,
    Module,
    Partial,
    RuntimeValue,
    Unresolved,
)

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluator import Evaluator

Container = list[object] | dict[object, object] | set[object]
_WITHOUT_PARTS = frozenset({str, int, float, bool, bytes, complex, type(None), type(...)})
_MISSING = object()
"""Stands for an entry that an arm does not have."""


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
            if held is None or held.container is not container or not _same(container, held.content):
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
            if _is_container(value):
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
        return [held.container for held in self._held.values() if not _same(held.container, held.content)]

    def forget_differences(self, other: State, why: Unresolved) -> None:
        """Let every name be unknown, and every container hold what is unknown, that holds something else in `other`."""
        for key, held in self._held.items():
            content = other.content(held.container)
            # What the other state does not reach was made after it, and cannot be what both mean.
            if key not in other._held or _same(held.content, content):
                continue
            self._held[key] = held._replace(content=_without_differences(held.content, content, why))

    def restore(self) -> None:
        """Let every container hold again what it held."""
        for held in self._held.values():
            if not _same(held.container, held.content):
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


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_container(value: object) -> bool:
    return isinstance(value, list | dict | set)


def fill(container: Container, held: Iterable[object]) -> None:
    """Let a container hold what another one does."""
    if isinstance(container, list):
        container[:] = held
    else:
        container.clear()
        cast("Any", container).update(held)


class Merge:
    """Merges the states that arms left, in place."""

    def __init__(
        self,
        before: State,
        after: Sequence[State],
        choose: Callable[[list[object]], object],
        environments: Iterable[object],
        poison: Callable[[Container], None] | None = None,
    ) -> None:
        self._before = before
        self._after = after
        self._environments = {
            *map(id, environments),
            *before.environments,
            *(key for arm in after for key in arm.environments),
        }
        self._choose = choose
        """Makes one value of those of the arms, which differ."""
        self._poison = poison
        """Of arms that are not known: forgets what a container holds. Without, something else stands for it."""
        self._done: dict[int, object] = {}
        """Containers of the state before, by identity, to what stands for them now."""
        self._merged: dict[tuple[int, ...], object] = {}
        self._kept: list[list[object]] = []
        """Values whose identities are keys above."""
        self.shared: list[tuple[object, list[object]]] = []
        """What stands for lists and dicts that were there before, and those: changed later, one changes the other."""

    def run(self) -> None:
        """Merge every container, and put what stands for those that could not be merged in their places."""
        containers = self._before.containers
        contents = [[state.content(container) for state in self._after] for container in containers]
        changed = [
            not all(_same(content, self._before.content(item)) for content in arms)
            for item, arms in zip(containers, contents, strict=True)
        ]
        # In three rounds: what cannot be merged has to be known before anything is, since merging a container asks what
        # stands for those in it; and references are replaced when every container has its final content.
        for container, arms, is_changed in zip(containers, contents, changed, strict=True):
            if is_changed and id(container) not in self._environments and not self._mergeable(arms):
                if self._poison is not None:
                    self._poison(container)
                    self._done[id(container)] = container
                elif spoiled := next(filter(None, map(_spoiled, arms)), None):
                    # Something else stands for it in that arm already, wherever it was.
                    self._done[id(container)] = spoiled
                else:
                    copies = [self._resolved(index, container) for index in range(len(arms))]
                    self._done[id(container)] = self._choose(copies)
        for container, arms, is_changed in zip(containers, contents, changed, strict=True):
            if id(container) in self._done:
                if self._poison is None:
                    _spoil(container)
            elif is_changed:
                self._fill(container, arms)
            elif not _same(container, self._before.content(container)):
                fill(container, self._before.content(container))
        for container in containers if self._done else ():
            if id(container) not in self._done:
                self._replace(container)

    def _mergeable(self, arms: list[Container]) -> bool:
        if self._poison is not None:
            return all(_same(arm, arms[0]) for arm in arms)
        return _alike(arms)

    def _fill(self, container: Container, arms: list[Container]) -> None:
        if isinstance(container, dict):
            columns = cast("list[dict[object, object]]", arms)
            keys = list(dict.fromkeys(key for arm in columns for key in arm))
            merged = {key: self.value([arm.get(key, _MISSING) for arm in columns]) for key in keys}
            fill(container, merged)
        elif isinstance(container, list):
            rows = cast("list[list[object]]", arms)
            container[:] = [self.value(list(column)) for column in zip(*rows, strict=True)]
        else:
            fill(container, arms[0])

    def _replace(self, container: Container) -> None:
        if not self._done or self._poison is not None:
            return
        if isinstance(container, list):
            container[:] = [self.stand_in(item) for item in container]
        elif isinstance(container, dict):
            for key, item in container.items():
                container[key] = self.stand_in(item)

    def stand_in(self, value: object) -> object:
        """What stands for a value now, after `run`."""
        if _is_tuple(value) and self._done:
            items = cast("tuple[object, ...]", value)
            found = tuple(map(self.stand_in, items))
            return value if all(map(operator.is_, found, items)) else found
        return self._done.get(id(value), value)

    def value(self, values: list[object]) -> object:
        """One value for those that the arms left."""
        first = values[0]
        if all(item is first for item in values):
            return first
        if any(item is _MISSING for item in values):
            if self._poison is not None:
                return self._choose([item for item in values if item is not _MISSING])
            return Unresolved(
                "it is bound in some arms of an `if` on a result, and not in the others",
                "bind it before the `if`, or in every arm; or use it in an `if` with the same condition", code="FC223",
            )  # fmt: skip
        for item in values:
            if isinstance(item, Unresolved) and self._poison is None:
                return item
        # The arms agree on a plain value, so it does not matter which of them runs.
        if all(_equal(item, first) for item in values[1:]):
            return first
        if self._poison is not None:
            return self._choose(values)
        # The same objects must become the same merged object wherever they occur, as aliases stay aliases.
        key = tuple(map(id, values))
        if key not in self._merged:
            self._kept.append(values)
            self._merged[key] = self._together(values)
            old = [item for item in values if self._before.holds(item)]
            if old:
                self.shared.append((self._merged[key], old))
        return self._merged[key]

    def _together(self, values: list[object]) -> object:
        kind = type(values[0])
        if all(type(item) is kind for item in values) and kind in (list, tuple):
            rows = [cast("list[object]", self._content(index, item)) for index, item in enumerate(values)]
            if len({len(row) for row in rows}) == 1:
                merged = [self.value(list(column)) for column in zip(*rows, strict=True)]
                return merged if kind is list else tuple(merged)
        if all(type(item) is dict for item in values):
            maps = [cast("dict[object, object]", self._content(index, item)) for index, item in enumerate(values)]
            if len({tuple(entries) for entries in maps}) == 1:
                return {name: self.value([entries[name] for entries in maps]) for name in maps[0]}
        return self._choose([self._resolved(index, item) for index, item in enumerate(values)])

    def _resolved(self, arm: int, value: object, around: tuple[object, ...] = ()) -> object:
        """A value with all that it holds as an arm left it."""
        if not (_is_container(value) or _is_tuple(value)) or len(around) > DEEPEST_VALUE:
            return value
        content = self._content(arm, value)
        inner = (*around, content)
        if isinstance(content, dict):
            entries = cast("dict[object, object]", content)
            return {key: self._resolved(arm, item, inner) for key, item in entries.items()}
        items = [self._resolved(arm, item, inner) for item in cast("Iterable[object]", content)]
        return items if _is_list(content) else tuple(items) if _is_tuple(content) else set(items)

    def _content(self, arm: int, value: object) -> object:
        return self._after[arm].content(cast("Container", value)) if isinstance(value, list | dict | set) else value


_SPOILED = "the arms of an `if` on a result leave something else in it"


def _spoil(container: Container) -> None:
    """Let nothing be read from a container that something else stands for: what still has it gets an error."""
    unusable = Unresolved(_SPOILED, "read it by its name after that", code="FC223")
    fill(container, {unusable: unusable} if isinstance(container, dict) else [unusable])


def _spoiled(content: Container) -> Unresolved | None:
    """What a container holds that was spoiled."""
    first = next(iter(content), None) if len(content) == 1 else None
    return first if isinstance(first, Unresolved) and first.message is _SPOILED else None


def _alike(arms: list[Container]) -> bool:
    """Whether lists have one length, dicts the same keys, and sets the same entries."""
    if isinstance(arms[0], set):
        return all(arm == arms[0] for arm in arms)
    if isinstance(arms[0], dict):
        return len({tuple(cast("dict[object, object]", arm)) for arm in arms}) == 1
    return len({len(arm) for arm in arms}) == 1


def _same(left: Container, right: Container) -> bool:
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


def _equal(left: object, right: object) -> bool:
    if isinstance(left, RuntimeValue):
        return left == right
    plain = (str, int, float, bool, bytes, type(None))
    return type(left) is type(right) and isinstance(left, plain) and repr(left) == repr(right)


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
