"""Writing a run into an archive: its documents, then the values that they name, then what makes it a run.

A reader of the archive can so take in what names a value before the value, and the run last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from flowc.errors import CorruptArtifact, MissingKey, NewerFormat, ProtocolError
from flowc.store import ListedFile, artifacts
from flowc.store.documents import FORMAT, GRAPH_RECORD, MARK, RUN_RECORD, check_document
from flowc.store.run_layout import RunLayout
from flowc_cli.archive_file import HEAD, VERSION, ArchiveWriter
from flowc_cli.store_requests import each_of
from flowc_cli.value_files import AT_ONCE, pieces, read_value, value_problem, verified_pieces

FILES = "run/"
"""Begins the names of a run's own files in its archive."""
VALUES = "data/"
"""Begins those of values; their hashes follow."""
RECORDS = (GRAPH_RECORD, RUN_RECORD)
"""The documents without which a run is none, which are written last."""
_WAY_OUT = "`flowc fsck` says more, and --damaged exports what is left"


class Exported(NamedTuple):
    """What an archive has, and what is wrong with the run."""

    files: int
    values: int
    size: int
    """Bytes of all of these."""
    damages: Sequence[str]


def is_document(name: str) -> bool:
    """Whether a file of a run is JSON that says where it belongs."""
    last = name.rpartition("/")[2]
    return last.endswith(".json") or last.startswith(MARK)


def named_values(document: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The hash and the size of each value that a document refers to, and that has a file of its own."""
    try:
        for _, ref in artifacts.referenced({"parameters": {}, "artifacts": {}, **document}):
            if isinstance(ref, dict) and "hash" in ref and "inline" not in ref:  # pyright: ignore[reportUnnecessaryIsInstance]
                yield str(ref["hash"]), int(ref["size"])
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return  # no manifest: its reader says so


def export_run(layout: RunLayout, writer: ArchiveWriter, *, damaged: bool, engine: str = "") -> Exported:
    """Write a run into an archive. `engine` is the one that has run it, if that is not the local one.

    Raises FlowError for one that is damaged; with `damaged`, its documents are written as they are, and what is lost is
    left out.
    """
    return _Export(layout, writer, damaged).write({"engine": engine} if engine else {})


class _Export:
    def __init__(self, layout: RunLayout, writer: ArchiveWriter, damaged: bool) -> None:
        self._layout = layout
        self._store = layout.store
        self._writer = writer
        self._allow_damaged = damaged
        self._files = self._size = 0
        self._named: dict[str, int] = {}
        self._damages: list[str] = []

    def write(self, about: dict[str, str]) -> Exported:
        layout = self._layout
        head = {"version": VERSION, "format": FORMAT, "flow": layout.flow, "run": layout.run, **about}
        self._writer.add_record(HEAD, head)
        start = len(layout.prefix) + 1
        files = sorted(
            (file for file in self._store.files(f"{layout.prefix}/") if not _is_half_written(file.key)),
            key=lambda file: file.key,
        )
        records = [file for file in files if file.key[start:] in RECORDS]
        self._write_files([file for file in files if file.key[start:] not in RECORDS])
        lost = self._write_values()
        self._write_files(records)
        self._writer.end(missing=lost)
        return Exported(self._files, len(self._named) - len(lost), self._size, self._damages)

    def _write_files(self, files: Sequence[ListedFile]) -> None:
        for file, content in zip(files, each_of(self._store, self._read_file, files), strict=True):
            name = file.key[len(self._layout.prefix) + 1 :]
            if content is None:
                self._add(FILES + name, file.size, pieces(self._store, file.key, file.size))
                continue
            if is_document(name):
                self._look_into(file.key, content)
            self._add(FILES + name, len(content), [content])

    def _read_file(self, file: ListedFile) -> bytes | None:
        """A file's content; `None` for a log that is too large to be read at once."""
        if file.size > AT_ONCE and not is_document(file.key):
            return None
        try:
            return bytes(self._store.read_known(file.key))
        except MissingKey:
            raise ProtocolError(f"{self._store.location(file.key)} is gone: the run is being removed") from None

    def _look_into(self, key: str, content: bytes) -> None:
        """Take down what a document names."""
        try:
            self._named.update(named_values(check_document(key, content)))
        except NewerFormat as error:
            raise NewerFormat(f"{self._store.location(key)} {error}") from None
        except ValueError as error:
            self._damaged(f"{self._store.location(key)} {error}")

    def _write_values(self) -> list[str]:
        """Write the values, in the order of their hashes. Returns those that are lost."""
        lost: list[str] = []
        named = sorted(self._named.items())
        for (digest, size), content in zip(named, each_of(self._store, self._read_value, named), strict=True):
            if isinstance(content, str):
                self._damaged(content)
                lost.append(digest)
                continue
            key = artifacts.data_key(self._layout.flow, digest)
            self._add(VALUES + digest, size, [content] if content is not None else self._large(key, size, digest))
        return lost

    def _large(self, key: str, size: int, digest: str) -> Iterator[Any]:
        try:
            yield from verified_pieces(self._store, key, size, digest)
        except CorruptArtifact as error:
            raise CorruptArtifact(f"{error}; {_WAY_OUT}") from None

    def _read_value(self, named: tuple[str, int]) -> bytes | str | None:
        """A value's bytes; a text that says what is wrong with it; `None` for one that is too large for that."""
        digest, size = named
        store, flow = self._store, self._layout.flow
        try:
            if size <= AT_ONCE:
                return read_value(store, flow, digest, size)
            if self._allow_damaged or not store.is_complete(artifacts.data_key(flow, digest), size):
                return value_problem(store, flow, digest, size)
        except CorruptArtifact as error:
            return str(error)
        return None

    def _add(self, name: str, size: int, pieces: Any) -> None:
        self._writer.add(name, size, pieces)
        self._files += name.startswith(FILES)
        self._size += size

    def _damaged(self, what: str) -> None:
        self._damages.append(what)
        if not self._allow_damaged:
            raise CorruptArtifact(f"{what}; {_WAY_OUT}")


def _is_half_written(key: str) -> bool:
    """Whether a file is one of a folder that is renamed when it is whole."""
    name = key.rpartition("/")[2]
    return name.startswith(".") and name.endswith(".tmp")
