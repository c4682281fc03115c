"""A process that forks tasks, and the socket over which it is asked to: the other end of `flowc.shim.fork_server`."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from flowc.shim.fork_server import LENGTH, receive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CLOSE_SECONDS = 5
"""How long it may take to end once its socket is closed."""


class ForkChannel:
    """The process, started at once. When this one is killed, the socket closes, and it ends all that it runs."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        output: int,
        *,
        options: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> None:
        """`command` runs the shim; `options` are those of its `fork-server`, whose own words go to `output`."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [*command, "fork-server", str(theirs.fileno()), *options],
                env=dict(env),
                cwd=cwd,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # the terminal's Ctrl-C is not for it
            )

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to receive."""
        return self._socket.fileno()

    def send(self, request: Mapping[str, Any], out: int, err: int) -> None:
        """Ask for a task; `out` and `err` become its output, and are left open here. Raises OSError if it is gone."""
        body = json.dumps(request).encode()
        socket.send_fds(self._socket, [LENGTH.pack(len(body))], [out, err])
        self._socket.sendall(body)

    def receive(self) -> dict[str, Any] | None:
        """Its next message; `None` where it has ended."""
        try:
            message, _ = receive(self._socket)
        except OSError:
            return None
        return message

    def close(self) -> None:
        """Close the socket, at which it ends, and wait for that."""
        self._socket.close()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
