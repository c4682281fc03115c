"""Starting task processes, through the fork server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flowc.shim.fork_server import BOOT
from flowc.store.run_layout import index_text
from flowc_targets.base.process_pool import ForkChannel
from flowc_targets.local.signal_watch import signal_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.local.schedule import TaskKey


class LaunchError(Exception):
    """Tasks cannot be started: the user's file cannot be imported, or the fork server is gone."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to a task's process. `status` is the wait status of one that ended."""

    kind: Literal["started", "exit"]
    number: int
    pid: int
    status: int = 0


class Launcher:
    """Starts task processes and tells when they end, by a fork server.

    It has the flow imported, or begins a fresh Python for each task. When this process is killed, it ends the tasks.
    """

    def __init__(self, python: str, env: Mapping[str, str], output: int, *, fresh: bool) -> None:
        options = ["fresh"] if fresh else []
        self._channel = ForkChannel([python, "-c", BOOT], env, output, options=options)
        self._ready = False

    def fileno(self) -> int:
        """A descriptor that is readable when there are events."""
        return self._channel.fileno()

    def launch(self, number: int, key: TaskKey, attempt: int, env: Mapping[str, str], out: int, err: int) -> None:
        """Start a task; `out` and `err` become its stdout and stderr, and are left open here."""
        request = {
            "id": number,
            "step": key.step,
            "index": index_text(key.path),
            "attempt": attempt,
            "env": dict(env),
        }
        try:
            self._channel.send(request, out, err)
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
        """Close the socket, at which the fork server ends."""
        self._channel.close()

    def _receive(self) -> dict[str, Any]:
        message = self._channel.receive()
        if message is None:
            raise self._gone()
        return message

    def _gone(self) -> LaunchError:
        try:
            status = self._channel.process.wait(2)
        except subprocess.TimeoutExpired:
            return LaunchError("the process that starts tasks does not answer")
        how = f"was killed by {signal_name(-status)}" if status < 0 else f"ended with status {status}"
        return LaunchError(f"the process that starts tasks {how}")


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal a task's process group; one that has ended is no error, nor is one of which no pid was told."""
    if not pid:
        return  # that would be our own group
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: no permission for a group of zombies
        os.killpg(pid, number)
