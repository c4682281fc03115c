"""ZenML's `Client` on the runs of the store: `Client().get_pipeline_run(name).steps["load"].output.load()`.

A run is named by its id, by `pipeline/id`, or by the beginning of an id.
"""

from __future__ import annotations

from flowc.client.flow_object import Flow
from flowc.client.namespaces import chosen_store
from flowc.client.run_object import Run
from flowc.client.task_object import Task
from flowc.compat.zenml_runs import ArtifactVersion, PipelineResponse, PipelineRun, StepRun
from flowc.current import of_own_run, running
from flowc.store.run_layout import flow_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Optional, TypeVar

    from flowc.compat.zenml_models import ModelVersion
    from flowc.compat.zenml_secrets import SecretResponse
    from flowc.compat.zenml_stack import Stack

    T = TypeVar("T")
    _ListOf = List
else:
    from flowc.pipeline_calls import T, _ListOf


class Page(_ListOf[T]):
    """Some of what a client lists."""

    def __init__(self, found: List[T], page: int, size: int) -> None:
        super().__init__(found[(page - 1) * size : page * size])
        self.items: List[T] = list(self)
        self.max_size, self.total = size, len(found)
        self.total_pages = -(-len(found) // size)


class Client:
    """Reads the runs of the store that the client of flowc has by default."""

    @property
    def active_stack(self) -> Stack:
        """What stands for a stack."""
        from flowc.compat.zenml_stack import Stack

        return Stack()

    def get_pipeline_run(self, name_id_or_prefix: str, **options: Any) -> PipelineRun:
        """A run by its id, the beginning of one, or `pipeline/id`. Raises KeyError."""
        del options
        name = str(name_id_or_prefix)
        own = running.state.layout if running.state is not None else None
        if own is not None and name in (own.run, own.prefix):
            return of_own_run(lambda: self._run_of(name))
        return self._run_of(name)

    def _run_of(self, name: str) -> PipelineRun:
        flow, separator, run = name.rpartition("/")
        flows = [Flow.of(chosen_store(None), flow)] if separator else list(all_flows())
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

    def get_run_step(self, step_run_id: str, **options: Any) -> StepRun:
        """A step of a run by its id. Raises NotFound."""
        del options
        task = Task(str(step_run_id), _namespace_check=False)
        return StepRun(PipelineRun(task.parent.parent), task)

    def list_pipeline_runs(
        self,
        *,
        pipeline: Optional[str] = None,
        pipeline_name: Optional[str] = None,
        pipeline_id: Optional[str] = None,
        status: Optional[str] = None,
        page: int = 1,
        size: int = 20,
        **options: Any,
    ) -> Page[PipelineRun]:
        """The newest runs, of one pipeline or of all."""
        del options
        wanted = pipeline or pipeline_name or pipeline_id
        flows = [flow for flow in all_flows() if wanted in (None, flow.id)]
        newest = sorted((run for flow in flows for run in flow.children()), key=Run.created_seconds, reverse=True)
        runs = map(PipelineRun, newest)
        return Page([run for run in runs if status is None or run.status == status], page, size)

    def list_pipelines(
        self, *, name: Optional[str] = None, page: int = 1, size: int = 20, **options: Any
    ) -> Page[PipelineResponse]:
        """The pipelines that have runs."""
        del options
        return Page([PipelineResponse(flow) for flow in all_flows() if name in (None, flow.id)], page, size)

    def get_artifact_version(
        self, name_id_or_prefix: str, version: Optional[str] = None, **options: Any
    ) -> ArtifactVersion:
        """An artifact by its name or id: of that version, else of the newest run that has one. Raises KeyError."""
        del options
        name = str(name_id_or_prefix)
        found: List[ArtifactVersion] = []
        for flow in all_flows():
            newest = next(_versions(flow, name, version), None)
            if newest is not None:
                found.append(newest)
        if not found:
            raise KeyError(f"there is no artifact {name!r} in {chosen_store(None).url}")
        return max(found, key=lambda artifact: artifact.run.start_time)

    def get_model_version(
        self,
        model_name_or_id: Optional[str] = None,
        model_version_name_or_number_or_id: Any = None,
        **options: Any,
    ) -> ModelVersion:
        """A version of a model: by its name or stage, else the newest. Raises KeyError."""
        from flowc.compat.zenml_models import find_version

        del options
        return find_version(str(model_name_or_id), model_version_name_or_number_or_id or "latest")

    def get_secret(self, name_id_or_prefix: str, **options: Any) -> SecretResponse:
        """A secret of the running step, by its name. Raises KeyError."""
        from flowc.compat.zenml_secrets import find_secret

        return find_secret(name_id_or_prefix, **options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(sorted(item for item in dir(Client) if not item.startswith("_")))
        raise AttributeError(f"Client has no {name!r} in flowc, which has no server; it has {known}")


def _versions(flow: Flow, name: str, version: Optional[str]) -> Iterator[ArtifactVersion]:
    """The artifacts of a flow's runs that have a name or id, the newest run first."""
    for run in map(PipelineRun, flow.children()):
        for artifact in run.artifact_versions:
            if name in (artifact.name, artifact.id) and version in (None, artifact.version):
                yield artifact


def all_flows() -> Iterator[Flow]:
    """The flows of the store, starting with the running task's."""
    store = chosen_store(None)
    own = running.state.plan.flow if running.state is not None else None
    if own is not None:
        yield Flow.of(store, own)
    for name in flow_names(store):
        if name != own:
            yield Flow.of(store, name)
