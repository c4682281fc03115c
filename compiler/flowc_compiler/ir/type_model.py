"""Types as annotations say them: what is understood of them, and a type for all that is not.

Types are values: equal when they say the same, and hashable, so that answers about them can be kept.
The relations of standard classes come from the classes themselves, which are Python's and not of the user's code.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Literal, NamedTuple, cast

LiteralKind = Literal["int", "str", "bool", "bytes", "float"]

_LONGEST_VALUE = 40
"""Characters of a literal that a message shows."""


@dataclass(frozen=True, slots=True)
class UnknownType:
    """A type that is not understood, or not annotated, or `Any`: it goes with every other."""


@dataclass(frozen=True, slots=True)
class NeverType:
    """No value at all: the elements of an empty list, the result of a step that always raises."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Objects of a class of Python's standard library, or of a foreign package."""

    name: str
    """`int`, `None`, `datetime.date`, `pandas.DataFrame`."""
    args: tuple[Type, ...] = ()
    """The arguments in brackets, of standard classes only; none where none were written."""
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class LocalClass:
    """Objects of a class that the flow's own files define."""

    file: str
    """The absolute path."""
    name: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that an import binds, which is resolved when it has to be compared with another type."""

    target: str
    """What is imported, as a dotted path; a relative import begins with the folder that it starts from."""
    file: str = field(compare=False)
    """The file that has the import."""
    parts: tuple[str, ...] = field(compare=False)
    """The name as that file writes it."""


@dataclass(frozen=True, slots=True)
class TupleType:
    """A tuple of a known length."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class LiteralType:
    """One value that is known."""

    kind: LiteralKind
    value: int | str | bytes | float


@dataclass(frozen=True, slots=True)
class UnionType:
    """One of several types, and which one is not known."""

    members: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class SeveralTypes:
    """Types that all occur: of the items of a list that is written out, or of what the arms of an `if` assign."""

    members: tuple[Type, ...]


Type = UnknownType | NeverType | Instance | LocalClass | Reference | TupleType | LiteralType | UnionType | SeveralTypes

UNKNOWN = UnknownType()
NEVER = NeverType()


class Evident(NamedTuple):
    """What is known of a value without running anything."""

    type: Type = UNKNOWN
    exact: bool = False
    """Whether the value is of exactly that class: an annotation may be of a base class, or wrong."""
    fresh: bool = False
    """Whether the value was made where it is assigned, so that no other name can have changed what is in it."""


NOTHING = Evident()
"""A value of which nothing is known."""
NONE = Instance("None")
INT, STR, BYTES, BOOL = Instance("int"), Instance("str"), Instance("bytes"), Instance("bool")


def union_of(members: Iterable[Type]) -> Type:
    """Any one of the types: nested unions are flattened, equal members are named once."""
    return _joined(members, UnionType)


def several_of(members: Iterable[Type]) -> Type:
    """All of the types: equal members are named once."""
    return _joined(members, SeveralTypes)


def list_of(element: Type) -> Type:
    """`list[element]`."""
    return Instance("list", (element,))


def with_none(of: Type) -> Type:
    """`Optional[of]`; an unknown type stays unknown."""
    return of if isinstance(of, UnknownType) else union_of((of, NONE))


def describe(of: Type) -> str:
    """A type as an annotation would say it; a literal as its type."""
    match of:
        case UnknownType():
            return "Any"
        case NeverType():
            return "Never"
        case Instance(name=name, args=()):
            return name
        case Instance(name="tuple", args=(element, *_)):
            return f"tuple[{describe(element)}, ...]"
        case Instance(name=name, args=args):
            inner = ", ".join(map(describe, args))
            return f"{name.removeprefix('collections.abc.')}[{inner}]" if inner != "Never" else name
        case LocalClass(name=name):
            return name
        case Reference(parts=parts):
            return ".".join(parts)
        case TupleType(items=items):
            return f"tuple[{', '.join(map(describe, items)) or '()'}]"
        case LiteralType(kind=kind):
            return kind
        case UnionType(members=members) | SeveralTypes(members=members):
            return " | ".join(dict.fromkeys(describe(member) for member in members))


