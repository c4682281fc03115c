"""Executing templates: the controller's executeTemplate (operator.go), node by node.

The controller goes over the whole Workflow again and again. Here a node calls its watchers when it is fulfilled, which
leads to the same nodes and phases in time proportional to what happens. The calls are queued, so that a recursion of
the flow is not a recursion of Python.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from flowc.protocol.exit_codes import NOT_YET
from flowc_targets.simulate.dag_run import DagRun
from flowc_targets.simulate.problems import HeldError, NodeError, TooDeepError
from flowc_targets.simulate.retry_expressions import parse_retry
from flowc_targets.simulate.substitution import as_text, processed, substituted, workflow_globals
from flowc_targets.simulate.workflow_nodes import FAILED, FULFILLED, Node, Nodes, fnv32a
from flowc_targets.simulate.workflow_spec import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_targets.simulate.simulated_cluster import SimulatedCluster
    from flowc_targets.simulate.workflow_nodes import Call, Node, NodeType, Phase
    from flowc_targets.simulate.workflow_spec import Spec, Template


LOOK_SECONDS = 0.5
"""How often the answer to a question is looked for."""
_LOOKS = f'lastRetry.exitCode == "{NOT_YET}"'
"""A part of the expression of pods that look for something."""
MAX_DEPTH = 100
"""Nested calls of templates at which the controller gives up (controller.go, maxStackDepth)."""


class Run:
    """One Workflow."""

    def __init__(self, spec: Spec, host: SimulatedCluster, *, backoff: float = 1.0) -> None:
        """`backoff` multiplies the waits between attempts: 0 does not wait."""
        self.spec = spec
        self.host = host
        self.backoff = backoff
        self.started = time.time()
        self.nodes = Nodes(spec.name)
        self.values = workflow_globals(spec, self.started)
        self.queue: deque[Callable[[], object]] = deque()
        self.boundaries: dict[str, DagRun] = {}
        """The DAGs by the ids of their nodes."""
        self.held: dict[DagRun | RetryRun, None] = {}
        """What waits for a `parallelism`, in the order in which it began to wait."""
        self.active = 0
        """Pods that are pending or running."""
        self.expired = False
        """Whether the Workflow's activeDeadlineSeconds have passed."""

    def settle(self) -> None:
        """Do everything that needs no pod to end and no time to pass."""
        while True:
            while self.queue:
                self.queue.popleft()()
            self._resume()
            if not self.queue:
                return

    def execute(self, call: Call) -> Node:
        """The node of a call: a new one, or, if ids collide, the one that exists.

        Raises HeldError, and NodeError if the node was created, but its template cannot be executed.
        """
        found = self.nodes.get(call.name)
        if found is not None:
            return found
        self._check_parallelism(call.boundary)
        template = self.spec.templates[call.template]
        try:
            if call.depth >= MAX_DEPTH:
                raise TooDeepError("Maximum recursion depth exceeded")
            raw = processed(template, call.arguments, {**self.values, **self._local(call, template)})
            if template.retry is None:
                return self.dispatch(call, template, raw)
        except NodeError as error:
            self.new_node(call, "Skipped", "Error", str(error))
            raise
        node = self.new_node(call, "Retry", "Running")
        RetryRun(self, node, call, template, raw).attempt()
        return node

    def dispatch(self, call: Call, template: Template, raw: dict[str, Any], *, retried: bool = False) -> Node:
        """Make the node of a processed template, and start what it does."""
        match template.kind:
            case "container":
                node = self.new_node(call, "Pod", "Pending", retried=retried)
                self.active += 1
                if self.expired and not call.on_exit:
                    self.queue.append(lambda: self.mark(node, "Failed", "Step exceeded its deadline"))
                else:
                    self.host.start(node, raw, on_exit=call.on_exit)
            case "suspend":
                node = self.new_node(call, "Suspend", "Running", retried=retried)
                self._suspend(node, raw)
            case "dag":
                node = self.new_node(call, "DAG", "Running", retried=retried)
                self.queue.append(DagRun(self, node, template, raw, call).start)
        return node

    def new_node(self, call: Call, kind: NodeType, phase: Phase, message: str = "", *, retried: bool = False) -> Node:
        """Make a node for a call. Its id is free."""
        node = Node(
            id=self.nodes.id_of(call.name),
            name=call.name,
            type=kind,
            phase=phase,
            template=call.template,
            boundary=call.boundary.node.id if call.boundary is not None else "",
            depth=call.depth,
            message=message,
            retried=retried,
        )
        self.nodes.add(node)
        if call.boundary is not None:
            call.boundary.count(node, 1)
        self.host.changed(node)
        return node

    def mark(self, node: Node, phase: Phase, message: str | None = None) -> None:
        """Give a node a phase, and call its watchers when that is the last one."""
        if node.phase in FULFILLED:
            return
        node.phase = phase
        if message is not None:
            node.message = message
        self.host.changed(node)
        if phase not in FULFILLED:
            return
        node.finished = time.time()
        if node.type == "Pod":
            self.active -= 1
        if node.type in {"Pod", "DAG"}:
            boundary = self.boundaries.get(node.boundary)
            if boundary is not None:
                boundary.count(node, -1)
        for watcher in node.watchers:
            self.queue.append(partial(watcher, node))

    def pod_running(self, node: Node) -> None:
        """A pod's process has begun."""
        node.running = time.time()
        self.mark(node, "Running")

    def pod_ended(self, node: Node, phase: Phase, message: str, outputs: dict[str, str]) -> None:
        """A pod has ended."""
        node.outputs = outputs
        self.mark(node, phase, message)

    def expire(self) -> None:
        """The deadline of the Workflow: all but the exit handler fails (exec_control.go)."""
        self.expired = True
        exit_ids = {id_ for id_, dag in self.boundaries.items() if dag.on_exit}
        for node in list(self.nodes.by_id.values()):
            if node.fulfilled or node.boundary in exit_ids or node.type not in {"Pod", "Suspend"}:
                continue
            self.host.stop(node)
            self.mark(node, "Failed", "Step exceeded its deadline")

    def pod_name(self, name: str, template: str) -> str:
        """The name of a node's pod (util/pod_name.go)."""
        return self.spec.name if name == self.spec.name else f"{self.spec.name}-{template}"[:242] + f"-{fnv32a(name)}"

    def _local(self, call: Call, template: Template) -> dict[str, str]:
        local = {"node.name": call.name}
        if call.task:
            local["tasks.name"] = call.task
        if template.kind == "container" and template.retry is None:
            local["pod.name"] = self.pod_name(call.name, template.name)
        return local

    @property
    def is_full(self) -> bool:
        """Whether the Workflow's own `parallelism` is reached."""
        return 0 < self.spec.parallelism <= self.active

    def _check_parallelism(self, boundary: DagRun | None) -> None:
        """Raises HeldError (operator.go, checkParallelism)."""
        if self.is_full:
            raise HeldError
        if boundary is not None and boundary.is_full:
            raise HeldError

    def _suspend(self, node: Node, raw: dict[str, Any]) -> None:
        supplied = [item for item in raw.get("outputs", {}).get("parameters", []) if "supplied" in item["valueFrom"]]
        if supplied:
            self._ask(node, raw, supplied[0])
        if not raw["suspend"].get("duration"):
            return
        wait = seconds(raw["suspend"]["duration"])
        default = {item["name"]: as_text(item["valueFrom"].get("default", "")) for item in supplied}

        def end() -> None:
            if not node.fulfilled:
                node.outputs = default or node.outputs
                self.mark(node, "Succeeded")

        if wait <= 0:
            end()
        else:
            self.host.later(node.started + wait, end)

    def _ask(self, node: Node, raw: dict[str, Any], output: dict[str, Any]) -> None:
        """Look again and again for what somebody has chosen, which ends a pause."""
        inputs = {item["name"]: as_text(item.get("value", "")) for item in raw.get("inputs", {}).get("parameters", [])}

        def look() -> None:
            if node.fulfilled:
                return
            answer = self.host.answer(inputs.get("step", ""), inputs.get("index", ""))
            if answer is None:
                self.host.later(time.time() + LOOK_SECONDS, look)
                return
            node.outputs = {output["name"]: answer}
            self.mark(node, "Succeeded")

        self.queue.append(look)

    def _resume(self) -> None:
        """Go on with the DAGs that were held, until a limit is reached again."""
        for waiting in list(self.held):
            if self.is_full:
                return
            if not waiting.is_full:
                del self.held[waiting]
                waiting.resume()


