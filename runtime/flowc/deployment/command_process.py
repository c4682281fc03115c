"""Calls of the `flowc` command, with what they print."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from typing import IO, TYPE_CHECKING, Any, AsyncIterator, Dict, Iterable, List, Mapping, Sequence, Tuple, Union, cast

from flowc.protocol import env_names

if TYPE_CHECKING:
    from typing import TextIO

_POLL_SECONDS = 0.1
_STREAMS = ("stdout", "stderr")


class CommandProcess:
    """A process of the `flowc` command. What it prints goes to files, and is shown if the caller wants it."""

    def __init__(self, words: Sequence[str], *, env: Mapping[str, str], cwd: str, show: bool) -> None:
        folder = tempfile.mkdtemp(prefix="flowc-command-")
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.log_files = {stream: os.path.join(folder, stream) for stream in _STREAMS}
        self.timeout = False
        """Whether a wait has ended it."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowc", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
        )
        ends = ((self.process.stdout, sys.stdout), (self.process.stderr, sys.stderr))
        self._threads = [
            threading.Thread(target=_pass_on, args=(pipe, self.log_files[name], own if show else None), daemon=True)
            for name, (pipe, own) in zip(_STREAMS, ends)
        ]
        for thread in self._threads:
            thread.start()

    def sync_wait(self) -> int:
        """Wait for its end, which an interrupt hands on. Returns the exit code."""
        try:
            self.process.wait()
        except KeyboardInterrupt:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            raise
        self._join()
        return self.process.returncode

    async def wait(self, timeout: Union[float, None] = None, stream: Union[str, None] = None) -> None:
        """Wait for its end, at most so many seconds: then it is ended. A stream is printed meanwhile."""
        printing = asyncio.ensure_future(self._print(stream)) if stream is not None else None
        if not await self._ended(timeout):
            self.timeout = True
            await self.kill()
        if printing is not None:
            await printing

    async def stream_log(self, stream: str, position: Union[int, None] = None) -> AsyncIterator[Tuple[int, str]]:
        """The lines of a stream until its end, each with where the next one begins. Raises ValueError."""
        if stream not in _STREAMS:
            raise ValueError(f"there is no stream {stream!r}: it is stdout or stderr")
        with open(self.log_files[stream], "rb") as file:
            file.seek(position or 0)
            pending = b""
            while True:
                over = self._is_over()
                pending += file.read()
                while b"\n" in pending:
                    line, _, pending = pending.partition(b"\n")
                    yield file.tell() - len(pending), line.decode("utf-8", "replace")
                if over:
                    if pending:
                        yield file.tell(), pending.decode("utf-8", "replace")
                    return
                await asyncio.sleep(_POLL_SECONDS)

    async def kill(self, termination_timeout: float = 5) -> None:
        """End it: gently, then at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            if not await self._ended(termination_timeout):
                self.process.kill()
                await self._ended()

    def text(self, stream: str) -> str:
        """What it has printed so far."""
        with open(self.log_files[stream], encoding="utf-8", errors="replace") as file:
            return file.read()

    def cleanup(self) -> None:
        """End it if it still runs, and remove its files."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._join()
        self._remove()

    async def _print(self, stream: str) -> None:
        async for _, line in self.stream_log(stream):
            print(line)

    async def _ended(self, timeout: Union[float, None] = None) -> bool:
        """Wait for the end, at most so many seconds; whether it has come."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._is_over():
            if until is not None and time.monotonic() > until:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _is_over(self) -> bool:
        return self.process.poll() is not None and not any(thread.is_alive() for thread in self._threads)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()


def _pass_on(pipe: IO[bytes], path: str, own: Union[TextIO, None]) -> None:
    with open(path, "ab", buffering=0) as file, pipe:
        for line in pipe:
            file.write(line)
            if own is not None:
                own.write(line.decode("utf-8", "replace"))
                own.flush()


def variables(profile: Union[str, None], env: Union[Mapping[str, str], None]) -> Dict[str, str]:
    """The environment of the command."""
    own = {**os.environ, "JPY_PARENT_PID": ""}
    own.pop("FORCE_COLOR", None)
    return {**own, **({env_names.PROFILE: profile} if profile else {}), **(env or {})}


def existing(flow_file: str) -> str:
    """The whole path of a flow's file. Raises FileNotFoundError, as Metaflow does."""
    path = os.path.abspath(flow_file)
    if not os.path.exists(path):
        raise FileNotFoundError(f"Flow file not present at {path!r}")
    return path


_REFUSED = (
    (ValueError, re.compile(r"^error\[FC302\]|^Error: No such option", re.MULTILINE)),
    (TypeError, re.compile(r"^error\[FC303\]|^Error: Invalid value for", re.MULTILINE)),
)


def failure(message: str, said: str) -> Exception:
    """The error of a command that has failed: as in Metaflow where it has refused an argument or a value."""
    text = f"{message}: {said.strip()}"
    return next((kind(text) for kind, pattern in _REFUSED if pattern.search(said)), RuntimeError(text))


def answer(words: Sequence[str], *, env: Mapping[str, str], cwd: str, show: bool) -> Any:
    """The JSON that a command prints. Raises what `failure` makes of it where it fails."""
    done = CommandProcess(words, env=env, cwd=cwd, show=False)
    try:
        code, said = done.sync_wait(), done.text("stderr")
        if show:
            sys.stderr.write(said)
        if code:
            raise failure(f"flowc {words[0]} has failed with exit code {code}", said)
        return json.loads(done.text("stdout"))
    finally:
        done.cleanup()


def option_words(options: Mapping[str, Any]) -> List[str]:
    """Options of the command: `max_workers=3` as `--max-workers=3`, a true one as a flag, lists and dicts repeated."""
    words: List[str] = []
    for name, value in options.items():
        shown = f"--{name.strip('_').replace('_', '-')}"
        if value is None or value is False:
            continue
        if value is True:
            words.append(shown)
        elif isinstance(value, Mapping):
            pairs = cast("Mapping[str, Any]", value)
            words += [f"{shown}={key}={item}" for key, item in pairs.items()]
        elif isinstance(value, (list, tuple, set)):
            for item in cast("Iterable[Any]", value):
                pair: Any = item  # of `config=[(name, path)]`
                words.append(f"{shown}={pair[0]}={pair[1]}" if type(pair) is tuple else f"{shown}={pair}")
        else:
            words.append(f"{shown}={value}")
    return words


def parameter_words(values: Mapping[str, Any]) -> List[str]:
    """The words for parameters: text as it is, other values as JSON."""
    found: List[str] = []
    for name, value in values.items():
        if value is not None:
            found += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    return found


def top_level_words(options: Mapping[str, Any]) -> List[str]:
    """Metaflow's options before `run` or `argo-workflows create`, as options of flowc's commands.

    Raises ValueError for a datastore or metadata service that flowc does not have.
    """
    given = {name: value for name, value in options.items() if name not in _IDLE}
    datastore = given.pop("datastore", None)
    if datastore not in (None, "local", "s3", "gs", "azure"):
        raise ValueError(f"there is no datastore {datastore!r}: give datastore_root, such as s3://bucket/prefix")
    renamed = {_RENAMED.get(name, name): value for name, value in given.items()}
    return option_words(renamed)


_IDLE = frozenset(
    {"environment", "event_logger", "force_rebuild_environments", "metadata", "monitor", "pylint", "quiet"}
)
"""Options of Metaflow's that say nothing here: there are no services, and `flowc check` takes the place of pylint."""
_RENAMED = {"datastore_root": "root", "decospecs": "with", "tags": "tag"}
