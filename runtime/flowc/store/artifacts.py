"""Artifacts: a value is inline in the manifest when small, else under its hash in the store; a reference says which."""

from __future__ import annotations

import binascii
import math
import struct

from flowc.errors import CorruptArtifact, FlowError, MissingKey
from flowc.store import codec
from flowc.store.digests import is_digest, sha256
from flowc.store.documents import DATA
from flowc.store.json_text import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, Callable, Dict, List, Tuple

    from flowc.store import Buffer, Store

    Ref = Dict[str, Any]

INLINE_LIMIT = 2048
"""Values whose bytes are no more than this stand in the manifest."""
ITEMS_INLINE_LIMIT = 8192
"""The same for the items of a foreach, all together."""
WHOLE_LIMIT = 1 << 18
"""Items in a bucket that take no more bytes than this are read together: a second request would take longer."""
COMPARED_LIMIT = 1 << 26
"""Files up to this size are compared with what would be stored in them, and larger ones are believed."""
_READABLE = (str, int, float, bool)
_ENTRY = struct.Struct("<QQ32s")


class StoredValue:
    """A value as it is stored: what readers get who do not trust whoever wrote it, for unpickling executes code."""

    __slots__ = ("bytes", "codec", "hash", "size", "type")

    def __init__(self, bytes: builtins.bytes, type: str, size: int, hash: str, codec: str) -> None:
        self.bytes = bytes
        """What `codec` has made of the value."""
        self.type = type
        """The name of its type, as whoever stored it says."""
        self.size = size
        """How many bytes there are."""
        self.hash = hash
        """SHA-256 of the bytes, verified."""
        self.codec = codec
        """`json`, or `pickle`: protocol 5, with the buffers of large arrays behind it."""

    def __repr__(self) -> str:
        return f"StoredValue(type={self.type!r}, size={self.size}, hash={self.hash!r}, codec={self.codec!r})"


def data_key(flow: str, digest: str) -> str:
    """Where the value of a hash is. Raises CorruptArtifact for what is no hash, and might lead anywhere."""
    if not is_digest(digest):
        raise CorruptArtifact(f"{digest!r} is not the hash of a value")
    return f"{flow}/{DATA}/{digest[:2]}/{digest}"


def save(store: Store, flow: str, name: str, value: Any, loaded: Ref | None = None) -> Ref:
    """Store a value and return the reference to it; `loaded` is the one that it was loaded by, and is returned again if
    the value has not changed since.

    The reference to a value with sets has the entry `equal`, a digest that does not depend on their order.
    """
    if value is None or type(value) in _READABLE:
        text = _json_text(value)
        if text is not None:
            digest = sha256(text.encode())
            return {"hash": digest, "codec": "json", "size": len(text), "type": codec.type_name(value), "inline": value}
    encoded = codec.encode(value, f"artifact {name!r}")
    if loaded is not None and (
        encoded.digest == loaded["hash"] or _unchanged(store, flow, name, value, encoded, loaded)
    ):
        return loaded
    ref: Ref = {
        "hash": encoded.digest,
        "codec": "pickle",
        "size": encoded.size,
        "type": codec.type_name(value),
    }
    if codec.has_sets(encoded.head):
        from flowc.store.equal_values import value_digest

        equal = value_digest(value)
        if equal is not None:
            ref["equal"] = equal
    _place(store, flow, encoded, ref, INLINE_LIMIT)
    return ref


def save_pickle(store: Store, flow: str, data: bytes) -> Ref:
    """Store what somebody has pickled, without unpickling it, and return the reference to it."""
    encoded = codec.Encoded([data], data)
    ref: Ref = {"hash": encoded.digest, "codec": "pickle", "size": encoded.size, "type": "unknown"}
    _place(store, flow, encoded, ref, INLINE_LIMIT)
    return ref


def same(one: Ref, other: Ref) -> bool:
    """Whether two references are to equal values."""
    return one["hash"] == other["hash"] or ("equal" in one and one["equal"] == other.get("equal"))


