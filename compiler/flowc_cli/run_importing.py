"""Taking a run out of an archive into a store: nothing of it counts before all of it is there.

A file in the run's folder says that it is not whole; it is the first that is written, and the last that is removed.
Whoever looks at a flow's runs passes over such a run. `flowc gc` keeps the values that its documents name, and removes
it where nobody imports it any more.
"""

from __future__ import annotations

import hashlib
import mmap
import tempfile
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from flowc.errors import CorruptArtifact, FlowError, NewerFormat, StoreError
from flowc.store import Store, artifacts
from flowc.store.documents import ATTEMPT_RECORD, DATA, FORMAT, GRAPH_RECORD, IMPORTED, REMOVED, check_document, sealed
from flowc.store.run_layout import RunLayout
from flowc.store.run_owner import is_gone, this_owner
from flowc_cli.archive_file import ArchiveError, ArchiveReader, Entry
from flowc_cli.run_exporting import FILES, RECORDS, VALUES, is_document, named_values
from flowc_cli.store_requests import THREADS
from flowc_cli.sweeping import remove_run
from flowc_cli.value_files import AT_ONCE

BEAT_SECONDS = 30.0
"""An import says so often that it goes on."""
SILENCE_SECONDS = 3600.0
"""One on another machine that has not said so for that long is over: a large value may take long."""
_LARGEST_DOCUMENT = 1 << 28
_LONGEST_NAME = 255
"""Bytes of a part of a name, as most file systems have it."""
_DEEPEST = 8
"""Parts of the name of a run's file; its own documents have four."""


class Imported(NamedTuple):
    """A run that was imported. `missing` counts values that were lost before it was exported."""

    flow: str
    run: str
    files: int
    values: int
    size: int
    missing: int


def import_run(archive: ArchiveReader, store: Store, name: str | None) -> Imported:
    """Take in the run of an archive, under another name where one is given.

    Raises ArchiveError for a bad archive, and FlowError for a run that is there.
    """
    head = archive.head()
    flow, run = (_part(head.get(key), key) for key in ("flow", "run"))
    newest = head.get("format")
    if type(newest) is int and newest > FORMAT:
        raise NewerFormat(f"its run is of a newer release of flowc, in format {newest}: upgrade flowc")
    layout = RunLayout(store, flow, run if name is None else name)
    _make_room(layout)
    importing = _Import(archive, layout, run, _part(head["engine"], "engine") if "engine" in head else None)
    try:
        return importing.take_in()
    except BaseException:
        importing.close()
        with suppress(StoreError):
            remove_run(layout)
        raise


def is_import_over(layout: RunLayout) -> bool:
    """Whether the import of a run that is not whole was killed, as far as known here. Raises StoreError."""
    try:
        mark = layout.read_json(f"{layout.prefix}/{IMPORTED}")
        return mark is None or is_gone(mark["owner"], float(mark["time"]), SILENCE_SECONDS)
    except (CorruptArtifact, KeyError, TypeError, ValueError, AttributeError):
        return True


def valid_run_name(text: str) -> bool:
    """Whether a run can have this id."""
    return _is_part(text) and text != DATA


def _make_room(layout: RunLayout) -> None:
    """Remove what is left of an import or a removal that was killed. Raises FlowError where there is a run."""
    names = layout.store.children(layout.prefix)
    if not names:
        return
    where = f"{layout.flow}/{layout.run}"
    if REMOVED not in names:
        if IMPORTED not in names:
            raise FlowError(f"run {where} is in {layout.store.url} already; --as ID imports it as another one")
        if not is_import_over(layout):
            raise FlowError(f"run {where} is being imported already")
    remove_run(layout)


