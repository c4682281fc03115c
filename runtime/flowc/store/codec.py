"""Values to bytes and back: pickle protocol 5, with large buffers beside the pickle, to be mapped and not copied."""

from __future__ import annotations

import struct

from flowc.current import running
from flowc.errors import UnloadableArtifact, UnpicklableArtifact, error_text
from flowc.store.digests import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pickle
    from typing import Any, Tuple

    from flowc.store import Buffer

MAGIC = b"flowc\x01\r\n"
"""Starts a value with buffers beside its pickle. A plain pickle of protocol 5 starts with 0x80 0x05."""
ALIGNMENT = 64
OUT_OF_BAND_FROM = 4096
"""Buffers smaller than this stay in the pickle."""
_HEADER = struct.Struct("<8sQQ")


class Encoded:
    """The bytes of one value, in parts that share memory with it."""

    __slots__ = ("digest", "head", "parts", "size")

    def __init__(self, parts: list[Buffer], head: bytes = b"") -> None:
        """`head` is the pickle, with the header that a value with buffers has."""
        self.head = head
        self.parts = parts
        self.size = sum(len(part) for part in parts)
        self.digest = sha256(*parts)


def encode(value: Any, what: str) -> Encoded:
    """Pickle a value. `what` names it in the error for one that cannot be."""
    import pickle  # many tasks have numbers and texts only

    buffers: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        """True leaves the buffer in the pickle."""
        try:
            view = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if len(view) < OUT_OF_BAND_FROM:
            return True
        buffers.append(view)
        return False

    try:
        data = pickle.dumps(value, 5, buffer_callback=keep)
    except Exception as error:
        raise UnpicklableArtifact(
            f"{what} of type {type_name(value)} cannot be stored: {type(error).__name__}: {error_text(error)}. "
            "Keep it in a local variable, or store what it is made of."
        ) from error
    if not buffers:
        return Encoded([data], data)
    parts = _frame(data, buffers)
    return Encoded(parts, b"".join(parts[:2]))


def decode(data: Buffer, what: str) -> Any:
    """The value of encoded bytes. Arrays in it share memory with `data`. `what` names it in the error.

    Unpickling may raise anything, AttributeError included, which would look as if there were no such artifact.
    """
    try:
        return _unpickle(*split_buffers(memoryview(data)))
    except Exception as error:
        raise UnloadableArtifact(
            f"{what} cannot be loaded here: {type(error).__name__}: {error_text(error)}. "
            "The modules that it was made with must be importable, in the same or a compatible version."
        ) from error


def split_buffers(view: memoryview) -> Tuple[memoryview, list[memoryview]]:
    """The pickle in encoded bytes, and the buffers beside it."""
    if bytes(view[: len(MAGIC)]) != MAGIC:
        return view, []
    _, length, count = _HEADER.unpack_from(view)
    sizes = struct.unpack_from(f"<{count}Q", view, _HEADER.size)
    start = _HEADER.size + 8 * count
    data_end = start + length
    buffers: list[memoryview] = []
    position = data_end
    for size in sizes:
        position = _aligned(position)
        buffers.append(view[position : position + size])
        position += size
    return view[start:data_end], buffers


def _unpickle(data: memoryview, buffers: list[memoryview]) -> Any:
    import pickle

    try:
        if running.trace is None:
            return pickle.loads(data, buffers=buffers)
    except ModuleNotFoundError as error:  # an older release stored it, perhaps
        if not (error.name or "").startswith("flowc."):
            raise
    from flowc.store.moved_classes import loads_moved

    return loads_moved(data, buffers)


def has_buffers(data: Buffer) -> bool:
    """Whether the bytes hold buffers beside the pickle, which then must be writable memory."""
    return bytes(memoryview(data)[: len(MAGIC)]) == MAGIC


def has_sets(head: bytes) -> bool:
    """Whether a pickle may hold a set or a frozenset, by the opcodes that make them and put them into the memo."""
    return b"\x8f\x94" in head or b"\x91\x94" in head


def has_objects(head: bytes) -> bool:
    """Whether a pickle may hold more than plain data: a class or function, by the opcode that finds it by name."""
    return b"\x93\x94" in head


def type_name(value: object) -> str:
    """The name of a value's type, as a person would write it."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _frame(data: bytes, buffers: list[memoryview]) -> list[Buffer]:
    header = _HEADER.pack(MAGIC, len(data), len(buffers)) + struct.pack(f"<{len(buffers)}Q", *map(len, buffers))
    parts: list[Buffer] = [header, data]
    position = len(header) + len(data)
    for buffer in buffers:
        padding = _aligned(position) - position
        if padding:
            parts.append(bytes(padding))
        parts.append(buffer)
        position += padding + len(buffer)
    return parts


def _aligned(position: int) -> int:
    return -(-position // ALIGNMENT) * ALIGNMENT
