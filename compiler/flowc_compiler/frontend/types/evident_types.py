"""What values of Python's own classes can do, and what well-known functions return.

What an operation on two builtin classes gives, or that it fails, is asked of Python itself, with a value of each: it
depends on the classes alone. Of all else nothing is certain.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from flowc_compiler.ir.type_model import (
    BOOL,
    BYTES,
    INT,
    NEVER,
    NOTHING,
    STR,
    UNKNOWN,
    Evident,
    Instance,
    LiteralType,
    NeverType,
    TupleType,
    Type,
    UnionType,
    members_of,
    several_of,
    standard_class,
    union_of,
    with_none,
)

FLOAT = Instance("float")
FUNCTION = Instance("function")
"""A function that is named and not called."""
_STRINGS = Instance("list", (STR,))
_LISTED = 6
"""Members of a union of what several paths set; beyond that, nothing is known."""


def exactly(of: Type) -> Evident:
    """A value that is certainly of a type."""
    return Evident(of, exact=True)


def merged(one: Evident, other: Evident) -> Evident:
    """A value that is one or the other."""
    if one == other:
        return one
    if UNKNOWN in (one.type, other.type):
        return NOTHING
    found = union_of((one.type, other.type))
    if isinstance(found, UnionType) and len(found.members) > _LISTED:
        found = union_of(map(class_of, found.members))
        if isinstance(found, UnionType) and len(found.members) > _LISTED:
            return NOTHING
    return Evident(found, one.exact and other.exact, one.fresh and other.fresh)


def class_of(of: Type) -> Type:
    """A type without its known value."""
    return Instance(of.kind) if isinstance(of, LiteralType) else of


def class_name(of: Type) -> str:
    """The name of the builtin class of a value; empty where it is no class of its own."""
    match of:
        case LiteralType(kind=kind):
            return kind
        case TupleType():
            return "tuple"
        case Instance(name=name, foreign=False):
            return name
        case _:
            return ""


_SAMPLES: Mapping[str, Callable[[], Any]] = {
    "int": lambda: 1, "float": lambda: 1.5, "bool": lambda: True, "str": lambda: "a", "bytes": lambda: b"a",
    "list": lambda: [1], "tuple": lambda: (1,), "dict": lambda: {1: 1}, "set": lambda: {1}, "None": lambda: None,
    "frozenset": lambda: frozenset({1}), "range": lambda: range(1),
}  # fmt: skip
_OPERATORS: Mapping[str, str] = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "|": "or_", "&": "and_",
    "^": "xor", "<": "lt", "<=": "le", ">": "gt", ">=": "ge",
}  # fmt: skip
_SYMBOLS: Mapping[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.BitOr: "|",
    ast.BitAnd: "&", ast.BitXor: "^", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_COLLECTIONS = frozenset({"list", "tuple", "set", "frozenset", "range", "str", "bytes"})
_FAILS = "fails"


def symbol(of: ast.AST) -> str:
    """An operator as it is written; empty for one that is not known."""
    return _SYMBOLS.get(type(of), "")


@cache
def _tried(left: str, word: str, right: str, *, in_place: bool = False) -> str:
    """The class of what an operation on values of two classes gives, or that it fails; empty where it depends."""
    if left not in _SAMPLES or right not in _SAMPLES or word not in _OPERATORS:
        return ""
    if word == "%" and left in {"str", "bytes"}:
        return left
    if in_place and left == "dict" and word == "|" and right in _COLLECTIONS:
        return left  # of pairs, as `dict.update` takes them
    try:
        found: object = getattr(operator, f"i{_OPERATORS[word].strip('_')}" if in_place else _OPERATORS[word])(
            _SAMPLES[left](), _SAMPLES[right]()
        )
    except TypeError:
        return _FAILS
    return type(found).__name__


def operation_fails(left: Evident, kind: ast.AST, right: Evident, *, in_place: bool = False) -> bool:
    """Whether an operation certainly raises TypeError; `in_place` for `+=` and its like."""
    if not (left.exact and right.exact):
        return False
    pairs = [(one, other) for one in members_of(left.type) for other in members_of(right.type)]
    word = symbol(kind)
    return all(_tried(class_name(one), word, class_name(other), in_place=in_place) == _FAILS for one, other in pairs)


def operation_result(left: Evident, kind: ast.AST, right: Evident) -> Evident:
    """What an arithmetic operation gives."""
    name = _tried(class_name(left.type), symbol(kind), class_name(right.type))
    if name in {"", _FAILS} or "None" in {class_name(left.type), class_name(right.type)}:
        return NOTHING
    args = {
        args for of in (left.type, right.type) if isinstance(of, Instance) and (args := of.args) and of.name == name
    }
    kept = args.pop() if len(args) == 1 else ()
    return Evident(Instance(name, kept), left.exact and right.exact)


_NEWER = {"is_integer", "from_number", "copy_with"}
"""Methods that builtin classes have in some versions of Python only."""


def lacks(value: Evident, method: str) -> bool:
    """Whether a value certainly has no such attribute or method."""
    return value.exact and all(_class_lacks(of, method) for of in members_of(value.type))


def _class_lacks(of: Type, method: str) -> bool:
    name = class_name(of)
    if name == "function":
        return not method.startswith("__") or method in {"__iter__", "__getitem__", "__len__", "__setitem__"}
    return name in _SAMPLES and method not in _NEWER and not hasattr(_SAMPLES[name](), method)


def attributes(value: Evident) -> tuple[str, ...]:
    """The public attributes of a value of a builtin class."""
    found = dict.fromkeys(
        name for of in members_of(value.type) if class_name(of) in _SAMPLES for name in dir(_SAMPLES[class_name(of)]())
    )
    return tuple(name for name in found if not name.startswith("_"))


def local_class_lacks(node: ast.ClassDef, methods: set[str]) -> bool:
    """Whether objects of a class of the file certainly have none of these methods."""
    bound = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    plain = all(isinstance(item, ast.FunctionDef | ast.AnnAssign | ast.Expr | ast.Pass) for item in node.body)
    known = all(_is_dataclass(item) for item in node.decorator_list)
    return plain and known and not (node.bases or node.keywords or bound & (methods | {"__new__"}))


def _is_dataclass(node: ast.expr) -> bool:
    called = node.func if isinstance(node, ast.Call) else node
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "dataclass"


def element(of: Evident) -> Evident:
    """What iterating over a value gives. Of a list that others may have changed, it is not certain."""
    match of.type:
        case UnionType(members=members):
            found = [element(Evident(member, of.exact, of.fresh)) for member in members]
            result = found[0]
            for other in found[1:]:
                result = merged(result, other)
            return result
        case TupleType(items=items):
            return Evident(_one_of(items), of.exact)
        case LiteralType(kind="str"):
            return Evident(STR, of.exact)
        case LiteralType(kind="bytes"):
            return Evident(INT, of.exact)
        case Instance(name="str"):
            return Evident(STR, of.exact)
        case Instance(name="range" | "bytes"):
            return Evident(INT, of.exact)
        case Instance(args=(item, *_)) if of.type.name in _ITERABLE and not isinstance(item, NeverType):
            return Evident(item, of.exact and of.fresh)
        case _:
            return NOTHING


_ITERABLE = {
    "list", "set", "frozenset", "tuple", "dict", "collections.abc.Iterator", "collections.abc.Iterable",
    "collections.abc.Sequence", "collections.abc.Generator", "collections.deque", "collections.abc.Mapping",
}  # fmt: skip


def _one_of(items: tuple[Type, ...]) -> Type:
    return union_of(items) if items and UNKNOWN not in items else UNKNOWN


def collection(name: str, items: list[Evident]) -> Evident:
    """A list or set that is written out."""
    found: Type = several_of(class_of(item.type) for item in items) if items else NEVER
    if any(item.type == UNKNOWN for item in items):
        found = UNKNOWN
    certain = all(item.exact for item in items)
    return Evident(Instance(name, (_union(found),)), exact=True, fresh=certain)


def _union(of: Type) -> Type:
    members = members_of(of)
    return union_of(members) if len(members) <= _LISTED else UNKNOWN


BUILTIN_RESULTS: Mapping[str, Type] = {
    "abs": UNKNOWN, "all": BOOL, "any": BOOL, "ascii": STR, "bin": STR, "bool": BOOL, "bytes": BYTES,
    "callable": BOOL, "chr": STR, "dict": Instance("dict"), "float": FLOAT, "format": STR, "frozenset": UNKNOWN,
    "hasattr": BOOL, "hash": INT, "hex": STR, "id": INT, "input": STR, "int": INT, "isinstance": BOOL,
    "issubclass": BOOL, "len": INT, "oct": STR, "ord": INT, "print": Instance("None"), "range": Instance("range"),
    "repr": STR, "str": STR,
}  # fmt: skip
"""What builtin functions return, whatever they are called with."""
COPIES = {"list": "list", "sorted": "list", "set": "set", "frozenset": "frozenset", "tuple": "tuple"}
"""Builtin functions that make a collection of what they iterate over."""
ITERATORS = {"enumerate", "zip", "map", "filter", "reversed", "iter"}

_TEXT_METHODS: Mapping[str, Type] = {
    **dict.fromkeys(
        (
            "capitalize", "casefold", "center", "expandtabs", "format", "format_map", "join", "ljust", "lower",
            "lstrip", "replace", "rjust", "rstrip", "strip", "swapcase", "title", "translate", "upper", "zfill",
            "removeprefix", "removesuffix",
        ),
        STR,
    ),
    **dict.fromkeys(("count", "find", "index", "rfind", "rindex"), INT),
    **dict.fromkeys(("endswith", "isalnum", "isalpha", "isdigit", "islower", "isupper", "startswith"), BOOL),
    **dict.fromkeys(("split", "rsplit", "splitlines"), _STRINGS),
    "encode": BYTES,
}  # fmt: skip
METHOD_RESULTS: Mapping[str, Mapping[str, Type]] = {
    "str": _TEXT_METHODS,
    "bytes": {"decode": STR, "hex": STR},
    "list": {"index": INT, "count": INT, **dict.fromkeys(("append", "extend", "sort", "reverse"), Instance("None"))},
    "dict": {"update": Instance("None")},
    "datetime.datetime": {"isoformat": STR, "strftime": STR, "timestamp": FLOAT, "date": Instance("datetime.date")},
    "datetime.date": {"isoformat": STR, "strftime": STR},
    "pathlib.Path": {
        "read_text": STR, "read_bytes": BYTES, "exists": BOOL, "is_file": BOOL, "is_dir": BOOL, "as_posix": STR,
        **dict.fromkeys(("resolve", "absolute", "with_suffix", "with_name", "joinpath"), Instance("pathlib.Path")),
    },
}  # fmt: skip
"""What methods of builtin and standard classes return."""

_FRAME, _ARRAY = Instance("pandas.DataFrame", foreign=True), Instance("numpy.ndarray", foreign=True)
_TENSOR, _SERIES = Instance("torch.Tensor", foreign=True), Instance("pandas.Series", foreign=True)
_DATETIME, _DATE = Instance("datetime.datetime"), Instance("datetime.date")
_UUID, _PATH = Instance("uuid.UUID"), Instance("pathlib.Path")
_BY_MODULE: Mapping[str, tuple[tuple[Type, str], ...]] = {
    "json": ((STR, "dumps"),),
    "os": ((STR, "getcwd"), (_STRINGS, "listdir"), (INT, "getpid"), (with_none(INT), "cpu_count")),
    "os.path": ((STR, "join basename dirname abspath"), (BOOL, "exists isfile isdir"), (INT, "getsize")),
    "glob": ((_STRINGS, "glob"),),
    "time": ((FLOAT, "time perf_counter monotonic"), (Instance("None"), "sleep"), (INT, "time_ns"), (STR, "strftime")),
    "random": (
        (FLOAT, "random uniform gauss normalvariate"),
        (INT, "randint getrandbits"),
        (Instance("None"), "shuffle"),
    ),
    "math": ((FLOAT, "sqrt exp log sin cos"),),
    "uuid": ((_UUID, "uuid4 uuid1"),),
    "platform": ((STR, "node"),),
    "socket": ((STR, "gethostname"),),
    "tempfile": ((STR, "mkdtemp gettempdir"),),
    "textwrap": ((STR, "dedent"),),
    "datetime.datetime": ((_DATETIME, "now utcnow fromisoformat strptime"),),
    "datetime.date": ((_DATE, "today"),),
    "pathlib.Path": ((_PATH, "cwd home"),),
    "pandas": ((_FRAME, "DataFrame read_parquet read_feather concat merge"), (_SERIES, "Series")),
    "numpy": ((_ARRAY, "array asarray zeros ones arange linspace eye full empty"),),
    "polars": ((Instance("polars.DataFrame", foreign=True), "DataFrame read_csv read_parquet"),),
    "torch": ((_TENSOR, "tensor zeros ones rand randn arange"),),
}
FUNCTION_RESULTS: Mapping[str, Type] = {
    f"{module}.{name}": of for module, rows in _BY_MODULE.items() for of, names in rows for name in names.split()
}
"""What functions of the standard library and of well-known packages return, by their full names."""
_CERTAIN = {"json", "time", "random", "math", "uuid", "textwrap"}
"""Modules whose functions return what is said here, whatever they are given: `os.listdir` may return bytes."""
_UNLESS: Mapping[str, tuple[Type, frozenset[str]]] = {
    "pandas.read_csv": (_FRAME, frozenset({"chunksize", "iterator"})),
    "pandas.read_json": (_FRAME, frozenset({"chunksize", "typ"})),
    "pandas.read_excel": (_FRAME, frozenset({"sheet_name"})),
}
"""The same, unless an argument asks for something else."""


def function_result(path: str, call: ast.Call) -> Evident:
    """What a function of an imported module returns. The class of a foreign package's is not certain."""
    given = {keyword.arg for keyword in call.keywords}
    found = FUNCTION_RESULTS.get(path)
    if found is None and path in _UNLESS and not (given & _UNLESS[path][1] or None in given):
        found = _UNLESS[path][0]
    if found is None and (path.rpartition(".")[0] or "builtins") != "builtins" and standard_class(path) is not None:
        found = Instance(path)
    if found is None or found == UNKNOWN:
        return NOTHING
    return Evident(found, exact=path.partition(".")[0] in _CERTAIN)
