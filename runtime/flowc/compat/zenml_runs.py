"""Runs, steps and outputs as ZenML has them, read from the manifests in the store."""

from __future__ import annotations

import json
import os
from functools import partial

from flowc.client.flow_object import Flow
from flowc.client.namespaces import chosen_store
from flowc.client.run_object import Run
from flowc.client.step_object import Step
from flowc.client.task_object import Task
from flowc.compat.zenml_types import ExecutionStatus
from flowc.current import current, of_own_run, running
from flowc.pipeline_settings import Settings
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Any, Callable, Dict, List, Optional

    from flowc.store.run_layout import Path

_STATUS = {
    "successful": ExecutionStatus.COMPLETED,
    "failed": ExecutionStatus.FAILED,
    "interrupted": ExecutionStatus.STOPPED,
    "lost": ExecutionStatus.FAILED,
    "running": ExecutionStatus.RUNNING,
}


class Response:
    """What the client gives: some of what ZenML's has, and an error that says what there is for the rest."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(sorted(item for item in {*dir(type(self)), *vars(self)} if not item.startswith("_")))
        kind = "PipelineRun" if isinstance(self, PipelineRun) else type(self).__name__
        raise AttributeError(f"{kind} has no {name!r} in flowc; it has {known}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


class ArtifactVersion(Response):
    """An output of a step."""

    def __init__(self, step: StepRun, output: str, task: Task) -> None:
        self.step = step
        self._output = output
        self._task = task

    @property
    def id(self) -> str:
        """Its pathspec."""
        return f"{self._task.pathspec}/{self._output}"

    @property
    def name(self) -> str:
        """The name that it was given, else one of pipeline, step and output, as in ZenML."""
        if self._output.rstrip("0123456789") in ("output", "output_"):
            return f"{self.run.pipeline.name}::{self.step.name}::{self._output}"
        return self._output

    @property
    def run(self) -> PipelineRun:
        """The run."""
        return self.step.run

    @property
    def version(self) -> str:
        """The run's id: each run makes its own. Of what `save_artifact` stored, the version that it was given."""
        return str(self._saved.get("version", self.run.id))

    @property
    def tags(self) -> List[str]:
        """The tags that `save_artifact` was given."""
        return list(self._saved.get("tags", ()))

    @property
    def _saved(self) -> Dict[str, Any]:
        found: Dict[str, Any] = self._task.manifest.get("metadata", {}).get("saved", {}).get(self._output, {})
        return found

    @property
    def artifact(self) -> Artifact:
        """What all of its versions are versions of."""
        return Artifact(self.name)

    @property
    def producer_step_run_id(self) -> str:
        """The id of the step that made it."""
        return self.step.id

    @property
    def producer_pipeline_run_id(self) -> str:
        """The id of the run that made it."""
        return self.run.id

    @property
    def created(self) -> Optional[datetime]:
        """When it was stored."""
        return self.step.end_time

    @property
    def content_hash(self) -> str:
        """The hash of its value as it is stored."""
        return str(self._task.references[self._output]["hash"])

    @property
    def data_type(self) -> str:
        """The name of its type."""
        return str(self._task.references[self._output]["type"])

    @property
    def run_metadata(self) -> Dict[str, Any]:
        """What its step has logged of it, and others since."""
        from flowc.compat.zenml_models import logged_since

        found: Dict[str, Any] = self._task.manifest.get("metadata", {}).get("outputs", {}).get(self._output, {})
        return {**found, **logged_since(self.id)}

    def load(self, disable_cache: bool = False) -> Any:
        """Its value."""
        del disable_cache
        return self._task.value(self._output)


