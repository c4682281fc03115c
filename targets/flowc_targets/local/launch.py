"""Starting task processes: forked from the zygote, or each a fresh Python."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from flowc.layout import index_text
from flowc.zygote import LENGTH, receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.local.schedule import TaskKey

BOOT = "import sys; sys.path[:1] = []; from flowc.__main__ import main; sys.exit(main())"
"""`python -m flowc`, without the working directory on the import path."""


class LaunchError(Exception):
    """Tasks cannot be started: the user's file cannot be imported, or the zygote is gone."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a task's process. `status` is the wait status of one that ended."""

    kind: Literal["started", "exit"]
    number: int
    pid: int
    status: int = 0


class Launcher(Protocol):
    """Starts task processes and tells when they end."""

    def fileno(self) -> int:
        """A descriptor that is readable when there may be events; -1 when signals tell."""
        ...

    def launch(self, number: int, key: TaskKey, attempt: int, env: Mapping[str, str], out: int, err: int) -> None:
        """Start a task; `out` and `err` become its stdout and stderr, and are left open here."""
        ...

    def events(self) -> list[Event]:
        """What has happened since."""
        ...

    def close(self) -> None:
        """Release everything; tasks have ended by now."""
        ...


class ForkLauncher:
    """Asks the zygote."""

    def __init__(self, python: str, env: Mapping[str, str], output: int) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [python, "-c", BOOT, "zygote", str(theirs.fileno())],
                env=dict(env),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's Ctrl-C is for the engine alone
            )
        self._ready = False

    def fileno(self) -> int:
        """The socket."""
        return self._channel.fileno()

    def launch(self, number: int, key: TaskKey, attempt: int, env: Mapping[str, str], out: int, err: int) -> None:
        """Send the request, with the descriptors on its first bytes."""
        request = {
            "id": number,
            "step": key.step,
            "index": index_text(key.path),
            "attempt": attempt,
            "env": dict(env),
        }
        body = json.dumps(request).encode()
        try:
            socket.send_fds(self._channel, [LENGTH.pack(len(body))], [out, err])
            self._channel.sendall(body)
        except OSError as error:
            raise self._gone() from error

    def wait_ready(self) -> list[str]:
        """Wait until the user's file is imported; returns the names of threads that it started."""
        message = self._receive()
        if message["event"] == "failed":
            raise LaunchError(message["error"])
        return list(message["threads"])

    def events(self) -> list[Event]:
        """The next event."""
        message = self._receive()
        return [Event(message["event"], message["id"], message["pid"], message.get("status", 0))]

    def close(self) -> None:
        """Close the socket, at which the zygote ends."""
        self._channel.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self) -> dict[str, Any]:
        try:
            message, _ = receive(self._channel)
        except OSError as error:
            raise self._gone() from error
        if message is None:
            raise self._gone()
        return message

    def _gone(self) -> LaunchError:
        try:
            status = self._process.wait(2)
        except subprocess.TimeoutExpired:
            return LaunchError("the process that starts tasks does not answer")
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return LaunchError(f"the process that starts tasks {how}; --start-method spawn does without it")


class SpawnLauncher:
    """Starts a fresh Python for each task. The engine's SIGCHLD tells of exits."""

    def __init__(self, python: str, env: Mapping[str, str]) -> None:
        self._python = python
        self._env = dict(env)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._started: list[Event] = []

    def fileno(self) -> int:
        """None: see `events`."""
        return -1

    def launch(self, number: int, key: TaskKey, attempt: int, env: Mapping[str, str], out: int, err: int) -> None:
        """Start `flowc task`."""
        command = [self._python, "-c", BOOT, "task", "--step", key.step, "--index", index_text(key.path)]
        process = subprocess.Popen(
            [*command, "--attempt", str(attempt)],
            env={**self._env, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            process_group=0,
        )
        self._running[number] = process
        self._started.append(Event("started", number, process.pid))

    def events(self) -> list[Event]:
        """Poll the processes."""
        events, self._started = self._started, []
        for number, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            kill_group(process.pid, signal.SIGKILL)  # what the task left running
            del self._running[number]
            events.append(Event("exit", number, process.pid, -code if code < 0 else code << 8))
        return events

    def close(self) -> None:
        """Reap what is left."""
        for process in self._running.values():
            kill_group(process.pid, signal.SIGKILL)
            process.wait()


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a task's process group; one that has ended is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: no permission for a group of zombies
        os.killpg(pid, number)
