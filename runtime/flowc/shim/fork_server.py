"""The fork server: forks a process for each task of the local engine, and kills them when the engine is killed.

It has imported the installed modules that the user's files import, so that tasks start fast, and nothing of the user's:
each task executes that itself. A fork becomes a fresh Python where threads run that would not survive it, and for a
task whose environment is another one, which those modules may have read.

The engine speaks through a socket, see `fork_channel`. A request carries the write ends of the task's stdout and
stderr. Answers are `ready` once, then `started` and `exit` for each task; that has `committed`, what the engine needs
of the manifest, where the task is known to have written it. A request may also be to `forget` which attempt of a task
counts.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time

from flowc.protocol import env_names
from flowc.shim.fork_channel import receive, send
from flowc.shim.log_keeper import keeps_logs
from flowc.shim.stall_watch import CHECK_SECONDS, StallWatch
from flowc.store import is_remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from flowc.store import Store
    from flowc.store.known_files import KnownFiles

BOOT = "import sys; sys.path[:1] = []; from flowc.__main__ import main; sys.exit(main())"
"""`python -m flowc`, without the working directory on the import path."""
_PID = struct.Struct("!I")
_STALLED = b"flowc: the task waits forever for a lock that a library held when it was forked; it begins anew\n"
_NEEDED = (
    "hashlib", "pickle", "traceback", "flowc.shim.failure_report", "flowc.shim.join",
    "flowc.shim.class_task", "flowc.shim.keeper_process", "flowc.shim.local_imports", "flowc.shim.takeover",
    "flowc.shim.task_runner", "flowc.store.file_store",
)  # fmt: skip
_PIPELINES = ("flowc.shim.pipeline_task",)


def serve(descriptor: int, *, fresh: bool = False, of_pod: bool = False) -> int:
    """Serve requests from the socket `descriptor` until the engine closes it; `fresh` begins a new Python for each.

    `of_pod` is for the server of a pod group, which ends with its runner: signals to a pod are for tasks.
    """
    for number in (signal.SIGTERM, signal.SIGINT) if of_pod else ():
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as channel:
        channel.set_inheritable(False)
        if fresh:
            send(channel, {"event": "ready", "threads": []})
            _ForkServer(channel, lambda request, _: _become_fresh(request)).loop()
        else:
            _serve_warm(channel)
    return 0


def _serve_warm(channel: socket.socket) -> None:
    """Import what is installed, and serve."""
    from functools import partial

    from flowc.__main__ import line_buffer
    from flowc.shim.forked_state import ForkedState
    from flowc.shim.loaded_plan import load_plan
    from flowc.shim.log_keeper import keep_log
    from flowc.shim.task_identity import Task
    from flowc.shim.task_runner import run_task
    from flowc.shim.user_code import warm_up
    from flowc.store.known_files import KnownFiles
    from flowc.store.run_layout import parse_index

    line_buffer()
    plan = load_plan()
    begun_with = dict(os.environ)
    state = ForkedState()
    with state.recorded():
        _import_needed(*(_PIPELINES if plan.pipeline else ()))
        warm_up(plan)
    threads = _threads()
    send(channel, {"event": "ready", "threads": threads})
    state.freeze()
    root, run_id = begun_with.get(env_names.ROOT, ""), begun_with.get(env_names.RUN_ID, "")
    known = KnownFiles(f"{plan.flow}/{run_id}") if is_remote(root) else None

    def run(request: Dict[str, Any], begun: Callable[[], None]) -> int:
        if threads or "fresh" in request or _differs(request["env"], begun_with):
            begun()
            return _become_fresh(request)
        state.renew()
        os.environ.update(request["env"])
        if "folder" in request and "folder" not in (plan.files or {}):  # else that of the unpacked files
            os.chdir(request["folder"])
        index = plan.own_path(request["step"], parse_index(request["index"]))
        first = request.get("first", 0)
        task = Task(request["step"], index, request["attempt"], request.get("outputs"), first)
        kept = keep_log(plan.flow, task, forked=True)
        if kept is not None:
            return kept
        over: Callable[[Store], Store] | None = None
        if known is not None and (task.root, task.run) == (root, run_id):
            over = partial(known.over, request=request["id"])
        code = run_task(plan, task, begun, known=over)
        state.finish()
        return code

    _ForkServer(channel, run, known).loop()


def _differs(variables: Dict[str, str], environment: Dict[str, str]) -> bool:
    """Whether a task has variables that this process has not, beside flowc's own."""
    return any(
        environment.get(name) != value for name, value in variables.items() if not name.startswith(env_names.PREFIX)
    )


