"""Values as people look at them, without running anything of whoever stored them.

A pickle names classes and functions, and unpickling calls them. Here each is replaced with a class that does nothing
but keep what it was given, except for a few of the standard library that can do no harm. What arrays and tables look
like in a pickle is NumPy's and pandas' own way (`__reduce_ex__` of protocol 5): neither is needed to show them.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import pickle
import struct
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from flowc.client import StoredValue
from flowc.store.codec import split_buffers

_SAFE: Mapping[tuple[str, str], Any] = {
    **{("builtins", kind.__name__): kind for kind in (set, frozenset, complex, range, slice, object)},
    **{("datetime", kind.__name__): kind for kind in (dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone)},
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "deque"): deque,
    ("collections", "Counter"): Counter,
    ("decimal", "Decimal"): Decimal,
    ("fractions", "Fraction"): Fraction,
}


class Head(NamedTuple):
    """How much is kept of what may be large."""

    rows: int = 5
    """Of a table."""
    elements: int = 6
    """Of an array."""


HEAD = Head()
_FORMATS = {
    "f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H",
    "u1": "B", "b1": "?", "M8": "q", "m8": "q",
}  # fmt: skip
_NAMES = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool", "M": "datetime", "m": "timedelta"}
_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Inert:
    """A value of a class that is not imported, or what a function would have returned."""

    path = ""
    """The module and the name of the class or function."""

    arguments: tuple[Any, ...]
    """What it was called with, by position."""
    state: Any = None
    """What `__setstate__` was given: its attributes."""
    items: list[Any]
    """What was added to it, as to a list."""
    entries: dict[Any, Any]
    """What was set in it, as in a dict."""

    def __new__(cls, *arguments: Any, **_: Any) -> Inert:
        """Keep what it was made of."""
        made = super().__new__(cls)
        made.arguments, made.items, made.entries = arguments, [], {}
        return made

    def __init__(self, *_: Any, **__: Any) -> None:
        """Do nothing, whatever is given."""

    def __call__(self, *arguments: Any, **_: Any) -> Inert:
        """As a function that was itself the result of one."""
        return Inert(self, *arguments)

    def __setstate__(self, state: Any) -> None:
        """Keep its attributes."""
        self.state = state

    def append(self, item: Any) -> None:
        """As a list."""
        self.items.append(item)

    def extend(self, items: Sequence[Any]) -> None:
        """As a list."""
        self.items.extend(items)

    add = append

    def __setitem__(self, key: Any, value: Any) -> None:
        """As a dict."""
        self.entries[key] = value


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """One of the classes that can do no harm, or a stand-in."""
        return _SAFE.get((module, name)) or type(name, (Inert,), {"path": f"{module}.{name}"})


class Array(NamedTuple):
    """An array of NumPy's, a series of pandas', or a tensor."""

    kind: str
    """`array`, `Series` or `Tensor`."""
    dtype: str
    shape: tuple[int, ...]
    first: Sequence[Any]
    """Its first elements; none where they cannot be read here."""


class Table(NamedTuple):
    """A table of pandas'."""

    columns: Sequence[tuple[str, str]]
    """Names and dtypes."""
    rows: int
    head: Sequence[Sequence[Any]]
    """The first rows."""


class _Elements(NamedTuple):
    """The memory of an array."""

    dtype: str
    shape: tuple[int, ...]
    data: Any
    """Bytes, or a list of objects."""
    code: str
    """NumPy's own for its dtype, with the byte order before it: `<f8`."""
    unit: str
    fortran: bool

    def column(self, number: int, count: int) -> list[Any]:
        """The first elements of a row of memory, or all in order where there is one dimension."""
        width = self.shape[-1] if self.shape else 1
        rows = math.prod(self.shape[:-1])
        step, start = (rows, number) if self.fortran and rows > 1 else (1, number * width)
        places = range(start, start + step * min(count, width), step)
        return [self._at(place) for place in places]

    def _at(self, place: int) -> Any:
        data = self.data
        if isinstance(self.data, list):
            return data[place]
        size = int(self.code[2:] or 1)
        shape = _FORMATS.get(self.code[1:])
        if shape is None:
            return None
        order = "big" if self.code[0] == ">" else "little"
        raw = bytes(self.data[place * size : (place + 1) * size])
        value = struct.unpack(f"{'>' if order == 'big' else '<'}{shape}", raw)[0]
        return _moment(value, self.unit) if self.code[1] == "M" else value


def _moment(value: int, unit: str) -> str:
    """A time of NumPy's as text."""
    if unit not in _UNITS or value == -(1 << 63):
        return "NaT" if value == -(1 << 63) else f"{value} {unit}"
    seconds, rest = divmod(value, _UNITS[unit])
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{value} {unit}"
    return f"{moment}.{rest}" if rest else moment.removesuffix(" 00:00:00")


def inert_value(stored: StoredValue) -> Any:
    """What a stored value is made of. Raises ValueError where its bytes are no pickle that can be read so."""
    if stored.codec == "json":
        return json.loads(stored.bytes)
    try:
        data, buffers = split_buffers(memoryview(stored.bytes))
        return _Unpickler(io.BytesIO(data), buffers=buffers).load()
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def recognized(value: Any, head: Head = HEAD) -> Array | Table | Any:
    """An array or table that a value is, with its beginning; else the value itself."""
    if not isinstance(value, Inert):
        return value
    try:
        return (
            _table(value, head)
            or _series(value, head)
            or _tensor(value)
            or _scalar(value)
            or _array(value, head)
            or value
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error):
        return value  # of a version that keeps it in another way


