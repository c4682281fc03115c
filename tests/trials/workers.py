"""Attempts in forked processes, several at once, each of which makes many: a fork for each takes most of the time."""

from __future__ import annotations

import gc
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import NamedTuple

from tests.trials.trial import Attempt

RENEWED_AT = 200
"""Megabytes of resident memory at which a worker ends, and another goes on."""

COLLECTED_AFTER = 10
"""Numbers; commands of flowc do not collect their garbage."""


class Work(NamedTuple):
    """What workers do."""

    execute: Callable[[int], Sequence[Attempt] | None]
    """Makes the attempts of a number, in a worker; `None` where the number is to be tried outside of one."""
    alone: Callable[[int], Sequence[Attempt]]
    """Makes those that workers could not, or in which one ended: in the process that has the workers."""
    begin: Callable[[], object] = lambda: None
    """What a worker does first."""


class _Worker(NamedTuple):
    process: int
    numbers: Sequence[int]


def in_workers(work: Work, numbers: Sequence[int], *, batch: int, workers: int = 0) -> Iterator[Attempt]:
    """The attempts of all numbers; those of one worker's batch are in order. `workers` are all processors without."""
    pending = deque(numbers[start : start + batch] for start in range(0, len(numbers), batch))
    running: dict[Connection, _Worker] = {}
    gc.collect()
    gc.freeze()  # the collections of workers would copy the pages of all that is here
    try:
        while pending or running:
            while pending and len(running) < (workers or os.cpu_count() or 1):
                connection, worker = _begin(work, pending.popleft())
                running[connection] = worker
            for each in wait(list(running)):
                assert isinstance(each, Connection)
                worker = running[each]
                try:
                    attempts: Sequence[Attempt] | None = each.recv()
                except EOFError:
                    del running[each]
                    rest = worker.numbers
                    _, status = os.waitpid(worker.process, 0)
                    if rest and status:  # it did not end to be renewed
                        yield from work.alone(rest[0])
                        rest = rest[1:]
                    if rest:
                        pending.appendleft(rest)
                    continue
                yield from work.alone(worker.numbers[0]) if attempts is None else attempts
                running[each] = worker._replace(numbers=worker.numbers[1:])
    finally:
        gc.unfreeze()
        for worker in running.values():
            with suppress(ProcessLookupError):
                os.kill(worker.process, signal.SIGKILL)
            os.waitpid(worker.process, 0)


def _begin(work: Work, numbers: Sequence[int]) -> tuple[Connection, _Worker]:
    reader, writer = Pipe(duplex=False)
    process = os.fork()
    if process:
        writer.close()
        return reader, _Worker(process, numbers)
    code = 99
    try:
        reader.close()
        work.begin()
        for done, number in enumerate(numbers, 1):
            writer.send(work.execute(number))
            if not done % COLLECTED_AFTER:
                gc.collect()
            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10 > RENEWED_AT:
                break
        code = 0
    finally:
        os._exit(code)