class RetryRun:
    """The attempts of one node."""

    def __init__(self, run: Run, node: Node, call: Call, template: Template, raw: dict[str, Any]) -> None:
        """`raw` is the template, processed except for the values of an attempt."""
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
            child.watchers.append(self.ended)

    def _new_attempt(self, call: Call) -> Node:
        try:
            raw = substituted(self._raw, {**self._run.values, **self._values(call.name)})
        except NodeError as error:
            return self._run.new_node(call, "Skipped", "Error", str(error), retried=True)
        return self._run.dispatch(call, self._template, raw, retried=True)

    def ended(self, node: Node) -> None:
        """An attempt has ended: end the node, or start another attempt."""
        verdict = self._verdict(node)
        if verdict is not None:
            self._node.outputs = node.outputs
            self._run.mark(self._node, node.phase if node.phase in FAILED else "Succeeded", verdict)
            return
        wait = self._wait()
        if wait <= 0:
            self.attempt()
        else:
            self._run.host.later(node.finished + wait, self.attempt, retried=self._node)

    def _verdict(self, node: Node) -> str | None:
        """The message with which it ends; `None` if there is another attempt."""
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
        if "expression" in self._strategy and not parse_retry(self._strategy["expression"])(_last_retry(node)):
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
        # Looks for something are as far apart as they are on a cluster.
        return wait if _LOOKS in self._strategy.get("expression", "") else wait * self._run.backoff

    def _values(self, name: str) -> dict[str, str]:
        values = {
            "retries": str(len(self._attempts)),
            **_last_retry(self._attempts[-1] if self._attempts else None),
        }
        if self._template.kind == "container":
            values["pod.name"] = self._run.pod_name(name, self._template.name)
        return values


def _last_retry(last: Node | None) -> dict[str, str]:
    """What is known of an attempt (operator.go, buildRetryStrategyLocalScope); before the first, nothing."""
    if last is None:
        return {
            "lastRetry.exitCode": "0", "lastRetry.duration": "0", "lastRetry.status": "", "lastRetry.message": "",
        }  # fmt: skip
    code = _EXIT_CODE.search(last.message)
    return {
        "lastRetry.exitCode": code[1] if code is not None else "-1",
        "lastRetry.duration": f"{last.finished - last.started:g}",
        "lastRetry.status": last.phase,
        "lastRetry.message": last.message,
    }


_EXIT_CODE = re.compile(r"\(exit code (\d+)\)")
