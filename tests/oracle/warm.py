"""Real Metaflow without the price of its imports: every process that it starts is forked from one that has them.

    python -m tests.oracle.warm

A line of stdin is a JSON object with `file`, `flow`, `arguments`, and perhaps `env` and `action`; the answer is
a line of what `reading.run` gives.
Metaflow runs unchanged but for how its processes begin: its scheduler starts `python FILE step ...` for each task, and
gets a fork of this process that executes just that. A task costs a third of what it costs otherwise.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.oracle import reading


class Forked:
    """The part of `subprocess.Popen` that Metaflow's scheduler uses, for a fork of the warm process."""

    address = ""

    def __init__(self, command: list[str], env: dict[str, str] | None = None, **_: Any) -> None:
        """Start `python FILE ARGUMENT ...`."""
        self.returncode: int | None = None
        ends = [os.pipe() for _ in range(2)]
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(self.address)
        request = json.dumps({"command": command, "env": env or dict(os.environ), "folder": str(Path.cwd())}).encode()
        socket.send_fds(self._line, [len(request).to_bytes(8, "big")], [write for _, write in ends])
        self._line.sendall(request)
        for read_and_write in ends:
            os.close(read_and_write[1])
        self.stdout, self.stderr = (io.FileIO(read) for read, _ in ends)
        self._answers = self._line.makefile("r", encoding="ascii")
        self.pid = int(self._answers.readline())

    def wait(self) -> int:
        """The exit code."""
        if self.returncode is None:
            self.returncode = int(self._answers.readline() or "1")
            self._answers.close()
            self._line.close()
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        if self.returncode is None and select.select([self._line], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def kill(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)


def serve() -> None:
    """Answer requests until stdin ends."""
    metaflow: Any = import_module("metaflow")
    for name in ("metaflow.cli", "metaflow.runtime", "metaflow.client", "numpy"):
        import_module(name)
    metaflow.namespace(None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        Forked.address = f"\0flowc-oracle-{os.getpid()}"  # no file: forks run this process's clean-up, too
        listener.bind(Forked.address)
        listener.listen(64)
        for line in sys.stdin:
            read, write = os.pipe()
            if os.fork() == 0:
                os.close(read)
                _answer(json.loads(line), write)
            os.close(write)
            answer = _serve_until(listener, read)
            sys.stdout.write(answer.decode() + "\n")
            sys.stdout.flush()


def _answer(request: dict[str, Any], end: int) -> None:
    """In a process of its own: run one flow, read it, and write what was found."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        os.chdir(Path(request["file"]).parent)
        os.environ.update(request.get("env", {}))
        name, action = Path(request["file"]).name, request.get("action", "run")
        found = reading.run(name, request["flow"], request["arguments"], start=Forked, action=action)
        text = json.dumps(found)
    except BaseException:
        text = json.dumps({"error": traceback.format_exc()})
    with open(end, "w", encoding="utf-8") as file:
        file.write(text)
    os._exit(0)


def _serve_until(listener: socket.socket, end: int) -> bytes:
    """Fork for whoever asks, until the other side of `end` is closed; returns what was written to it."""
    parts: list[bytes] = []
    while True:
        for ready in select.select([listener.fileno(), end], [], [])[0]:
            if ready != end:
                line, _ = listener.accept()
                if os.fork() == 0:
                    listener.close()
                    _watch(line)
                line.close()
                continue
            part = os.read(end, 1 << 20)
            if not part:
                os.close(end)
                return b"".join(parts)
            parts.append(part)


def _watch(line: socket.socket) -> None:
    """In a process of its own: fork once more, and tell when that has ended, and how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, ends, _, _ = socket.recv_fds(line, 8, 2)
    length, text = int.from_bytes(size, "big"), b""
    while len(text) < length:
        text += line.recv(length - len(text))
    request = json.loads(text)
    child = os.fork()
    if child == 0:
        line.close()
        _execute(request, ends)
    for end in ends:
        os.close(end)
    line.sendall(f"{child}\n".encode())
    status = os.waitpid(child, 0)[1]
    line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _execute(request: dict[str, Any], ends: list[int]) -> None:
    """Be `python FILE ARGUMENT ...`."""
    for target, end in enumerate(ends, start=1):
        os.dup2(end, target)
        os.close(end)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w"), encoding="utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), encoding="utf-8", write_through=True)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    sys.argv = [part for part in request["command"][1:] if part != "-u"]
    sys.path[0] = request["folder"]
    vars(import_module("metaflow.runtime"))["subprocess"] = _Processes()
    vars(import_module("metaflow.client.core"))["current_namespace"] = False  # that of a process that begins
    main = ModuleType("__main__")
    main.__file__ = sys.argv[0]
    vars(main)["ForeachFrame"] = vars(import_module("metaflow.tuple_util"))["ForeachFrame"]  # Metaflow puts it there
    sys.modules["__main__"] = main
    code = 0
    try:
        exec(compile(Path(sys.argv[0]).read_bytes(), sys.argv[0], "exec"), vars(main))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    vars(atexit)["_run_exitfuncs"]()
    os._exit(code)


class _Processes:
    """The module `subprocess`, as Metaflow's scheduler sees it."""

    Popen = Forked

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


if __name__ == "__main__":
    serve()
