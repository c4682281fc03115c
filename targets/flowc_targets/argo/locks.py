"""Locks as Argo has them: mutexes, semaphores with their ConfigMaps, and what a deployment does with overlapping runs.

A lock of one place is a mutex, by its name in the namespace. One of several is a semaphore, whose limit is in a
ConfigMap of its own: all flows with that lock name the same one, and the last that is applied says how many places it
has. No run owns it, so that nothing of flowc's removes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.workflow_objects import Mutex, SemaphoreRef, Synchronization
from flowc_targets.kubernetes.labels import LABELS
from flowc_targets.kubernetes.objects import ConfigMap, ConfigMapKeySelector, ObjectMeta

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, LockSpec, RunLimitSpec
    from flowc_targets.argo.options import ArgoOptions

TARGET = "argo"
KEY = "limit"
"""The key of a ConfigMap that has the number of places."""
POLICIES = {"replace": "Replace", "skip": "Forbid"}
"""`concurrencyPolicy` of a CronWorkflow, by the policy of `@concurrency(runs=1)`."""


def map_name(lock: str) -> str:
    """The name of the ConfigMap with a lock's limit."""
    return f"flowc-lock-{lock}"


def synchronization(locks: Sequence[LockSpec], options: ArgoOptions) -> Synchronization | None:
    """What a template or a Workflow has to hold; `None` for no locks."""
    if not locks:
        return None
    mutexes = tuple(Mutex(name=lock.name) for lock in locks if lock.limit == 1)
    semaphores = tuple(
        SemaphoreRef(config_map_key_ref=ConfigMapKeySelector(name=map_name(lock.name), key=KEY))
        for lock in locks
        if lock.limit > 1
    )
    if options.argo_version == "3.5":
        return Synchronization(mutex=next(iter(mutexes), None), semaphore=next(iter(semaphores), None))
    return Synchronization(mutexes=mutexes, semaphores=semaphores)


def run_locks(flow: Flow, deployment: str) -> tuple[LockSpec, ...]:
    """What a run holds: the flow's own locks, and for `@concurrency(runs=)` with a queue one of its deployment."""
    from flowc_compiler.ir import LockSpec

    queued = [limit for limit in flow.specs.run_limits if limit.policy == "queue"]
    own = (LockSpec(name=f"{deployment}-runs", limit=limit.runs, span=limit.span) for limit in queued)
    return (*flow.specs.locks, *own)


def concurrency_policy(flow: Flow, options: ArgoOptions) -> str | None:
    """The policy of a CronWorkflow: the option's, or the flow's. With a queue runs overlap, and wait."""
    limit = next(iter(flow.specs.run_limits), None)
    if limit is None or options.concurrency_policy is not None:
        return options.concurrency_policy
    return POLICIES.get(limit.policy, "Allow")


def lock_maps(flow: Flow, deployment: str, namespace: str | None) -> tuple[ConfigMap, ...]:
    """The ConfigMaps with the limits of all semaphores of a flow, each once."""
    locks = [*run_locks(flow, deployment), *(lock for step in flow.steps for lock in step.specs.locks)]
    limits = {lock.name: lock.limit for lock in locks if lock.limit > 1}
    return tuple(
        ConfigMap(
            metadata=ObjectMeta(name=map_name(name), namespace=namespace, labels=LABELS),
            immutable=False,
            data={KEY: str(limit)},
        )
        for name, limit in limits.items()
    )


def check_locks(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report what Argo 3.5 cannot hold, and policies that nothing carries out."""
    for limit in flow.specs.run_limits:
        _check_policy(limit, options, sink)
    if options.argo_version != "3.5":
        return
    for locks in (run_locks(flow, "flow"), *(step.specs.locks for step in flow.steps)):
        if len(locks) > 1:
            message = f"Argo 3.5 holds one lock at a time, and there are {len(locks)}"
            sink.unsupported("FC501", TARGET, message, locks[1].span, help="compile for 3.6 or newer, or keep one lock")


def _check_policy(limit: RunLimitSpec, options: ArgoOptions, sink: DiagnosticSink) -> None:
    if limit.policy == "queue":
        return
    if limit.runs > 1:
        message = f"a CronWorkflow cannot {limit.policy} runs beyond {limit.runs}, but only beyond one"
        sink.unsupported("FC501", TARGET, message, limit.span, help='say runs=1, or policy="queue"')
    elif options.kind == "workflow":
        message = f"a Workflow runs once, when it is applied: policy={limit.policy!r} is left out (target {TARGET})"
        sink.warning("FC501", message, limit.span, help="for a deployment, compile with --kind cron")
    elif options.kind == "template":
        message = f"nothing can {limit.policy} runs of a WorkflowTemplate: only a CronWorkflow does, with a schedule"
        sink.unsupported("FC501", TARGET, message, limit.span, help='say policy="queue", or compile with --kind cron')