def _unchanged(store: Store, flow: str, name: str, value: Any, encoded: codec.Encoded, loaded: Ref) -> bool:
    """Whether a value is what was loaded, although it is pickled to other bytes. A value that changed never is."""
    if not (codec.has_sets(encoded.head) or codec.has_objects(encoded.head)):
        return False  # lists, dicts and scalars are pickled to the same bytes every time
    remote = "inline" not in loaded and loaded["codec"] == "pickle" and loaded["size"] == encoded.size
    if remote and len(encoded.parts) > 1:
        stored = store.read_range(data_key(flow, loaded["hash"]), 0, len(encoded.head))
        if stored == encoded.head:
            return False  # only what the buffers hold differs: an array was written to
    from flowc.store.equal_values import value_digest

    digest = value_digest(value)
    if digest is None or digest == loaded.get("equal"):
        return digest is not None
    # The digest of what this process has loaded may differ from what the first one had, as pickles do.
    try:
        return digest == value_digest(load(store, flow, name, loaded))
    except FlowError:
        return False


def load(store: Store, flow: str, name: str, ref: Ref) -> Any:
    """The value behind a reference, verified by its hash."""
    if ref["codec"] == "json":
        value = ref["inline"]
        text = _json_text(value)
        _verify(text.encode() if text is not None else b"", ref["hash"], name, "the manifest")
        return value
    data = _bytes(store, flow, name, ref)
    return codec.decode(data, f"artifact {name!r} of type {ref.get('type', 'unknown')}")


def load_stored(store: Store, flow: str, name: str, ref: Ref) -> StoredValue:
    """The bytes behind a reference, verified by their hash, and not unpickled. Raises CorruptArtifact."""
    try:
        kind, digest, found = str(ref["codec"]), str(ref["hash"]), str(ref.get("type", "unknown"))
    except (AttributeError, KeyError, TypeError):
        raise CorruptArtifact(f"artifact {name!r} is not a reference to a value") from None
    if kind == "json":
        data: Buffer = (_json_text(ref.get("inline")) or "").encode()
        _verify(data, digest, f"artifact {name!r}", "the manifest")
    else:
        data = _bytes(store, flow, name, ref)
    return StoredValue(bytes(data), found, len(data), digest, kind)


def save_items(store: Store, flow: str, name: str, items: Iterable[Any]) -> Ref:
    """Store the items of a foreach so that each can be read alone: a table of fixed-width entries, then the items."""
    encoded = [codec.encode(item, f"item {index} of {name!r}") for index, item in enumerate(items)]
    table: list[bytes] = []
    parts: list[Buffer] = []
    position = 0
    for item in encoded:
        if len(item.parts) > 1:  # arrays are mapped where they are: their place in the file is their alignment
            padding = -(len(encoded) * _ENTRY.size + position) % codec.ALIGNMENT
            parts.append(bytes(padding))
            position += padding
        table.append(_ENTRY.pack(position, item.size, bytes.fromhex(item.digest)))
        parts.extend(item.parts)
        position += item.size
    whole = codec.Encoded([b"".join(table), *parts])
    ref: Ref = {"count": len(table), "hash": whole.digest, "size": whole.size}
    _place(store, flow, whole, ref, ITEMS_INLINE_LIMIT)
    return ref


def load_item(store: Store, flow: str, name: str, ref: Ref, index: int) -> Any:
    """One item. Only its table entry and its own bytes are read; all of a small file in a bucket, by one request."""
    table_size = ref["count"] * _ENTRY.size
    what = f"item {index} of {name}"
    if "inline" in ref:
        blob = memoryview(_inline(ref, what))
        start, size, digest = _ENTRY.unpack_from(blob, index * _ENTRY.size)
        data: Buffer = blob[table_size + start : table_size + start + size]
        _verify(data, digest.hex(), what, "the manifest")
        return codec.decode(_writable(data), what)
    key = data_key(flow, ref["hash"])

    def read() -> Tuple[Buffer, str]:
        if store.remote and ref["size"] <= WHOLE_LIMIT:
            whole = memoryview(store.read_known(key))
            start, size, digest = _ENTRY.unpack(bytes(whole[index * _ENTRY.size :][: _ENTRY.size]).ljust(_ENTRY.size))
            return whole[table_size + start :][:size], digest.hex()
        start, size, digest = _entry(store, key, ref, index)
        return store.read_known(key, table_size + start, size), digest.hex()

    return codec.decode(_writable(_verified(store, key, what, read, ref["hash"])), what)


