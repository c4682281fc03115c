"""Random flows for property tests: compositions of steps, branches and foreaches, as source text."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st


@dataclass(frozen=True)
class Block:
    """A piece of a flow: a `step`, a `branch` of arms or a `foreach` over a body; arms and bodies are sequences."""

    kind: str
    parts: tuple[tuple[Block, ...], ...] = ()


def _sequences(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[tuple[Block, ...]]:
    return st.lists(blocks, min_size=1, max_size=3).map(tuple)


def _compound(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    arms = st.lists(_sequences(blocks), min_size=2, max_size=3).map(lambda parts: Block("branch", tuple(parts)))
    bodies = _sequences(blocks).map(lambda body: Block("foreach", (body,)))
    return st.one_of(arms, bodies)


BLOCKS = st.recursive(st.just(Block("step")), _compound, max_leaves=12)
FLOWS = st.lists(BLOCKS, max_size=4).map(tuple)
"""The blocks between start and end."""


@dataclass
class Writer:
    """Writes the blocks as a class flow. What it knows of the structure is what tests compare the compiler with."""

    steps: list[str] = field(default_factory=list[str])
    closes: dict[str, str] = field(default_factory=dict[str, str])
    depths: dict[str, int] = field(default_factory=dict[str, int])
    count: int = 0

    def flow(self, blocks: tuple[Block, ...]) -> str:
        """The source of a whole flow."""
        first = self._sequence(blocks, "end", 0)
        self._step("start", f"self.next(self.{first})", 0)
        self._step("end", "pass", 0)
        return "from flowc import FlowSpec, step\n\n\nclass Random(FlowSpec):\n" + "\n".join(self.steps)

    def _sequence(self, blocks: tuple[Block, ...], follower: str, depth: int) -> str:
        for block in reversed(blocks):
            follower = self._block(block, follower, depth)
        return follower

    def _block(self, block: Block, follower: str, depth: int) -> str:
        name = self._name()
        if block.kind == "step":
            self._step(name, f"self.next(self.{follower})", depth)
            return name
        join = self._name()
        self.closes[join] = name
        self._step(join, f"self.next(self.{follower})", depth, "self, inputs")
        inner = depth + (block.kind == "foreach")
        heads: list[str] = []
        for part in block.parts:
            heads.append(self._sequence(part, join, inner))
        if block.kind == "foreach":
            self._step(name, f"self.items = [1, 2]\n        self.next(self.{heads[0]}, foreach='items')", depth)
        else:
            self._step(name, f"self.next({', '.join('self.' + head for head in heads)})", depth)
        return name

    def _name(self) -> str:
        self.count += 1
        return f"s{self.count}"

    def _step(self, name: str, body: str, depth: int, arguments: str = "self") -> None:
        self.depths[name] = depth
        self.steps.append(f"    @step\n    def {name}({arguments}):\n        {body}\n")
