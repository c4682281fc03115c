"""The client of Argo Server: what `flowc submit`, `status`, `logs`, `stop` and `compile --check-server` ask of it."""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TYPE_CHECKING, cast

from flowc_compiler.diagnostics import suggest
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.server.argo_server import ArgoServer, StreamBrokenError, read_access
from flowc_targets.argo.server.deployed_flows import find_deployed, submission
from flowc_targets.argo.server.object_validation import validate
from flowc_targets.argo.server.workflow_status import is_executor_line, node_key, pods_of, run_state
from flowc_targets.base.engine import Deployed, EngineError, LogLine, checked_origin
from flowc_targets.base.json_parts import as_map, as_maps
from flowc_targets.kubernetes.kubectl import create_config_maps
from flowc_targets.kubernetes.labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flowc_targets.argo.server.argo_server import Json
    from flowc_targets.base.engine import Address, RunState, TaskState
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile

SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())
"""The label selector of flowc's runs."""
LISTED = "items.metadata,items.status.phase,items.status.message,items.status.progress,items.status.finishedAt"
"""The fields of a run in a list."""
PAUSE_SECONDS = 2.0
"""How long to wait before a stream that has broken off is begun again."""
MOST_RUNS = 500
"""How many of the latest runs are looked through for one by its id."""


