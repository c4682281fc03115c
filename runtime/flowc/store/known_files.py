"""What the tasks of one fork server need not ask of a remote store: files that tasks before them have written there.

A task tells the fork server what it has written, once the store has it; the tasks that are forked later have that in
memory. It learns only what never changes: manifests of attempts that are committed, and values under their hash. What
is unknown, or was lost on the way, is asked of the store.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import OrderedDict

from flowc.store import Store
from flowc.store.digests import sha256
from flowc.store.documents import DATA, MANIFEST, check_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Dict, Tuple

    from flowc.store import Buffer, ListedFile

LARGEST = 1 << 20
"""The most bytes of a file that the fork server learns."""
CAPACITY = 64 << 20
"""Bytes of all files that are kept: the oldest go first."""
TELL_SECONDS = 2.0
"""How long a task waits to tell something."""
_HEAD = struct.Struct("!QIIH")
"""A message begins with it: the number of the request, the bytes of the file, where the piece begins, and the bytes of
the key, which follows. Then comes the piece."""
_PIECE = 32 << 10


class KnownFiles:
    """In the fork server: what is known, and the socket by which tasks tell it."""

    def __init__(self, run: str) -> None:
        """`run` is the folder of the run, whose tasks they are."""
        self._run = run
        self.attempts: Dict[str, int] = {}
        """The attempt that counts, by the folder of its task."""
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._parts: Dict[Tuple[int, str], bytearray] = {}
        """Files of which pieces have come."""
        self._committed: Dict[int, Dict[str, Any]] = {}
        """What the engine needs of a manifest, by the number of the request."""
        self.receiver, self.sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.receiver.setblocking(False)

    def read(self, key: str) -> bytes | None:
        """A file that is known."""
        return self._files.get(key)

    def receive(self) -> None:
        """Take all that tasks have sent."""
        while True:
            try:
                message = self.receiver.recv(2 * _PIECE)
            except OSError:
                return
            request, size, start, length = _HEAD.unpack_from(message)
            key = message[_HEAD.size : _HEAD.size + length].decode()
            whole = self._parts.setdefault((request, key), bytearray())
            if len(whole) == start:  # else a piece is missing, and the file never becomes whole
                whole += message[_HEAD.size + length :]
            if len(whole) == size:
                self._add(request, key, bytes(self._parts.pop((request, key))))

    def _add(self, request: int, key: str, data: bytes) -> None:
        folder, _, name = key.rpartition("/")
        if name == MANIFEST:
            try:
                document = check_document(key, data)
            except ValueError:
                return
            task, _, attempt = folder.rpartition("/")
            self.attempts[task] = int(attempt)
            count: Any = document.get("foreach", {}).get("count")
            self._committed[request] = {"choice": document.get("choice"), "foreach": {"count": count}}
        elif sha256(data) != name:
            return
        self._forget_file(key)
        self._files[key] = data
        self._size += len(data)
        while self._size > CAPACITY:
            self._forget_file(next(iter(self._files)))

    def committed(self, request: int) -> Dict[str, Any] | None:
        """What the manifest of a request's attempt says, if that is known to be committed: as in the manifest, its
        `choice` and the `count` of its `foreach`. Asked once, when the attempt has ended."""
        self.receive()
        for unfinished in [parts for parts in self._parts if parts[0] == request]:
            del self._parts[unfinished]
        return self._committed.pop(request, None)

    def forget(self, step: str, index: str) -> None:
        """A task is tried again: which of its attempts counts is not known any more."""
        self.attempts.pop(f"{self._run}/{step}/{index or '-'}", None)

    def _forget_file(self, key: str) -> None:
        self._size -= len(self._files.pop(key, b""))

    def over(self, store: Store, request: int) -> Store:
        """In a task: its store, which reads what is known from memory, and tells what it writes."""
        return KnownStore(store, self, request) if store.remote else store


class KnownStore(Store):
    """In a task: a remote store, with what the fork server knows of it."""

    remote = True

    def __init__(self, store: Store, known: KnownFiles, request: int) -> None:
        self.below = store
        self.url = store.url
        self._known = known
        self._request = request
        self._file = os.fstat(known.sender.fileno())

    def attempt_of(self, task: str) -> int | None:
        """Known, or not: no request."""
        return self._known.attempts.get(task)

    def read(self, key: str) -> Buffer:
        """From memory, else one request."""
        known = self._known.read(key)
        if known is not None:
            return known
        data = self.below.read(key)
        self._tell(key, [data])
        return data

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """From memory, else one request."""
        known = self._known.read(key)
        return known[start : start + length] if known is not None else self.below.read_range(key, start, length)

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """Write to the store; if that succeeds, the fork server learns of it."""
        self.below.write(key, parts)
        self._tell(key, parts)

    def _tell(self, key: str, parts: Sequence[Buffer]) -> None:
        """Tell of a file that the store has, if it never changes. What fails here is asked of the store again."""
        place = key.split("/")
        is_value = len(place) == 4 and place[1] == DATA
        if not (is_value or place[-1] == MANIFEST) or sum(map(len, parts)) > LARGEST:
            return
        name, data = key.encode(), b"".join(parts)
        try:
            # The step may have closed it, and opened another file by this number.
            if not os.path.samestat(os.fstat(self._known.sender.fileno()), self._file):
                return
            self._known.sender.settimeout(TELL_SECONDS)
            for start in range(0, len(data), _PIECE):
                head = _HEAD.pack(self._request, len(data), start, len(name))
                self._known.sender.send(b"".join((head, name, data[start : start + _PIECE])))
        except (OSError, ValueError):
            return

    def exists(self, key: str) -> bool:
        """Whether it is there."""
        return self._known.read(key) is not None or self.below.exists(key)

    def age(self, key: str, size: int) -> float | None:
        """One request: what is known may have become old."""
        return self.below.age(key, size)

    def renew(self, key: str) -> None:
        """Of the store."""
        self.below.renew(key)

    def delete(self, key: str) -> None:
        """Of the store."""
        self.below.delete(key)

    def set_aside(self, key: str) -> None:
        """Of the store."""
        self.below.set_aside(key)

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """Of the store."""
        return self.below.files(prefix)

    def keys(self, prefix: str) -> Iterator[str]:
        """Of the store."""
        return self.below.keys(prefix)

    def children(self, folder: str) -> list[str]:
        """Of the store."""
        return self.below.children(folder)

    def location(self, key: str) -> str:
        """In the store."""
        return self.below.location(key)
