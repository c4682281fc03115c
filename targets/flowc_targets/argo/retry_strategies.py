"""`@retry` on Argo: which attempts follow (`retryStrategy`), and what each of them needs (`podSpecPatch`).

What a node is that lost its pod (inferFailedReason and podReconciliation in operator.go, 3.6 and 4.1):

- deleted at once (`--force`, a node that is gone): Error, `pod deleted`;
- deleted, drained, preempted, evicted through the API: Failed, as main got a SIGTERM: exit code 143;
- evicted by a kubelet whose node runs low, or by a shutdown of the node: Failed, with the kubelet's message;
- failed before main had started, or in a container of Argo: Error.

A limit of time or of storage that a pod has exceeded is the step's own doing. Code that ends itself by SIGTERM cannot
be distinguished from a pod that was deleted.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from flowc.protocol.exit_codes import (
    ERROR,
    FATAL,
    KILLED,
    LOST,
    MEMORY_ERROR,
    NOT_YET,
    OOM,
    RETRIABLE,
    TERMINATED,
    TIMED_OUT,
    TIMEOUT,
)
from flowc_targets.argo.workflow_objects import Backoff, RetryStrategy
from flowc_targets.base.json_parts import as_map
from flowc_targets.kubernetes.objects import to_manifest
from flowc_targets.kubernetes.pod import step_pod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.kubernetes.pod import StepPod

Json = dict[str, Any]

_OWN_LIMIT = '!(lastRetry.message matches "deadline|exceed")'
LOST_POD = (
    'lastRetry.status == "Error" || '
    f'(lastRetry.exitCode == "{TERMINATED}" && {_OWN_LIMIT}) || '
    'lastRetry.message matches "was low on resource|node shutdown|neither main nor wait"'
)
"""The expression of a retryStrategy that gives only pods another attempt that were lost through no fault of the step.

Not lost, but the step's own doing, is also another exit code, OOMKilled among them."""

KILLED_POD = f'{LOST_POD} || (lastRetry.exitCode == "{KILLED}" && {_OWN_LIMIT})'
"""The same for a pod of several tasks, of which one has further attempts: what kills a task, such as the kernel that
has no memory left for it, kills its pod. The runner counts that as a failed attempt of the task."""

NOT_YET_POD = f'lastRetry.exitCode == "{NOT_YET}" || {LOST_POD}'
"""The same for a pod that looks for what a step waits for: it says that this is not there yet."""

NOT_FATAL = f'lastRetry.exitCode != "{FATAL}"'
"""The expression for all failures but those that the step's code or `@retry(never=...)` has called final."""

KINDS: Mapping[str, str] = {
    LOST: f'{LOST_POD} || (lastRetry.exitCode == "{KILLED}" && {_OWN_LIMIT.replace("deadline", "OOMKilled|deadline")})',
    OOM: f'lastRetry.exitCode == "{MEMORY_ERROR}" || lastRetry.message matches "OOMKilled"',
    TIMEOUT: f'lastRetry.exitCode == "{TIMED_OUT}" || lastRetry.message matches "deadline"',
}
"""The expressions of the kinds of failures; an error is what is none of these."""
_UNSAFE = re.compile(r"""'|\\|"[^"]*[{}][^"]*"(?=[:,\]}])""")
"""What may not stand in a text between single quotes of an expression, in braces of a template."""


