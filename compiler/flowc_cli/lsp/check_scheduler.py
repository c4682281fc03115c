"""When documents are checked: shortly after they change, one at a time, and never an old version to its end in vain.

A check runs in a thread of its own, so that requests are answered from the last state meanwhile.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from flowc_cli.lsp.analysis import Analysis, analyze

if TYPE_CHECKING:
    from flowc_cli.lsp.session import OpenFile, Session

_SHORTEST = 0.015
_LONGEST = 0.5
"""Seconds between a change and its check: half as long as the last check took, within these bounds."""
_QUICK = 0.1
"""Seconds of a check that begins nearly at once if there was no change for as long."""
_AT_ONCE = 0.008
"""Seconds before such a check: what an editor asks together with the change is answered first."""
_SWITCH = 0.0005
"""Seconds after which a check makes room for an answer."""
_STACK = 64 << 20
"""Bytes: deeply nested files are parsed by recursion, and some systems give threads little."""
_GARBAGE = (50_000, 20, 20)
"""Thresholds of the collector: syntax trees are large, and most of each check is freed by counting references."""


class CheckScheduler:
    """Checks documents. `done` gets each result that is not outdated, `log` the traceback of a check that fails."""

    def __init__(
        self, session: Session, done: Callable[[OpenFile, Analysis], None], log: Callable[[str], None]
    ) -> None:
        self._session = session
        self._done = done
        self._log = log
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._busy: dict[str, bool] = {}
        """Documents that are being checked, and whether they are to be checked again."""
        self._changed: dict[str, float] = {}
        """When a check of each document was last requested."""
        self._executor = _executor()
        gc.set_threshold(*_GARBAGE)
        gc.enable()
        sys.setswitchinterval(_SWITCH)

    def request(self, file: OpenFile, *, at_once: bool = False) -> None:
        """Check a document soon; if it changes before, later."""
        uri = file.document.uri
        self._cancel(uri)
        loop = asyncio.get_running_loop()
        seconds = file.latest.seconds if file.latest is not None else 0.0
        pause, self._changed[uri] = loop.time() - self._changed.get(uri, 0.0), loop.time()
        delay = min(max(seconds / 2, _SHORTEST), _LONGEST)
        if at_once or seconds < _QUICK < pause:
            delay = 0.0 if at_once else _AT_ONCE
        self._timers[uri] = loop.call_later(delay, self._start, uri)

    def forget(self, uri: str) -> None:
        """Do not check a document that was closed, as far as that has not begun."""
        self._cancel(uri)
        self._changed.pop(uri, None)

    def _cancel(self, uri: str) -> None:
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()

    def _start(self, uri: str) -> None:
        self._timers.pop(uri, None)
        if uri in self._busy:
            self._busy[uri] = True
            return
        self._busy[uri] = False
        task = asyncio.get_running_loop().create_task(self._check(uri))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _check(self, uri: str) -> None:
        file = self._session.files.get(uri)
        try:
            if file is not None:
                await self._analyze(file)
                file.checked.set()
        finally:
            if self._busy.pop(uri):
                self._start(uri)

    async def _analyze(self, file: OpenFile) -> None:
        document, texts = file.document, self._session.texts()
        context, loop = contextvars.copy_context(), asyncio.get_running_loop()
        try:
            analysis = await loop.run_in_executor(self._executor, lambda: context.run(analyze, document, texts))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # whatever ends the check of a file must not end the server
            text = "".join(traceback.format_exception(error))
            self._log(f"checking {document.path} failed; this is a fault of flowc:\n{text}")
            return
        is_open = self._session.files.get(document.uri) is file
        if is_open and file.document is document and not self._busy[document.uri]:
            self._done(file, analysis)


def _executor() -> ThreadPoolExecutor:
    """One thread, with a stack as large as the main thread's, or larger."""
    executor = ThreadPoolExecutor(1, "flowc-check")
    before = threading.stack_size(_STACK)
    try:
        executor.submit(int).result()
    finally:
        threading.stack_size(before)
    return executor
