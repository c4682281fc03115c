"""Pods that are lost through no fault of the step's code, and what Argo reports of them.

What a node is that lost its pod (inferFailedReason and podReconciliation in operator.go, 3.6 and 4.1):

- deleted at once (`--force`, a node that is gone): Error, `pod deleted`;
- deleted, drained, preempted, evicted through the API: Failed, as main got a SIGTERM: exit code 143;
- evicted by a kubelet whose node runs low, or by a shutdown of the node: Failed, with the kubelet's message;
- failed before main had started, or in a container of Argo: Error.

Not lost, but the step's own doing: another exit code, OOMKilled among them, and a limit of time or of storage that it
has exceeded. Code that ends itself by SIGTERM cannot be told from a pod that was deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.argo.options import ArgoOptions

LOST = (
    'lastRetry.status == "Error" || '
    '(lastRetry.exitCode == "143" && !(lastRetry.message matches "deadline|exceed")) || '
    'lastRetry.message matches "was low on resource|node shutdown|neither main nor wait"'
)
"""The expression of a retryStrategy that gives only lost pods another attempt."""


def retries_of_lost(flow: Flow, step: Step, options: ArgoOptions) -> int:
    """How many further attempts a step has that has none for failures of its code.

    Members of gangs have none: they start over together, and all but the one that was lost fail by themselves.
    """
    member = any(flow.by_name[name].kind == "parallel" for name in step.parents if name in flow.by_name)
    return 0 if step.specs.retries or member else options.retries_of_lost_pods