class Artifact(Response):
    """A name of outputs."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name


class MappedItem(ArtifactVersion):
    """An argument that is one item of an output."""

    def __init__(self, step: StepRun, output: str, task: Task, load: Callable[[], Any]) -> None:
        super().__init__(step, output, task)
        self._load = load

    def load(self, disable_cache: bool = False) -> Any:
        """The item."""
        del disable_cache
        return self._load()


class StepRun(Response):
    """A step of a run; of a step that is mapped over, one item's."""

    def __init__(self, run: PipelineRun, task: Task) -> None:
        self.run = run
        self._task = task
        self.name = run_name(task.step, task.path)
        """The name of the step; for an item `map:<step>:<index>`, as in ZenML."""

    @property
    def config(self) -> Settings:
        """Its name, and those of its parameters that are plain data; none while it runs."""
        known: Dict[str, Any] = self._task.manifest.get("arguments", {}) if self._task.committed else {}
        return Settings(name=self.name, enable_cache=False, parameters=known)

    @property
    def id(self) -> str:
        """Its pathspec."""
        return self._task.pathspec

    @property
    def pipeline_run_id(self) -> str:
        """The run's id."""
        return self.run.id

    @property
    def status(self) -> ExecutionStatus:
        """How far it is."""
        if self._task.committed and not self._task.begun_again:
            return ExecutionStatus.COMPLETED
        return ExecutionStatus.FAILED if self._task.failure is not None else ExecutionStatus.RUNNING

    @property
    def outputs(self) -> Dict[str, List[ArtifactVersion]]:
        """Its outputs and what it saved by name, each as a list of one; none while it runs."""
        if not self._task.committed:
            return {}
        return {name: [ArtifactVersion(self, name, self._task)] for name in self._task.manifest["artifacts"]}

    @property
    def regular_outputs(self) -> Dict[str, ArtifactVersion]:
        """Its outputs by name, without what it saved; none while it runs."""
        found = {name: versions[0] for name, versions in self.outputs.items()}
        saved: Dict[str, Any] = self._task.manifest.get("metadata", {}).get("saved", {}) if found else {}
        return {name: version for name, version in found.items() if name not in saved}

    @property
    def output(self) -> ArtifactVersion:
        """Its only output. Raises ValueError."""
        outputs = self.outputs
        if len(outputs) != 1:
            found = ", ".join(outputs) or "none"
            raise ValueError(f"step {self.name} has {len(outputs)} outputs ({found}); use `outputs`")
        return next(iter(outputs.values()))[0]

    @property
    def run_metadata(self) -> Dict[str, Any]:
        """What it has logged of itself."""
        logged: Dict[str, Any] = self._task.manifest.get("metadata", {}) if self._task.committed else {}
        return {
            name: value for name, value in logged.items() if name not in ("linked_model", "outputs", "saved", "stages")
        }

    @property
    def start_time(self) -> datetime:
        """When it was started."""
        return self._task.created_at

    created = start_time

    @property
    def end_time(self) -> Optional[datetime]:
        """When it ended."""
        return self._task.finished_at

    @property
    def duration(self) -> Optional[timedelta]:
        """How long it ran."""
        end = self.end_time
        return None if end is None else end - self.start_time


class RunningStep(StepRun):
    """The step that runs here, whose arguments are known."""

    def __init__(self, run: PipelineRun, task: Task, state: Any) -> None:
        super().__init__(run, task)
        call: Dict[str, Any] = state.step.call or {}
        self._arguments: Dict[str, Any] = call.get("arguments") or {}
        self._state = state

    @property
    def config(self) -> Settings:
        """Its name, what the pipeline says of it, and its parameters."""
        parameters = dict(running.parameters)
        return Settings(name=self.name, enable_cache=False, extra=_extra("step"), parameters=parameters)

    @property
    def inputs(self) -> Dict[str, List[ArtifactVersion]]:
        """The outputs of other steps that each argument is made of, by argument, of those that are made of some."""
        values = self._state.arguments()
        found: Dict[str, List[ArtifactVersion]] = {}
        for name, value in self._arguments.items():
            load = partial(values.value, value) if "item" in value else None
            versions = [self._version(step, output, path, load) for step, output, path in values.origins(value)]
            if versions:
                found[name] = versions
        return found

    regular_inputs = inputs

    def _version(self, step: str, output: str, path: Path, load: Optional[Callable[[], Any]]) -> ArtifactVersion:
        run = self._task.parent.parent
        attempts = run.attempts_of(step)
        task = Task.of(Step.of(run, step, attempts), path, attempts[path])
        found = StepRun(self.run, task)
        return ArtifactVersion(found, output, task) if load is None else MappedItem(found, output, task, load)

    @property
    def input(self) -> ArtifactVersion:
        """Its only input. Raises ValueError."""
        inputs = [version for versions in self.inputs.values() for version in versions]
        if len(inputs) != 1:
            raise ValueError(f"step {self.name} has {len(inputs)} inputs ({', '.join(self.inputs)}); use `inputs`")
        return inputs[0]


