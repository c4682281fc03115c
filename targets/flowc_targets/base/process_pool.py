"""Task processes of the local engine and of the simulator: forked by a fork server, or started one by one.

The other end of a fork server is `flowc.shim.fork_server`. When this process is killed, the sockets to the fork servers
close, and each of them ends all that it runs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import selectors
import signal
import socket
import struct
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flowc.shim.fork_channel import receive, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

_NUMBER = struct.Struct("!I")
"""A task, as the thread that waits for its process names it."""
CLOSE_SECONDS = 5
"""How long a process may take to end after a signal."""

Task = TypeVar("Task")
"""What the owner of a pool calls a task."""


class Process(Generic[Task]):
    """A process of a pool that runs."""

    def __init__(self, task: Task, server: ForkServer | None) -> None:
        self.task = task
        self.server = server
        self.pid = 0
        """0 until the fork server has reported the start."""
        self.committed: dict[str, Any] | None = None
        """What its manifest says, as far as the engine needs it, where the task is known to have written that."""

    def signal(self, number: signal.Signals) -> bool:
        """Signal the process and its children. False before it has started; an ended process is not an error."""
        if not self.pid:
            return False  # group 0 would be our own
        # macOS refuses permission for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(self.pid) != self.pid:  # it has left its group
                os.kill(self.pid, number)
        return True


class ForkServer:
    """A process that has imported what a flow's code needs, and forks a process for each task."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        output: int,
        *,
        options: Sequence[str] = (),
        cwd: Path | None = None,
        ready: Callable[[list[str]], object] = bool,
        terminal: bool = False,
    ) -> None:
        """Start it. `command` runs the shim, `options` go to its fork server, and its own messages to `output`.

        With `terminal`, tasks have this process's standard input.

        `ready` is called with the threads when it has begun to start tasks; it can be asked for tasks before.
        """
        self._ready = ready
        self.threads: list[str] | None = None
        """Threads that libraries have started, so that it starts a fresh Python for each task; `None` until it is
        ready."""
        self.error: str | None = None
        """Why it starts no tasks: it has ended."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*command, "fork-server", str(theirs.fileno()), *options],
                env=dict(env),
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                stdin=None if terminal else subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal is for us only
            )

    @property
    def usable(self) -> bool:
        """Whether tasks are forked at once: it is ready, and no thread would be lost."""
        return self.threads == [] and self.error is None

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to `receive`."""
        return self._socket.fileno()

    def send(self, request: Mapping[str, Any], out: int, err: int) -> bool:
        """Request a task with `out` and `err` as its output, which stay open here. False where the server is gone."""
        try:
            send(self._socket, request, (out, err))
        except OSError:
            self._set_gone()
            return False
        return True

    def forget(self, step: str, index: str) -> None:
        """A task is tried again: it must not count on what it knows of the attempts before."""
        with contextlib.suppress(OSError):  # it is gone, as the next request says
            send(self._socket, {"forget": True, "step": step, "index": index})

    def receive(self) -> dict[str, Any] | None:
        """The next message about a task, `{}` for one about the server itself; `None` where the server is gone."""
        try:
            message, _ = receive(self._socket)
        except OSError:
            message = None
        if message is None:
            self._set_gone()
            return None
        if message["event"] == "ready":
            self.threads = list(message["threads"])
            self._ready(self.threads)
            return {}
        return message

    def close(self) -> None:
        """Close the socket, at which the server ends its tasks and itself, and wait for that."""
        self._socket.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _set_gone(self) -> None:
        if self.error is not None:
            return
        try:
            status = self._process.wait(2)
        except subprocess.TimeoutExpired:
            self.error = "the process that starts tasks does not answer"
            return
        how = f"was killed by {signal_name(-status)}" if status < 0 else f"ended with status {status}"
        self.error = f"the process that starts tasks {how}"


