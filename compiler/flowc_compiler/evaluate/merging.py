"""What the arms of an undecided `if` leave behind: each starts from the same state, and the states are merged.

An arm changes what it reaches in place; its changes are noted and taken back before the next arm.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from flowc_compiler.evaluate.operations import DEEPEST_VALUE
from flowc_compiler.evaluate.reachable_state import Container, State, fill, holds_the_same, is_container
from flowc_compiler.evaluate.values import RuntimeValue, Unresolved

_MISSING = object()
"""Stands for an entry that an arm does not have."""


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


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
            not all(holds_the_same(content, self._before.content(item)) for content in arms)
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
            elif not holds_the_same(container, self._before.content(container)):
                fill(container, self._before.content(container))
        for container in containers if self._done else ():
            if id(container) not in self._done:
                self._replace(container)

    def _mergeable(self, arms: list[Container]) -> bool:
        if self._poison is not None:
            return all(holds_the_same(arm, arms[0]) for arm in arms)
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
        if not (is_container(value) or _is_tuple(value)) or len(around) > DEEPEST_VALUE:
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


def _equal(left: object, right: object) -> bool:
    if isinstance(left, RuntimeValue):
        return left == right
    plain = (str, int, float, bool, bytes, type(None))
    return type(left) is type(right) and isinstance(left, plain) and repr(left) == repr(right)