class PipelineRun(Response):
    """A run of a pipeline."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.id = run.id
        self.name = run.id
        self.config = Settings(name=run.parent.id, enable_cache=False)

    @property
    def pipeline(self) -> PipelineResponse:
        """The pipeline."""
        return PipelineResponse(self._run.parent)

    @property
    def status(self) -> ExecutionStatus:
        """How far it is."""
        return _STATUS[self._run.status]

    @property
    def steps(self) -> Dict[str, StepRun]:
        """The steps that have finished, by name and in the order of the pipeline; of a map one for each item."""
        known = self._run.graph.get("steps", {})
        found: Dict[str, StepRun] = {}
        attempts = self._run.all_attempts()
        for name in [name for name, step in known.items() if "outputs" in step]:
            tasks = attempts.get(name, {})
            step = Step.of(self._run, name, tasks)
            for path in sorted(path for path, tried in tasks.items() if any(tried.values())):
                found[run_name(name, path)] = StepRun(self, Task.of(step, path, tasks[path]))
        return _Steps(found)

    @property
    def in_progress(self) -> bool:
        """Whether it runs."""
        return not self.status.is_finished

    @property
    def artifact_versions(self) -> List[ArtifactVersion]:
        """All outputs of its steps."""
        return [version for step in self.steps.values() for versions in step.outputs.values() for version in versions]

    produced_artifact_versions = artifact_versions

    @property
    def tags(self) -> List[str]:
        """The tags that it was given."""
        return sorted(self._run.user_tags)

    @property
    def start_time(self) -> datetime:
        """When it was started."""
        return self._run.created_at

    created = start_time

    @property
    def end_time(self) -> Optional[datetime]:
        """When it ended."""
        return self._run.finished_at


class RunningRun(PipelineRun):
    """The run of the task that runs here, whose configuration is known."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.config = Settings(name=self.config.name, enable_cache=False, extra=_extra("pipeline"))


class _Steps(dict):  # type: ignore[type-arg]
    """Steps by name."""

    def __missing__(self, name: str) -> Any:
        raise KeyError(f"{name!r}: of the run's steps these have finished: {', '.join(self) or 'none'}")


class PipelineResponse(Response):
    """A pipeline with its runs."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self.id = self.name = flow.id

    @property
    def created(self) -> datetime:
        """When its first run was started."""
        return self._flow.created_at

    @property
    def num_runs(self) -> int:
        """How many runs it has."""
        return len(self.runs)

    @property
    def latest_run_id(self) -> str:
        """The id of its newest run. Raises RuntimeError."""
        return self.last_run.id

    @property
    def latest_run_status(self) -> ExecutionStatus:
        """How far its newest run is. Raises RuntimeError."""
        return self.last_run.status

    def get_runs(self, **options: Any) -> List[PipelineRun]:
        """Its runs, the newest first, as `Client.list_pipeline_runs` gives them."""
        from flowc.compat.zenml_client import Client

        return Client().list_pipeline_runs(pipeline=self.name, **options)

    @property
    def runs(self) -> List[PipelineRun]:
        """Its runs, the newest first."""
        return [PipelineRun(run) for run in self._flow.children()]

    @property
    def last_run(self) -> PipelineRun:
        """The newest run. Raises RuntimeError."""
        return self._first(self.runs, "run")

    @property
    def last_successful_run(self) -> PipelineRun:
        """The newest run that has succeeded. Raises RuntimeError."""
        return self._first([PipelineRun(run) for run in self._flow.children() if run.successful], "successful run")

    def _first(self, runs: List[PipelineRun], what: str) -> PipelineRun:
        if not runs:
            raise RuntimeError(f"pipeline {self.name} has no {what}")
        return runs[0]


def run_name(step: str, path: Path) -> str:
    """The name of a step's run: the step's name, or `map:<step>:<index>` for an item, as in ZenML."""
    return f"map:{step}:{'.'.join(map(str, path))}" if path else step


def running_run() -> RunningRun:
    """The run of the task that runs here."""

    def look() -> RunningRun:
        store = chosen_store(os.environ.get(env_names.ROOT))
        return RunningRun(Run.of(Flow.of(store, current.flow_name), current.run_id))

    return of_own_run(look)


def _extra(of: str) -> Dict[str, Any]:
    """`extra` of the pipeline, or of the step that runs here, which the compiler has put into its environment."""
    found: Dict[str, Any] = json.loads(os.environ.get(env_names.EXTRA) or "{}")
    return dict(found.get(of, ()))


def running_step(state: Any) -> RunningStep:
    """The task that runs here, as others will read it."""
    task = current.task
    assert task is not None
    return RunningStep(running_run(), task, state)