def describe_annotation(of: Type) -> str:
    """A type as an annotation would say it, values of `Literal` included."""
    match of:
        case LiteralType() | UnionType():
            members = of.members if isinstance(of, UnionType) else (of,)
            values = [repr(item.value) for item in members if isinstance(item, LiteralType)]
            others = [describe(item) for item in members if not isinstance(item, LiteralType)]
            return " | ".join([f"Literal[{', '.join(values)}]"] * bool(values) + others)
        case _:
            return describe(of)


def shown_value(of: Type) -> str | None:
    """The text of a known value, where it is short."""
    if of == NONE:
        return "None"
    text = repr(of.value) if isinstance(of, LiteralType) else ""
    return text if 0 < len(text) <= _LONGEST_VALUE else None


def members_of(of: Type) -> tuple[Type, ...]:
    """The members of a union, or the type itself."""
    return of.members if isinstance(of, UnionType | SeveralTypes) else (of,)


def _joined(members: Iterable[Type], kind: type[UnionType] | type[SeveralTypes]) -> Type:
    distinct = tuple(dict.fromkeys(_flat(members, kind)))
    if len(distinct) > 1:
        distinct = tuple(item for item in distinct if not isinstance(item, NeverType))
    if not distinct:
        return NEVER
    return distinct[0] if len(distinct) == 1 else kind(distinct)


def _flat(members: Iterable[Type], kind: type[UnionType] | type[SeveralTypes]) -> Iterator[Type]:
    for member in members:
        if isinstance(member, kind):
            yield from member.members
        else:
            yield member


_DEEPEST = 24
_MOST_DISTINCT = 50
"""Values of a list that are distinct types; of more than that, only the classes are."""


class PartsCounter:
    """Ends the look into a value of many parts: one that holds the same list twice, and so on, has 2^depth of them."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = 20_000

    def is_too_much(self, depth: int) -> bool:
        """Count a part; whether it is too deep, or one too many."""
        self._left -= 1
        return depth > _DEEPEST or self._left < 0


def type_of_value(value: object, depth: int = 0, parts: PartsCounter | None = None) -> Type:
    """The type of plain data. Of its own class exactly: an object of another class is unknown."""
    parts = parts or PartsCounter()
    if value is None:
        return NONE
    if type(value) in {int, str, bool, bytes, float}:
        kind = type(value).__name__
        return LiteralType(kind, cast("int | str | bytes | float", value))  # type: ignore[arg-type]
    if parts.is_too_much(depth):
        return UNKNOWN
    if type(value) is tuple:
        return TupleType(tuple(type_of_value(item, depth + 1, parts) for item in cast("tuple[object, ...]", value)))
    if type(value) is dict:
        entries = cast("dict[object, object]", value)
        return Instance("dict", (_all_of(entries, depth, parts), _all_of(entries.values(), depth, parts)))
    if type(value) in {list, set, frozenset, range}:
        items = () if isinstance(value, range) else (_all_of(cast("Iterable[object]", value), depth, parts),)
        return Instance(type(value).__name__, items)
    return UNKNOWN


def _all_of(values: Iterable[object], depth: int, parts: PartsCounter) -> Type:
    distinct: dict[Type, None] = {}
    named: set[type] = set()
    """Kinds of literals that count as their classes, since there are so many."""
    for value in values:
        if type(value) in named:
            continue
        of = type_of_value(value, depth + 1, parts)
        if len(distinct) > _MOST_DISTINCT and isinstance(of, LiteralType):
            named.add(type(value))
            of = Instance(of.kind)
        distinct.setdefault(of)
    return several_of(distinct)


MODULES = frozenset(
    {
        "array", "builtins", "collections", "collections.abc", "datetime", "decimal", "enum", "fractions",
        "ipaddress", "numbers", "os", "pathlib", "re", "string", "uuid",
    }
)  # fmt: skip
"""Modules of the standard library whose classes are distinct types. They run nothing when they are imported."""

TYPING = frozenset({"typing", "typing_extensions"})

FOREIGN = {
    "datasets.Dataset", "lightgbm.Booster", "numpy.ndarray", "pandas.DataFrame", "pandas.Index", "pandas.Series",
    "PIL.Image.Image", "polars.DataFrame", "polars.LazyFrame", "polars.Series", "pyarrow.Table",
    "pydantic.BaseModel", "pydantic_settings.BaseSettings", "sklearn.base.BaseEstimator",
    "sklearn.base.ClassifierMixin", "sklearn.base.ClusterMixin", "sklearn.base.OutlierMixin",
    "sklearn.base.RegressorMixin", "sklearn.base.TransformerMixin", "sklearn.pipeline.Pipeline", "torch.Tensor",
    "torch.nn.Module", "torch.utils.data.DataLoader", "torch.utils.data.Dataset", "transformers.PreTrainedModel",
    "xgboost.Booster", "xgboost.DMatrix",
}  # fmt: skip
"""Classes of other packages that share no object with Python's own: a DataFrame is no `int`, and a `str` no Tensor."""

