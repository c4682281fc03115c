"""Whether values of one type are accepted as another.

The answer is NO only when it is certain. Containers are looked through: a list that goes from step to step is a copy,
so that a `list[int]` is accepted as a `list[float]`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable as _Iterable
from dataclasses import dataclass, field

from flowc.protocol.conversions import conversion_of_class
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.ir.type_model import (
    FOREIGN,
    INT,
    ITERABLES,
    MAPPINGS,
    NEVER,
    STR,
    UNKNOWN,
    Instance,
    LiteralType,
    LocalClass,
    NeverType,
    Reference,
    SeveralTypes,
    TupleType,
    Type,
    UnionType,
    UnknownType,
    Verdict,
    is_abstract,
    relation,
    several_of,
    standard_class,
    type_of_value,
    union_of,
)
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


_COUNTER = "collections.Counter"
_ITEMS: dict[str, Type] = {"str": STR, "bytes": INT, "bytearray": INT, "memoryview": INT, "range": INT}
"""What iterating over objects of a class gives, where that is not their argument."""


class Assignability:
    """Answers about pairs of types, each worked out once."""

    def __init__(self, reader: TypeReader) -> None:
        self._reader = reader
        self._lineages = BaseClassTable(reader)
        self._verdicts: dict[tuple[Type, Type], Verdict] = {}

    def verdict(self, source: Type, target: Type) -> Verdict:
        """Whether a value of type `source` is accepted as `target`."""
        if source == target:
            return Verdict.FITS
        if isinstance(source, LiteralType) and isinstance(target, Instance):
            return self._literal(source, target)  # values are many, and their classes few
        if isinstance(source, SeveralTypes):
            return max(self.verdict(member, target) for member in source.members)
        key = (source, target)
        if key not in self._verdicts:
            self._verdicts[key] = Verdict.UNKNOWN  # of types that contain themselves
            self._verdicts[key] = self._compare(self._known(source), self._known(target))
        return self._verdicts[key]

    def element(self, of: Type) -> tuple[Verdict, Type]:
        """Whether a value can be iterated over, and what that gives."""
        of = self._known(of)
        match of:
            case NeverType():
                return Verdict.FITS, NEVER
            case UnionType(members=members):
                found = [self.element(member) for member in members]
                return _any_of([item[0] for item in found]), union_of(_iterable(found))
            case SeveralTypes(members=members):
                found = [self.element(member) for member in members]
                return max(item[0] for item in found), several_of(_iterable(found))
            case TupleType(items=items):
                return Verdict.FITS, several_of(items)
            case LiteralType(kind=kind):
                return self.element(Instance(kind))
            case LocalClass():
                return self._element_of_local(of), UNKNOWN
            case Instance(foreign=False):
                return _element_of_standard(of)
            case _:
                return Verdict.UNKNOWN, UNKNOWN

    def mapped(self, of: Type) -> Verdict:
        """Whether a value has items to map over: as for `for`, but for what would give keys, characters or columns."""
        known = self._known(of)
        if isinstance(known, UnionType):
            return _any_of([self.mapped(member) for member in known.members])
        if isinstance(known, SeveralTypes):
            return max(self.mapped(member) for member in known.members)
        return self.element(known)[0] if self.conversion(known) is None else Verdict.NO

    def conversion(self, of: Type) -> str | None:
        """What to write for a list of a value of a type that is iterable and nothing to map over; else `None`."""
        known = self._known(of)
        if isinstance(known, LiteralType):
            return conversion_of_class([known.kind])
        classes = self._lineages.of(known).instances if isinstance(known, LocalClass) else {known}
        names = sorted(item.name for item in classes if isinstance(item, Instance))
        mappings = (name for name in names if relation(name, "collections.abc.Mapping") is Verdict.FITS)
        return conversion_of_class([*("Mapping" for _ in mappings), *names])

    def entry(self, of: Type, key: str | int) -> tuple[Verdict, Type]:
        """Whether `value[key]` is there, and its type."""
        of = self._known(of)
        match of:
            case UnionType(members=members):
                found = [self.entry(member, key) for member in members]
                return _any_of([item[0] for item in found]), union_of(_iterable(found))
            case SeveralTypes(members=members):
                found = [self.entry(member, key) for member in members]
                return max(item[0] for item in found), several_of(_iterable(found))
            case TupleType(items=items):
                if not isinstance(key, int) or not -len(items) <= key < len(items):
                    return Verdict.NO, UNKNOWN
                return Verdict.FITS, items[key]
            case LiteralType(kind=kind):
                return self.entry(Instance(kind), key)
            case LocalClass():
                missing = self._lacks(of, {"__getitem__", "__class_getitem__"})
                return (Verdict.NO if missing else Verdict.UNKNOWN), UNKNOWN
            case Instance(name=name, args=[keys, found], foreign=False) if name in MAPPINGS:
                wrong = self.verdict(type_of_value(key), keys) is Verdict.NO
                return (Verdict.NO if wrong else Verdict.FITS), found
            case Instance(foreign=False):
                return _entry_of_standard(of, key)
            case _:
                return Verdict.UNKNOWN, UNKNOWN

    def tuple_items(self, of: Type, count: int) -> tuple[Type, ...]:
        """The types of the items of what is taken for a tuple of that length."""
        of = self._known(of)
        if isinstance(of, TupleType) and len(of.items) == count:
            return of.items
        if isinstance(of, Instance) and of.name == "tuple" and of.args:
            return of.args[:1] * count
        return (UNKNOWN,) * count

    def _known(self, of: Type) -> Type:
        """A type with references looked up, and dicts with named entries as the dicts that they are."""
        if isinstance(of, Reference):
            of = self._reader.resolve(of)
        if isinstance(of, LocalClass) and self._lineages.of(of).typed_dict:
            return Instance("dict", (STR, UNKNOWN))
        return of

    def _compare(self, source: Type, target: Type) -> Verdict:
        match source, target:
            case (NeverType(), _) | (_, Instance(name="object", foreign=False)):
                return Verdict.FITS
            case (UnknownType(), _) | (_, UnknownType()):
                return Verdict.UNKNOWN
            case UnionType(members=members), _:
                return _any_of([self.verdict(member, target) for member in members])
            case _, UnionType(members=members) | SeveralTypes(members=members):
                return min(self.verdict(source, member) for member in members)
            case LiteralType(), LiteralType():
                return Verdict.FITS if source == target else Verdict.NO
            case _, LiteralType(kind=kind):
                found = self.verdict(source, Instance(kind))
                return Verdict.MAYBE if found is Verdict.FITS else found
            case LiteralType(), _:
                return self._literal(source, target)
            case _, NeverType():
                return Verdict.UNKNOWN
            case _:
                return self._classes(source, target)

    def _literal(self, source: LiteralType, target: Type) -> Verdict:
        """A known value: of its class, and of no class that is derived from it. 0 and 1 do for a `bool`."""
        if target == Instance("bool") and source.kind == "int":
            return Verdict.MAYBE if source.value in {0, 1} else Verdict.NO
        found = self.verdict(Instance(source.kind), target)
        return Verdict.NO if found is Verdict.MAYBE else found

    def _classes(self, source: Type, target: Type) -> Verdict:
        match source, target:
            case TupleType(items=items), TupleType(items=wanted):
                if len(items) != len(wanted):
                    return Verdict.NO
                return max((self.verdict(*pair) for pair in zip(items, wanted, strict=True)), default=Verdict.FITS)
            case TupleType(items=items), _:
                return self._classes(Instance("tuple", (several_of(items),)), target)
            case Instance(name="tuple", args=args), TupleType(items=wanted):
                each = [self.verdict(item, other) for item in args[:1] or (UNKNOWN,) for other in wanted]
                return max(each, default=Verdict.UNKNOWN) or Verdict.MAYBE  # its length is not known
            case _, TupleType():
                found = self._classes(source, Instance("tuple"))
                return Verdict.UNKNOWN if found is Verdict.FITS else found
            case LocalClass(), LocalClass():
                return self._locals(source, target)
            case LocalClass(), Instance():
                return self._local_to(source, target)
            case Instance(), LocalClass():
                return self._to_local(source, target)
            case Instance(), Instance():
                return self._instances(source, target)
            case _:
                return Verdict.UNKNOWN

    def _instances(self, source: Instance, target: Instance) -> Verdict:
        if source.foreign or target.foreign:
            return _with_foreign(source, target)
        found = relation(source.name, target.name)
        if found is Verdict.NO:
            return found
        wanted = _view(target, target.name)
        given = _view(source, target.name)
        if wanted is None or given is None or len(wanted) != len(given):
            return found
        return max(found, *(self.verdict(*pair) for pair in zip(given, wanted, strict=True)))

    def _locals(self, source: LocalClass, target: LocalClass) -> Verdict:
        above, below = self._lineages.of(source), self._lineages.of(target)
        if target in above.classes:
            return Verdict.FITS
        if below.protocol or not above.complete:
            return Verdict.UNKNOWN
        if source in below.classes:
            return Verdict.MAYBE
        return Verdict.NO if above.closed else Verdict.UNKNOWN

    def _local_to(self, source: LocalClass, target: Instance) -> Verdict:
        above = self._lineages.of(source)
        if target.foreign:
            if Instance(target.name, foreign=True) in above.instances:
                return Verdict.FITS
            return Verdict.NO if target.name in FOREIGN and above.closed and not above.instances else Verdict.UNKNOWN
        found = [relation(item.name, target.name) for item in above.instances if not item.foreign]
        if Verdict.FITS in found:
            return Verdict.FITS
        return Verdict.NO if above.closed and not is_abstract(target.name) else Verdict.UNKNOWN

    def _to_local(self, source: Instance, target: LocalClass) -> Verdict:
        below = self._lineages.of(target)
        if source.foreign or below.protocol or is_abstract(source.name):
            return Verdict.UNKNOWN
        above = ["object", *(item.name for item in below.instances if not item.foreign)]
        if any(relation(name, source.name) is Verdict.FITS for name in above):
            return Verdict.MAYBE
        return Verdict.NO if below.closed else Verdict.UNKNOWN

    def _element_of_local(self, of: LocalClass) -> Verdict:
        return Verdict.NO if self._lacks(of, {"__iter__", "__getitem__"}) else Verdict.UNKNOWN

    def _lacks(self, of: LocalClass, methods: set[str]) -> bool:
        """Whether objects of a local class surely have none of these methods."""
        found = self._lineages.of(of)
        above = [standard_class(item.name) for item in found.instances]
        names = {name for item in above if item is not None for base in item.__mro__ for name in vars(base)}
        return found.complete and None not in above and not found.protocol and not (found.methods | names) & methods


def _any_of(verdicts: list[Verdict]) -> Verdict:
    """For a value that is of one of several types: it is certain only when all agree."""
    worst = max(verdicts)
    return worst if worst < Verdict.MAYBE or min(verdicts) is Verdict.NO else Verdict.MAYBE


def _iterable(found: list[tuple[Verdict, Type]]) -> list[Type]:
    return [of for verdict, of in found if verdict is not Verdict.NO]


def _with_foreign(source: Instance, target: Instance) -> Verdict:
    """Of classes in other packages little is known; see FOREIGN."""
    if source.name == target.name:
        return Verdict.FITS
    own, other = (target, source) if source.foreign else (source, target)
    if own.foreign or other.name not in FOREIGN or is_abstract(own.name) or own.name == "object":
        return Verdict.UNKNOWN
    return Verdict.NO


def _view(of: Instance, target: str) -> tuple[Type, ...] | None:
    """The arguments of a class as those of another that it is derived from; `None` where they are not known."""
    if target in MAPPINGS:
        if of.name == _COUNTER and len(of.args) == 1:
            return (of.args[0], INT)
        return of.args if of.name in MAPPINGS and len(of.args) == 2 else None
    if target in ITERABLES:
        verdict, item = _element_of_standard(of)
        return (item,) if verdict is Verdict.FITS else None
    return of.args if of.name == target and of.args else None


def _element_of_standard(of: Instance) -> tuple[Verdict, Type]:
    if of.name in _ITEMS:
        return Verdict.FITS, _ITEMS[of.name]
    if of.name in ITERABLES or of.name in MAPPINGS or of.name == _COUNTER:
        return Verdict.FITS, of.args[0] if of.args else UNKNOWN
    found = standard_class(of.name)
    if found is None or found is object or issubclass(found, _Iterable):
        return Verdict.UNKNOWN, UNKNOWN
    return (Verdict.UNKNOWN if is_abstract(of.name) else Verdict.NO), UNKNOWN


def _entry_of_standard(of: Instance, key: str | int) -> tuple[Verdict, Type]:
    if of.name == "str":
        return (Verdict.FITS if isinstance(key, int) else Verdict.NO), STR
    if of.name in {"list", "tuple", "collections.abc.Sequence", "collections.abc.MutableSequence", "collections.deque"}:
        return (Verdict.FITS if isinstance(key, int) else Verdict.NO), of.args[0] if of.args else UNKNOWN
    found = standard_class(of.name)
    known = found is not None and found is not object and not is_abstract(of.name)
    return (Verdict.NO if known and not hasattr(found, "__getitem__") else Verdict.UNKNOWN), UNKNOWN
