"""Random flows that compute something, and a reference that computes the same without any engine.

Every step appends its name to the artifact `v`, with the item and the index of the foreach around it; a join gathers
the `v` of its inputs. What the end step holds tells of every task and of every edge of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.flowgen.blocks import Named, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.flowgen.blocks import Block


@dataclass(frozen=True)
class Item:
    """The innermost foreach around a task: its item and index."""

    value: int
    index: int


class Program:
    """One random flow: `source` is the file, `expected` is `v` of the end step.

    `closes` (join to opener) and `depths` (step to the length of its index) are what the passes must find.
    """

    def __init__(self, blocks: Sequence[Block], name: str = "RandomFlow") -> None:
        self._steps: list[str] = []
        self.closes: dict[str, str] = {}
        self.depths: dict[str, int] = {}
        body = named(blocks)
        first = body[0].name if body else "end"
        self._write("start", 0, "self.v = ['start']", f"self.next(self.{first})")
        self._write_sequence(body, "end", 0)
        self._write("end", 0, "self.v = self.v + ['end']", "")
        self.source = f"from flowc import FlowSpec, step\n\n\nclass {name}(FlowSpec):\n" + "\n".join(self._steps)
        self.expected = [*_run(body, ["start"], None), "end"]

    def _write_sequence(self, blocks: Sequence[Named], follower: str, depth: int) -> None:
        followers = [*(block.name for block in blocks[1:]), follower][: len(blocks)]
        for block, after in zip(blocks, followers, strict=True):
            self._write_block(block, after, depth)

    def _write_block(self, block: Named, follower: str, depth: int) -> None:
        mark = f"['{block.name}', self.input, self.index]" if depth else f"['{block.name}']"
        visit = f"self.v = self.v + {mark}"
        heads = [part[0].name if part else follower for part in block.parts]
        match block.kind:
            case "foreach":
                visit += f"\n        self.items = [{', '.join(str(10 * i) for i in range(block.width))}]"
                leads = f"self.next(self.{heads[0]}, foreach='items')"
            case "branch":
                leads = f"self.next({', '.join('self.' + head for head in heads)})"
            case "switch":
                visit += f"\n        self.choice = (self.index or 0) % {len(heads)}"
                cases = ", ".join(f"{number}: self.{head}" for number, head in enumerate(heads))
                leads = f"self.next({{{cases}}}, condition='choice')"
            case "loop":
                visit += f"\n        self.again = self.v.count('{block.name}') <= {block.width}"
                leads = f"self.next({{True: self.{block.name}, False: self.{follower}}}, condition='again')"
            case _:
                leads = f"self.next(self.{follower})"
        self._write(block.name, depth + (block.kind == "loop"), visit, leads)
        after = block.join if block.joined else follower
        for part in block.parts:
            self._write_sequence(part, after, depth + (block.kind == "foreach"))
        if block.joined:
            self.closes[block.join] = block.name
            gather = f"self.v = [[task.v for task in inputs], '{block.join}']"
            self._write(block.join, depth, gather, f"self.next(self.{follower})", "self, inputs")

    def _write(self, name: str, depth: int, body: str, last: str, arguments: str = "self") -> None:
        self.depths[name] = depth
        self._steps.append(f"    @step\n    def {name}({arguments}):\n        {body}\n        {last}\n")


def _run(blocks: Sequence[Named], value: list[Any], item: Item | None) -> list[Any]:
    """What `v` is behind a sequence of blocks."""
    for block in blocks:
        mark = [block.name] if item is None else [block.name, item.value, item.index]
        value = value + mark * (block.width + 1 if block.kind == "loop" else 1)
        if block.kind == "foreach":
            gathered = [_run(block.parts[0], value, Item(10 * index, index)) for index in range(block.width)]
            value = [gathered, block.join]
        elif block.kind == "branch":
            value = [[_run(part, value, item) for part in block.parts], block.join]
        elif block.kind == "switch":
            chosen = (item.index if item is not None else 0) % len(block.parts)
            value = _run(block.parts[chosen], value, item)
    return value