SAME = {
    "numpy.typing.NDArray": "numpy.ndarray",
    "pandas.core.frame.DataFrame": "pandas.DataFrame",
    "pandas.core.series.Series": "pandas.Series",
    "pydantic.main.BaseModel": "pydantic.BaseModel",
}
"""Other paths to classes of FOREIGN."""

_TYPING_CLASSES = {
    "List": "list", "Dict": "dict", "Set": "set", "FrozenSet": "frozenset", "Tuple": "tuple", "Text": "str",
    "LiteralString": "str", "AbstractSet": "collections.abc.Set", "Deque": "collections.deque",
    "DefaultDict": "collections.defaultdict", "OrderedDict": "collections.OrderedDict",
    "Counter": "collections.Counter", "ChainMap": "collections.ChainMap", "Pattern": "re.Pattern",
    "Match": "re.Match",
}  # fmt: skip
ITERABLES = frozenset(
    {
        "list", "set", "frozenset", "tuple", "collections.deque", "collections.abc.Iterable",
        "collections.abc.Iterator", "collections.abc.Collection", "collections.abc.Container",
        "collections.abc.Reversible", "collections.abc.Sequence", "collections.abc.MutableSequence",
        "collections.abc.Set", "collections.abc.MutableSet", "collections.abc.Generator",
        "collections.abc.KeysView", "collections.abc.ValuesView",
    }
)  # fmt: skip
"""Classes whose first argument is the type of their items."""

MAPPINGS = frozenset(
    {
        "dict", "collections.abc.Mapping", "collections.abc.MutableMapping", "collections.defaultdict",
        "collections.OrderedDict", "collections.ChainMap",
    }
)  # fmt: skip
"""Classes whose arguments are the types of keys and values."""

_PROMOTIONS = {("int", "float"), ("int", "complex"), ("float", "complex"), ("bool", "float"), ("bool", "complex")}
"""What may stand for what by PEP 484, with no class in common."""


class Verdict(IntEnum):
    """Whether values of one type are accepted as another; the worse is the greater."""

    FITS = 0
    UNKNOWN = 1
    """It is unknown."""
    MAYBE = 2
    """Some values do, others do not: of a base class, or of one member of a union."""
    NO = 3


@cache
def standard_class(name: str) -> type | None:
    """The class of that name, such as `int` or `datetime.date`; `None` where there is none in MODULES."""
    if name == "None":
        return type(None)
    module, _, leaf = name.rpartition(".")
    if (module or "builtins") not in MODULES:
        return None
    found = getattr(importlib.import_module(module or "builtins"), leaf, None)
    return found if isinstance(found, type) else None


def builtin_class(name: str) -> type | None:
    """The builtin class of that name."""
    found = getattr(builtins, name, None)
    return standard_class(name) if isinstance(found, type) else None


@cache
def typing_class(name: str) -> str | None:
    """The class that a name of `typing` stands for, such as `list` for `List`."""
    if name in _TYPING_CLASSES:
        return _TYPING_CLASSES[name]
    abstract = f"collections.abc.{name}"
    return abstract if standard_class(abstract) is not None else None


def is_abstract(name: str) -> bool:
    """Whether a standard class is one that other classes may be instances of without saying so."""
    return name.startswith(("collections.abc.", "numbers.", "os."))


@cache
def relation(source: str, target: str) -> Verdict:
    """Whether objects of one standard class are objects of another; two standard names."""
    below, above = standard_class(source), standard_class(target)
    if below is None or above is None:
        return Verdict.UNKNOWN
    if issubclass(below, above) or (source, target) in _PROMOTIONS:
        return Verdict.FITS
    if is_abstract(source) and target == "collections.abc.Hashable":
        return Verdict.UNKNOWN
    if issubclass(above, below) or (is_abstract(source) and is_abstract(target)):
        return Verdict.MAYBE
    return Verdict.NO
