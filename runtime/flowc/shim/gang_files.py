"""What a gang's members see of each other in the store, and how one can be reached."""

from __future__ import annotations

import contextlib
import os
import socket

from flowc.errors import PeerFailed
from flowc.protocol import env_names
from flowc.protocol.exit_codes import TERMINATED, USER_ERROR
from flowc.store.run_layout import index_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Generator, Iterator, List, Set, Tuple

    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    Seen = Dict[Tuple[int, int], Set[str]]
    """(member, attempt) to the names of the files there."""

MEMBER, ERROR, PREPARED = "member.json", "error.json", "prepared-"


class GangFiles:
    """The folders of one gang's members, as seen by a member in its attempt."""

    def __init__(self, layout: RunLayout, step: str, path: Path, attempt: int, count: int) -> None:
        self._layout = layout
        self._step = step
        self._above = path[:-1]
        self._me = path[-1]
        self._attempt = attempt
        self._count = count
        self._old: Dict[str, Document] = {}
        self.interval = float(os.environ.get(env_names.GANG_INTERVAL) or (10 if layout.store.remote else 1))
        """Seconds between two looks, at most: each is a listing, and each heartbeat a write."""

    def folder(self, member: int, attempt: int) -> str:
        """The folder of a member's attempt."""
        return self._layout.folder(self._step, (*self._above, member), attempt)

    def read(self, member: int, attempt: int, name: str = MEMBER) -> Document | None:
        """A file of a member's attempt."""
        return self._layout.read_json(f"{self.folder(member, attempt)}/{name}")

    def look(self) -> Seen:
        """What is there now: one listing of a remote store."""
        store = self._layout.store
        seen: Seen = {}
        base = f"{self._layout.prefix}/{self._step}/"
        if store.remote:
            base += f"{index_text(self._above)}." if self._above else ""
            for key in store.keys(base):
                member, _, rest = key[len(base) :].partition("/")
                number, _, name = rest.partition("/")
                if member.isdigit() and number.isdigit() and int(member) < self._count:
                    seen.setdefault((int(member), int(number)), set()).add(name)
            return seen
        for i in range(self._count):
            folder = f"{base}{index_text((*self._above, i))}"
            for name in filter(str.isdigit, store.children(folder)):
                seen[i, int(name)] = set(store.children(f"{folder}/{name}"))
        return seen

    def remember(self) -> None:
        """Note what earlier processes have left under these attempts, so that it does not count as news of peers.

        An engine that counts the attempts of one run from 0 again leaves such files (`argo retry`). Any other engine
        sets FLOWC_GANG_FRESH, so that a member does not miss news from before its own start.
        """
        if os.environ.get(env_names.GANG_FRESH):
            return
        for member, attempt, name in self._telling(self.look()):
            document = self.read(member, attempt, name)
            if document is not None:
                self._old[f"{member}/{attempt}/{name}"] = document

    def failure(self, seen: Seen) -> PeerFailed | None:
        """Why this attempt of the gang cannot go on: a peer's error (the one that came first), or a newer attempt."""
        failures: List[PeerFailed] = []
        for member, attempt, name in self._telling(seen):
            old = self._old.get(f"{member}/{attempt}/{name}")
            document = self.read(member, attempt, name) if old is not None or name == ERROR else None
            if old is not None and old == document:
                continue
            if attempt > self._attempt:
                text = "this attempt was replaced" if member == self._me else f"member {member} was started again"
                failures.append(PeerFailed(f"{text}, as attempt {attempt}", member, TERMINATED))
            elif document is not None:
                failures.append(_failure_of(member, document))
                if failures[-1].peer == member:
                    return failures[-1]
        return failures[0] if failures else None

    def old_errors(self) -> str:
        """The errors that were there before this member, as the end of a message."""
        errors = [(key.partition("/")[0], old) for key, old in self._old.items() if key.endswith(ERROR)]
        return "".join(f"; member {i} failed earlier: {old['type']}: {old['message']}" for i, old in errors[:3])

    def _telling(self, seen: Seen) -> Iterator[Tuple[int, int, str]]:
        """The files that can say that this attempt is over: errors of peers in it, and attempts after it."""
        for (member, attempt), names in sorted(seen.items()):
            if attempt == self._attempt and member != self._me and ERROR in names:
                yield member, attempt, ERROR
            elif attempt > self._attempt:
                for name in sorted(names & {MEMBER, ERROR}):
                    yield member, attempt, name


def _failure_of(member: int, document: Document) -> PeerFailed:
    """The failure behind a peer's error: the peer's own, or the one that made the peer give up."""
    if document["type"] == "PeerFailed":
        return PeerFailed(document["message"], document["peer"], document.get("code", USER_ERROR))
    text = f"member {member} failed: {document['type']}: {document['message']}"
    return PeerFailed(text, member, document.get("code", USER_ERROR))


def host_address() -> str:
    """The address that peers reach this machine or pod at; FLOWC_GANG_HOST overrides what is found."""
    given = os.environ.get(env_names.GANG_HOST) or os.environ.get("POD_IP")
    if given:
        return given
    # Connecting a datagram socket sends nothing: it asks the routing table which address would be used.
    for family, somewhere in ((socket.AF_INET, "10.255.255.255"), (socket.AF_INET6, "fd00::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((somewhere, 9))
            return str(probe.getsockname()[0])
    return socket.gethostbyname(socket.gethostname())


@contextlib.contextmanager
def reserve_port(fixed: int) -> Generator[int, None, None]:
    """A TCP port that stays reserved in the block; `fixed` unless that is 0.

    It is below those that systems give to outgoing connections, one of which could take it before a library does: to
    import PyTorch takes a while. 30000 and above are node ports of Kubernetes.
    """
    if fixed:
        yield fixed
        return
    with socket.socket() as holder:
        for number in (*(20000 + int.from_bytes(os.urandom(2), "big") % 10000 for _ in range(20)), 0):
            with contextlib.suppress(OSError):
                holder.bind(("", number))
                break
        yield holder.getsockname()[1]
