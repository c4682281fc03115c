"""Fork servers: from the second pod of a template on, its tasks begin in a Python that has the code imported."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_targets.base.process_pool import ForkChannel

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_targets.simulate.pods import Pod

_OPTIONS = frozenset({"step", "index", "attempt", "first", "outputs"})
"""What the shim's `task` takes. A command with anything else is run as it stands."""


class ForkServer:
    """One server, for the pods of one template."""

    def __init__(self, pod: Pod, log: Path, ended: Callable[[str, int], None]) -> None:
        """Start with the environment of `pod`. `ended` is told a pod's name and its wait status."""
        self._ended = ended
        self._count = 0
        self._pods: dict[int, str] = {}
        """Names of pods by the number of their request, while they run."""
        self._pids: dict[str, int] = {}
        self.usable = False
        """Whether it can be asked to start tasks now."""
        with log.open("ab") as output:
            self._channel = ForkChannel(pod.command[:2], pod.env, output.fileno(), cwd=pod.folder.parent)

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to `read`."""
        return self._channel.fileno()

    def start(self, pod: Pod, request: dict[str, Any], output: int) -> bool:
        """Start a task whose stdout and stderr go to `output`; false where the server is gone."""
        number = self._count
        self._count += 1
        try:
            self._channel.send({"id": number, "env": pod.env, "folder": str(pod.folder), **request}, output, output)
        except OSError:
            self.usable = False
            return False
        self._pods[number] = pod.name
        return True

    def read(self) -> bool:
        """Take the next event; false where the server has ended, and with it all that it ran."""
        message = self._channel.receive()
        if message is None:
            self.usable = False
            for number in list(self._pods):
                self._ended(self._forget(number), 1 << 8)
            return False
        match message["event"]:
            case "ready":  # threads would not be there after a fork
                self.usable = not message["threads"]
            case "started":
                self._pids[self._pods[message["id"]]] = message["pid"]
            case "exit":
                self._ended(self._forget(message["id"]), message["status"])
            case _:
                self.usable = False
        return True

    def kill(self, name: str) -> None:
        """End a pod's processes."""
        pid = self._pids.get(name)
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the server, and with it all that it runs."""
        self._channel.close()

    def _forget(self, number: int) -> str:
        name = self._pods.pop(number)
        self._pids.pop(name, None)
        return name


def task_request(pod: Pod) -> dict[str, Any] | None:
    """A pod's command as a request to a fork server; `None` where it is not the shim's `task`."""
    words = pod.arguments()
    if pod.package is None or words[:1] != ("task",) or len(words) % 2 == 0:
        return None
    given = {name.removeprefix("--"): value for name, value in zip(words[1::2], words[2::2], strict=True)}
    plain = all(name.startswith("--") for name in words[1::2])
    if not plain or not set(given) <= _OPTIONS or "step" not in given:
        return None
    try:
        numbers = {"attempt": int(given.get("attempt", "0")), "first": int(given.get("first", "0"))}
    except ValueError:
        return None
    outputs = {"outputs": str(Path(given["outputs"]).absolute())} if "outputs" in given else {}
    return {"step": given["step"], "index": given.get("index", ""), **numbers, **outputs}
