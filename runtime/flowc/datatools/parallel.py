"""A call for each of many items, some at a time, on threads."""

from __future__ import annotations

from typing import Callable, List, Sequence, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(call: Callable[[T], R], items: Sequence[T], threads: int) -> List[R]:
    """The results, in the order of the items. What the first failing item raises is raised, and no more are begun."""
    if len(items) < 2 or threads < 2:
        return [call(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(min(threads, len(items)))
    try:
        return list(pool.map(call, items))
    finally:
        pool.shutdown(cancel_futures=True)
