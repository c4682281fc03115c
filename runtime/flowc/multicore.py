"""`parallel_map` and its like: a function over items, each in a forked process of its own.

Forking keeps closures and lambdas usable, since only results are pickled. They travel in files, so that their size has
no limit.
"""

from __future__ import annotations

import os
import sys

from flowc.errors import MulticoreException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, TypeVar

    A = TypeVar("A")
    R = TypeVar("R")


def parallel_imap_unordered(
    func: Callable[[A], R], iterable: Iterable[A], max_parallel: Optional[int] = None, dir: Optional[str] = None
) -> Iterator[R]:
    """Yield `func(item)` of every item, whichever is ready first.

    At most `max_parallel` processes run at once, by default as many as there are CPUs; results go through files in
    `dir`, by default the system's temporary folder. Raises MulticoreException when a process fails; its traceback is on
    stderr. When the caller stops early, what still runs is killed.
    """
    most = max_parallel or os.cpu_count() or 1
    running: Dict[int, str] = {}
    try:
        for item in iterable:
            if len(running) >= most:
                yield _next_result(running)
            pid, file = _start(func, item, dir)
            running[pid] = file
        while running:
            yield _next_result(running)
    finally:
        _stop(running)


def parallel_map(
    func: Callable[[A], R], iterable: Iterable[A], max_parallel: Optional[int] = None, dir: Optional[str] = None
) -> List[R]:
    """`func(item)` of every item, in their order. Arguments and errors are as for `parallel_imap_unordered`."""

    def numbered(entry: Tuple[int, A]) -> Tuple[int, R]:
        number, item = entry
        return number, func(item)

    results = dict(parallel_imap_unordered(numbered, enumerate(iterable), max_parallel, dir))
    return [results[number] for number in sorted(results)]


def _start(func: Callable[[A], R], item: A, folder: str | None) -> tuple[int, str]:
    """Fork a process that leaves its result in a file."""
    import tempfile

    handle, file = tempfile.mkstemp(prefix="parallel_map_", dir=folder)
    os.close(handle)
    sys.stdout.flush()
    sys.stderr.flush()  # or both processes would write what is buffered
    pid = _fork()
    if pid:
        return pid, file
    code = 1
    try:
        code = _work(func, item, file)
    finally:
        os._exit(code)  # the caller's `finally` blocks are not this process's to run


def _work(func: Callable[[A], R], item: A, file: str) -> int:
    import pickle

    try:
        result = func(item)
        with open(file, "wb") as stream:
            pickle.dump(result, stream, protocol=pickle.HIGHEST_PROTOCOL)
    except BaseException:
        import traceback

        from flowc.shim.cell_frames import name_cells

        sys.stderr.write(name_cells(traceback.format_exc()))
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _next_result(running: Dict[int, str]) -> Any:
    """Wait for one of the processes and read what it left."""
    import pickle

    pid, status = _wait(running)
    file = running.pop(pid)
    try:
        if status:
            raise MulticoreException("Child failed")
        with open(file, "rb") as stream:
            return pickle.load(stream)
    finally:
        os.unlink(file)


def _wait(running: Dict[int, str]) -> tuple[int, int]:
    """The first process that has ended and its status. Other children of the caller are left alone."""
    import time

    pause = 0.001
    while True:
        for pid in running:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return pid, status
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _stop(running: Dict[int, str]) -> None:
    import contextlib
    import signal

    for pid, file in running.items():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            os.unlink(file)


def _fork() -> int:
    """Fork. Python 3.12 warns where threads run; who calls this has chosen to fork."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


class profile:  # noqa: N801 (Metaflow's name)
    """Measure a block: `with profile("label"):` prints its start and its milliseconds, `stats_dict` gathers them."""

    def __init__(self, label: str, stats_dict: Optional[Dict[str, float]] = None) -> None:
        self.label = label
        self.stats = stats_dict
        self.started = 0.0

    def __enter__(self) -> None:
        import time

        if self.stats is None:
            print(f"PROFILE: {self.label} starting")
        self.started = time.time()

    def __exit__(self, *error: object) -> None:
        import time

        took = int((time.time() - self.started) * 1000)
        if self.stats is None:
            print(f"PROFILE: {self.label} completed in {took}ms")
        else:
            self.stats[self.label] = self.stats.get(self.label, 0) + took
