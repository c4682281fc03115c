"""The file of a value: read at once where it is small, in pieces where it is large, and verified by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from flowc.errors import CorruptArtifact, MissingKey
from flowc.store import Store, artifacts

AT_ONCE = 1 << 20
"""Bytes of a file that is read as a whole, many such at a time; larger ones are read in pieces, one by one."""
PIECE = 1 << 22
"""Bytes that are read at a time."""


def pieces(store: Store, key: str, size: int) -> Iterator[Any]:
    """A file in pieces."""
    for start in range(0, size, PIECE):
        yield store.read_known(key, start, min(PIECE, size - start))


def verified_pieces(store: Store, key: str, size: int, digest: str) -> Iterator[Any]:
    """The same. Raises CorruptArtifact behind the last piece if they do not have the hash."""
    found = hashlib.sha256()
    for piece in pieces(store, key, size):
        found.update(piece)
        yield piece
    if found.hexdigest() != digest or not store.is_complete(key, size):
        raise CorruptArtifact(f"{store.location(key)} has other bytes than were stored")


def read_value(store: Store, flow: str, digest: str, size: int) -> bytes:
    """A small value. Raises CorruptArtifact where it is gone, or has other bytes than were stored."""
    key = artifacts.data_key(flow, digest)
    try:
        for _ in range(2):
            content = bytes(store.read_known(key))
            if hashlib.sha256(content).hexdigest() == digest and len(content) == size:
                return content
    except MissingKey:
        raise CorruptArtifact(f"{store.location(key)} is gone") from None
    raise CorruptArtifact(f"{store.location(key)} has other bytes than were stored")


def value_problem(store: Store, flow: str, digest: str, size: int) -> str | None:
    """What is wrong with a value, which is read for that."""
    try:
        if size <= AT_ONCE:
            read_value(store, flow, digest, size)
            return None
        key = artifacts.data_key(flow, digest)
        if not store.is_complete(key, size):
            return f"{store.location(key)} is gone, or has another size"
        for _ in verified_pieces(store, key, size, digest):
            pass
    except MissingKey:
        return f"{store.location(artifacts.data_key(flow, digest))} is gone"
    except CorruptArtifact as error:
        return str(error)
    return None
