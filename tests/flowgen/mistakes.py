"""Random flows with one mistake in each, at a known line: what `check` must find there, and the run fails of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.flowgen.blocks import Block, Named, named
from tests.flowgen.plain import Program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLANTED = "  # planted"
_STEP = (Block("step"),)
_NEEDED = {
    "branch": Block("branch", (_STEP, _STEP)),
    "foreach": Block("foreach", (_STEP,), 2),
    "switch": Block("switch", ((), _STEP)),
}


class Mistake(NamedTuple):
    """A kind of mistake."""

    code: str
    needs: str = ""
    """The kind of block that it is made in; none for any step."""


MISTAKES = {
    "foreach": Mistake("FC317", "foreach"),
    "typo": Mistake("FC317"),
    "input": Mistake("FC317", "branch"),
    "item": Mistake("FC317", "foreach"),
    "arm": Mistake("FC317", "branch"),
    "lost": Mistake("FC318", "branch"),
    "lost item": Mistake("FC318", "foreach"),
    "conflict": Mistake("FC320", "branch"),
    "switch": Mistake("FC319", "switch"),
    "no input": Mistake("FC226", "branch"),
    "parameter": Mistake("FC321"),
    "return": Mistake("FC227"),
    "self.inputs": Mistake("FC317"),
    "deleted": Mistake("FC317"),
}
"""By name: those of issue trackers, some in two forms."""


class Planted(Program):
    """A random flow with a mistake of one kind; `choice` says which of the places for it."""

    def __init__(self, blocks: Sequence[Block], kind: str, choice: int) -> None:
        needs = MISTAKES[kind].needs
        blocks = (*blocks, _NEEDED[needs], *_STEP) if needs else tuple(blocks)
        self._kind = kind
        self._lines: dict[str, list[str]] = {}
        self._instead: dict[str, tuple[str, str]] = {}
        body = named(blocks)
        every = [*_all(body)]
        places = [block for block in every if block.kind == needs and _usable(block, kind, body)] if needs else every
        self.step = self._plant(kind, places[choice % len(places)], body)
        """The step with the mistake."""
        super().__init__(blocks)
        self.source = self.source.replace("import FlowSpec, step", "import FlowSpec, Parameter, step").replace(
            "(FlowSpec):\n", '(FlowSpec):\n    rate = Parameter("rate", default=1)\n\n', 1
        )
        lines = self.source.splitlines()
        (self.line,) = [number for number, line in enumerate(lines, 1) if line.endswith(PLANTED)]

    def _plant(self, kind: str, at: Named, body: Sequence[Named]) -> str:
        """Say what stands where. Returns the step with the mistake."""
        step, name = at.name, f"of_{at.name}"
        match kind:
            case "foreach":
                self._instead[step] = ("foreach='items')", f"foreach='item'){PLANTED}")
            case "typo":
                self._lines[step] = [f"self.{name} = self.vv{PLANTED}"]
            case "deleted":
                self._lines[step] = [f"self.{name} = 1", f"del self.{name}", f"print(self.{name}){PLANTED}"]
            case "self.inputs":
                self._lines[step] = [f"print(self.inputs){PLANTED}"]
            case "parameter":
                self._lines[step] = [f"self.rate = 2{PLANTED}"]
            case "return":
                self._lines[step] = ["if self.v:", f"    return{PLANTED}"]
            case "input" | "item":
                step = at.join
                self._lines[step] = [f"print([task.{name} for task in inputs]){PLANTED}"]
            case "no input":
                step = at.join
                self._lines[step] = [f"print(inputs.{at.name}){PLANTED}"]
            case "arm":
                self._lines[at.parts[0][0].name] = [f"self.{name} = 1"]
                step = at.parts[1][0].name
                self._lines[step] = [f"print(self.{name}){PLANTED}"]
            case "lost" | "lost item":
                self._lines[at.parts[0][0].name] = [f"self.{name} = self.v"]
                step = "end"
                self._lines[step] = [f"print(self.{name}){PLANTED}"]
            case "conflict":
                for number, part in enumerate(at.parts):
                    self._lines[_end(part)] = [f"self.{name} = {number}"]
                step = at.join
                self._lines[step] = [f"self.merge_artifacts(inputs, include=['{name}']){PLANTED}"]
            case _:  # at the root, the switch takes its first arm
                self._lines[_end(at.parts[1])] = [f"self.{name} = 1"]
                step = body[body.index(at) + 1].name
                self._lines[step] = [f"print(self.{name}){PLANTED}"]
        return step

    def _write(self, name: str, depth: int, body: str, last: str, arguments: str = "self") -> None:
        old, new = self._instead.get(name, ("", ""))
        lines = "".join(f"\n        {line}" for line in self._lines.get(name, ()))
        super()._write(name, depth, body + lines, last.replace(old, new) if old else last, arguments)


def _all(blocks: Sequence[Named]) -> Iterator[Named]:
    for block in blocks:
        yield block
        for part in block.parts:
            yield from _all(part)


def _end(part: Sequence[Named]) -> str:
    """A step of the last block of an arm, behind every join in it."""
    return part[-1].join if part[-1].joined else part[-1].name


def _usable(block: Named, kind: str, body: Sequence[Named]) -> bool:
    """Whether a mistake of a kind can be made at a block, and is certain there."""
    if kind == "conflict":
        return all(part[-1].kind in {"step", "branch", "foreach"} for part in block.parts)
    if kind == "switch":
        return block in body[:-1] and len(block.parts) > 1 and bool(block.parts[1]) and not block.parts[0]
    return True
