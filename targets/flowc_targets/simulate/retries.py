"""`retryStrategy`: a node of type Retry, and its attempts (operator.go, processNodeRetries)."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.arguments import substituted
from flowc_targets.simulate.durations import seconds
from flowc_targets.simulate.nodes import FAILED
from flowc_targets.simulate.problems import NodeError

if TYPE_CHECKING:
    from flowc_targets.simulate.calls import Call
    from flowc_targets.simulate.nodes import Node
    from flowc_targets.simulate.run import Run
    from flowc_targets.simulate.spec import Template


class RetryRun:
    """The attempts of one node."""

    def __init__(self, run: Run, node: Node, call: Call, template: Template, raw: dict[str, Any]) -> None:
        """`raw` is the template, processed but for what is of an attempt only."""
        self._run = run
        self._node = node
        self._call = call
        self._template = template
        self._raw = raw
        self._strategy: dict[str, Any] = raw["retryStrategy"]
        self._attempts: list[Node] = []

    @property
    def is_full(self) -> bool:
        """The limits of templates do not hold for a further attempt (operator.go, checkParallelism)."""
        return False

    def resume(self) -> None:
        """Go on with the next attempt."""
        self.attempt()

    def attempt(self) -> None:
        """Make the next attempt. It is a child of the Retry node, and of the same boundary."""
        run = self._run
        if run.is_full:
            run.held[self] = None
            return
        name = f"{self._call.name}({len(self._attempts)})"
        run.nodes.connect(self._node.id, run.nodes.id_of(name))
        child = run.nodes.get(name)
        if child is None:
            child = self._new_attempt(replace(self._call, name=name))
        self._attempts.append(child)
        if child.fulfilled:
            run.queue.append(lambda: self.ended(child))
        else:
            child.watchers.append(self)

    def _new_attempt(self, call: Call) -> Node:
        try:
            raw = substituted(self._raw, {**self._run.values, **self._values(call.name)})
        except NodeError as error:
            return self._run.new_node(call, "Skipped", "Error", str(error), retried=True)
        return self._run.dispatch(call, self._template, raw, retried=True)

    def ended(self, node: Node) -> None:
        """An attempt has ended: that was all, or there is another one."""
        verdict = self._verdict(node)
        if verdict is not None:
            self._node.outputs = node.outputs
            self._run.mark(self._node, node.phase if node.phase in FAILED else "Succeeded", verdict)
            return
        wait = self._wait()
        if wait <= 0:
            self.attempt()
        else:
            self._run.host.later(node.finished + wait, self.attempt)

    def _verdict(self, node: Node) -> str | None:
        """The message for the end of it all; `None` where there is another attempt."""
        if node.phase not in FAILED:
            return ""
        if self._run.expired and not self._call.on_exit:
            return "retry exceeded workflow deadline"
        if "maxDuration" in self._strategy.get("backoff", {}):
            end = self._attempts[0].started + seconds(self._strategy["backoff"]["maxDuration"])
            if time.time() > end:
                return "Max duration limit exceeded"
            if node.finished + self._wait() > end:
                return "Backoff would exceed max duration limit"
        policy = self._strategy.get("retryPolicy", "Always" if "expression" in self._strategy else "OnFailure")
        phases = {"Always": FAILED, "OnError": {"Error"}, "OnFailure": {"Failed"}}.get(policy, frozenset())
        if node.phase not in phases:  # OnTransientError: nothing here is one
            return node.message
        limit = self._strategy.get("limit")
        if limit is not None and len(self._attempts) > int(limit):
            return "No more retries left"
        if "expression" in self._strategy and not _is_lost(node):
            return "retryStrategy.expression evaluated to false"
        return None

    def _wait(self) -> float:
        """Seconds from the end of the last attempt to the next."""
        backoff = self._strategy.get("backoff")
        if backoff is None:
            return 0.0
        wait = seconds(backoff["duration"])
        factor = int(backoff.get("factor", 0))
        if factor > 0:
            wait *= float(factor) ** (len(self._attempts) - 1)
        if "cap" in backoff:
            wait = min(wait, seconds(backoff["cap"]))
        return wait * self._run.backoff

    def _values(self, name: str) -> dict[str, str]:
        last = self._attempts[-1] if self._attempts else None
        values = {
            "retries": str(len(self._attempts)),
            "lastRetry.exitCode": (last.outputs or {}).get("", "0") if last else "0",
            "lastRetry.duration": f"{last.finished - last.started:g}" if last else "0",
            "lastRetry.status": last.phase if last else "",
            "lastRetry.message": last.message if last else "",
        }
        if self._template.kind == "container":
            values["pod.name"] = self._run.pod_name(name, self._template.name)
        return values


def _is_lost(node: Node) -> bool:
    """What the one expression that is known says of an attempt: of its terms these can come to pass here."""
    return node.phase == "Error" or ("(exit code 143)" in node.message and "deadline" not in node.message)
