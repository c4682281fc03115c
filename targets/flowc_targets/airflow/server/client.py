"""The client of Airflow for `flowc submit`, `status`, `logs`, `stop` and `compile --check-server`."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from flowc.errors import ParameterError
from flowc.type_conversion import convert
from flowc_targets.airflow.dag_summary import DagSummary, read_summary
from flowc_targets.airflow.options import LONGEST_PARAMETER, AirflowOptions
from flowc_targets.airflow.server.connection import read_access
from flowc_targets.airflow.server.dags_folder import find_dag, same_text, source_of, wait_for_dag, write_dag
from flowc_targets.airflow.server.rest_api import open_api
from flowc_targets.airflow.server.run_states import RunReader, run_state
from flowc_targets.airflow.server.task_logs import LogReader, with_reasons
from flowc_targets.base.engine import ORIGIN, Deployed, DeployedParameter, EngineError, checked_origin
from flowc_targets.base.json_parts import as_map, as_strings
from flowc_targets.kubernetes.kubectl import create_config_maps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.base.engine import Address, LogLine, RunState, TaskState
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile

T = TypeVar("T")

_HOW_TO_DEPLOY = (
    "put the file that `flowc compile` writes into Airflow's dags folder and wait until Airflow has read it, or say "
    "--dags-folder DIR"
)
_HOW_TO_APPLY = "apply the manifest that `flowc compile` writes beside the DAG file, then put that into the dags folder"
SCHEDULED_CONF = "flowc-scheduled"
"""What in a run's conf says which time it is scheduled for, beside the params: see operators/shim_task.py."""
PAUSE_SECONDS = 2.0
"""Time between two requests for the state of a run."""
RETRY_SECONDS = (2.0, 5.0, 10.0, 20.0, 30.0)
"""Waits before each retry of a request that failed while a run is followed."""


