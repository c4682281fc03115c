"""Programs that a task starts and that may not outlive it, whatever becomes of the task.

A task can be killed without a chance to clean up: by `kill -9`, or by the thread that watches its gang. In a container
all of its processes end with it; on a machine they would go on, with their ports and memory. So a small program stands
between: it reads from a pipe that only the task can write to, whose end tells that the task is gone.
"""

from __future__ import annotations

import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence

GRACE = 30.0
"""Seconds that a program has to end its own processes after SIGTERM: as many as torchrun gives its workers."""

_KEEPER = """
import os, signal, subprocess, sys, threading
grace, count, *words = sys.argv[1:]
stop, command = words[:int(count)], words[int(count):]
child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
def watch():
    while os.read(0, 4096):
        pass
    if stop:
        subprocess.call(stop, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child.terminate()
    try:
        child.wait(float(grace))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
try:
    os.killpg(child.pid, signal.SIGKILL)
except (ProcessLookupError, PermissionError):
    pass
os._exit(code if code >= 0 else 128 - code)
"""


class KeptProcess:
    """A program that runs until it ends, `stop` is called, or this process is gone. It writes where this one does.

    `ending` is a command that runs before the program gets SIGTERM: it ends what the program has started elsewhere.
    """

    def __init__(
        self,
        command: List[str],
        grace: float = GRACE,
        env: Dict[str, str] | None = None,
        ending: Sequence[str] = (),
    ) -> None:
        self.command = command
        sys.stdout.flush()
        sys.stderr.flush()
        keeper = [sys.executable, "-I", "-S", "-c", _KEEPER, str(grace), str(len(ending)), *ending, *command]
        self._process = subprocess.Popen(keeper, stdin=subprocess.PIPE, env=env, start_new_session=True)

    def poll(self) -> int | None:
        """The exit code, 128 and the signal for one that was killed; `None` while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its end, and return the exit code. What interrupts this ends the program, too."""
        try:
            return self._process.wait()
        finally:
            self.stop()

    def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL for what is left of its group after the grace period."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