def _entry(store: Store, key: str, ref: Ref, index: int) -> Tuple[int, int, bytes]:
    """Where an item is, by the table, and its hash. It may say anything: both stay within the file."""
    entry = bytes(store.read_known(key, index * _ENTRY.size, _ENTRY.size))
    start, size, digest = _ENTRY.unpack(entry.ljust(_ENTRY.size, b"\0"))
    return min(start, ref["size"]), min(size, ref["size"]), digest


def item_identity(store: Store, flow: str, name: str, ref: Ref, index: int) -> str:
    """What an item is the same by, without reading it: the hash in its table entry."""
    if "inline" in ref:
        return bytes(_ENTRY.unpack_from(_inline(ref, f"item {index} of {name}"), index * _ENTRY.size)[2]).hex()
    return _entry(store, data_key(flow, ref["hash"]), ref, index)[2].hex()


def item_table(store: Store, flow: str, ref: Ref) -> List[Tuple[str, int]]:
    """The hash and the size of each item of a foreach, by the table alone. Raises StoreError, and CorruptArtifact."""
    size = ref["count"] * _ENTRY.size
    table = _inline(ref, "the items") if "inline" in ref else store.read_known(data_key(flow, ref["hash"]), 0, size)
    if len(table) < size:
        raise CorruptArtifact(f"the table of {ref['count']} items has {len(table)} bytes")
    return [(bytes(entry[2]).hex(), int(entry[1])) for entry in _ENTRY.iter_unpack(bytes(table[:size]))]


def identity(ref: Ref | None) -> str | None:
    """What a value is the same by: its hash, or the digest that does not depend on the order of sets."""
    if ref is None:
        return None
    return f"={ref['equal']}" if "equal" in ref else str(ref["hash"])


def check_items(store: Store, flow: str, name: str, ref: Ref) -> None:
    """Whether the items of a foreach are as many as their table has: the last one ends where the bytes do.

    Raises CorruptArtifact.
    """
    count: Any = ref["count"]
    if type(count) is not int or count < 0:
        raise CorruptArtifact(f"the number of items of {name!r} is {count!r}")
    if "hash" not in ref or not (count or ref["size"]):
        return
    table_size, ends = count * _ENTRY.size, -1
    if "inline" in ref:
        blob = _inline(ref, f"the table of {name!r}")
        if count and table_size <= len(blob):
            ends = table_size + sum(_ENTRY.unpack_from(blob, table_size - _ENTRY.size)[:2])
    elif count:
        key = data_key(flow, ref["hash"])
        try:
            ends = table_size + sum(_entry(store, key, ref, count - 1)[:2])
        except MissingKey:
            raise CorruptArtifact(f"the items of {name!r}: {store.location(key)} is gone from the store") from None
    if ends != ref["size"]:
        raise CorruptArtifact(f"the table of {name!r} does not have the {count} items that the manifest says")


def referenced(document: Dict[str, Any]) -> Iterator[Tuple[str, Ref]]:
    """What a manifest refers to, by its name: artifacts, parameters, and the items of a foreach."""
    yield from {**document["parameters"], **document["artifacts"]}.items()
    foreach: Dict[str, Any] = document.get("foreach") or {}
    for ref in (foreach, *foreach.get("fan", ())):
        if "hash" in ref:
            yield str(foreach.get("variable", "items")), ref


def check_stored(store: Store, flow: str, name: str, ref: Ref) -> None:
    """Whether a value that another run relies on is there, with the bytes of its hash. One that is not is set aside.

    Values above COMPARED_LIMIT are looked at only: whoever reads them verifies them. Raises CorruptArtifact.
    """
    if "inline" in ref:
        return  # the manifest's own digest has it
    from flowc.store.reused_values import reuse

    what, size = f"artifact {name!r}", int(ref["size"])
    key = data_key(flow, ref["hash"])
    if not reuse(store, flow, key, size) and not reuse(store, flow, key, size):
        store.set_aside(key)
        raise CorruptArtifact(f"{what}: {store.location(key)} is gone from the store, or has lost bytes")
    if size <= COMPARED_LIMIT:
        _verified(store, key, what, lambda: (store.read_known(key), ref["hash"]))


