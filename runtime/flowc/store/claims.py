"""Writing a key that others may write at the same time, of whom one is the first, on every server.

A server with conditional writes refuses all but the first. Whether it has them is tried once: some ignore the condition
and let the last one win. There, each claims the key by a name of its own, waits for the claims of others that have
found no key, and the first name counts.
"""

from __future__ import annotations

import contextlib
import os
import time

from flowc.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from flowc.store import Buffer, Store

CLAIM_SECONDS = 1.0
"""How long others have, from the look whether a key is there to their claim, and from their claims to the key."""
_STALE_SECONDS = 60.0
"""After which a claim is of a process that has not gone on."""


def create(store: Store, key: str, parts: Sequence[Buffer]) -> bool:
    """Write a key that is not there; whether it was this call that did. Raises StoreError."""
    if store.has_conditions is None:
        probe = _own_name(key)
        store.has_conditions = store.put_new(probe, ()) is True and store.put_new(probe, ()) is False
        _remove(store, probe)
    if store.has_conditions:
        return store.put_new(key, parts) is True
    if store.exists(key):
        return False
    claim = _own_name(key)
    store.write(claim, ())
    try:
        time.sleep(CLAIM_SECONDS if store.remote else 0.0)
        if store.exists(key):
            return False
        claims = {file.key: file.modified for file in store.files(f"{key}.")}
        own = claims.setdefault(claim, time.time())
        if claim != min(name for name, modified in claims.items() if own - modified < _STALE_SECONDS):
            return False
        store.write(key, parts)
        return True
    finally:
        _remove(store, claim)


def _own_name(key: str) -> str:
    return f"{key}.{os.urandom(8).hex()}"


def _remove(store: Store, key: str) -> None:
    """Remove what no reader looks for, where that is allowed."""
    with contextlib.suppress(StoreError):
        store.delete(key)