def retry_strategy(flow: Flow, step: Step, options: ArgoOptions, *, gang: bool) -> RetryStrategy | None:
    """Which attempts a step's pod gets.

    The policy `Always` is for what the user's code raised and what befell the pod (eviction, a lost node) alike. A step
    without `@retry` gets the attempts for lost pods only, and a member of a gang does not get those either: members
    start over together, and all but the one that was lost fail by themselves.
    """
    retries, policy = step.specs.retries, step.specs.retry
    group = flow.group_of.get(step.name)
    if group is not None and group.retries:
        most = options.lost_pods(group=True) + group.retries
        return RetryStrategy(limit=str(most), expression=KILLED_POD)
    if retries == 0:
        lost = 0 if gang else options.lost_pods(group=group is not None)
        return RetryStrategy(limit=str(lost), expression=LOST_POD) if lost else None
    strategy = RetryStrategy(limit=str(retries))
    if policy is not None and not step.specs.survives:
        strategy = strategy.replace(expression=_expression(policy.on))
    elif step.specs.gated:  # what it has waited for in vain no attempt gets
        strategy = strategy.replace(expression=NOT_FATAL)
    # The shim stores what `@catch` or the foreach takes in attempts of its own, whatever has ended the one before.
    if policy is None or policy.backoff_seconds == 0:
        return strategy
    factor = str(policy.backoff_factor) if policy.backoff_factor > 1 else None
    cap = policy.max_wait_seconds if factor is not None else None
    backoff = Backoff(
        duration=f"{policy.wait_before(1):g}s", factor=factor, cap=f"{cap:g}s" if cap is not None else None
    )
    return strategy.replace(backoff=backoff)


def _expression(on: tuple[str, ...]) -> str:
    """The expression for the kinds of failures that `@retry` names; for none, all."""
    if not on:
        return NOT_FATAL
    if ERROR in on:
        return " && ".join([NOT_FATAL, *(f"!({KINDS[kind]})" for kind in RETRIABLE if kind not in on)])
    return " || ".join(KINDS[kind] for kind in RETRIABLE if kind in on)


def attempts_patch(step: Step, options: ArgoOptions, target: str, sink: DiagnosticSink) -> str | None:
    """The `podSpecPatch` that makes of a step's pod that of each attempt; `None` where all are the same.

    It chooses by `retries`, which Argo knows in an expression of a template only. Collects FC501 for texts that may
    not stand in one.
    """
    policy = step.specs.retry
    if policy is None or len(policy.attempts) < 2:
        return None
    pods = [
        _node_part(step_pod(step.specs.of_attempt(number), options, target, sink, options.qos))
        for number in range(min(len(policy.attempts), policy.limit + 1))
    ]
    texts = [_text(_difference(pods[0], pod)) for pod in pods]
    if _UNSAFE.search(json.dumps(pods)):
        sink.unsupported(
            "FC501", target, f"step `{step.name}`: labels and tolerations of attempts with quotes or braces",
            policy.span or step.span, help="Kubernetes has no such labels: choose others",
        )  # fmt: skip
        return None
    while len(texts) > 1 and texts[-1] == texts[-2]:
        del texts[-1]
    if len(texts) == 1:
        return None
    choices = [f"retries == '{number}' ? '{text}' : " for number, text in enumerate(texts[:-1])]
    return f"{{{{={''.join(choices)}'{texts[-1]}'}}}}"


def _node_part(pod: StepPod) -> Json:
    """The part of a pod's spec that may differ between attempts."""
    return {
        "resources": to_manifest(pod.resources) if pod.resources is not None else {},
        "nodeSelector": dict(pod.node_selector),
        "tolerations": [to_manifest(item) for item in pod.tolerations],
        "affinity": to_manifest(pod.affinity) if pod.affinity is not None else {},
    }


def _difference(first: Json, other: Json) -> Json:
    """What makes the one pod's spec the other's, as a strategic merge patch: `None` removes a field."""
    found = _changed(first, other)
    resources = found.pop("resources", None)
    return found if resources is None else {"containers": [{"name": "main", "resources": resources}], **found}


def _changed(first: Json, other: Json) -> Json:
    found: Json = {name: None for name in first if name not in other}
    for name, value in other.items():
        old = first.get(name)
        if value != old:
            found[name] = value if isinstance(value, str | list) else _changed(as_map(old), as_map(value))
    return found


def _text(patch: Json) -> str:
    """JSON without two braces in a row, at which Argo would see the end of its expression."""
    text = json.dumps(patch, sort_keys=True)
    while "}}" in text:
        text = text.replace("}}", "} }")
    return text
