"""Random flows that compute something, and a reference that computes the same without any engine.

Every step appends its name to the artifact `v`, with the item and the index of the foreach around it; a join gathers
the `v` of its inputs. What the end step holds tells of every task and of every edge of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st


@dataclass(frozen=True)
class Block:
    """A `step`, a `branch` of arms, or a `foreach` of `width` items over one body."""

    kind: str
    parts: tuple[tuple[Block, ...], ...] = ()
    width: int = 0


def _sequences(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[tuple[Block, ...]]:
    return st.lists(blocks, min_size=1, max_size=2).map(tuple)


def _compound(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    arms = st.lists(_sequences(blocks), min_size=2, max_size=3).map(lambda parts: Block("branch", tuple(parts)))
    bodies = st.tuples(_sequences(blocks), st.integers(0, 3)).map(lambda drawn: Block("foreach", (drawn[0],), drawn[1]))
    return st.one_of(bodies, arms)


BLOCKS = st.recursive(st.just(Block("step")), _compound, max_leaves=6)
FLOWS = st.lists(BLOCKS, min_size=1, max_size=3).map(tuple)
"""The blocks between start and end."""


@dataclass(frozen=True)
class Named:
    """A block whose step has a name."""

    name: str
    kind: str
    parts: tuple[tuple[Named, ...], ...]
    width: int


@dataclass(frozen=True)
class Item:
    """The innermost foreach around a task: its item and index."""

    value: int
    index: int


class Program:
    """One random flow: `source` is the file, `expected` is `v` of the end step."""

    def __init__(self, blocks: tuple[Block, ...], name: str = "RandomFlow") -> None:
        self._steps: list[str] = []
        self._count = 0
        body = self._named(blocks)
        self._write("start", "self.v = ['start']", f"self.next(self.{body[0].name})")
        self._write_sequence(body, "end", in_foreach=False)
        self._write("end", "self.v = self.v + ['end']", "")
        self.source = f"from flowc import FlowSpec, step\n\n\nclass {name}(FlowSpec):\n" + "\n".join(self._steps)
        self.expected = [*_run(body, ["start"], None), "end"]

    def _named(self, blocks: tuple[Block, ...]) -> tuple[Named, ...]:
        named: list[Named] = []
        for block in blocks:
            self._count += 1
            name = f"s{self._count}"
            named.append(Named(name, block.kind, tuple(self._named(part) for part in block.parts), block.width))
        return tuple(named)

    def _write_sequence(self, blocks: tuple[Named, ...], follower: str, *, in_foreach: bool) -> None:
        followers = [*(block.name for block in blocks[1:]), follower]
        for block, after in zip(blocks, followers, strict=True):
            self._write_block(block, after, in_foreach=in_foreach)

    def _write_block(self, block: Named, follower: str, *, in_foreach: bool) -> None:
        mark = f"['{block.name}', self.input, self.index]" if in_foreach else f"['{block.name}']"
        visit = f"self.v = self.v + {mark}"
        if block.kind == "step":
            self._write(block.name, visit, f"self.next(self.{follower})")
            return
        heads = [part[0].name for part in block.parts]
        if block.kind == "foreach":
            items = f"self.items = [{', '.join(str(10 * i) for i in range(block.width))}]"
            self._write(block.name, f"{visit}\n        {items}", f"self.next(self.{heads[0]}, foreach='items')")
        else:
            self._write(block.name, visit, f"self.next({', '.join('self.' + head for head in heads)})")
        join = f"{block.name}_join"
        for part in block.parts:
            self._write_sequence(part, join, in_foreach=in_foreach or block.kind == "foreach")
        gather = f"self.v = [[task.v for task in inputs], '{join}']"
        self._write(join, gather, f"self.next(self.{follower})", "self, inputs")

    def _write(self, name: str, body: str, last: str, arguments: str = "self") -> None:
        self._steps.append(f"    @step\n    def {name}({arguments}):\n        {body}\n        {last}\n")


def _run(blocks: tuple[Named, ...], value: list[Any], item: Item | None) -> list[Any]:
    """What `v` is behind a sequence of blocks."""
    for block in blocks:
        value = [*value, block.name] if item is None else [*value, block.name, item.value, item.index]
        if block.kind == "foreach":
            gathered = [_run(block.parts[0], value, Item(10 * index, index)) for index in range(block.width)]
            value = [gathered, f"{block.name}_join"]
        elif block.kind == "branch":
            value = [[_run(part, value, item) for part in block.parts], f"{block.name}_join"]
    return value
