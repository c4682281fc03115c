"""Keeping what a task prints: the task goes on in a child, and this process passes its output on and stores it.

Being another process, it also has the last words of a task that crashes or is killed. It writes to the store from time
to time; what is left at the task's end is stored by the task itself, which has a connection to the store. So a short
task costs one more request if it has printed anything, and none otherwise.

A signal for a container comes to the first process of its session, which is this one then, and is passed on. Elsewhere
signals come to the whole group. A task whose keeper is killed is killed as well, where the kernel can do that.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import struct
import sys

from flowc.protocol import env_names
from flowc.store.run_layout import index_text
from flowc.store.task_log import LOG, LOG_END, log_limit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, NoReturn, Tuple

    from flowc.shim.task_identity import Task
    from flowc.store import Store

ENGINE = "engine"
"""The value of FLOWC_LOG_KEEPER where the engine keeps what its tasks print."""
SIGKILL = 9
"""On every system. To import `signal`, with its enumerations, takes longer than all that is done here."""
ASK, STORED = b"a", b"s"
"""What the task says to its keeper."""
SIZES = struct.Struct("!QQ")
"""What an answer begins with: the sizes of both files."""


def keeps_logs() -> bool:
    """Whether tasks of this process's environment are to keep their output themselves."""
    return os.environ.get(env_names.LOG_KEEPER) != ENGINE and log_limit() > 0 and hasattr(os, "fork")


def keep_log(flow: str, task: Task, *, forked: bool = False) -> int | None:
    """Keep what a task prints from here on. Returns `None` in the task's process, which goes on as a child.

    `forked` is for a process of the fork server, which has had its objects frozen, for good.
    In the keeper it returns when the task has ended, and what the exit code is to be.
    """
    folder = f"{flow}/{task.run}/{task.step}/{index_text(task.path)}/{task.attempt}"
    given = os.environ.get(env_names.LOG_KEEPER, "")
    pid, _, kept = given.partition(":")
    if pid == str(os.getpid()):  # the task has become another program, in the same process
        del os.environ[env_names.LOG_KEEPER]
        _attach(task, folder, [int(descriptor) for descriptor in kept.split(",")])
        return None
    if not keeps_logs():
        return None
    pipes = {name: new_pipe() for name in ("stdout", "stderr", "control", "reply", "life")}
    mine = [pipes["stdout"][0], pipes["stderr"][0], pipes["control"][0], pipes["reply"][1], pipes["life"][1]]
    theirs = [pipes["control"][1], pipes["reply"][0], pipes["life"][0]]
    if not forked:
        gc.freeze()  # a collection would touch, and so copy, all that both processes share
    child = os.fork()
    if child:
        _close(pipes, mine)
        from flowc.shim.keeper_process import LogKeeper

        return LogKeeper(child, mine, task.root, folder).run()
    os.dup2(pipes["stdout"][1], 1)
    os.dup2(pipes["stderr"][1], 2)
    _close(pipes, theirs)
    task.pid = os.getpid()
    _attach(task, folder, theirs, frozen=not forked)
    return None


def new_pipe() -> Tuple[int, int]:
    """A pipe whose ends are above 2: where stdout is closed, none of them may take its place."""
    found: List[int] = []
    for end in os.pipe():
        found.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3))
        os.close(end)
    return found[0], found[1]


def _close(pipes: Dict[str, Tuple[int, int]], but: List[int]) -> None:
    for ends in pipes.values():
        for end in ends:
            if end not in but:
                os.close(end)


def _attach(task: Task, folder: str, descriptors: List[int], *, frozen: bool = False) -> None:
    """In the task's process. `frozen` is whether its objects are, until it ends."""
    import atexit

    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    _end_with(descriptors[2])
    task.log = LogLink(task.root, folder, descriptors, frozen=frozen)
    atexit.register(task.log.finish)


def _end_with(life: int) -> None:
    """Have the kernel kill this process when the other end of a pipe is closed, as its owner is gone."""
    set_signal = getattr(fcntl, "F_SETSIG", None)
    if set_signal is None:  # only Linux has it
        return
    with contextlib.suppress(OSError):
        fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(life, set_signal, SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)


def leave(code: int) -> NoReturn:
    """End the keeper's process, without taking apart what it has: that would take as long as all of its work."""
    import atexit

    with contextlib.suppress(BaseException):
        vars(atexit)["_run_exitfuncs"]()
    os._exit(code)


class LogLink:
    """In the task's process: the way to its keeper."""

    def __init__(self, root: str, folder: str, descriptors: List[int], *, frozen: bool = False) -> None:
        self.store: Store | None = None
        """An open store, for what is left at the end."""
        self._root = root
        self._folder = folder
        self._descriptors = descriptors
        self._frozen = frozen
        self._files = [os.fstat(descriptor) for descriptor in descriptors]
        self._pid = os.getpid()

    def survive_exec(self) -> None:
        """Keep the way open for the program that this process is about to become."""
        for descriptor in self._descriptors:
            os.set_inheritable(descriptor, True)
        os.environ[env_names.LOG_KEEPER] = f"{os.getpid()}:{','.join(map(str, self._descriptors))}"

    def finish(self) -> None:
        """Store what the keeper has not stored yet. Whatever fails here, the keeper does itself."""
        if os.getpid() != self._pid:  # the step has forked it
            return
        if self._frozen:
            gc.unfreeze()  # what is frozen keeps objects of the step from ending with Python, and from printing
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(BaseException):
                stream.flush()
        with contextlib.suppress(Exception):
            # The step may have closed them, and opened others by these numbers.
            if all(map(os.path.samestat, self._files, map(os.fstat, self._descriptors))):
                self._store()

    def _store(self) -> None:
        control, reply, _ = self._descriptors
        os.write(control, ASK)
        sizes = _exactly(reply, SIZES.size)
        files = [_exactly(reply, size) for size in SIZES.unpack(sizes)]
        if not any(files):
            return
        if self.store is None:
            from flowc.store import open_store

            self.store = open_store(self._root)
        for name, content in zip((LOG, LOG_END), files):
            if content:
                self.store.write(f"{self._folder}/{name}", [content])
        os.write(control, STORED)


def _exactly(descriptor: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = os.read(descriptor, size - len(data))
        if not part:
            raise OSError("the keeper is gone")
        data += part
    return bytes(data)
