"""The logs of a run's pods, each line with its task. Argo's own lines, which stand between them, are left out."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from flowc_targets.argo.server.argo_server import Lost
from flowc_targets.argo.server.workflow_status import is_executor_line, node_key, pods_of, run_state
from flowc_targets.base.engine import EngineError, LogLine
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.argo.server.argo_server import Calls, Json
    from flowc_targets.base.engine import TaskState

PAUSE_SECONDS = 2.0
"""How long to wait before a stream that has broken off is begun again."""


def read_logs(calls: Calls, workflow: Json, step: str | None, *, follow: bool) -> Iterator[LogLine]:
    """What the pods of a run have printed, or those of one step or of one task, `step/index`.

    With `follow` it goes on until the run has ended; a stream that breaks off is begun again, and what has been given
    is not given twice. Raises EngineError FC602 for a step that an ended run has not had.
    """
    pods = _Pods(calls, workflow)
    if step is not None and run_state(workflow).ended and not any(_is_of(task, step) for task in pods.known.values()):
        steps = ", ".join(dict.fromkeys(task.step for task in run_state(workflow).tasks)) or "none"
        raise EngineError.unknown(f"run {pods.name} has had no pod of step {step!r}", f"its steps are {steps}")
    given = Counter[str]()
    while True:
        ended = run_state(pods.workflow).ended
        try:
            for pod, text in _lines(calls, pods.name, given, follow=follow and not ended):
                task = pods.task(pod)
                if step is None or (task is not None and _is_of(task, step)):
                    yield LogLine(task.id if task is not None else pod, text)
        except Lost:
            time.sleep(PAUSE_SECONDS)
        else:
            if not follow or ended:
                return
        pods.read()


def _lines(calls: Calls, name: str, given: Counter[str], *, follow: bool) -> Iterator[tuple[str, str]]:
    """(pod, line) of a run, without those that were given before: each pod's come in their order."""
    seen = Counter[str]()
    options: dict[str, object] = {"log_options_container": "main", "log_options_follow": follow}
    for entry in calls.stream("workflow", "workflow_logs", calls.access.namespace, name, **options):
        pod, text = str(entry.get("podName", "")), str(entry.get("content", ""))
        seen[pod] += 1
        if seen[pod] <= given[pod]:
            continue
        given[pod] = seen[pod]
        if not is_executor_line(text):
            yield pod, text


def _is_of(task: TaskState, step: str) -> bool:
    return step in {task.step, task.id}


class _Pods:
    """Which task each pod is of, as far as the run's status has said."""

    def __init__(self, calls: Calls, workflow: Json) -> None:
        self._calls = calls
        self.workflow = workflow
        self.name = str(as_map(workflow.get("metadata")).get("name"))
        self.known = pods_of(workflow)
        self._asked: set[str] = set()

    def read(self) -> None:
        """Read the status again."""
        self.workflow = self._calls.call("workflow", "get_workflow", self._calls.access.namespace, self.name)
        self.known = pods_of(self.workflow)

    def task(self, pod: str) -> TaskState | None:
        """The task of a pod. One that is not known yet has begun since the status was read, which is read again."""
        key = node_key(pod)
        if key not in self.known and pod not in self._asked:
            self._asked.add(pod)
            self.read()
        return self.known.get(key)