def _elements(value: Any, rows: int = HEAD.rows) -> _Elements | None:
    """The elements of an array, or of what pandas puts around one."""
    if not isinstance(value, Inert):
        return None
    name = value.path.rpartition(".")[2]
    state: Any = value.state
    if name == "_frombuffer":
        data, dtype, shape, order = value.arguments
        return _Elements(*_dtype(dtype)[:1], shape, data, *_dtype(dtype)[1:], order == "F")
    if name == "_reconstruct" and state is not None:
        _, shape, dtype, fortran, data = state
        return _Elements(*_dtype(dtype)[:1], shape, data, *_dtype(dtype)[1:], bool(fortran))
    if name == "__pyx_unpickle_NDArrayBacked" and state is not None:
        return _backed(state[0], state[1], rows)
    return None


def _backed(dtype: Any, values: Any, rows: int) -> _Elements | None:
    """What pandas keeps of strings, times and categories."""
    found = _elements(values)
    name = dtype.path.rpartition(".")[2] if isinstance(dtype, Inert) else ""
    if found is None:
        return None
    if name == "CategoricalDtype":
        labels = _index(dtype.state["categories"], 1 << 20)
        codes = found.column(0, rows)
        chosen = [labels[code] if 0 <= code < len(labels) else None for code in codes]
        return _Elements("category", found.shape, chosen, "|O", "", fortran=False)
    return found._replace(dtype={"StringDtype": "string"}.get(name, found.dtype))


def _dtype(value: Any) -> tuple[str, str, str]:
    """The name of a dtype, its code with the byte order, and the unit of a time."""
    code, state = str(value.arguments[0]), value.state
    order = state[1] if state else "|"
    kind, size = code[0], code[1:]
    if kind not in _NAMES:
        return {"O": "object", "U": "str", "S": "bytes"}.get(kind, code), f"{order}{code}", ""
    unit = state[-1][1][0].decode() if kind in "Mm" else ""
    bits = "" if kind == "b" else str(8 * int(size))
    return f"{_NAMES[kind]}{bits}{f'[{unit}]' if unit else ''}", f"{order}{code}", unit


def _array(value: Inert, head: Head) -> Array | None:
    found = _elements(value, head.elements)
    if found is None:
        return None
    return Array("array", found.dtype, tuple(found.shape), found.column(0, head.elements))


def _scalar(value: Inert) -> Any:
    """A number of NumPy's; `None` for what is none."""
    if not value.path.endswith("multiarray.scalar"):
        return None
    name, code, unit = _dtype(value.arguments[0])
    return _Elements(name, (1,), value.arguments[1], code, unit, fortran=False).column(0, 1)[0]


def _tensor(value: Inert) -> Array | None:
    if not value.path.endswith(("_rebuild_tensor", "_rebuild_tensor_v2")):
        return None
    return Array("Tensor", "", tuple(value.arguments[2]), ())


def _series(value: Inert, head: Head) -> Array | None:
    if not value.path.startswith("pandas.") or not value.path.endswith(".Series"):
        return None
    found = _elements(value.state["_mgr"].state[1][0], head.elements)
    return None if found is None else Array("Series", found.dtype, found.shape[-1:], found.column(0, head.elements))


def _table(value: Inert, head: Head) -> Table | None:
    if not value.path.startswith("pandas.") or not value.path.endswith(".DataFrame"):
        return None
    blocks, (columns, index) = value.state["_mgr"].arguments
    names = _index(columns, 1 << 20)
    rows = _length(index)
    dtypes = [""] * len(names)
    cells: list[list[Any]] = [[] for _ in names]
    for block in blocks:
        found = _elements(block.arguments[0], head.rows)
        placed = block.arguments[1]
        places = range(*placed.indices(len(names))) if isinstance(placed, slice) else _numbers(placed)
        for number, place in enumerate(places):
            dtypes[place] = found.dtype if found is not None else "object"
            cells[place] = found.column(number, head.rows) if found is not None else []
    shown = min(rows, head.rows)
    padded = [[*column, *[None] * (shown - len(column))][:shown] for column in cells]
    named = [(str(name), dtype) for name, dtype in zip(names, dtypes, strict=True)]
    return Table(named, rows, list(zip(*padded, strict=True)) if padded else [])


def _numbers(value: Any) -> list[int]:
    found = _elements(value)
    return [] if found is None else found.column(0, found.shape[-1])


def _index(value: Inert, count: int) -> list[Any]:
    """The first labels of an index."""
    options = value.arguments[1]
    if "start" in options:
        return list(range(options["start"], options["stop"], options["step"])[:count])
    found = _elements(options["data"])
    if found is None:
        raise ValueError("an index of another kind")
    return found.column(0, min(count, found.shape[-1]))


def _length(value: Inert) -> int:
    options = value.arguments[1]
    if "start" in options:
        return len(range(options["start"], options["stop"], options["step"]))
    found = _elements(options["data"])
    if found is None:
        raise ValueError("an index of another kind")
    return int(found.shape[-1])
