"""Which locks make sense: each once on a step, none on the members of a gang, and one number of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, LockSpec


def check_locks(flow: Flow, sink: DiagnosticSink) -> None:
    """Collect FC405 for what is said twice, FC404 for two limits of one lock, and FC406 for locks of gangs' members.

    A lock that both a run and one of its steps want, with one place, would never be free.
    """
    for limit in flow.specs.run_limits[1:]:
        sink.error("FC405", "`@concurrency(runs=)` is given twice", limit.span, help="keep one of them")
    _check_names(flow.specs.locks, sink)
    limits = {lock.name: lock for lock in reversed(flow.specs.locks)}
    held = {lock.name for lock in flow.specs.locks}
    for step in flow.steps:
        _check_names(step.specs.locks, sink)
        gang = any(flow.by_name[name].kind == "parallel" for name in step.parents)
        for lock in step.specs.locks:
            other = limits.setdefault(lock.name, lock)
            if other.limit != lock.limit:
                message = f"the lock `{lock.name}` has a limit of {lock.limit} here, and of {other.limit} elsewhere"
                sink.error("FC404", message, lock.span, help="give it one limit")
            if gang:
                message = f"step `{step.name}` is a gang, whose members begin together, and none of them can wait"
                help_ = "put `@concurrency` on the flow, or on a step that does the same without a gang"
                sink.error("FC406", message, lock.span, help=help_)
            elif lock.name in held:
                message = f"step `{step.name}` waits for the lock `{lock.name}`, which its own run holds"
                sink.error("FC406", message, lock.span, help="keep it on the flow, or on its steps")


def _check_names(locks: Sequence[LockSpec], sink: DiagnosticSink) -> None:
    seen: set[str] = set()
    for lock in locks:
        if lock.name in seen:
            sink.error("FC405", f"the lock `{lock.name}` is named twice", lock.span, help="keep one of them")
        seen.add(lock.name)
