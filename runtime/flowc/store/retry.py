"""Retries of requests to a store: with growing delays, up to a limit in time, and with a line in the log."""

from __future__ import annotations

import os
import sys
import time

from flowc.errors import StoreError
from flowc.protocol import env_names

VARIABLE = env_names.STORE_RETRY_SECONDS
"""The variable with the seconds for which one request to a store is retried; 0 means a single try."""
DEFAULT = 120.0
FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
QUIET = 2.0
"""Shorter waits, in seconds, are not logged."""

JUST = 30.0
"""For so many seconds after one request was given up, others to the same store get a single try.

What follows a failed request, such as the record of the failure, would wait in vain for as long again.
"""

_given_up: dict[str, float] = {}
"""When a request to a store was given up last, by the monotonic clock."""
_told: dict[str, float] = {}
"""When the last line about a store was logged: a join reads from many threads, and one line is enough for all."""


class Retries:
    """The tries of one request, after the first one that failed."""

    __slots__ = ("_limit", "_since", "_spoke", "_what", "tries")

    def __init__(self, what: str, limit: float | None = None) -> None:
        """`what` names the store in messages; `limit` is in seconds, by default from the environment."""
        self._what = what
        self._limit = limit
        self._since: float | None = None
        self._spoke = False
        self.tries = 0
        """How many have failed."""

    def wait(self, problem: str, at_least: float = 0.0) -> bool:
        """Sleep before the next try; false once the limit is reached. The last try is at the limit.

        `problem` says why the try failed; `at_least` is the server's Retry-After in seconds. Raises StoreError.
        """
        if self._limit is None:
            self._limit = retry_seconds()
        now = time.monotonic()
        if self._since is None:
            if now - _given_up.get(self._what, float("-inf")) < JUST:
                _given_up[self._what] = now
                return False
            self._since = now
        self.tries += 1
        left = self._since + self._limit - now
        if left <= 0:
            _given_up[self._what] = now
            return False
        import random

        # Random, so that tasks do not all retry at the same moment.
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self.tries, 16)) * random.uniform(0.5, 1.0)
        delay = min(max(delay, at_least), left)
        if now - self._since + delay > QUIET:
            self._tell(problem, delay, left)
        time.sleep(delay)
        return True

    def answered(self) -> None:
        """Note that the request succeeded. Logs it if a wait was logged."""
        _given_up.pop(self._what, None)
        if self._spoke and self._since is not None and _told.pop(self._what, None) is not None:
            _say(f"{self._what} answers again, after {time.monotonic() - self._since:.0f} s")

    def spent(self) -> str:
        """How long and how often the request was tried, for the error."""
        if self._since is None or not self._limit:
            return ""
        return f" ({self.tries} tries in {time.monotonic() - self._since:.0f} s; {VARIABLE}={self._limit:g})"

    def _tell(self, problem: str, delay: float, left: float) -> None:
        self._spoke = True
        now = time.monotonic()
        if now - _told.get(self._what, 0.0) >= min(delay, QUIET):
            _told[self._what] = now
            _say(f"waiting {delay:.0f} s for {self._what}, and {left:.0f} s at most: {problem}")


def retry_seconds() -> float:
    """The limit from the environment, in seconds. Raises StoreError."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return DEFAULT
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise StoreError(f"{VARIABLE} is {text!r}; it has to be a number of seconds, such as 120")
    return seconds


def _say(text: str) -> None:
    try:
        sys.stderr.write(f"flowc: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # the step has closed it, or set it to None
        pass
