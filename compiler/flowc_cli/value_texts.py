"""Values in a line, or in a few, and as JSON: bounded, whatever they are."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any

from flowc.client import StoredValue
from flowc_cli.inert_values import Array, Inert, Table, inert_value, recognized
from flowc_cli.run_states import in_columns
from flowc_cli.stored_runs import size_text

WIDTH = 100
"""The characters of a value in one line."""
_ITEMS = 8
_DEPTH = 4
_TEXT = 60
LARGE = 1 << 26
"""Values of more bytes are not read to be shown."""
_JSON_ITEMS = 100
_JSON_TEXT = 2000
_JSON_DEPTH = 6
_JSON_BITS = 4096


def summary(stored: StoredValue) -> str:
    """A value in one line: as Python writes it where it is short, else its type, how large it is, and its beginning."""
    try:
        value = inert_value(stored)
    except ValueError as error:
        return f"{stored.type} of {size_text(stored.size)}, which cannot be shown: {error}"
    text = _text(value, 0)
    if len(text) <= WIDTH:
        return text
    return f"{text[: WIDTH - 2]} …"


def details(stored: StoredValue) -> list[str]:
    """The lines below the summary: the first rows of a table."""
    try:
        value = recognized(inert_value(stored))
    except ValueError:
        return []
    if not isinstance(value, Table) or not value.columns:
        return []
    rows = [[_cell(cell) for cell in row[:_ITEMS]] for row in value.head]
    lines = in_columns([[name for name, _ in value.columns[:_ITEMS]], *rows]).splitlines()
    return [*lines, "…"] if value.rows > len(value.head) else lines


def text_of(value: Any) -> str:
    """A value as Python writes it, as far as it is shown."""
    return _text(value, 0)


def json_of(value: Any) -> Any:
    """A value as JSON has it. Raises ValueError for what JSON does not have, or for more of it than is shown."""
    return _json(value, [_JSON_ITEMS], 0)


def _cell(value: Any) -> str:
    return "" if value is None else value[:_TEXT] if isinstance(value, str) else _text(value, _DEPTH)


def _text(value: Any, depth: int) -> str:
    """What is as deep as that is not shown."""
    whole: Any = recognized(value)
    value = whole
    match value:
        case Array():
            return _array(value)
        case Table():
            return _table(value)
        case type():
            return value.path if issubclass(value, Inert) else value.__qualname__
        case Inert():
            return _object(value, depth)
        case str():
            shown = repr(value[:_TEXT])
            return shown if len(value) <= _TEXT else f"{shown} … ({len(value)} characters)"
        case bytes() | bytearray():
            shown = repr(bytes(value[:20]))
            return shown if len(value) <= 20 else f"{shown} … ({size_text(len(value))})"
        case int() if abs(value) >= 10**40:
            return f"int of {value.bit_length()} bits"
        case dict():
            return _mapping(whole, depth)
        case list() | tuple() | set() | frozenset() | deque():
            return _collection(whole, depth)
        case _:
            return repr(value)


def _mapping(value: dict[Any, Any], depth: int) -> str:
    pairs = (f"{_text(key, depth + 1)}: {_text(item, depth + 1)}" for key, item in value.items())
    return _several("{", pairs, "}", len(value), depth)


def _collection(value: Collection[Any], depth: int) -> str:
    name = type(value).__name__
    begin, end = {"list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}")}.get(name, (f"{name}([", "])"))
    texts = (_text(item, depth + 1) for item in value)
    if name == "tuple" and len(value) == 1:
        end = ",)"
    return _several(begin, texts, end, len(value), depth)


def _several(begin: str, texts: Iterable[str], end: str, count: int, depth: int) -> str:
    if count and depth >= _DEPTH:
        return f"{begin}…{end}"
    shown = ", ".join(islice(texts, _ITEMS))
    more = f", … ({count} items)" if count > _ITEMS else ""
    return f"{begin}{shown}{more}{end}"


def _array(value: Array) -> str:
    shape = " × ".join(map(str, value.shape)) or "no dimensions"
    dtype = f" of {value.dtype}" if value.dtype else ""
    first = ", ".join(_text(item, _DEPTH) for item in value.first if item is not None)
    more = ", …" if math.prod(value.shape) > len(value.first) else ""
    return f"{value.kind}{dtype}, {shape}{f': [{first}{more}]' if first else ''}"


def _table(value: Table) -> str:
    columns = ", ".join(f"{name} {dtype}" for name, dtype in value.columns[:_ITEMS])
    more = ", …" if len(value.columns) > _ITEMS else ""
    return f"DataFrame, {value.rows} rows × {len(value.columns)} columns: {columns}{more}"


def _object(value: Inert, depth: int) -> str:
    """An object of a class that is not imported: its name, and what it has."""
    named = _attributes(value)
    pairs = (f"{name}={_text(item, depth + 1)}" for name, item in named.items())
    if named:
        return _several(f"{value.path}(", pairs, ")", len(named), depth)
    parts = value.arguments or tuple(value.items)
    return _several(f"{value.path}(", (_text(item, depth + 1) for item in parts), ")", len(parts), depth)


def _attributes(value: Inert) -> dict[Any, Any]:
    """What `__setstate__` was given: attributes, or those of `__slots__` behind them; else the entries of a dict."""
    state: Any = value.state
    parts: list[Any] = [*state] if isinstance(state, tuple) else [state]
    found: dict[Any, Any] = {}
    for part in parts:
        named: Any = part
        if isinstance(part, dict):
            found.update(named)
    return found or value.entries


def json_value(stored: StoredValue) -> Any:
    """A value for `--json`: itself where JSON has it and it is small, else its summary, in an object with `type`."""
    try:
        value = inert_value(stored)
        return json_of(value)
    except ValueError:
        return {"type": stored.type, "summary": summary(stored)}


def _json(value: Any, left: list[int], depth: int) -> Any:
    """Raises ValueError for what JSON does not have, or for more of it than is shown."""
    whole = value
    left[0] -= 1
    if left[0] < 0 or depth > _JSON_DEPTH:
        raise ValueError("too much")
    match value:
        case None | bool():
            return value
        case int() if value.bit_length() <= _JSON_BITS:  # Python itself refuses to write very long ones
            return value
        case float() if math.isfinite(value):
            return value
        case str() if len(value) <= _JSON_TEXT:
            return value
        case dict():
            return _json_object(whole, left, depth)
        case list():
            return _json_array(whole, left, depth)
        case _:
            raise ValueError("not in JSON")


def _json_object(value: dict[Any, Any], left: list[int], depth: int) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in value):
        raise ValueError("a key that is not text")
    return {key: _json(item, left, depth + 1) for key, item in value.items()}


def _json_array(value: list[Any], left: list[int], depth: int) -> list[Any]:
    return [_json(item, left, depth + 1) for item in value]
