"""ZenML's models without a registry: a version of a model is the runs whose steps have it, and what these leave.

A version that is not given is the run's id. A stage is what a step has set it to last.
"""

from __future__ import annotations

import json
import os

from flowc.client.run_object import Run
from flowc.compat.zenml_runs import PipelineRun, Response
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Optional, Tuple

    from flowc.client.task_object import Task
    from flowc.compat.zenml_runs import ArtifactVersion
    from flowc.pipeline_settings import Model

_STAGES = ("staging", "production", "archived")


class ModelVersion(Response):
    """A version of a model: its name is the version, as in ZenML."""

    def __init__(self, model: str, version: str) -> None:
        self.name = self.version = version
        self.model = NamedModel(model)
        self.id = f"{model}/{version}"

    def to_model_class(self) -> Model:
        """The model with this version."""
        from flowc.pipeline_settings import Model

        return Model(self.model.name, version=self.version)

    @property
    def stage(self) -> Optional[str]:
        """The stage that a step has set it to last."""
        stages = dict(_stages(self.model.name))
        return stages.get(self.version)

    @property
    def run_metadata(self) -> Dict[str, Any]:
        """What its steps have logged of it."""
        found: Dict[str, Any] = {}
        for task in _tasks(self.model.name, self.version):
            found.update(task.manifest["metadata"].get("model", {}))
        return found

    @property
    def runs(self) -> List[PipelineRun]:
        """The runs that have it, the newest first."""
        return [PipelineRun(run) for run in _runs() if next(_linked([run], self.model.name, self.version), None)]

    def get_artifact(self, name: str, version: Optional[str] = None) -> Optional[ArtifactVersion]:
        """The newest artifact of its runs that has a name; `None` where there is none."""
        for run in self.runs:
            for artifact in run.artifact_versions:
                if artifact.name == name and version in (None, artifact.version):
                    return artifact
        return None

    get_model_artifact = get_data_artifact = get_deployment_artifact = get_artifact

    def load_artifact(self, name: str, version: Optional[str] = None) -> Any:
        """The value of an artifact of its runs. Raises ValueError."""
        artifact = self.get_artifact(name, version)
        if artifact is None:
            raise ValueError(f"Version {self.version} of model {self.model.name} has no artifact {name!r}.")
        return artifact.load()

    def log_metadata(self, metadata: Dict[str, Any]) -> None:
        """Keep metadata of it with the running step."""
        from flowc.compat.step_context import log_model_metadata

        log_model_metadata(metadata)

    def set_stage(self, stage: str, force: bool = False) -> None:
        """Keep a stage of it with the running step. Raises RuntimeError where another version has it, without `force`.

        The stage counts once the step is committed.
        """
        from flowc.compat.step_context import keep_metadata

        other = next((version for version, known in _newest_stages(self.model.name) if known == str(stage)), None)
        if other not in (None, self.version) and not force and str(stage) != "archived":
            raise RuntimeError(f"Model version {other} is in {stage}, but `force` flag is False.")
        keep_metadata({self.version: str(stage)}, "stages", self.model.name)


class NamedModel(Response):
    """A name of model versions."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name


def own_model() -> Optional[ModelVersion]:
    """The model of the running step, which the compiler has put into its environment."""
    text = os.environ.get(env_names.MODEL)
    if not text:
        return None
    given: Dict[str, Any] = json.loads(text)
    return find_version(given["name"], given.get("version"))


def find_version(name: str, version: Any = None) -> ModelVersion:
    """A version of a model by its name, stage, or `latest`; the running one where none is given. Raises KeyError."""
    from flowc.current import current

    text = None if version is None else str(version)
    if text is None:
        run = getattr(current, "run_id", None)
        found: Optional[str] = str(run) if run else next(_versions(name), None)
    elif text == "latest":
        found = next(_versions(name), None)
    elif text in _STAGES:
        found = next((known for known, stage in _newest_stages(name) if stage == text), None)
    else:
        found = text
    if found is None:
        where = f"in stage {text}" if text in _STAGES else ""
        raise KeyError(" ".join(f"there is no version {where} of model {name!r}: no run of the store has one".split()))
    return ModelVersion(name, found)


def _runs() -> Iterator[Run]:
    """The runs of the store, the newest first."""
    from flowc.compat.zenml_client import all_flows

    runs = [run for flow in all_flows() for run in flow.children()]
    return iter(sorted(runs, key=Run.created_seconds, reverse=True))


def _linked(runs: Any, name: str, version: Optional[str] = None) -> Iterator[Task]:
    """The committed tasks that have a model."""
    for run in runs:
        for step in run.children():
            for task in step.children():
                linked = task.manifest.get("metadata", {}).get("linked_model") if task.committed else None
                if linked and linked["name"] == name and version in (None, linked["version"]):
                    yield task


def _tasks(name: str, version: Optional[str] = None) -> Iterator[Task]:
    return _linked(_runs(), name, version)


def _versions(name: str) -> Iterator[str]:
    """The versions of a model, the newest first."""
    for task in _tasks(name):
        yield task.manifest["metadata"]["linked_model"]["version"]


def logged_since(artifact: str) -> Dict[str, Any]:
    """What other steps have logged of an artifact, by its id; what was logged last counts."""
    merged: Dict[str, Any] = {}
    for _, metadata in sorted(_logged("artifacts", artifact), key=lambda item: item[0]):
        merged.update(metadata)
    return merged


def _logged(kind: str, name: str) -> List[Tuple[float, Dict[str, Any]]]:
    """What committed tasks have logged of something, and when they ended."""
    found: List[Tuple[float, Dict[str, Any]]] = []
    for run in _runs():
        for step in run.children():
            for task in step.children():
                logged = task.manifest.get("metadata", {}).get(kind, {}).get(name) if task.committed else None
                ended = task.finished_at
                if logged:
                    found.append((ended.timestamp() if ended else 0.0, logged))
    return found


def _stages(name: str) -> List[Tuple[str, str]]:
    """Versions and the stages that they were set to, in the order of time."""
    set_at = sorted((when, *item) for when, stages in _logged("stages", name) for item in stages.items())
    return [(version, stage) for _, version, stage in set_at]


def _newest_stages(name: str) -> List[Tuple[str, str]]:
    """The stage of each version, the one that was set last first: of those in one stage the first counts."""
    newest: Dict[str, str] = {}
    for version, stage in _stages(name):
        newest.pop(version, None)
        newest[version] = stage
    return list(newest.items())[::-1]
