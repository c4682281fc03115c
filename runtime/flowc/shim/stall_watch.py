"""Which forked tasks make no progress: a lock that a library held when it was forked is never released.

A process whose every thread waits for a lock, without a limit and without a child that could release it, waits forever.
Linux says what its threads wait for; elsewhere nothing is found.
"""

from __future__ import annotations

import os
import platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

CHECK_SECONDS = 3.0
"""Between two looks at the tasks."""
STALL_LOOKS = 3
"""So many looks in a row find the same before a task counts as stalled."""
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), -1)
_WAITS = (0, 9)
"""FUTEX_WAIT and FUTEX_WAIT_BITSET (linux/futex.h)."""


class StallWatch:
    """Looks at processes again and again."""

    def __init__(self, *, behind_keeper: bool = False) -> None:
        """`behind_keeper` where each process only keeps what its child prints, which is the task."""
        self._behind_keeper = behind_keeper
        self._seen: Dict[int, Tuple[List[str], int]] = {}

    def is_stalled(self, pid: int) -> bool:
        """Look at a process once more; whether it has been found to wait for a lock often enough, just now."""
        waits = _waits(_only_child(pid) if self._behind_keeper else pid)
        before, looks = self._seen.get(pid, ([], 0))
        looks = looks + 1 if waits and waits == before else 0
        self._seen[pid] = waits, looks
        return looks == STALL_LOOKS

    def forget(self, pid: int) -> None:
        """A process has ended."""
        self._seen.pop(pid, None)


def _only_child(pid: int) -> int:
    """The child of a process with one thread; 0 unless it has exactly one."""
    try:
        children = _read(f"/proc/{pid}/task/{pid}/children").split()
    except OSError:
        return 0
    return int(children[0]) if len(children) == 1 else 0


def _waits(pid: int) -> List[str]:
    """What each thread of a process waits for; empty where one of them may go on, or nobody knows."""
    found: List[str] = []
    folder = f"/proc/{pid}/task"
    try:
        for thread in sorted(os.listdir(folder)):
            if _read(f"{folder}/{thread}/children").strip():
                return []
            call = _read(f"{folder}/{thread}/syscall")
            if not _is_endless(call.split()):
                return []
            found.append(call)
    except (OSError, ValueError):
        return []
    return found


def _is_endless(call: List[str]) -> bool:
    """Whether a system call, with its arguments, waits for a lock and has no timeout."""
    if len(call) < 5 or call[0] != str(_FUTEX):
        return False
    return int(call[2], 16) & 0x7F in _WAITS and int(call[4], 16) == 0


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
