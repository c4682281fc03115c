"""What a page shows of a value: a table, a picture, a plot or text. Nothing is unpickled."""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from flowc.client import StoredValue
from flowc_cli.inert_values import Array, Head, Inert, Table, inert_value, recognized
from flowc_cli.reporting.run_view import BarsView, ImageView, PlotView, TableView, TextView
from flowc_cli.value_texts import json_of, summary, text_of

View = TextView | TableView | ImageView | PlotView | BarsView

HEAD = Head(rows=50, elements=500)
"""How much is shown of what may be large."""
_COLUMNS = 40
_CELL = 200
_TEXT = 20_000
IMAGE_BYTES = 4 << 20
"""Larger pictures are shown as text."""
_PIXELS = 1 << 21
_BARS = 40
_MAGIC: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"<svg": "svg+xml",
}


def _is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def value_view(stored: StoredValue) -> View:
    """What is shown of a stored value."""
    try:
        value = inert_value(stored)
    except ValueError:
        return TextView(text=summary(stored))
    return view_of(value)


def view_of(value: Any) -> View:
    """What is shown of a value that runs nothing."""
    shown: Any = recognized(value, HEAD)
    found: View | None = None
    match shown:
        case bytes() | bytearray():
            found = image_view(bytes(shown))
        case str():
            found = _picture_text(shown) or _clipped(shown)
        case Table():
            found = _table(shown)
        case Array():
            found = _plot(shown.first, shown.shape[0], shown) if len(shown.shape) == 1 else None
        case _ if _is_dict(shown):
            found = _bars(shown)
        case _ if _is_list(shown):
            found = _rows(shown) or _plot(shown[: HEAD.elements], len(shown), shown)
        case Inert():
            found = _pillow(shown)
        case _:
            pass
    return found or _text(shown)


def image_view(content: bytes, label: str = "") -> ImageView | None:
    """A picture by how its bytes begin; `None` for what is none, or too large."""
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    if kind is None or len(content) > IMAGE_BYTES:
        return None
    return ImageView(source=f"data:image/{kind};base64,{base64.b64encode(content).decode()}", label=label)


def _picture_text(text: str) -> ImageView | None:
    """SVG as text. In an image element it runs no script, and loads nothing."""
    start = text.lstrip()
    if not start.startswith(("<svg", "<?xml")) or "<svg" not in start[:500] or "</svg>" not in start[-50:]:
        return None
    return image_view(start[start.index("<svg") :].encode("utf-8", "replace"))


def _clipped(text: str) -> TextView:
    return TextView(text=text[:_TEXT], cut=max(0, len(text) - _TEXT))


def _text(value: Any) -> TextView:
    """Over several lines where JSON has the value; else in one, as Python would write it."""
    whole: Any = value
    if isinstance(value, (dict, list)):
        try:
            text = json.dumps(json_of(whole), ensure_ascii=False)
        except ValueError:
            pass
        else:
            return _clipped(text if len(text) <= 80 else json.dumps(whole, ensure_ascii=False, indent=2))
    return _clipped(text_of(whole))


def _table(value: Table) -> TableView:
    columns = tuple((str(name), dtype) for name, dtype in value.columns[:_COLUMNS])
    return TableView(columns=columns, rows=_cells(value.head), total=value.rows)


def _cells(rows: Sequence[Sequence[Any]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell_text(cell) for cell in row[:_COLUMNS]) for row in rows)


def cell_text(cell: Any) -> str:
    """A value in a cell of a table."""
    text = "" if cell is None else cell if isinstance(cell, str) else text_of(cell)
    return text if len(text) <= _CELL else f"{text[:_CELL]} …"


def _rows(value: Sequence[Any]) -> TableView | None:
    """Dicts of the same keys, or lists of the same length, as a table."""
    first: Any = value[0] if len(value) > 1 else None
    if _is_dict(first):
        keys: list[Any] = [*first]
        if 0 < len(keys) <= _COLUMNS and all(_is_dict(row) and list(row) == keys for row in value):
            rows = [[row[key] for key in keys] for row in value[: HEAD.rows]]
            return TableView(columns=tuple((str(key), "") for key in keys), rows=_cells(rows), total=len(value))
    if _is_list(first):
        width = len(first)
        if 1 < width <= _COLUMNS and all(_is_list(row) and len(row) == width for row in value):
            columns = tuple((str(number), "") for number in range(width))
            return TableView(columns=columns, rows=_cells(value[: HEAD.rows]), total=len(value))
    return None


def _number(value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value)
    )


def _plot(numbers: Sequence[Any], total: int, whole: Any) -> PlotView | None:
    if len(numbers) < 3 or not all(map(_number, numbers)):
        return None
    return PlotView(numbers=tuple(map(float, numbers)), total=total, text=text_of(whole))


def _bars(value: Mapping[Any, Any]) -> BarsView | None:
    if not 2 <= len(value) <= _BARS or not all(isinstance(key, (str, int)) for key in value):
        return None
    if not all(map(_number, value.values())):
        return None
    return BarsView(bars=tuple((str(key)[:_CELL], float(number)) for key, number in value.items()))


_CHANNELS = {"L": (0, 1), "RGB": (2, 3), "RGBA": (6, 4)}
"""PNG's color type, and the bytes of a pixel."""


def _pillow(value: Inert) -> ImageView | None:
    """An image of Pillow's, whose state is its mode, its size and its pixels, as PNG."""
    state: Any = value.state
    if not value.path.startswith("PIL.") or not _is_list(state) or len(state) < 5:
        return None
    mode, size, pixels = state[1], state[2], state[4]
    if not (_is_list(size) and len(size) == 2 and isinstance(pixels, bytes)):
        return None
    width, height = size
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        return None
    color, channels = _CHANNELS.get(str(mode), (0, 0))
    if not channels or width * height > _PIXELS or len(pixels) != width * height * channels or not pixels:
        return None
    return image_view(_png(width, height, color, channels, pixels))


def _png(width: int, height: int, color: int, channels: int, pixels: bytes) -> bytes:
    line = width * channels
    rows = b"".join(b"\0" + pixels[start : start + line] for start in range(0, height * line, line))
    parts = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, color, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
