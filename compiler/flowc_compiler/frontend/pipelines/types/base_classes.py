"""Classes that the flow's own files define: what they build on, and what that says about their objects."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from flowc_compiler.frontend.pipelines.types.annotations import TypeReader
from flowc_compiler.frontend.pipelines.types.standard_classes import FOREIGN
from flowc_compiler.frontend.pipelines.types.type_model import Instance, LocalClass, TupleType, Type
from flowc_compiler.syntax.modules import FunctionNode, ModuleView

_MOST = 200
"""Classes that a class may build on."""
_NO_BASES = frozenset({"Generic", "Protocol", "TypedDict"})


@dataclass
class BaseClasses:
    """A class and all that it builds on."""

    classes: set[LocalClass] = field(default_factory=set[LocalClass])
    """Local classes, itself included."""
    instances: set[Instance] = field(default_factory=set[Instance])
    """Standard and foreign classes, without their arguments."""
    complete: bool = True
    """Whether nothing is missing."""
    protocol: bool = False
    """Whether it is a protocol, which classes follow without saying so."""
    typed_dict: bool = False
    """Whether its objects are plain dicts."""
    methods: set[str] = field(default_factory=set[str])
    """Names of the methods of the local ones."""

    @property
    def closed(self) -> bool:
        """Whether all that it builds on is known for what it is not, too."""
        return self.complete and all(not item.foreign or item.name in FOREIGN for item in self.instances)


class BaseClassTable:
    """What local classes build on, each looked up once."""

    def __init__(self, reader: TypeReader) -> None:
        self._reader = reader
        self._found: dict[LocalClass, BaseClasses] = {}

    def of(self, start: LocalClass) -> BaseClasses:
        """The lineage of a class."""
        if start not in self._found:
            self._found[start] = self._walk(start)
        return self._found[start]

    def _walk(self, start: LocalClass) -> BaseClasses:
        found = BaseClasses()
        pending = [start]
        while pending:
            current = pending.pop()
            if current in found.classes:
                continue
            found.classes.add(current)
            definition = self._reader.class_definition(current)
            if definition is None or len(found.classes) > _MOST:
                found.complete = False
                continue
            view, node = definition
            found.methods.update(item.name for item in node.body if isinstance(item, FunctionNode))
            for base in node.bases:
                self._base(view, base, found, pending, direct=current == start)
        return found

    def _base(
        self, view: ModuleView, base: ast.expr, found: BaseClasses, pending: list[LocalClass], *, direct: bool
    ) -> None:
        text = view.code(base)
        special = self._reader.special(view, text)
        if special == "NamedTuple":
            found.instances.add(Instance("tuple"))
        elif special in _NO_BASES:
            found.protocol |= special == "Protocol" and direct
            found.typed_dict |= special == "TypedDict"
        else:
            self._add(self._reader.resolve(self._reader.expression(view, text)), found, pending)

    def _add(self, base: Type, found: BaseClasses, pending: list[LocalClass]) -> None:
        match base:
            case LocalClass():
                pending.append(base)
            case Instance(name=name, foreign=foreign):
                found.instances.add(Instance(name, foreign=foreign))
            case TupleType():
                found.instances.add(Instance("tuple"))
            case _:
                found.complete = False
