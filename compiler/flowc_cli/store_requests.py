"""Many requests to a store: several at a time where each is one to a server."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from flowc.errors import MissingKey
from flowc.store import Store

T = TypeVar("T")
R = TypeVar("R")

THREADS = 32
"""Requests at a time to a server."""
_WINDOW = 2 * THREADS
"""Results that are held until somebody takes them."""


def each_of(store: Store, call: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results of a call for each item, in their order."""
    if not store.remote:
        yield from map(call, items)
        return
    pool = ThreadPoolExecutor(THREADS)
    pending: deque[Future[R]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(call, item))
            if len(pending) >= _WINDOW:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_all(store: Store, keys: Iterable[str]) -> Iterator[bytes]:
    """The bytes of files, in their order; nothing of one that is gone."""

    def read(key: str) -> bytes:
        try:
            return bytes(store.read_known(key))
        except MissingKey:
            return b""

    yield from each_of(store, read, keys)
