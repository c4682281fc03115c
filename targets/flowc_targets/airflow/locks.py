"""Locks as Airflow has them: the pools of tasks, and the most runs of a DAG at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, LockSpec

NAME = "airflow"


def locks_of(flow: Flow) -> dict[str, LockSpec]:
    """The locks of all steps, by name."""
    return {lock.name: lock for step in flow.steps for lock in step.specs.locks}


def pool_commands(flow: Flow) -> list[str]:
    """The commands that create the pools. A task that the triggerer waits for keeps its place."""
    return [
        f"airflow pools set {name} {lock.limit} 'a lock of flowc' --include-deferred"
        for name, lock in locks_of(flow).items()
    ]


def check_locks(flow: Flow, sink: DiagnosticSink) -> None:
    """Report what pools cannot do, and warn of those that have to be there."""
    for lock in flow.specs.locks:
        message = f"Airflow has no lock for a whole run: `{lock.name}`"
        help_ = "put `@concurrency` on the steps that need it; for runs of this flow alone, say `@concurrency(runs=1)`"
        sink.unsupported("FC501", NAME, message, lock.span, help=help_)
    for limit in flow.specs.run_limits:
        if limit.policy != "queue":
            message = f"Airflow cannot {limit.policy} runs: those beyond max_active_runs wait"
            sink.unsupported("FC501", NAME, message, limit.span, help='say policy="queue"')
    for step in flow.steps:
        locks, own = step.specs.locks, step.specs.airflow
        if len(locks) > 1:
            message = f"a task is in one pool, and step `{step.name}` has {len(locks)} locks"
            sink.unsupported("FC501", NAME, message, locks[1].span, help="make one lock of them")
        elif locks and own is not None and own.pool is not None:
            message = f"a task is in one pool, and step `{step.name}` has a lock and the pool {own.pool!r}"
            sink.unsupported("FC501", NAME, message, locks[0].span, help="keep one of them")
    for (name, lock), command in zip(locks_of(flow).items(), pool_commands(flow), strict=True):
        message = f"the lock `{name}` is Airflow's pool {name!r}, without which its tasks wait forever (target {NAME})"
        sink.warning("FC501", message, lock.span, help=f"create it once: {command}")