class ArgoClient:
    """One Argo Server, of one namespace: an EngineClient."""

    def __init__(self, address: Address) -> None:
        if address.user is not None:
            message = "--user has no effect on Argo Server, which knows its users by their tokens"
            raise EngineError("FC506", message, "leave it out, and set ARGO_TOKEN")
        self.access = read_access(address, os.environ)
        self._server = ArgoServer(self.access)

    @property
    def namespace(self) -> str:
        """The namespace of the runs."""
        return self.access.namespace

    def options(
        self, options: TargetOptions, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> TargetOptions:
        """A Workflow that Argo Server can start, with these values."""
        argo = options if isinstance(options, ArgoOptions) else ArgoOptions.model_validate(options.model_dump())
        if argo.is_given("kind", by_flow=True):
            message = "option kind has no effect on a run that is submitted, which is a Workflow"
            raise EngineError("FC506", message, f"deploy it with `flowc compile --kind {argo.kind}`, or leave it out")
        given = {**argo.parameters, **values}
        changed: dict[str, object] = {"kind": "workflow", "through": "server", "parameters": given}
        if origin is not None:
            changed["origin_run"] = checked_origin(origin)
        if scheduled:
            changed["scheduled_time"] = scheduled
        return argo.model_copy(update=changed)

    def check(self, files: Sequence[EmittedFile]) -> tuple[str, ...]:
        """What is wrong with each object, by Argo's models and then by Argo Server."""
        problems: list[str] = []
        for document in read_manifest(files):
            shown = f"{document.get('kind')} {_name(document)}"
            wrong = validate(document) or self._server_problems(document)
            problems += [f"{shown}: {problem}" for problem in wrong]
        return tuple(problems)

    def _server_problems(self, document: Json) -> tuple[str, ...]:
        """What the server finds wrong with an object. Raises EngineError where it gives no answer."""
        namespace = str(as_map(document.get("metadata")).get("namespace") or self.access.namespace)
        try:
            match document.get("kind"):
                case "Workflow":
                    # The server's own checks, then those of Kubernetes: schema, admission, quotas. Nothing is created.
                    body: Json = {"namespace": namespace, "serverDryRun": True, "workflow": document}
                    self._server.call("workflow", "create_workflow", namespace, body)
                case "WorkflowTemplate":
                    body = {"namespace": namespace, "template": document}
                    self._server.call("workflow_template", "lint_workflow_template", namespace, body)
                case "CronWorkflow":
                    body = {"namespace": namespace, "cronWorkflow": document}
                    self._server.call("cron_workflow", "lint_cron_workflow", namespace, body)
                case _:
                    pass
        except EngineError as error:
            if error.code not in {"FC602", "FC611"}:
                raise
            return () if "already exists" in error.message else (error.message,)
        return ()

    def submit(self, files: Sequence[EmittedFile]) -> RunState:
        """Create the Workflow; first the ConfigMap with its code, where it is in one, with kubectl."""
        objects = read_manifest(files)
        workflow = next(item for item in objects if item.get("kind") == "Workflow")
        problems = validate(workflow)
        if problems:
            help_ = "correct the option or the decorator that it is from"
            raise EngineError.refused(f"this is no Workflow as Argo knows it: {'; '.join(problems)}", help_)
        configs = [item for item in objects if item.get("kind") == "ConfigMap"]
        way_out = "set code=workflow, or apply the ConfigMap that `flowc compile` prints and submit with --from"
        create_config_maps(configs, self.access.namespace, "Argo Server", way_out)
        body: Json = {"namespace": self.access.namespace, "workflow": workflow}
        return run_state(self._post("workflow", "create_workflow", body))

    def deployed(self, name: str) -> Deployed:
        """A template or a cron workflow: see find_deployed."""
        return find_deployed(self._server, name)

    def start(
        self, deployed: Deployed, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> RunState:
        """Submit a run of a template or a cron workflow. The server itself puts the run together."""
        body = submission(deployed, values, checked_origin(origin), self.access.namespace, scheduled)
        return run_state(self._post("workflow", "submit_workflow", body))

    def runs(self, limit: int) -> tuple[RunState, ...]:
        """The latest Workflows with flowc's label."""
        return tuple(run_state(item) for item in self._list(limit))

    def status(self, name: str) -> RunState:
        """A Workflow by its name, by `argo-UID` or by `Flow/argo-UID`."""
        return run_state(self._get(name))

    def follow(self, name: str) -> Iterator[RunState]:
        """The state after each change. A watch that breaks off is begun again; a server that is gone is an error."""
        state = self.status(name)
        yield state
        name = state.name
        while not state.ended:
            try:
                for event in self._watch(name):
                    latest = run_state(as_map(event.get("object")))
                    if latest.name != name:
                        continue
                    if latest != state:
                        state = latest
                        yield state
                    if state.ended:
                        return
            except StreamBrokenError:
                time.sleep(PAUSE_SECONDS)
            latest = self.status(name)
            if latest != state:
                state = latest
                yield state

    def logs(self, name: str, step: str | None, *, follow: bool) -> Iterator[LogLine]:
        """The logs of the pods that are still there."""
        return _read_logs(self._server, self._get(name), step, follow=follow)

    def stop(self, name: str, *, terminate: bool) -> RunState:
        """Stop or terminate a Workflow: stopped, it runs its exit hooks; terminated, it does not."""
        state = self.status(name)
        if state.ended:
            raise EngineError.refused(f"run {state.name} has already {state.phase}", "there is nothing to stop")
        method = "terminate_workflow" if terminate else "stop_workflow"
        body: Json = {"namespace": self.access.namespace, "name": state.name}
        where = (self.access.namespace, state.name)
        return run_state(self._server.call("workflow", method, *where, body))

    def suspend(self, name: str, *, suspended: bool) -> RunState:
        """Let a run begin no more pods, or go on."""
        state = self.status(name)
        if state.ended:
            raise EngineError.refused(f"run {state.name} has {state.phase} already", "there is nothing to suspend")
        body: Json = {"namespace": self.access.namespace, "name": state.name}
        method = "suspend_workflow" if suspended else "resume_workflow"
        return run_state(self._server.call("workflow", method, self.access.namespace, state.name, body))

    def _post(self, service: str, method: str, body: Json) -> Json:
        """A call that creates something. A missing object, such as the namespace, is not a run then."""
        try:
            return self._server.call(service, method, self.access.namespace, body)
        except EngineError as error:
            if error.code == "FC602":
                raise EngineError.refused(f"Argo Server refuses it: {error.message}", error.help) from None
            raise

    def _get(self, name: str) -> Json:
        """A Workflow by any of its names, with its nodes."""
        identifier = name.rpartition("/")[2]
        if identifier.startswith("argo-") and identifier.count("-") == 5:
            identifier = self._named(identifier.removeprefix("argo-")) or identifier
        try:
            return self._server.call("workflow", "get_workflow", self.access.namespace, identifier)
        except EngineError as error:
            if error.code != "FC602":
                raise
            message = f"there is no run {name!r} in namespace {self.access.namespace}"
            help_ = "`flowc status` lists the runs; -n names another namespace"
            raise EngineError.unknown(message, help_) from None

    def _named(self, uid: str) -> str | None:
        """The name of the Workflow with a uid: Kubernetes finds objects by their names only."""
        found = (as_map(item.get("metadata")) for item in self._list(MOST_RUNS))
        return next((str(meta.get("name")) for meta in found if meta.get("uid") == uid), None)

    def _list(self, limit: int) -> list[Json]:
        options = {"list_options_label_selector": SELECTOR, "list_options_limit": str(limit), "fields": LISTED}
        found = self._server.call("workflow", "list_workflows", self.access.namespace, **options)
        items = as_maps(found.get("items"))
        items.sort(key=lambda item: str(as_map(item.get("metadata")).get("creationTimestamp")), reverse=True)
        return items[:limit]

    def _watch(self, name: str) -> Iterator[Json]:
        selector = {"list_options_field_selector": f"metadata.name={name}"}
        return self._server.stream("workflow", "watch_workflows", self.access.namespace, **selector)


def _name(document: Json) -> str:
    meta = as_map(document.get("metadata"))
    return str(meta.get("name") or f"{meta.get('generateName', '')}*")


def _read_logs(server: ArgoServer, workflow: Json, step: str | None, *, follow: bool) -> Iterator[LogLine]:
    """What the pods of a run have printed, or those of one step or of one task, `step/index`.

    With `follow` it goes on until the run has ended; a stream that breaks off is begun again, and what has been given
    is not given twice. Raises EngineError FC602 for a step that an ended run has not had.
    """
    pods = _Pods(server, workflow)
    if step is not None and run_state(workflow).ended and not any(_is_of(task, step) for task in pods.known.values()):
        steps = list(dict.fromkeys(task.step for task in run_state(workflow).tasks))
        meant = suggest(step.partition("/")[0], steps, f"its steps are {', '.join(steps) or 'none'}").help
        raise EngineError.unknown(f"run {pods.name} has had no pod of step {step!r}", meant)
    given = Counter[str]()
    while True:
        ended = run_state(pods.workflow).ended
        try:
            for pod, text in _lines(server, pods.name, given, follow=follow and not ended):
                task = pods.task(pod)
                if step is None or (task is not None and _is_of(task, step)):
                    yield LogLine(task.id if task is not None else pod, text)
        except StreamBrokenError:
            time.sleep(PAUSE_SECONDS)
        else:
            if not follow or ended:
                return
        pods.read()


def _lines(server: ArgoServer, name: str, given: Counter[str], *, follow: bool) -> Iterator[tuple[str, str]]:
    """(pod, line) of a run, without those that were given before: each pod's come in their order."""
    seen = Counter[str]()
    options: dict[str, object] = {"log_options_container": "main", "log_options_follow": follow}
    for entry in server.stream("workflow", "workflow_logs", server.access.namespace, name, **options):
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

    def __init__(self, server: ArgoServer, workflow: Json) -> None:
        self._server = server
        self.workflow = workflow
        self.name = str(as_map(workflow.get("metadata")).get("name"))
        self.known = pods_of(workflow)
        self._asked: set[str] = set()

    def read(self) -> None:
        """Read the status again."""
        self.workflow = self._server.call("workflow", "get_workflow", self._server.access.namespace, self.name)
        self.known = pods_of(self.workflow)

    def task(self, pod: str) -> TaskState | None:
        """The task of a pod. One that is not known yet has begun since the status was read, which is read again."""
        key = node_key(pod)
        if key not in self.known and pod not in self._asked:
            self._asked.add(pod)
            self.read()
        return self.known.get(key)


def read_manifest(files: Sequence[EmittedFile]) -> list[Json]:
    """The objects in the text of the files that a target emitted, in their order."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = [item for file in files for item in cast("list[object]", list(yaml.load_all(file.text, Loader=loader)))]
    return [as_map(item) for item in found if item]
