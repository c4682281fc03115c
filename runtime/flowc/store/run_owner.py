"""Which process runs a run of the local engine, and whether it still does.

The owner is in `run.json`, and its heartbeat beside that. A reader on the same machine looks for the process itself;
one elsewhere, or in another container, counts on the heartbeat.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

HEARTBEAT = "heartbeat.json"
"""The file of a run with the time at which its owner last said that it lives."""
BEAT_SECONDS = 20.0
"""Between two heartbeats."""
SILENCE_SECONDS = 120.0
"""Without a heartbeat for that long, a run's owner is gone. Clocks may differ by the rest."""


def this_owner() -> Dict[str, Any]:
    """The record of this process as an owner."""
    return {**_place(), "pid": os.getpid(), "began": _began(os.getpid())}


def is_gone(owner: Dict[str, Any], beat: float, silence: float = SILENCE_SECONDS) -> bool:
    """Whether an owner whose last heartbeat was at `beat`, in seconds since 1970, lives no more.

    Elsewhere it is gone after so many seconds of `silence`.
    """
    if {name: owner.get(name) for name in ("host", "space")} == _place():
        return not _lives(owner["pid"], owner.get("began"))
    return time.time() - beat > silence


def _place() -> Dict[str, Any]:
    """Where the numbers of processes mean the same."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = None
    return {"host": os.uname().nodename, "space": space}


def _lives(pid: int, began: str | None) -> bool:
    if began is not None:
        return _began(pid) == began
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _began(pid: int) -> str | None:
    """When a process began, in ticks since the machine did; `None` for one that has ended, and without /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode()
