"""What random flows are made of, and the strategies that draw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


KINDS = ("branch", "foreach", "switch", "loop")
"""The kinds of block that have more than one step or task."""


@dataclass(frozen=True)
class Block:
    """A piece of a flow between one step and the next.

    - `step`: one step.
    - `branch`: a split, arms, and their join.
    - `foreach`: a split over `width` items, one body, and its join.
    - `switch`: a step that chooses one of its arms; an empty arm goes straight to what follows.
    - `loop`: a step that runs, and then `width` times again.
    """

    kind: str
    parts: tuple[tuple[Block, ...], ...] = ()
    width: int = 0


@dataclass(frozen=True)
class Named:
    """A block whose (first) step has a name."""

    name: str
    kind: str
    parts: tuple[tuple[Named, ...], ...]
    width: int

    @property
    def join(self) -> str:
        """The name of the step that ends a branch or foreach."""
        return f"{self.name}_join"

    @property
    def joined(self) -> bool:
        """Whether it ends in a join."""
        return self.kind in ("branch", "foreach")


def flows(
    kinds: Sequence[str] = KINDS, *, widths: tuple[int, int] = (0, 3), max_leaves: int = 6
) -> st.SearchStrategy[tuple[Block, ...]]:
    """The blocks between start and end: of these compound kinds, with that range of widths."""

    def compound(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
        sequence = st.lists(blocks, min_size=1, max_size=2).map(tuple)
        arms = st.lists(sequence, min_size=2, max_size=3).map(tuple)
        maybe_empty = st.lists(st.lists(blocks, max_size=2).map(tuple), min_size=2, max_size=3).map(tuple)
        made = {
            "branch": st.builds(Block, st.just("branch"), arms),
            "foreach": st.builds(Block, st.just("foreach"), st.tuples(sequence), st.integers(*widths)),
            "switch": st.builds(Block, st.just("switch"), maybe_empty.filter(any)),
        }
        return st.one_of([made[kind] for kind in kinds if kind in made])

    leaves: st.SearchStrategy[Block] = st.just(Block("step"))
    if "loop" in kinds:
        leaves = st.one_of(leaves, st.builds(Block, st.just("loop"), st.just(()), st.integers(0, 2)))
    blocks = st.recursive(leaves, compound, max_leaves=max_leaves)
    return st.lists(blocks, min_size=1, max_size=3).map(tuple)


def tasks(blocks: Iterable[Block]) -> int:
    """How many tasks the blocks have at most."""
    return sum(_tasks(block) for block in blocks)


def _tasks(block: Block) -> int:
    inside = [tasks(part) for part in block.parts]
    match block.kind:
        case "branch":
            return 2 + sum(inside)
        case "foreach":
            return 2 + block.width * inside[0]
        case "switch":
            return 1 + max(inside)
        case "loop":
            return 1 + block.width
        case _:
            return 1


def named(blocks: Sequence[Block]) -> tuple[Named, ...]:
    """The same with names, s1, s2 ... in the order of the file.

    A join must not follow a choice at once (Metaflow refuses that): steps are put between where it would.
    """
    return _named(blocks, iter(range(1, 1_000_000)), before_join=False)


def _named(blocks: Sequence[Block], numbers: Iterator[int], *, before_join: bool) -> tuple[Named, ...]:
    found: list[Named] = []
    last = len(blocks) - 1
    for position, block in enumerate(blocks):
        at_join = before_join and position == last
        name = f"s{next(numbers)}"
        parts = block.parts
        if block.kind == "switch" and at_join:
            parts = tuple(part or (Block("step"),) for part in parts)
        inner_join = at_join if block.kind == "switch" else True
        inside = tuple(_named(part, numbers, before_join=inner_join) for part in parts)
        found.append(Named(name, block.kind, inside, block.width))
        if block.kind == "loop" and at_join:
            found.append(Named(f"s{next(numbers)}", "step", (), 0))
    return tuple(found)


def lasts(blocks: Sequence[Named]) -> tuple[str, ...]:
    """The steps that may come last in a sequence."""
    if not blocks:
        return ()
    block = blocks[-1]
    if block.joined:
        return (block.join,)
    if block.kind == "switch":
        ends = [name for part in block.parts for name in (lasts(part) or (block.name,))]
        return tuple(dict.fromkeys(ends))
    return (block.name,)
