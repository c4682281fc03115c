"""Plain processes: each pod a Python of its own, as in a container."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_targets.simulate.pods import Pod


class Processes:
    """The processes of pods that run on their own. `descriptor` is readable when one has ended."""

    def __init__(self) -> None:
        self.descriptor, self._write = os.pipe()
        self._ended: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, pod: Pod, output: int) -> None:
        """Start a pod's command with stdout and stderr going to `output`. Raises OSError."""
        process = subprocess.Popen(
            pod.command,
            env=pod.env,
            cwd=pod.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self._running[pod.name] = process
        threading.Thread(target=self._wait, args=(pod.name, process), daemon=True).start()

    def read(self) -> list[tuple[str, int]]:
        """The pods that have ended, and the exit status of each: negative for a signal."""
        os.read(self.descriptor, 4096)
        found: list[tuple[str, int]] = []
        while not self._ended.empty():
            name, status = self._ended.get()
            self._running.pop(name, None)
            found.append((name, status))
        return found

    def kill(self, name: str) -> None:
        """End a pod's processes."""
        process = self._running.get(name)
        if process is not None and process.returncode is None:
            _kill_group(process.pid)

    def close(self) -> None:
        """End all."""
        for name in list(self._running):
            self.kill(name)
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)

    def _wait(self, name: str, process: subprocess.Popen[bytes]) -> None:
        """In a thread. What the command has left running ends with it, as in a pod."""
        if hasattr(os, "waitid"):
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
                _kill_group(process.pid)
        self._ended.put((name, process.wait()))
        with suppress(OSError):
            os.write(self._write, b"x")


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
