"""The graph while it grows: names of nodes, the region that calls go to, and what depends on what."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

from flowc_compiler.frontend.pipelines.graph import MapCall, Node, Region, StepCall, SwitchCall
from flowc_compiler.ir.values import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    OperationValue,
    OutputValue,
    Value,
)


class Nodes:
    """The nodes of a pipeline, and the regions that are open."""

    def __init__(self) -> None:
        self.root = Region()
        self._open: list[Region] = [self.root]
        self._regions: dict[str, Region] = {}
        """Name of a node to the region that it stands in."""
        self._owners: dict[Region, Node] = {}
        """Region to the map or switch that it belongs to."""
        self._names: dict[str, Node | None] = {}
        """Names that are taken."""
        self._numbers: dict[str, int] = {}
        """The number that may be free of names made of a base."""

    def __len__(self) -> int:
        return len(self._names)

    @property
    def current(self) -> Region:
        """The region that calls go to."""
        return self._open[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all nodes that are steps of the user's."""
        return tuple(name for name, node in self._names.items() if isinstance(node, StepCall))

    def is_taken(self, name: str) -> bool:
        """Whether a node has that name."""
        return name in self._names

    def free(self, base: str) -> str:
        """A name for a node: `base`, or as in ZenML `base_2`, `base_3`, ..."""
        if base not in self._names:
            return base
        number = self._numbers.get(base, 2)
        while f"{base}_{number}" in self._names:
            number += 1
        self._numbers[base] = number  # no name is given back: the search goes on from here
        return f"{base}_{number}"

    def reserve(self, base: str) -> str:
        """A free name, taken for a node that is made later."""
        name = self.free(base)
        self._names[name] = None
        return name

    def numbered(self, base: str) -> str:
        """A free name `base_1`, `base_2`, ..., taken for a node that is made later."""
        number = 1
        while f"{base}_{number}" in self._names:
            number += 1
        return self.reserve(f"{base}_{number}")

    def own(self, region: Region, node: Node) -> None:
        """Say which node a region belongs to."""
        self._owners[region] = node

    def add(self, node: Node) -> None:
        """Put a node into the current region."""
        self._names[node.name] = node
        self._regions[node.name] = self.current
        self.current.nodes.append(node)
        for region in _regions_of(node):
            self._owners[region] = node

    def get(self, name: str) -> Node | None:
        """The node of that name, if there is one."""
        return self._names.get(name)

    @contextmanager
    def inside(self, region: Region) -> Generator[None]:
        """Let calls go to a region."""
        self._open.append(region)
        try:
            yield
        finally:
            self._open.pop()

    def path(self) -> tuple[Region, ...]:
        """The regions that are open, outermost first."""
        return tuple(self._open)

    def anchor(self, name: str, path: tuple[Region, ...] | None = None) -> str | None:
        """The node to wait for, as seen from a region: the node itself, or the map or switch that it is part of.

        `None` for a map or switch that the reader itself stands in: it waits for that anyway.
        """
        seen_from = set(path if path is not None else self._open)
        node: str | None = name
        while node is not None:
            region = self._regions.get(node)
            if region is None or region in seen_from:
                break
            owner = self._owners.get(region)
            node = owner.name if owner is not None else None
        if node is not None and any(owner is self._names[node] for owner in map(self._owners.get, seen_from)):
            return None
        return node

    def depends(self, names: Iterable[str], on: Node) -> bool:
        """Whether any of these nodes needs `on`, directly or by way of others of its region."""
        region = self._regions[on.name]
        path = (region,)
        pending, seen = [self._sibling(name, path) for name in names], set[str]()
        while pending:
            name = pending.pop()
            if name == on.name:
                return True
            if name is None or name in seen:
                continue
            seen.add(name)
            node = self._names[name]
            if node is not None:
                pending.extend(self._sibling(other, path) for other in needs(node))
        return False

    def _sibling(self, name: str, path: tuple[Region, ...]) -> str | None:
        """The node of a region that a node is or is part of."""
        node: str | None = name
        while node is not None and self._regions.get(node) not in path:
            region = self._regions.get(node)
            owner = self._owners.get(region) if region is not None else None
            node = owner.name if owner is not None else None
        return node


def _regions_of(node: Node) -> tuple[Region, ...]:
    match node:
        case StepCall():
            return ()
        case MapCall(body=body):
            return (body,)
        case SwitchCall(arms=arms):
            return arms


def needs(node: Node) -> Iterator[str]:
    """The names of nodes that a node refers to, those inside of it included."""
    yield from node.after
    match node:
        case StepCall(call=call):
            for argument in call.arguments:
                yield from references(argument.value)
        case MapCall(sources=values) | SwitchCall(tests=values):
            for value in values:
                yield from references(value)
    for region in _regions_of(node):
        for inner in region.nodes:
            yield from needs(inner)


def references(value: Value) -> Iterator[str]:
    """The names of the nodes that a value comes from."""
    match value:
        case OutputValue(step=step):
            yield step
        case ElementValue(value=inner):
            yield from references(inner)
        case CollectionValue(values=values):
            for inner in values:
                yield from references(inner)
        case EachValue(opener=opener, value=inner):
            yield opener
            yield from references(inner)
        case ChosenValue(switch=switch, values=values):
            yield switch
            for inner in values:
                yield from references(inner)
        case OperationValue(operands=operands):
            for inner in operands:
                yield from references(inner)
        case _:
            pass
