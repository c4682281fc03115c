"""What the operators for pods and for local processes have in common: how a task becomes a command of the shim."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

import base64
import json
import operator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import AirflowFailException, AirflowSkipException

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


def encoded(value: Any) -> str:
    """Encode a parameter for the shim, safe from expansion; `None` is its default."""
    if value is None:
        return "flowc:default"
    text = value if isinstance(value, str) else json.dumps(value)
    return "b64:" + base64.urlsafe_b64encode(text.encode()).decode()


def scheduled_time(run: Any) -> str:
    """Return the time that a run is scheduled for; empty if nothing has scheduled it.

    That is when it was to begin: the end of what Airflow calls its data interval.
    """
    given = (run.conf or {}).get("flowc-scheduled")
    if given:
        return str(given)
    scheduled = run_kind(run) in ("scheduled", "backfill")
    end = run.data_interval_end if scheduled else None
    return end.isoformat() if end else ""


def run_kind(run: Any) -> str:
    """Return what has started a run, as Airflow calls it."""
    return str(getattr(run.run_type, "value", run.run_type))


def publish(context: Any, said: str) -> None:
    """Publish what a task has said: a count, which is a number, a choice, which is the
    name of a step and never one, and on a line of its own the label of its item.
    """
    output, _, label = said.partition("\n")
    if output.isdigit():
        context["ti"].xcom_push(key="count", value=int(output))
    elif output:
        context["ti"].xcom_push(key="choice", value=output)
    if label:
        context["label"] = base64.b64decode(label).decode()


def failure_kinds(code: int | None, said: str = "") -> tuple[str, ...]:
    """Return what `@retry(on=...)` may call a failure: by the shim's exit code, and by
    what Kubernetes has said of the pod; `None` is for a container that has no end.
    """
    if code in (75, 79):
        return ()
    if code == 80 or "OOMKilled" in said:
        return ("oom",)
    if code == 124 or "DeadlineExceeded" in said:
        return ("timeout",)
    if code in (137, -9):
        return ("lost",) if said else ("lost", "oom")
    evicted = ("Evicted" in said or "hutdown" in said) and "exceed" not in said
    return ("lost",) if evicted or code in (None, 143, -15) else ("error",)


_COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def run_of(context: Any) -> Any:
    """Return Airflow's own run.

    Its name is spelled apart: Airflow would parse a file that has its first word.
    """
    return context["da" + "g_run"]


def latest_events(context: Any) -> dict[str, Any]:
    """Return the latest event of each kind that has started the run, by its name."""
    # Airflow 2 calls what they are of datasets, and knows these by their URIs.
    kind = run_kind(run_of(context)).removesuffix("_triggered")
    # Of other runs Airflow 2 cannot always say that there are none.
    if not kind.endswith("set"):
        return {}
    found = context.get(f"triggering_{kind}_events") or {}
    return {
        getattr(source, "name", source): max(events, key=lambda event: event.timestamp)
        for source, events in found.items()
        if events
    }


def passes(extra: dict[str, Any], filters: list[Any]) -> bool:
    """Return whether the fields of an event are as the filters want them."""
    for name, comparator, values in filters:
        value: Any = extra.get(name)
        try:
            value = value if isinstance(values[0], str) else float(value)
        except (TypeError, ValueError):
            return False
        compare = _COMPARE[comparator]
        if value is None or not any(compare(value, item) for item in values):
            return False
    return True


def event_record(name: str, event: Any, flow: str | None) -> str:
    """Return what `current.trigger` shows of an event, or of a run of another flow."""
    facts = {"name": name, "type": "run" if flow else "event"}
    facts["timestamp"] = event.timestamp.isoformat()
    if flow:
        facts["id"] = f"{flow}/{stored_id(event.source_run_id or '')}"
    elif (event.extra or {}).get("id"):
        facts["id"] = str(event.extra["id"])
    text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
    return f"{text}.,"


def stored_id(run_id: str) -> str:
    """Return a run's id as stores have it, which dislike its `:` and `+`."""
    return quote(run_id, safe="").replace("%", "=")


