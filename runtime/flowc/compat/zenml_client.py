"""ZenML's `Client` on the runs of the store: `Client().get_pipeline_run(name).steps["load"].output.load()`.

A run is named by its id, by `pipeline/id`, or by the beginning of an id. What a step left is read from its manifest.
"""

from __future__ import annotations

import os

from flowc.client.flow_object import Flow
from flowc.client.namespaces import chosen_store
from flowc.client.run_object import Run
from flowc.client.step_object import Step
from flowc.client.task_object import Task
from flowc.compat.zenml_types import ExecutionStatus
from flowc.current import current, running
from flowc.pipeline_settings import Settings
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Dict, Iterator, List, Optional

    from flowc.store.run_layout import Path

_STATUS = {
    "successful": ExecutionStatus.COMPLETED,
    "failed": ExecutionStatus.FAILED,
    "interrupted": ExecutionStatus.STOPPED,
    "running": ExecutionStatus.RUNNING,
}


class Response:
    """What the client gives: some of what ZenML's has, and an error that says what there is for the rest."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(sorted(item for item in {*dir(type(self)), *vars(self)} if not item.startswith("_")))
        raise AttributeError(f"{type(self).__name__} has no {name!r} in flowc; it has {known}")

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
        """The run's id: each run makes its own."""
        return self.run.id

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
        """What the step has logged of it."""
        found: Dict[str, Any] = self._task.manifest.get("metadata", {}).get("outputs", {}).get(self._output, {})
        return found

    def load(self, disable_cache: bool = False) -> Any:
        """Its value."""
        del disable_cache
        return self._task.value(self._output)


class StepRun(Response):
    """A step of a run; of a step that is mapped over, one item's."""

    def __init__(self, run: PipelineRun, task: Task) -> None:
        self.run = run
        self._task = task
        self.name = run_name(task.step, task.path)
        """The name of the step; for an item `map:<step>:<index>`, as in ZenML."""
        self.config = Settings(name=self.name, enable_cache=False)

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
        if self._task.committed:
            return ExecutionStatus.COMPLETED
        return ExecutionStatus.FAILED if self._task.failure is not None else ExecutionStatus.RUNNING

    @property
    def outputs(self) -> Dict[str, List[ArtifactVersion]]:
        """Its outputs by name, each as a list of one; none while it runs."""
        if not self._task.committed:
            return {}
        return {name: [ArtifactVersion(self, name, self._task)] for name in self._task.manifest["artifacts"]}

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
        return {name: value for name, value in logged.items() if name != "outputs"}

    @property
    def start_time(self) -> datetime:
        """When it was started."""
        return self._task.created_at

    @property
    def end_time(self) -> Optional[datetime]:
        """When it ended."""
        return self._task.finished_at


class PipelineRun(Response):
    """A run of a pipeline."""

    model_version = None
    """Nothing: flowc has no registry of models."""

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
    def tags(self) -> List[str]:
        """The tags that it was given."""
        return sorted(self._run.user_tags)

    @property
    def start_time(self) -> datetime:
        """When it was started."""
        return self._run.created_at

    @property
    def end_time(self) -> Optional[datetime]:
        """When it ended."""
        return self._run.finished_at


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


class Client:
    """Reads the runs of the store of FLOWC_ROOT, by default `.flowc` here."""

    def get_pipeline_run(self, name_id_or_prefix: str, **options: Any) -> PipelineRun:
        """A run by its id, the beginning of one, or `pipeline/id`. Raises KeyError."""
        del options
        name = str(name_id_or_prefix)
        flow, separator, run = name.rpartition("/")
        flows = [Flow.of(chosen_store(None), flow)] if separator else list(_flows())
        for known in flows:
            found = known.child(run)
            if found is not None:
                return PipelineRun(found)
        starting = [each for known in flows for each in known.children() if each.id.startswith(run)]
        if len(starting) != 1:
            what = f"there are {len(starting)} runs whose id begins with" if starting else "there is no run"
            raise KeyError(f"{what} {name!r} in {chosen_store(None).url}")
        return PipelineRun(starting[0])

    def get_pipeline(self, name_id_or_prefix: str, **options: Any) -> PipelineResponse:
        """A pipeline by its name. Raises KeyError when it has no runs."""
        del options
        flow = Flow.of(chosen_store(None), name_id_or_prefix)
        if not flow.exists():
            raise KeyError(f"there is no run of pipeline {name_id_or_prefix!r} in {chosen_store(None).url}")
        return PipelineResponse(flow)

    def list_pipeline_runs(
        self, pipeline: Optional[str] = None, pipeline_name: Optional[str] = None, size: int = 20
    ) -> List[PipelineRun]:
        """The newest runs, of one pipeline or of all."""
        wanted = pipeline or pipeline_name
        flows = [flow for flow in _flows() if wanted in (None, flow.id)]
        runs = sorted((run for flow in flows for run in flow.children()), key=Run.created_seconds, reverse=True)
        return [PipelineRun(run) for run in runs[:size]]

    def get_artifact_version(
        self, name_id_or_prefix: str, version: Optional[str] = None, **options: Any
    ) -> ArtifactVersion:
        """An output by its name: of the run `version`, else of the newest run that has one. Raises KeyError."""
        del options
        name = str(name_id_or_prefix)
        for flow in _flows():
            for run in map(PipelineRun, flow.children()):
                if version not in (None, run.id):
                    continue
                for artifact in _artifacts(run):
                    if name in (artifact.name, artifact.id):
                        return artifact
        raise KeyError(f"there is no artifact {name!r} in {chosen_store(None).url}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(sorted(item for item in dir(Client) if not item.startswith("_")))
        raise AttributeError(f"Client has no {name!r} in flowc, which has no server; it has {known}")


def _flows() -> Iterator[Flow]:
    """The flows of the store, starting with the running task's."""
    store = chosen_store(None)
    own = running.state.plan.flow if running.state is not None else None
    if own is not None:
        yield Flow.of(store, own)
    for name in sorted(store.children("")):
        if name != own:
            yield Flow.of(store, name)


def _artifacts(run: PipelineRun) -> Iterator[ArtifactVersion]:
    for step in run.steps.values():
        for versions in step.outputs.values():
            yield from versions


def run_name(step: str, path: Path) -> str:
    """The name of a step's run: the step's name, or `map:<step>:<index>` for an item, as in ZenML."""
    return f"map:{step}:{'.'.join(map(str, path))}" if path else step


def running_run() -> PipelineRun:
    """The run of the task that runs here."""
    store = chosen_store(os.environ.get(env_names.ROOT))
    return PipelineRun(Run.of(Flow.of(store, current.flow_name), current.run_id))


def running_step() -> StepRun:
    """The task that runs here, as others will read it."""
    task = current.task
    assert task is not None
    return StepRun(running_run(), task)
