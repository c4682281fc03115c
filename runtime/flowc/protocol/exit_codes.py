"""How a task's process ends, and which kind of failure that is: what `@retry(on=...)` goes by on every engine.

Codes of the shim's own are those that programs rarely have: they stand behind the ones of sysexits.h, which end at 78,
but for two that are known from there and from coreutils.
"""

from __future__ import annotations

from flowc.errors import ContainerFailed, Fatal, PeerFailed, ProtocolError, TimeoutException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Tuple

OK = 0
"""A task that has committed its attempt."""
USER_ERROR = 1
"""The flow's own code failed: an attempt more may help."""
PROTOCOL_ERROR = 2
"""The run cannot go on and the flow's code is not to blame, also for wrong arguments."""
NOT_YET = 75
"""What the task waits for is not there yet: look again later (EX_TEMPFAIL of sysexits.h). It is no failure."""
FATAL = 79
"""The flow's own code failed, and no other attempt would help: `flowc.Fatal`, or a class of `@retry(never=...)`."""
MEMORY_ERROR = 80
"""Python had no memory left for the flow's own code: MemoryError."""
TIMED_OUT = 124
"""The step ran longer than its `@timeout` (as the command `timeout` says it)."""
INTERRUPTED = 130
"""Ctrl-C: 128 and the number of SIGINT."""
KILLED = 137
"""SIGKILL: from the kernel that has no memory left, or whoever else. Who it was, only the engine may know."""
TERMINATED = 143
"""SIGTERM: the pod is taken away."""

LOST, OOM, TIMEOUT, ERROR = "lost", "oom", "timeout", "error"
RETRIABLE: Tuple[str, ...] = (LOST, OOM, TIMEOUT, ERROR)
"""The kinds of failures that `@retry(on=...)` takes; all of them by default.

`lost`: the process or its pod was taken away; `oom`: out of memory; `timeout`: longer than `@timeout`; `error`:
anything else, above all an exception."""


def exit_code_of(error: BaseException) -> int:
    """The exit code of a task that ends with an exception."""
    if isinstance(error, PeerFailed):
        return error.code
    if isinstance(error, MemoryError):
        return MEMORY_ERROR
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, Fatal):
        return FATAL
    if isinstance(error, ContainerFailed) and error.exit_code is not None:
        return error.exit_code
    if isinstance(error, TimeoutException):
        return TIMED_OUT
    return PROTOCOL_ERROR if isinstance(error, ProtocolError) else USER_ERROR


def failure_kinds(code: int) -> Tuple[str, ...]:
    """What an exit code may stand for; nothing for one that no attempt follows.

    A negative number is a signal, as `subprocess` has it. A process that was killed may have been lost or out of
    memory: an engine that knows more, such as Kubernetes' `OOMKilled`, asks `is_retried` for that kind.
    """
    code = code if code >= 0 else 128 - code
    if code in (OK, FATAL, NOT_YET):
        return ()
    if code == KILLED:
        return (LOST, OOM)
    return ({TERMINATED: LOST, MEMORY_ERROR: OOM, TIMED_OUT: TIMEOUT}.get(code, ERROR),)


def is_retried(kinds: Collection[str], on: Collection[str]) -> bool:
    """Whether another attempt follows a failure of these kinds, where `@retry` is for the kinds `on`, or for all."""
    return any(kind in (on or RETRIABLE) for kind in kinds)