class ShimTask:
    """Runs a step by the shim: the step that the task is named after, or `step`.
    With `group`, the tasks of several steps, of which that is the first.

    Only the index, which comes from the mapping, is a template: what the flow says
    reaches the task unchanged. `when` lists pairs of a switch and the choice of it
    that leads here. A task of a recursive step has the number of its iteration, and
    `asked` is the task that has asked a person.
    """

    task_id: str
    template_fields = ("index",)

    def __init__(
        self,
        *,
        flow: FlowPackage,
        index: str = "-",
        labelled: bool = False,
        step: str | None = None,
        group: bool = False,
        iteration: int | None = None,
        when: list[list[str]] | None = None,
        variables: dict[str, str] | None = None,
        asked: str | None = None,
        retry_on: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if index != "-":
            label = " {{ label | default('') }}" if labelled else ""
            kwargs.setdefault("map_index_template", "{{ task.index }}" + label)
        super().__init__(**kwargs)
        self.flow = flow
        self.index = index
        self.step = step or self.task_id
        self.group = group
        self.iteration = iteration
        self.when = when or []
        self.variables = variables or {}
        self.asked = asked
        self.retry_on = retry_on or ["lost", "oom", "timeout", "error"]

    def pre_execute(self, context: Any) -> None:
        """Skip a task in an arm that its switch has not chosen, before a pod starts,
        and all tasks of a run whose events do not pass the filters.

        Branch operators skip nothing inside of a mapped group (Airflow #67265).
        """
        events = latest_events(context) if self.flow.events else {}
        for name, event in events.items():
            filters = self.flow.events.get(name, {}).get("filters", [])
            if not passes(event.extra or {}, filters):
                text = f"the event {name} does not pass the filters"
                raise AirflowSkipException(text)
        ti = context["ti"]
        for switch, target in self.when:
            indexes = ti.map_index
            choice = ti.xcom_pull(task_ids=switch, key="choice", map_indexes=indexes)
            if choice == target:
                return
        if self.when:
            raise AirflowSkipException("the switch chose another arm")

    def index_path(self) -> str:
        """Return the index path, which ends with the number of an iteration."""
        if self.iteration is None:
            return self.index
        if self.index == "-":
            return str(self.iteration)
        return f"{self.index}.{self.iteration}"

    def shim_arguments(self, context: Any) -> list[str]:
        """Return the shim's command: step, index path, and attempt."""
        attempt, first = self.attempt_numbers(context)
        place = [self.step, "--index", self.index_path()]
        command = ["group", "--group"] if self.group else ["task", "--step"]
        return [*command, *place, "--attempt", str(attempt), "--first", str(first)]

    def attempt_numbers(self, context: Any) -> tuple[int, int]:
        """Return the number of the attempt, and the one that its tries count from.

        A cleared task goes on counting: that is the attempt that it then began with.
        """
        ti = context["ti"]
        attempt = max(ti.try_number - 1, 0)
        return attempt, min(max(ti.max_tries - (ti.task.retries or 0), 0), attempt)

    def fail_for_good(
        self,
        code: int | None,
        error: Exception | None = None,
        said: str = "",
    ) -> None:
        """Fail without another try, where `@retry` is not for such a failure, or tasks
        of a group have failed: they had their tries.
        """
        text = ""
        if self.group:
            if code and 0 < code < 128:
                text = f"a task of group {self.step} has failed (exit code {code})"
        elif not set(failure_kinds(code, said)) & set(self.retry_on):
            text = f"step {self.step} has failed for good (exit code {code})"
        if text:
            raise AirflowFailException(text) from error

    def shim_environment(self, context: Any) -> dict[str, str]:
        """Return the task's variables; the first step's have the run's parameters.

        A run that resumes another one has that run's.
        """
        variables = {
            **self.variables,
            **self.flow.environment,
            "FLOWC_ROOT": self.flow.root,
            "FLOWC_RUN_ID": stored_id(context["run_id"]),
            "FLOWC_TAGS": ",".join(self.flow.tags),
        }
        if self.asked:
            ti = context["ti"]
            place = {"task_ids": self.asked, "map_indexes": ti.map_index}
            answer = dict(ti.xcom_pull(key="answer", **place) or {})
            # Nothing of a task that only looks into the store.
            if answer:
                variables["FLOWC_ANSWER"] = answer.pop("choice")
                variables["FLOWC_ANSWERED"] = json.dumps(answer)
        run = run_of(context)
        scheduled = scheduled_time(run)
        if scheduled:
            variables["FLOWC_SCHEDULED"] = scheduled
        origin = (run.conf or {}).get("flowc-origin-run")
        if origin:
            variables["FLOWC_ORIGIN_RUN_ID"] = str(origin)
        elif self.step == self.flow.start:
            for variable, name in self.flow.parameters.items():
                variables[variable] = encoded(context["params"][name])
        variables.update(self.event_variables(context, starts=not origin))
        return variables

    def event_variables(self, context: Any, *, starts: bool) -> dict[str, str]:
        """Return the variables that say which events have started the run, if any have.

        The first step of a run that `starts` takes parameters from them.
        """
        events = latest_events(context) if self.flow.events else {}
        variables: dict[str, str] = {}
        for name, event in events.items():
            known = self.flow.events.get(name, {})
            record = event_record(name, event, known.get("flow"))
            variables["FLOWC_TRIGGER"] = variables.get("FLOWC_TRIGGER", "") + record
            if starts and self.step == self.flow.start:
                for variable, key in known.get("parameters", {}).items():
                    value = (event.extra or {}).get(key)
                    if value is not None:
                        variables[variable] = encoded(value)
        return variables
