"""What a task waits for before it begins: objects, files, HTTP addresses, runs of other flows, and a person's choice.

Whoever waits looks again and again, and holds nothing meanwhile: an engine runs `wait`, which looks once.
"""

from __future__ import annotations

import os
import sys

from flowc.errors import ApprovalError, ApprovalTimeout, FlowError, StoreError, WaitTimeout
from flowc.protocol import env_names
from flowc.protocol.encodings import TIMED_OUT
from flowc.store import approvals, open_store, split_url
from flowc.store.approvals import Approval
from flowc.store.documents import WAITING, wall_time
from flowc.store.run_layout import RunLayout, place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_identity import Task
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    Json = Dict[str, Any]

_HTTP_SECONDS = 30
"""How long an HTTP server may take to answer."""
_WILD = "*?["


class Gate:
    """What one task waits for: `waits` and `approval` as the plan has them."""

    def __init__(
        self,
        layout: RunLayout,
        step: str,
        path: Path,
        waits: List[Json],
        approval: Json | None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.layout = layout
        self.step = step
        self.path = path
        self.waits = waits
        self.approval = approval
        self.place = place_text(step, path)
        self._environment = environment
        self._document: Document | None = None

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        return min((wait["every"] for wait in self.waits), default=60.0)

    def missing(self) -> List[str]:
        """What is not there yet, in words; empty once all is. Raises WaitTimeout."""
        if not self.waits:
            return []
        begun = self._begun()
        since: float = begun["since"]
        missing: List[str] = []
        for wait in self.waits:
            text, problem = self._text(wait), ""
            try:
                if is_there(wait, self.layout, since, text):
                    continue
            except (StoreError, OSError) as error:
                problem = f" (the last look failed: {error})"
            waited = wall_time() - since
            if waited >= wait["timeout"]:
                raise WaitTimeout(f"{self.place} waited {waited:.0f} s for {text}, and it is not there{problem}")
            missing.append(text + problem)
        if not missing:
            self._write({**begun, "until": wall_time()})
        return missing

    def ask(self) -> Document:
        """Write down what a person is asked, once all else is there, and return what is waited for."""
        begun = self._begun()
        if "approval" not in begun:
            begun = self._write({**begun, "approval": self.approval, "asked": wall_time()})
        return begun

    def answer(self, given: str | None = None, more: Json | None = None) -> Approval | None:
        """What was chosen; `None` where the question is open.

        `given` is what the engine has, and `more` who and when, where that knows it. Raises ApprovalError for a choice
        that is none, and ApprovalTimeout where nobody has chosen in time and there is no default.
        """
        question = self.approval or {}
        record = approvals.read_answer(self.layout, self.step, self.path)
        if record is None:
            record = self._chosen_elsewhere(question, given, more or {})
        return None if record is None else Approval(question, record)

    def _chosen_elsewhere(self, question: Json, given: str | None, more: Json) -> Document | None:
        since: float = self.ask()["asked"]
        deadline = approvals.deadline_of(question, since)
        late = deadline is not None and wall_time() >= deadline
        if given and given != TIMED_OUT:
            return self._write_answer(question, given, **more)
        if not given and not late:
            return None
        default = question.get("default")
        if default is None:
            waited = f"within {question['timeout']:g} s" if late else "before it was released"
            raise ApprovalTimeout(f"{self.place}: nobody has chosen {waited}, and there is no default")
        return self._write_answer(question, default, by=None, timed_out=True)

    def _write_answer(self, question: Json, choice: str, **more: Any) -> Document:
        known: Json = {"by": None, **more}
        return approvals.settle(self.layout, self.step, self.path, question, choice, **known)

    def _text(self, wait: Json) -> str:
        """What is waited for, in words: a URL with the time that the run is scheduled for. Raises WaitTimeout."""
        if wait.get("flow"):
            return f"a run of {wait['flow']}"
        url: str = wait["url"]
        if "{scheduled" not in url:
            return url
        from flowc.protocol.scheduled import fill_scheduled, scheduled_time

        try:
            return fill_scheduled(url, scheduled_time(self._environment))
        except ValueError as error:
            raise WaitTimeout(f"{url}: {error}; start it with --scheduled-time") from None

    def _begun(self) -> Document:
        if self._document is None:
            self._document = approvals.read_question(self.layout, self.step, self.path)
        if self._document is None:
            waited = [self._text(wait) for wait in self.waits]
            self._document = self._write({"version": 1, "since": wall_time(), "for": waited})
        return self._document

    def _write(self, document: Document) -> Document:
        self.layout.write_json(approvals.task_file(self.layout, self.step, self.path, WAITING), document)
        self._document = document
        return document


def is_there(wait: Json, layout: RunLayout, since: float, url: str) -> bool:
    """Whether what is waited for is there; `url` has the time in it. Raises StoreError and OSError where that cannot be
    seen."""
    if wait.get("flow"):
        return _has_run(layout, wait["flow"], since - wait["within"])
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("http", "https"):
        return _status(url) in wait["status"]
    if not separator or scheme == "file":
        path = f"/{split_url(url)[2]}{'/' * url.endswith('/')}" if separator else url
        return _has_file(path, pattern=wait.get("pattern", False))
    bucket, _, key = rest.partition("/")
    store = open_store(f"{scheme}://{bucket}")
    if wait.get("pattern"):
        from fnmatch import fnmatchcase

        head = key[: min(key.find(sign) for sign in _WILD if sign in key)] if any(map(key.count, _WILD)) else key
        return any(fnmatchcase(found, key) for found in store.keys(head))
    return any(True for _ in store.keys(key)) if key.endswith("/") else store.exists(key)


def _has_file(path: str, *, pattern: bool) -> bool:
    if pattern:
        from glob import glob

        return bool(glob(path))
    return bool(os.path.isdir(path) and os.listdir(path)) if path.endswith("/") else os.path.exists(path)


def _status(url: str) -> int:
    """The status that an address answers with. Raises OSError where none does."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.parse import quote
    from urllib.request import Request, urlopen

    written = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
    try:
        request = Request(written, headers={"User-Agent": "flowc"})  # noqa: S310
        with urlopen(request, timeout=_HTTP_SECONDS) as response:  # noqa: S310
            return int(response.status)
    except HTTPError as error:
        return int(error.code)
    except (HTTPException, ValueError) as error:  # what answers is no server of HTTP, or the host is none
        raise OSError(f"{type(error).__name__}: {error}") from None


def _has_run(layout: RunLayout, flow: str, earliest: float) -> bool:
    """Whether a run of a flow has succeeded that began since a time."""
    from flowc.client.flow_object import Flow

    runs = Flow.of(layout.store, flow, trusted=False)
    return any(run.successful for run in runs if run.created_seconds() >= earliest)


def gate_of(layout: RunLayout, step: PlanStep, path: Path) -> Gate:
    """The gate of a task of the plan."""
    return Gate(layout, step.name, path, step.waits, step.approval)


def passed(layout: RunLayout, step: PlanStep, path: Path) -> Approval:
    """What was chosen for a task that begins: in the store, or else by the engine, whose choice is written down.

    Raises ApprovalError, and ApprovalTimeout.
    """
    more: Json = {}
    given = os.environ.get(env_names.ANSWER)
    if os.environ.get(env_names.ANSWERED):
        import json

        more = json.loads(os.environ[env_names.ANSWERED])
    found = gate_of(layout, step, path).answer(given, more)
    if found is None:
        raise ApprovalError(f"{place_text(step.name, path)} has begun, and nobody has chosen")
    return found


def look(plan: Plan, task: Task, *, approval: bool) -> int:
    """Look once for what a task waits for: its exit code is NOT_YET where that is not all there.

    With `approval` it is the answer of a person that is looked for; without, the question is written down in the end.
    """
    from flowc.protocol.exit_codes import NOT_YET, OK

    layout = RunLayout(open_store(task.root), plan.flow, task.run)
    step = plan.step(task.step)
    if plan.deployed_call(step.within) is not None:
        return _look_at_call(layout, plan, step, task)
    gate = gate_of(layout, step, task.path)
    try:
        if approvals.read_question(layout, step.name, task.path) is None and _is_done(layout, plan, step, task):
            return OK
        if plan.is_first(step):
            from flowc.shim.task_runner import record_first

            record_first(layout, plan)
        if approval:
            try:
                waits = gate.answer() is None
            except ApprovalTimeout:
                waits = False  # the task itself fails by it
            print(f"{gate.place}: {'nobody has chosen so far' if waits else 'there is an answer'}", flush=True)
            return NOT_YET if waits else OK
        missing = gate.missing()
        if missing:
            print(f"{gate.place}: not there yet: {', '.join(missing)}", flush=True)
            return NOT_YET
        if step.approval is not None:
            gate.ask()
            print(f"{gate.place}: waits for a person: {step.approval.get('message') or step.name}", flush=True)
        return OK
    except FlowError as error:
        return _fail(layout, step, task, error)


def _look_at_call(layout: RunLayout, plan: Plan, step: PlanStep, task: Task) -> int:
    """Start the run of the deployed flow that a step calls, or look whether it has ended."""
    from flowc.protocol.exit_codes import NOT_YET, OK
    from flowc.shim.called_workflow import look
    from flowc.shim.task_inputs import predecessor
    from flowc.shim.task_state import TaskState

    if os.environ.get(env_names.ENGINE) == "simulate":
        return OK  # there is no cluster: the task itself runs it here
    try:
        if _is_done(layout, plan, step, task):
            return OK
        state = TaskState(layout, plan, step, task.path)
        before = predecessor(layout, plan, step, task.path)
        state.parameters, state.inherited = before["parameters"], before["artifacts"]
        return OK if look(state) else NOT_YET
    except OSError as error:
        print(f"{place_text(step.name, task.path)}: Kubernetes does not answer: {error}", flush=True)
        return NOT_YET
    except FlowError as error:
        return _fail(layout, step, task, error)


def _is_done(layout: RunLayout, plan: Plan, step: PlanStep, task: Task) -> bool:
    """Whether the run that this one resumes has done the task, which then waits for nothing; the engine learns it."""
    from flowc.shim.task_results import write_output
    from flowc.shim.task_runner import taken_over

    if taken_over(layout, plan, step, task.path) is None:
        return False
    if task.outputs is not None:
        write_output(task.outputs, "pause", "0")
        write_output(task.outputs, "choice", "taken")
    return True


def _fail(layout: RunLayout, step: PlanStep, task: Task, error: FlowError) -> int:
    """Record that a task has failed before it began, and return the exit code."""
    from flowc.shim.failure_report import report_failure
    from flowc.shim.task_runner import attempt_record

    try:
        layout.begin(task.step, task.path, task.attempt, {**attempt_record(step, task), "last": True})
    except StoreError as second:
        print(f"flowc: {second}", file=sys.stderr)
    return report_failure(error, layout, task)