def _become_fresh(request: Dict[str, Any]) -> int:
    """Replace this process, which has just been forked, by a Python of its own. Raises OSError."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what it executes would, too
    options = [
        f"--{name}={request[name]}" for name in ("step", "index", "attempt", "first", "outputs") if name in request
    ]
    if "folder" in request:
        os.chdir(request["folder"])
    os.execve(sys.executable, shim_command("task", *options), {**os.environ, **request["env"]})  # noqa: S606 (no shell is wanted)


def shim_command(*arguments: str) -> List[str]:
    """The command for another process of this shim."""
    from flowc.shim.loaded_plan import code_package

    package = code_package()
    program = package.program if package is not None else None
    return [sys.executable, *([program] if program is not None else ["-c", BOOT]), *arguments]


class _Child:
    """A task's process: its request, and until its step has begun also where its output goes."""

    __slots__ = ("descriptors", "request")

    def __init__(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        self.request = request
        self.descriptors = descriptors

    def close(self) -> None:
        """Close our copies of the descriptors."""
        while self.descriptors:
            os.close(self.descriptors.pop())


class _ForkServer:
    """The serving loop. `children` maps pids to the tasks that run."""

    def __init__(
        self,
        channel: socket.socket,
        run: Callable[[Dict[str, Any], Callable[[], None]], int],
        known: KnownFiles | None = None,
    ) -> None:
        """`run` is called in a task's process and returns its exit code.

        It calls its second argument when the step begins: up to there the task may begin again. `known` is what tasks
        have told.
        """
        self.channel = channel
        self.run = run
        self.known = known
        self.children: Dict[int, _Child] = {}
        self.wake_read, self.wake_write = os.pipe()
        self.begun_read, self.begun_write = os.pipe()
        self.stalls = StallWatch(behind_keeper=keeps_logs())
        self.own_pid = 0
        """In a task's process: its number here, which is that of its keeper where it has one."""
        self.next_look = 0.0
        self.always_fresh = False

    def loop(self) -> None:
        """Fork on requests, report exits, until the engine is gone; then no task outlives it."""
        for descriptor in (self.wake_read, self.wake_write, self.begun_read):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, _ignore)  # a handler must stand for the wake-up to be written
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        try:
            while self._turn():
                pass
        except (BrokenPipeError, ConnectionError):
            pass  # the engine was killed
        finally:
            for pid in self.children:
                _kill_group(pid)

    def _turn(self) -> bool:
        """Wait for one thing to do and do it; false when the engine is gone."""
        waiting = any(child.descriptors for child in self.children.values())
        timeout = CHECK_SECONDS if waiting else None
        told = [self.known.receiver.fileno()] if self.known is not None else []
        readable, _, _ = select.select([self.channel.fileno(), self.wake_read, self.begun_read, *told], [], [], timeout)
        if self.known is not None:
            self.known.receive()
        if self.begun_read in readable:
            self._note_begun()
        if self.wake_read in readable:
            _read_all(self.wake_read)
            self._reap()
        if self.channel.fileno() in readable:
            request, descriptors = receive(self.channel)
            if request is None:
                return False
            if self.known is not None:
                self.known.forget(request["step"], request["index"])
            if "forget" not in request:
                self._fork(request, descriptors)
        if waiting and time.monotonic() >= self.next_look:
            self.next_look = time.monotonic() + CHECK_SECONDS
            self._restart_stalled()
        return True

    def _note_begun(self) -> None:
        for (pid,) in _PID.iter_unpack(_read_all(self.begun_read)):
            if pid in self.children:
                self.children[pid].close()

    def _restart_stalled(self) -> None:
        """Begin tasks again as a fresh Python that got stuck before their step: a library didn't survive the fork."""
        for pid, child in list(self.children.items()):
            if child.descriptors and self.stalls.is_stalled(pid):
                _kill_group(pid)
                os.waitpid(pid, 0)
                del self.children[pid]
                os.write(child.descriptors[-1], _STALLED)
                self.always_fresh = True
                self._fork(child.request, child.descriptors)

    def _fork(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = _fork_quietly()
        if pid == 0:
            code = 1
            try:
                code = self._child(request, descriptors)
            finally:  # whatever is raised
                _leave(code)
        with contextlib.suppress(OSError):  # it may have ended
            os.setpgid(pid, pid)  # the child does so, too: whoever is first, the group is there
        self.children[pid] = _Child(request, descriptors)
        send(self.channel, {"event": "started", "id": request["id"], "pid": pid})

    def _child(self, request: Dict[str, Any], descriptors: List[int]) -> int:
        """What happens in the task's own process."""
        os.setpgid(0, 0)
        self.own_pid = os.getpid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for target, descriptor in enumerate(descriptors, 1):
            os.dup2(descriptor, target)
            os.close(descriptor)
        for child in self.children.values():
            child.close()
        for descriptor in (self.wake_read, self.wake_write, self.begun_read, self.channel.detach()):
            os.close(descriptor)
        if self.known is not None:
            self.known.receiver.close()
        return self.run({**request, "fresh": True} if self.always_fresh else request, self._say_begun)

    def _say_begun(self) -> None:
        """In the task's own process."""
        if self.begun_write >= 0:
            os.write(self.begun_write, _PID.pack(self.own_pid))
            os.close(self.begun_write)
            self.begun_write = -1

    def _reap(self) -> None:
        for pid in list(self.children):
            status = _ended(pid)
            if status is not None:
                child = self.children.pop(pid)
                child.close()
                self.stalls.forget(pid)
                answer = {"event": "exit", "id": child.request["id"], "pid": pid, "status": status}
                committed = self.known.committed(child.request["id"]) if self.known is not None else None
                send(self.channel, answer if committed is None else {**answer, "committed": committed})


def _import_needed(*more: str) -> None:
    """Import what tasks need of flowc and Python, so that each fork has it."""
    from importlib import import_module

    from flowc.store import preload

    for name in (*_NEEDED, *more):
        import_module(name)
    preload(os.environ.get(env_names.ROOT, ""))


def _threads() -> List[str]:
    """Threads beside the main one that do not survive a fork: Python's by name, and those of libraries.

    A library that ends its threads for a fork, as OpenBLAS does, is prepared for it.
    """
    threading = sys.modules.get("threading")
    if threading is not None:
        main = threading.main_thread()
        names = [thread.name for thread in threading.enumerate() if thread is not main]
        if names:
            return names
    if _count_threads() > 1:
        pid = _fork_quietly()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return [f"{count - 1} of a library"] if (count := _count_threads()) > 1 else []


def _count_threads() -> int:
    """How many threads the system knows in this process; 1 where it does not say."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _fork_quietly() -> int:
    """Fork. Python 3.12 warns of threads; Python's own were looked for, and libraries' pools guard their forks."""
    if sys.version_info < (3, 12):
        return os.fork()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _leave(code: int) -> None:
    """End the child without going back up the fork server's stack."""
    try:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(Exception):  # the step may have replaced or closed it
                stream.flush()  # type: ignore[union-attr]
    finally:
        os._exit(code)


def _ended(pid: int) -> int | None:
    """The wait status of a child that has ended. What it left running in its group ends with it."""
    try:
        if hasattr(os, "waitid"):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return None
            _kill_group(pid)  # before the pid is reaped: until then no other process can have it
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 1 << 8
    return status if done else None


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left in the group
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) != pid:  # it has left its group
            os.kill(pid, signal.SIGKILL)


def _ignore(number: int, frame: object) -> None:
    """A signal handler that does nothing."""


def _read_all(descriptor: int) -> bytes:
    """What is in a pipe that doesn't block."""
    data = b""
    with contextlib.suppress(BlockingIOError):
        while chunk := os.read(descriptor, 4096):
            data += chunk
    return data