def _place(store: Store, flow: str, encoded: codec.Encoded, ref: Ref, limit: int) -> None:
    """Put the bytes into the reference, or into the store unless it has them."""
    if encoded.size <= limit:
        ref["inline"] = binascii.b2a_base64(b"".join(encoded.parts), newline=False).decode()
        return
    put(store, flow, encoded.digest, encoded.parts)


def put(store: Store, flow: str, digest: str, parts: Sequence[Buffer]) -> None:
    """Store the bytes of a hash, unless they are there; then they stay until a task may have named them."""
    from flowc.store.reused_values import reuse

    key, size = data_key(flow, digest), sum(len(part) for part in parts)
    if not reuse(store, flow, key, size) or _damaged(store, key, parts, size):
        store.write(key, parts)


def _damaged(store: Store, key: str, parts: Sequence[Buffer], size: int) -> bool:
    """Whether a file holds other bytes than these, where a look is cheap."""
    if store.remote or size > COMPARED_LIMIT:
        return False
    data, start = memoryview(store.read(key)), 0
    for part in parts:
        if data[start : start + len(part)] != memoryview(part).cast("B"):
            return True
        start += len(part)
    return False


def _bytes(store: Store, flow: str, name: str, ref: Ref) -> Buffer:
    if "inline" in ref:
        data: Buffer = _inline(ref, f"artifact {name!r}")
        _verify(data, ref["hash"], f"artifact {name!r}", "the manifest")
        return _writable(data)
    key = data_key(flow, ref["hash"])
    return _writable(_verified(store, key, f"artifact {name!r}", lambda: (store.read_known(key), ref["hash"])))


def _verified(store: Store, key: str, what: str, read: Callable[[], Tuple[Buffer, str]], whole: str = "") -> Buffer:
    """What `read` gives with its hash, if that is right. Raises CorruptArtifact.

    Bytes that are wrong on the way are right the second time. Those that are not are damaged, and set aside where the
    store is not only looked at; unless `whole`, the hash of all of the file, is right: then it has no such part.
    """
    found = digest = ""
    for _ in range(2):
        try:
            data, digest = read()
        except MissingKey:
            raise CorruptArtifact(f"{what}: {store.location(key)} is gone from the store") from None
        found = sha256(data)
        if found == digest:
            return data
    if whole and sha256(store.read_known(key)) == whole:
        raise CorruptArtifact(f"{what} is not in {store.location(key)}: the number of items in the manifest is wrong")
    if not store.only_looked_at:
        store.set_aside(key)
    raise CorruptArtifact(_wrong(what, store.location(key), found, digest))


def _writable(data: Buffer) -> Buffer:
    """The bytes in memory that can be changed, where arrays that a step gets will be part of it."""
    return bytearray(data) if codec.has_buffers(data) and memoryview(data).readonly else data


def _verify(data: Buffer, digest: str, what: str, where: str) -> None:
    found = sha256(data)
    if found != digest:
        raise CorruptArtifact(_wrong(what, where, found, digest))


def _wrong(what: str, where: str, found: str, digest: str) -> str:
    return f"{what} in {where} does not have the hash it was stored with: {found}, not {digest}"


def _inline(ref: Ref, what: str) -> bytes:
    """The bytes that stand in the manifest. Raises CorruptArtifact."""
    try:
        return binascii.a2b_base64(ref["inline"])
    except ValueError as error:
        raise CorruptArtifact(f"{what} in the manifest is not base64: {error}") from None


def _json_text(value: object) -> str | None:
    """The JSON of a scalar that survives it exactly and is small; else `None`."""
    if isinstance(value, str):
        return dumps(value) if len(value) <= INLINE_LIMIT // 2 else None
    if isinstance(value, bool) or value is None:
        return dumps(value)
    if isinstance(value, int):
        return dumps(value) if -(1 << 63) <= value < 1 << 63 else None
    if isinstance(value, float):
        return dumps(value) if math.isfinite(value) else None
    return None
