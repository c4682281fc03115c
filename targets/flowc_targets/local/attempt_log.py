"""What an attempt prints, on its way into the store: appended to a file in a folder, or written anew to a server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.errors import StoreError
from flowc.store.file_store import FileStore
from flowc.store.task_log import LOG, LOG_END, TaskLog, log_limit

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future

    from flowc.store import Store

FOLDER_SECONDS = 1.0
"""How long a line without an end, and what is beyond the first half of a log, wait for a folder."""
SERVER_SECONDS = 5.0
"""How long output waits for a server; each time twice as long, up to four times."""


class AttemptLog:
    """The log of an attempt, or of what a run imports."""

    def __init__(self, store: Store, folder: str, uploads: Executor, note: Callable[[str], object]) -> None:
        """`folder` is the attempt's in the store; `uploads` runs what waits for a server.

        `note` is called once where a folder cannot have it: the task goes on, and its output is shown.
        """
        limit = log_limit()
        self._log = TaskLog(limit) if limit else None
        self._store = store
        self._key = f"{folder}/{LOG}"
        self._end_key = f"{folder}/{LOG_END}"
        self._uploads = uploads
        self._note: Callable[[str], object] | None = note
        self._upload: Future[None] | None = None
        self._path = f"{store.path}/{folder}/{LOG}" if isinstance(store, FileStore) else ""
        self._descriptor = -1
        self._appended = 0
        self._interval = FOLDER_SECONDS if self._path else SERVER_SECONDS
        self._due = time.monotonic() + self._interval

    @property
    def location(self) -> str:
        """Where a person finds it."""
        return self._store.location(self._key)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was printed."""
        return self._log is None or not self._log.is_begun

    @property
    def waits(self) -> bool:
        """Whether there is output that the store does not have."""
        return self._log is not None and self._log.is_changed

    def add(self, stream: bytes, data: bytes) -> None:
        """Take what was printed to `o` or `e`."""
        if self._log is not None:
            self._log.add(stream, data, time.time())
            if self._path:
                self._noting(self._append)

    def write_if_due(self) -> None:
        """Write what has waited long enough."""
        if time.monotonic() >= self._due and self.waits and (self._upload is None or self._upload.done()):
            self._noting(self._write)

    def finish(self) -> Future[None] | None:
        """Write the rest; returns what is still under way."""
        if self.waits:
            self._noting(self._write)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        return self._upload

    def _noting(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, StoreError) as error:
            if self._note is not None:
                self._note(f"the log {self.location} cannot be written: {getattr(error, 'strerror', None) or error}")
                self._note = None

    def _write(self) -> None:
        assert self._log is not None
        if self._path:
            self._log.keep_pieces()
            self._append()
            end = self._log.changed().get(LOG_END)
            if end is not None:
                self._store.write(self._end_key, end)
            self._log.written(self._log.sizes())
        else:
            self._interval = min(self._interval * 2, 4 * SERVER_SECONDS)
            self._upload = self._uploads.submit(
                self._put, self._upload, self._log, self._log.changed(), self._log.sizes()
            )
        self._due = time.monotonic() + self._interval

    def _put(
        self, before: Future[None] | None, log: TaskLog, files: dict[str, list[bytes]], sizes: dict[str, int]
    ) -> None:
        """In a thread, after what was begun before."""
        if before is not None:
            before.exception()
        for name, parts in files.items():
            self._store.write(self._key if name == LOG else self._end_key, parts)
        log.written(sizes)

    def _append(self) -> None:
        """Append to the first file what it does not have. Raises OSError."""
        assert self._log is not None
        view = memoryview(bytes(self._log.head[self._appended :]))
        if view and self._descriptor < 0:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o666)
        while view:
            size = os.write(self._descriptor, view)
            self._appended += size
            view = view[size:]
        if not self._log.is_full:
            self._log.written(self._log.sizes())
