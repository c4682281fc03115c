"""What the arms of an `if` on a result leave behind: each starts from the same state, and the states are merged.

The state is every name of the functions that are being evaluated, and every list, dict and set that is reached from
them. An arm changes them in place; its changes are noted and taken back before the next arm.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from flowc_compiler.frontend.pipelines.evaluation.limits import DEEPEST_VALUE
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    HelperFunction,
    MappedResult,
    Result,
    StepOutputs,
    Unusable,
)

Container = list[object] | dict[object, object] | set[object]
_MISSING = object()
"""Stands for an entry that an arm does not have."""


class State:
    """The containers that are reached from some roots, with what they hold."""

    def __init__(self, roots: Iterable[object]) -> None:
        self._held: dict[int, tuple[Container, Container]] = {}
        """By identity: a container, and a copy of what it held."""
        self.environments = set[int]()
        """Identities of the dicts that are the names of functions, or defaults of their parameters."""
        pending, seen = list(roots), dict[int, object]()
        while pending:
            value = pending.pop()
            if id(value) in seen:
                continue
            seen[id(value)] = value
            if _is_container(value):
                container = cast("Container", value)
                self._held[id(container)] = (container, container.copy())
            elif isinstance(value, HelperFunction):
                self.environments.update(map(id, (*value.closure, value.defaults)))
            pending.extend(_inside(value))

    def holds(self, value: object) -> bool:
        """Whether a container is part of the state."""
        return id(value) in self._held

    @property
    def containers(self) -> list[Container]:
        """The containers."""
        return [container for container, _ in self._held.values()]

    def content(self, container: Container) -> Container:
        """What a container held; what it holds, when it is no part of the state."""
        held = self._held.get(id(container))
        return container if held is None else held[1]

    def restore(self) -> None:
        """Let every container hold again what it held."""
        for container, held in self._held.values():
            _fill(container, held)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _is_container(value: object) -> bool:
    return isinstance(value, list | dict | set)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast("dict[object, object]", value).values())
    if isinstance(value, list | tuple | set):
        return list(cast("Iterable[object]", value))
    if isinstance(value, HelperFunction):
        return [*value.closure, value.defaults]
    return []


def _fill(container: Container, held: Iterable[object]) -> None:
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
    ) -> None:
        self._before = before
        self._after = after
        self._environments = {*map(id, environments), *before.environments}
        self._choose = choose
        """Makes one value of those of the arms, which differ."""
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
        for container, arms, is_changed in zip(containers, contents, changed, strict=True):
            if is_changed and id(container) not in self._environments and not _alike(arms):
                copies = [self._resolved(index, container) for index in range(len(arms))]
                self._done[id(container)] = self._choose(copies)
        for container, arms, is_changed in zip(containers, contents, changed, strict=True):
            if id(container) in self._done:
                _spoil(container)
            elif is_changed:
                self._fill(container, arms)
        for container in containers:
            if id(container) not in self._done:
                self._replace(container)

    def _fill(self, container: Container, arms: list[Container]) -> None:
        if isinstance(container, dict):
            columns = cast("list[dict[object, object]]", arms)
            keys = list(dict.fromkeys(key for arm in columns for key in arm))
            merged = {key: self.value([arm.get(key, _MISSING) for arm in columns]) for key in keys}
            _fill(container, merged)
        elif isinstance(container, list):
            rows = cast("list[list[object]]", arms)
            container[:] = [self.value(list(column)) for column in zip(*rows, strict=True)]
        else:
            _fill(container, arms[0])

    def _replace(self, container: Container) -> None:
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
            return Unusable(
                "it is bound in some arms of an `if` on a result, and not in the others",
                "bind it before the `if`, or in every arm",
            )
        for item in values:
            if isinstance(item, Unusable):
                return item
        if all(_equal(item, first) for item in values[1:]):
            return first
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


def _spoil(container: Container) -> None:
    """Let nothing be read from a container that something else stands for: what still has it gets an error."""
    unusable = Unusable("the arms of an `if` on a result leave something else in it", "read it by its name after that")
    _fill(container, {unusable: unusable} if isinstance(container, dict) else [unusable])


def _alike(arms: list[Container]) -> bool:
    """Whether lists have one length, dicts the same keys, and sets the same entries."""
    if isinstance(arms[0], set):
        return all(arm == arms[0] for arm in arms)
    if isinstance(arms[0], dict):
        return len({tuple(cast("dict[object, object]", arm)) for arm in arms}) == 1
    return len({len(arm) for arm in arms}) == 1


def _same(left: Container, right: Container) -> bool:
    """Whether two containers hold the same objects."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(a is b for a, b in zip(left.values(), right.values(), strict=True))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(a is b for a, b in zip(left, right, strict=True))
    return left == right


def _equal(left: object, right: object) -> bool:
    if isinstance(left, Result) and isinstance(right, Result):
        return left.value == right.value
    if isinstance(left, StepOutputs) and isinstance(right, StepOutputs):
        return left.step == right.step
    if isinstance(left, MappedResult) and isinstance(right, MappedResult):
        return left.map is right.map and _equal(left.item, right.item)
    plain = (str, int, float, bool, bytes, type(None))
    return type(left) is type(right) and isinstance(left, plain) and repr(left) == repr(right)