class ProcessPool(Generic[Task]):
    """Task processes, their fork servers, and other descriptors to read while they run, in one loop."""

    def __init__(self) -> None:
        self.running: dict[int, Process[Task]] = {}
        """By the number of the request."""
        self._numbers = itertools.count(1)
        self._selector = selectors.DefaultSelector()
        self._servers: list[ForkServer] = []
        self._exits: list[tuple[Process[Task], int]] = []
        self._children: dict[int, tuple[subprocess.Popen[bytes], threading.Thread]] = {}
        self._exit_pipe: tuple[int, int] | None = None
        """Carries the numbers of children that have ended; opened for the first child."""

    def watch(self, descriptor: int, read: Callable[[], bool]) -> None:
        """Call `read` whenever the descriptor is readable, until it returns false or `unwatch` is called."""
        self._selector.register(descriptor, selectors.EVENT_READ, read)

    def unwatch(self, descriptor: int) -> None:
        """Stop to watch a descriptor, if it is watched."""
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)

    def add_server(self, server: ForkServer) -> ForkServer:
        """Listen to a fork server, and close it with the pool."""
        self._servers.append(server)
        self.watch(server.fileno(), lambda: self._read_server(server))
        return server

    def fork(
        self, server: ForkServer, task: Task, request: Mapping[str, Any], out: int, err: int
    ) -> Process[Task] | None:
        """Start a task by a fork server, with stdout and stderr going to `out` and `err`. `None` if the server is gone.

        `request` holds step, index, attempt and env, as `flowc.shim.fork_server` takes them.
        """
        number = next(self._numbers)
        if not server.send({"id": number, **request}, out, err):
            return None
        self.running[number] = Process(task, server)
        return self.running[number]

    def spawn(
        self, task: Task, command: Sequence[str], env: Mapping[str, str], cwd: Path, output: int
    ) -> Process[Task]:
        """Start a task as a process of its own, with stdout and stderr going to `output`. Raises OSError."""
        child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        if self._exit_pipe is None:
            self._exit_pipe = os.pipe()
            self.watch(self._exit_pipe[0], self._reap_children)
        number = next(self._numbers)
        process = self.running[number] = Process(task, None)
        process.pid = child.pid
        thread = threading.Thread(target=self._wait_child, args=(number, process, child), daemon=True)
        self._children[number] = child, thread
        thread.start()
        return process

    def wait(self, timeout: float | None) -> Iterable[tuple[Process[Task], int]]:
        """Wait at most `timeout` seconds, then return the processes that have ended with their exit codes.

        An exit code is negative for a signal. All watched descriptors that are readable have been read once.
        """
        for key, _ in self._selector.select(timeout):
            if key.fd in self._selector.get_map() and not key.data():
                self.unwatch(key.fd)
        exits, self._exits = self._exits, []
        return exits

    def close(self) -> None:
        """End everything that runs."""
        for process in self.running.values():
            if process.server is None:
                process.signal(signal.SIGKILL)
        for _, thread in self._children.values():
            thread.join(CLOSE_SECONDS)
        for server in self._servers:
            server.close()
        self._selector.close()
        if self._exit_pipe is not None and not any(thread.is_alive() for _, thread in self._children.values()):
            for descriptor in self._exit_pipe:
                os.close(descriptor)

    def _read_server(self, server: ForkServer) -> bool:
        message = server.receive()
        if message is None:
            # Nobody reports the exits of its tasks any more: they end here.
            for number in [number for number, process in self.running.items() if process.server is server]:
                self.running[number].signal(signal.SIGKILL)
                self._exits.append((self.running.pop(number), 1))
            return False
        if message.get("event") == "started":
            self.running[message["id"]].pid = message["pid"]
        elif message.get("event") == "exit":
            code = os.waitstatus_to_exitcode(message["status"])
            process = self.running.pop(message["id"])
            process.committed = message.get("committed")
            self._exits.append((process, code))
        return True

    def _wait_child(self, number: int, process: Process[Task], child: subprocess.Popen[bytes]) -> None:
        """In a thread. What the command has left running ends with it, as in a pod."""
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                # Its group is signaled before it is reaped: until then no other process can get its number.
                os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
                process.signal(signal.SIGKILL)
                process.pid = 0
        child.wait()
        process.pid = 0
        assert self._exit_pipe is not None
        os.write(self._exit_pipe[1], _NUMBER.pack(number))

    def _reap_children(self) -> bool:
        assert self._exit_pipe is not None
        for (number,) in _NUMBER.iter_unpack(os.read(self._exit_pipe[0], 1024 * _NUMBER.size)):
            child, _ = self._children.pop(number)
            self._exits.append((self.running.pop(number), child.returncode))
        return True


def signal_name(number: int) -> str:
    """A signal as messages name it; those between SIGRTMIN and SIGRTMAX have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