class _Import:
    def __init__(self, archive: ArchiveReader, layout: RunLayout, exported: str, engine: str | None) -> None:
        self._archive = archive
        self._layout = layout
        self._store = layout.store
        self._old = f"{layout.flow}/{exported}"
        self._exported = exported
        self._engine = engine
        self._pool = ThreadPoolExecutor(THREADS) if self._store.remote else None
        self._pending: deque[Future[None]] = deque()
        self._records: dict[str, Sequence[Any]] = {}
        self._named: set[bytes] = set()
        self._taken: set[bytes] = set()
        self._files = self._values = self._size = 0
        self._beat = -BEAT_SECONDS

    def take_in(self) -> Imported:
        """Write all of it. The mark goes last."""
        previous = ""
        for entry in self._archive.entries():
            self._say_alive()
            if entry.name.startswith(VALUES):
                self._take_value(entry)
            elif entry.name.startswith(FILES):
                if entry.name[len(FILES) :] not in RECORDS and entry.name <= previous:
                    raise ArchiveError(f"{entry.name!r} in it is there twice, or not in order")
                self._take_file(entry, entry.name[len(FILES) :])
            else:
                raise ArchiveError(f"{entry.name!r} in it is no file of a run")
            previous = max(previous, entry.name)
            self._size += entry.size
        if not self._files:
            raise ArchiveError("it has no files of a run")
        missing = self._check_all()
        self._flush()
        for key, parts in self._records.items():
            self._store.write(key, parts)
        self._store.delete(f"{self._layout.prefix}/{IMPORTED}")
        self.close()
        return Imported(self._layout.flow, self._layout.run, self._files, self._values, self._size, missing)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _say_alive(self) -> None:
        if time.monotonic() - self._beat >= BEAT_SECONDS:
            self._beat = time.monotonic()
            mark = {"version": 1, "owner": this_owner(), "time": time.time()}
            self._layout.write_json(f"{self._layout.prefix}/{IMPORTED}", mark)

    def _take_file(self, entry: Entry, name: str) -> None:
        parts = name.split("/")
        if len(parts) > _DEEPEST or not all(map(_is_part, parts)) or name in (IMPORTED, REMOVED):
            raise ArchiveError(f"{entry.name!r} in it is no file of a run")
        key = f"{self._layout.prefix}/{name}"
        if is_document(name):
            if entry.size > _LARGEST_DOCUMENT:
                raise ArchiveError(f"{entry.name} in it has {entry.size} bytes")
            content = self._placed(name, b"".join(self._archive.pieces(entry)))
            if name in RECORDS:
                self._records[key] = content
            else:
                self._write(key, content)
        else:
            with _spooled(self._archive, entry) as (found, _):
                self._write(key, found, large=entry.size > AT_ONCE)
        self._files += 1

    def _placed(self, name: str, content: bytes) -> Sequence[bytes]:
        """A document for the run's name here. What it names must come. A damaged one stays as it is."""
        try:
            document = check_document(f"{self._old}/{name}", content)
        except NewerFormat as error:
            raise NewerFormat(f"{name} in it {error}") from None
        except ValueError as error:
            if self._layout.run != self._exported:
                raise ArchiveError(f"{name} in it {error}: import the run without --as") from None
            return [content]
        for digest, _ in named_values(document):
            self._named.add(_digest(digest))
        if self._layout.run == self._exported:
            return [content]
        if document.get("run") == self._exported:
            document["run"] = self._layout.run
        if self._engine is not None and name.rpartition("/")[2] in (GRAPH_RECORD, ATTEMPT_RECORD):
            document.setdefault("engine", self._engine)  # which the id of the run says no more
            document.setdefault("engine_run", self._exported)
        return sealed(f"{self._layout.prefix}/{name}", document)

    def _take_value(self, entry: Entry) -> None:
        name = entry.name[len(VALUES) :]
        digest = _digest(name)
        if digest in self._taken:
            raise ArchiveError(f"{entry.name!r} in it is there twice")
        self._taken.add(digest)
        if digest not in self._named:
            raise ArchiveError(f"{entry.name!r} in it is named by no file of the run")
        if not self._values:
            self._flush()  # from here on documents keep their values from being removed
        with _spooled(self._archive, entry) as (found, actual):
            if actual != name:
                raise ArchiveError(f"{entry.name} in it is damaged: it does not have the hash of its name")
            self._do(lambda: artifacts.put(self._store, self._layout.flow, name, found), large=entry.size > AT_ONCE)
        self._values += 1

    def _write(self, key: str, parts: Sequence[Any], *, large: bool = False) -> None:
        self._do(lambda: self._store.write(key, parts), large=large)

    def _do(self, call: Callable[[], None], *, large: bool) -> None:
        """Call it, at once or in a thread."""
        if self._pool is None or large:
            call()
            return
        self._pending.append(self._pool.submit(call))
        while len(self._pending) > 2 * THREADS:
            self._pending.popleft().result()

    def _flush(self) -> None:
        while self._pending:
            self._pending.popleft().result()

    def _check_all(self) -> int:
        """Whether each value that the run names has come, but for those that were lost before. Returns their number."""
        found: Any = self._archive.end.get("missing", [])
        items: list[Any] = found if isinstance(found, list) else [found]  # pyright: ignore[reportUnknownVariableType]
        missing = {_digest(item) for item in items}
        lost = self._named - self._taken - missing
        if lost:
            raise ArchiveError(f"the value {min(lost).hex()}, which its run names, is not in it")
        return len(missing)


@contextmanager
def _spooled(archive: ArchiveReader, entry: Entry) -> Generator[tuple[Sequence[Any], str]]:
    """The content of an entry, as parts, and its hash: in memory, or in a file that is mapped, where it is large."""
    digest = hashlib.sha256()
    if entry.size <= AT_ONCE:
        content = b"".join(archive.pieces(entry))
        digest.update(content)
        yield [content], digest.hexdigest()
        return
    with tempfile.TemporaryFile() as file:
        for piece in archive.pieces(entry):
            digest.update(piece)
            file.write(piece)
        file.flush()
        mapped = mmap.mmap(file.fileno(), entry.size, access=mmap.ACCESS_READ)
        yield [memoryview(mapped)], digest.hexdigest()


def _digest(name: Any) -> bytes:
    """The bytes of a hash. Raises ArchiveError."""
    try:
        found = bytes.fromhex(name)
    except (TypeError, ValueError):
        found = b""
    if len(found) != 32 or found.hex() != name:
        raise ArchiveError(f"{name!r} in it is not the hash of a value")
    return found


def _is_part(text: str) -> bool:
    """Whether a text can be a name between slashes: it leads nowhere else, and is hidden from nobody."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    odd = any(ord(character) < 32 or character in "/\\\x7f" for character in text)
    return not odd and not text.startswith(".") and not text.endswith(".tmp") and 0 < size <= _LONGEST_NAME


def _part(text: Any, what: str) -> str:
    """The name of a flow or of a run. Raises ArchiveError."""
    if not isinstance(text, str) or not valid_run_name(text):
        raise ArchiveError(f"its {what} has the name {text!r}, which no {what} has")
    return text
