"""A gang member's second thread: it shows that the member lives, and ends it when a peer has failed."""

from __future__ import annotations

import os
import sys
import threading
import time

from flowc.errors import PeerFailed, StoreError
from flowc.protocol import env_names
from flowc.protocol.exit_codes import TERMINATED
from flowc.shim.gang_files import MEMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List

    from flowc.shim.gang import Gang
    from flowc.store.documents import Document

SAY_EVERY = 15.0
"""Seconds between two lines about missing members."""
SILENCE = 180.0
"""Seconds without a heartbeat after which a member counts as dead. Long, as code that holds Python's lock stops it."""


class Watch:
    """Owns the member's own file, and the thread that counts its heartbeat up."""

    def __init__(self, gang: Gang) -> None:
        self._gang = gang
        self.token = os.urandom(8).hex()
        """This process, of all that have run or will run under this attempt."""
        self._own: Document = {"version": 1, "token": self.token, "beat": 0}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flowc-gang", daemon=True)
        self._tokens: List[str] = []
        self._judges = False
        self._complained = False
        self._last: object = None
        self._looked = 0.0
        self._silence = 0.0
        self._silence_limit = float(os.environ.get(env_names.GANG_SILENCE) or SILENCE)
        self.stale: PeerFailed | None = None
        """That the next member gives no sign of life any more."""

    def start(self, address: Document) -> None:
        """Write the member's file, and keep it fresh."""
        self.publish(**address)
        self._thread.start()

    def publish(self, **fields: Any) -> Document:
        """Write the member's file with these fields in it."""
        gang = self._gang
        with self._lock:
            self._own.update(fields)
            gang.layout.write_json(f"{gang.files.folder(gang.me, gang.task.attempt)}/{MEMBER}", self._own)
        return self._own

    def answer(self, token: str) -> None:
        """Tell member 0 that its token was read."""
        if self._own.get("to") != token:
            self.publish(to=token)

    def guard(self, tokens: List[str]) -> None:
        """From here on, end this process when a peer fails. `tokens` are those on the roll."""
        self._looked = time.monotonic()
        self._tokens = tokens
        self._judges = True

    def stand_down(self) -> None:
        """Do not end the process any more; `stale` is still kept up to date."""
        self._judges = False

    def stop(self) -> None:
        """End the thread, without waiting long for a store that does not answer."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(1)

    def _run(self) -> None:
        while not self._ended.wait(self._gang.files.interval):
            try:
                self._turn()
            except StoreError as error:  # it may come back; if it does not, the peers miss the heartbeat
                if not self._complained:
                    print(f"flowc: the gang's heartbeat could not be written: {error}", file=sys.stderr)
                    self._complained = True

    def _turn(self) -> None:
        self.publish(beat=self._own["beat"] + 1)
        if not self._tokens:
            return
        self._look_at_next()
        if self._judges:
            files = self._gang.files
            failure = files.failure(files.look()) or self.stale
            if failure is not None and self._judges:
                self._give_up(failure)

    def _look_at_next(self) -> None:
        """Each member watches the next one only: n reads per turn for the gang, not n times n."""
        gang = self._gang
        member = (gang.me + 1) % gang.count
        document = gang.files.read(member, gang.task.attempt) or {}
        now = time.monotonic()
        life = (document.get("token"), document.get("beat"))
        # A machine that slept sees a long time go by and has looked once: that says nothing of the other.
        passed = min(now - self._looked, 2 * gang.files.interval)
        self._silence = self._silence + passed if life == self._last else 0.0
        self._last, self._looked = life, now
        if life[0] != self._tokens[member]:
            self.stale = PeerFailed(f"member {member} was started again", member, TERMINATED)
        elif self._silence > self._silence_limit:
            text = f"member {member} has shown no sign of life for {self._silence:.0f} s"
            self.stale = PeerFailed(text, member, TERMINATED)

    def _give_up(self, failure: PeerFailed) -> None:
        """End the process whatever its main thread does, which may be blocked forever in a collective operation."""
        from flowc.shim.failure_report import report_failure

        # In a thread of its own, as the main thread may hold the lock of stdout.
        what = (failure, self._gang.layout, self._gang.task)
        report = threading.Thread(target=report_failure, args=what, daemon=True)
        report.start()
        report.join(30)
        os._exit(failure.code)


class ProgressLog:
    """Logs which members a member waits for, once in a while."""

    def __init__(self) -> None:
        self._due = time.monotonic() + SAY_EVERY

    def say(self, text: str) -> None:
        """Log the text, unless a line was logged a moment ago."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SAY_EVERY
            print(f"flowc: {text}", file=sys.stderr)


class Pause:
    """Sleeps that grow, as each look at a store may cost something."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._next = min(0.05, longest)

    def wait(self) -> None:
        """Sleep."""
        time.sleep(self._next)
        self._next = min(self._next * 1.5, self._longest)
