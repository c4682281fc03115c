"""Locks in the store, for what runs on this machine: `@concurrency` between processes that share a root.

Who wants a lock writes a ticket below `.locks` in the root, with a number higher than all that are there, and holds the
lock once fewer tickets than it has places are before its own: Lamport's bakery, which takes reads and writes that are
seen at once, and nothing more of a store. A ticket whose process is gone, or that has had no heartbeat for long,
does not count, and is removed.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from flowc.errors import StoreError
from flowc.store.run_owner import BEAT_SECONDS, is_gone, this_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from flowc.store import Store

FOLDER = ".locks"
"""Where tickets are; no flow's name begins with a dot."""
_POLL_SECONDS, _REMOTE_POLL_SECONDS = 0.2, 2.0
_NOTE_SECONDS = 2.0
"""How long one waits in silence."""

Key = TypeVar("Key", bound="Hashable")


class Lock(NamedTuple):
    """A lock, and how many may hold it."""

    name: str
    limit: int


class Ticket:
    """One place in the queue of a lock."""

    def __init__(self, store: Store, lock: Lock, who: str) -> None:
        """`who` is shown to others that wait."""
        self._store = store
        self._lock = lock
        self._folder = f"{FOLDER}/{lock.name}"
        self.id = uuid.uuid4().hex
        self._key = f"{self._folder}/{self.id}.json"
        self._record: dict[str, Any] = {"version": 1, "who": who, "owner": this_owner(), "number": None}
        self._beaten = 0.0
        self.beat(force=True)  # from now on others with a higher number wait until this one has its own
        numbers = [other["number"] or 0 for other in self._others()]
        self._record["number"] = max(numbers, default=0) + 1
        self.beat(force=True)

    def before(self) -> list[str]:
        """Who is before this one: it holds the lock if these are fewer than the lock has places."""
        mine = (self._record["number"], self.id)
        others = self._others()
        return [str(item["who"]) for item in others if item["number"] is None or (item["number"], item["id"]) < mine]

    def beat(self, *, force: bool = False) -> None:
        """Say from time to time that the process lives."""
        if force or time.monotonic() - self._beaten > BEAT_SECONDS:
            self._record["time"] = time.time()
            self._store.write(self._key, [json.dumps(self._record).encode()])
            self._beaten = time.monotonic()

    def remove(self) -> None:
        """Leave the queue, and the lock."""
        self._store.delete(self._key)

    def _others(self) -> list[dict[str, Any]]:
        """The tickets of others that live."""
        found: list[dict[str, Any]] = []
        for name in self._store.children(self._folder):
            if name == f"{self.id}.json" or not name.endswith(".json"):
                continue
            key = f"{self._folder}/{name}"
            try:
                record: dict[str, Any] = json.loads(bytes(self._store.read(key)))
            except (StoreError, ValueError):  # removed since
                continue
            if is_gone(record["owner"], float(record["time"])):
                self._store.delete(key)
            else:
                found.append({**record, "id": name.removesuffix(".json")})
        return found


class _Want(Generic[Key]):
    """What wants locks. It takes them one after the other, by name, so that two never wait for each other."""

    def __init__(self, key: Key, locks: Sequence[Lock], who: str) -> None:
        self.key = key
        self.locks = sorted(locks)
        self.who = who
        self.tickets: list[Ticket] = []
        self.since = time.monotonic()


class LockKeeper(Generic[Key]):
    """The locks of one process. A thread takes them, and keeps them alive."""

    def __init__(self, store: Callable[[], Store], note: Callable[[str], object]) -> None:
        """`store` opens the root where the first lock is wanted; `note` prints who waits for whom."""
        self._open = store
        self._note = note
        self._store: Store | None = None
        self._waiting: dict[Key, _Want[Key]] = {}
        self._held: dict[Key, _Want[Key]] = {}
        self._granted: list[Key] = []
        self._noted: set[str] = set()
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._over = False
        self._thread: threading.Thread | None = None
        self.error = ""
        """Why no lock can be taken any more."""
        self.on_grant: Callable[[], object] = lambda: None
        """Called in the thread when something may go on."""

    def __bool__(self) -> bool:
        return bool(self._waiting or self._granted)

    def want(self, key: Key, locks: Sequence[Lock], who: str) -> bool:
        """Whether something has to wait for locks: `take` has it once it holds all of them."""
        with self._guard:
            if not locks or key in self._held:
                return False
            self._waiting.setdefault(key, _Want(key, locks, who))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._wake.set()
        return True

    def take(self) -> list[Key]:
        """What has got its locks since the last call."""
        with self._guard:
            found, self._granted = self._granted, []
        return found

    def release(self, key: Key) -> None:
        """Give back what something holds, or no longer wants."""
        with self._guard:
            want = self._held.pop(key, None) or self._waiting.pop(key, None)
        self._remove(want)
        self._wake.set()

    def close(self) -> None:
        """Give everything back."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for key in [*self._held, *self._waiting]:
            self.release(key)

    def _remove(self, want: _Want[Key] | None) -> None:
        for ticket in want.tickets if want is not None else ():
            with contextlib.suppress(StoreError):
                ticket.remove()

    def _run(self) -> None:
        try:
            self._store = self._open()
            pause = _REMOTE_POLL_SECONDS if self._store.remote else _POLL_SECONDS
            while not self._over:
                self._turn(self._store)
                self._wake.wait(pause if self._waiting else BEAT_SECONDS / 2)
                self._wake.clear()
        except Exception as error:
            self.error = f"locks cannot be taken: {error}"
            self.on_grant()

    def _turn(self, store: Store) -> None:
        """Keep what is held alive, and take what is free. Of one lock, no more tickets wait than it has places."""
        with self._guard:
            held, waiting = list(self._held.values()), list(self._waiting.values())
        for ticket in (ticket for want in (*held, *waiting) for ticket in want.tickets):
            ticket.beat()
        queued: dict[str, int] = {}
        for want in held:
            for lock in want.locks:
                queued[lock.name] = queued.get(lock.name, 0) + 1
        for want in waiting:
            if self._advance(want, store, queued):
                with self._guard:
                    gone = self._waiting.pop(want.key, None) is None
                    if not gone:
                        self._held[want.key] = want
                        self._granted.append(want.key)
                if gone:
                    self._remove(want)
                self.on_grant()

    def _advance(self, want: _Want[Key], store: Store, queued: dict[str, int]) -> bool:
        """Go on with the locks of one, and say whether it holds them all."""
        for place, lock in enumerate(want.locks):
            if place == len(want.tickets):
                if queued.get(lock.name, 0) >= lock.limit:
                    return False
                want.tickets.append(Ticket(store, lock, want.who))
            queued[lock.name] = queued.get(lock.name, 0) + 1
            before = want.tickets[place].before()
            if len(before) >= lock.limit:
                self._say(want, lock, before)
                return False
        return True

    def _say(self, want: _Want[Key], lock: Lock, before: list[str]) -> None:
        if lock.name not in self._noted and time.monotonic() - want.since > _NOTE_SECONDS:
            self._noted.add(lock.name)
            self._note(f"{want.who} waits for the lock {lock.name}, behind {', '.join(sorted(before)[:3])}")