class AirflowClient:
    """An EngineClient for one Airflow."""

    def __init__(self, address: Address) -> None:
        self.api = open_api(read_access(address, os.environ))
        self._reader = RunReader(self.api)
        self._values: dict[str, str] = {}
        self._origin: str | None = None
        self._scheduled = ""
        self.folder: Path | None = None

    def options(
        self, options: TargetOptions, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> TargetOptions:
        """Return the options unchanged: values, the origin and the time go to the run, not into the file."""
        self._origin = checked_origin(origin)
        airflow = (
            options if isinstance(options, AirflowOptions) else AirflowOptions.model_validate(options.model_dump())
        )
        self._values = dict(values)
        self._scheduled = scheduled
        self.folder = Path(airflow.dags_folder) if airflow.dags_folder is not None else None
        return airflow.submitted()

    def check(self, files: Sequence[EmittedFile]) -> tuple[str, ...]:
        """Report a missing pool, and a DAG id that belongs to another flow."""
        if not files:
            return ()
        own = _summary_of(files[0])
        problems = self._missing_pools(own)
        dag = find_dag(self.api, own.dag_id)
        there = self._reader.summary(own.dag_id, dag) if dag is not None else None
        if dag is not None and (there is None or there.flow != own.flow):
            problems.append(f"DAG id {own.dag_id} is in use: by {dag.get('fileloc')}")
        return tuple(problems)

    def submit(self, files: Sequence[EmittedFile]) -> RunState:
        """Trigger the DAG, which Airflow must have as it was compiled. With a dags folder, put it there first."""
        return self._triggered(self.put(files), self._values, self._origin, self._scheduled)

    def put(self, files: Sequence[EmittedFile]) -> Json:
        """Return the DAG as Airflow has it: as it was compiled. With a dags folder, put it there first."""
        emitted = files[0]
        summary = _summary_of(emitted)
        if problems := self._missing_pools(summary):
            raise EngineError.refused("; ".join(problems), "create it, or name another: the tasks would wait forever")
        dag = find_dag(self.api, summary.dag_id)
        if self.folder is not None and (dag is None or not _is_emitted(source_of(self.api, dag), emitted)):
            create_config_maps(_config_maps(files[1:]), None, "Airflow", _HOW_TO_APPLY)
            own, *shared = emitted.apart or (emitted,)
            path = write_dag(self.folder, own.name, own.text, dag, shared)
            dag = wait_for_dag(self.api, summary.dag_id, own.text, path)
        if dag is None:
            raise EngineError.refused(f"Airflow has no DAG {summary.dag_id}", _HOW_TO_DEPLOY)
        if not _is_emitted(self.api.source(dag), emitted):
            message = f"Airflow has another DAG {summary.dag_id} than this file and these options compile to"
            help_ = f"{_HOW_TO_DEPLOY}; `flowc submit --target airflow --from {summary.dag_id}` runs that one"
            raise EngineError.refused(message, help_)
        return dag

    def deployed(self, name: str) -> Deployed:
        """Return a DAG by its id."""
        dag = find_dag(self.api, name)
        if dag is None:
            raise EngineError.unknown(f"Airflow has no DAG {name!r}", _HOW_TO_DEPLOY)
        summary = self._reader.summary(name, dag)
        return Deployed("DAG", name, summary.flow if summary is not None else name, parameters_of(dag))

    def start(
        self, deployed: Deployed, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> RunState:
        """Trigger a DAG."""
        return self._triggered(self.api.dag(deployed.name), values, checked_origin(origin), scheduled)

    def publish(self, event: str, payload: Mapping[str, object]) -> str:
        """Say that the asset of an event's name has been updated. Returns the id of that event."""
        try:
            return str(self.api.publish(event, payload).get("id", ""))
        except EngineError as error:
            if error.code != "FC602":
                raise
            help_ = "deploy a DAG that waits for it first: its name is that in @trigger"
            raise EngineError.unknown(f"Airflow has no asset {event!r}", help_) from None

    def runs(self, limit: int) -> tuple[RunState, ...]:
        """Return the latest runs of flowc's DAGs."""
        found = self._reader.runs(limit)
        return tuple(run_state(run, (), self._reader.summary(str(run.get("dag_id"))), {}) for run in found)

    def status(self, name: str) -> RunState:
        """Return a run by `DAG/run id`, `Flow/run id` or its id alone, as Airflow or the store writes it."""
        state, instances = self._reader.state(self._reader.find(name))
        return with_reasons(self.api, state, instances)

    def follow(self, name: str) -> Iterator[RunState]:
        """Yield the state now and after each change."""
        run = self._reader.find(name)
        state, _ = self._reader.state(run)
        yield state
        while not state.ended:
            time.sleep(PAUSE_SECONDS)
            latest, _ = _retried(lambda: self._latest(run))
            if latest != state:
                state = latest
                yield state

    def logs(self, name: str, step: str | None, *, follow: bool) -> Iterator[LogLine]:
        """Yield the lines that the tasks have printed, attempt by attempt."""
        run = self._reader.find(name)
        reader = LogReader(self.api, PurePath(str(self.api.dag(str(run.get("dag_id"))).get("fileloc"))).name)
        while True:
            state, instances = _retried(lambda: self._latest(run)) if follow else self._latest(run)
            found = {task.name: task for task in state.tasks if step is None or step in {task.step, task.id}}
            if step is not None and state.ended and not found:
                steps = ", ".join(dict.fromkeys(task.step for task in state.tasks)) or "none"
                raise EngineError.unknown(f"run {state.name} has no task of step {step!r}", f"its steps are {steps}")
            for item, task in instances:
                if task.name in found:
                    yield from reader.read(item, task)
            if not follow or state.ended:
                return
            time.sleep(PAUSE_SECONDS)

    def stop(self, name: str, *, terminate: bool) -> RunState:
        """Fail a run, which ends its tasks. With exit hooks, fail its steps only: then the hooks run."""
        run = self._reader.find(name)
        state, instances = self._reader.state(run)
        if state.ended:
            raise EngineError.refused(f"run {state.name} has already {state.phase}", "there is nothing to stop")
        summary = self._reader.summary(str(run.get("dag_id")))
        if not terminate and summary is not None and summary.hooks:
            for item, task in instances:
                if task.phase in {"pending", "running"} and item.get("task_id") in summary.tasks:
                    self.api.set_task(item, "failed")
            return self.status(state.name)
        self.api.set_run(str(run.get("dag_id")), str(run.get("dag_run_id")), "failed")
        return self.status(state.name)

    def _latest(self, run: Json) -> tuple[RunState, list[tuple[Json, TaskState]]]:
        """Return the current state of a run, and its task instances with theirs."""
        return self._reader.state(self.api.run(str(run.get("dag_id")), str(run.get("dag_run_id"))))

    def _triggered(self, dag: Json, values: Mapping[str, str], origin: str | None, scheduled: str) -> RunState:
        dag_id = str(dag.get("dag_id"))
        conf = conf_of(dag, values) if origin is None else {**_unread_values(dag, values), ORIGIN: origin}
        if scheduled:
            conf[SCHEDULED_CONF] = scheduled
        if dag.get("is_paused"):
            help_ = f"turn its switch on in Airflow, or `airflow dags unpause {dag_id}`"
            raise EngineError.refused(f"DAG {dag_id} is paused, so a run would not begin", help_)
        return self._reader.state(self.api.trigger(dag_id, conf))[0]

    def _missing_pools(self, summary: DagSummary) -> list[str]:
        """Report the pools of tasks that Airflow does not have."""
        missing: list[str] = []
        for pool in summary.pools:
            try:
                self.api.pool(pool)
            except EngineError as error:
                if error.code != "FC602":
                    raise
                missing.append(f"Airflow has no pool {pool!r}")
        return missing


def _retried(request: Callable[[], T]) -> T:
    """Return what a request returns: following a run survives a restart of the server. Raises EngineError."""
    for pause in RETRY_SECONDS:
        try:
            return request()
        except EngineError as error:
            if error.code != "FC610":
                raise
        time.sleep(pause)
    return request()


def _summary_of(emitted: EmittedFile) -> DagSummary:
    summary = read_summary(emitted.text)
    assert summary is not None, "every file that the target emits has a summary"
    return summary


def _is_emitted(text: str, emitted: EmittedFile) -> bool:
    """Whether a DAG file is what was emitted, for a folder or to stand alone."""
    return any(same_text(text, file.text) for file in (emitted, *emitted.apart[:1]))


def _config_maps(files: Sequence[EmittedFile]) -> list[Json]:
    """The ConfigMaps of the manifests that were emitted beside the DAG file."""
    if not files:
        return []
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [as_map(item) for file in files for item in yaml.load_all(file.text, Loader=loader)]


_TYPES = {"integer": "int", "number": "float", "boolean": "bool"}
_UNREAD: Mapping[str, object] = {"string": "", "integer": 0, "number": 0.0, "boolean": False}


def parameters_of(dag: Json) -> tuple[DeployedParameter, ...]:
    """Return the params of a deployed DAG. A param without a value that may not be null is required."""
    found: list[DeployedParameter] = []
    for name, described in as_map(dag.get("params")).items():
        param = as_map(described)
        schema = as_map(param.get("schema"))
        required = param.get("value") is None and "null" not in _types(schema)
        found.append(DeployedParameter(name, required, tuple(as_strings(schema.get("enum")))))
    return tuple(found)


def conf_of(dag: Json, values: Mapping[str, str]) -> dict[str, object]:
    """Return the conf of a run. A text stays a text if the param accepts one: Airflow does not expand it.

    Raises EngineError: FC302 for a parameter that the DAG does not have, FC303 for a text that is not a value of its
    type, FC503 for one that is too long.
    """
    params = as_map(dag.get("params"))
    conf: dict[str, object] = {}
    for name, text in values.items():
        if name not in params:
            help_ = f"its params are {', '.join(params)}" if params else "the DAG has no params"
            raise EngineError("FC302", f"DAG {dag.get('dag_id')} has no param {name!r}", help_)
        if len(text.encode("utf-8", "surrogatepass")) > LONGEST_PARAMETER:
            message = f"the value of parameter {name!r} is longer than {LONGEST_PARAMETER:,} bytes"
            raise EngineError("FC503", message, "put it in the store and pass its URL")
        conf[name] = _value(name, text, _types(as_map(as_map(params[name]).get("schema"))))
    return conf


def _unread_values(dag: Json, names: Iterable[str]) -> dict[str, object]:
    """Return values that Airflow accepts for params that no task reads: a resumed run keeps its own."""
    schemas = {name: as_map(as_map(as_map(dag.get("params")).get(name)).get("schema")) for name in names}
    return {name: _unread_value(schema) for name, schema in schemas.items()}


def _unread_value(schema: Json) -> object:
    choices: list[object] = [*as_strings(schema.get("enum"))]
    bounds = [schema[name] for name in ("minimum", "maximum") if schema.get(name) is not None]
    kind = next((item for item in _types(schema) if item in _UNREAD), "string")
    return [*choices, *bounds, _UNREAD[kind]][0]


def _value(name: str, text: str, types: list[str]) -> object:
    kind = next((item for item in types if item != "null"), "string")
    if "string" in types or kind not in _TYPES:  # a param of any JSON takes its text, which the first task parses
        return text
    try:
        value: object = convert(name, _TYPES[kind], text)
    except ParameterError as error:
        raise EngineError("FC303", str(error), f"give a value of JSON's type {kind}") from None
    if isinstance(value, float) and not math.isfinite(value):
        message = f"parameter {name!r} cannot be {text}: Airflow keeps values as JSON, which does not have it"
        raise EngineError("FC303", message, "declare the parameter as a text, and convert it in the flow")
    return value


def _types(schema: Json) -> list[str]:
    kind = schema.get("type")
    return [kind] if isinstance(kind, str) else as_strings(kind)
