"""`get_step_context()`: what the running step of a pipeline is."""

from __future__ import annotations

from flowc.current import current, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from flowc.compat.zenml_models import ModelVersion
    from flowc.compat.zenml_runs import ArtifactVersion, PipelineResponse, RunningRun, RunningStep
    from flowc.pipeline_settings import Model


class StepContext:
    """What the running step is: its name, its run, its inputs, and what it has left so far."""

    def __init__(self, state: Any) -> None:
        self._state = state

    @property
    def step_name(self) -> str:
        """The name of the step in the pipeline."""
        return current.step_name

    @property
    def pipeline(self) -> PipelineResponse:
        """The pipeline."""
        return self.pipeline_run.pipeline

    @property
    def pipeline_run(self) -> RunningRun:
        """The run."""
        from flowc.compat.zenml_runs import running_run

        return running_run()

    @property
    def step_run(self) -> RunningStep:
        """The step, as others will read it."""
        from flowc.compat.zenml_runs import running_step

        return running_step(self._state)

    @property
    def inputs(self) -> Dict[str, List[ArtifactVersion]]:
        """The outputs of other steps that each argument is made of, by argument, of those that are made of some."""
        return self.step_run.inputs

    @property
    def model(self) -> Model:
        """The model of the step with the version that it is. Raises StepContextError."""
        return self.model_version.to_model_class()

    @property
    def model_version(self) -> ModelVersion:
        """The version of the step's model. Raises StepContextError where the step has no model."""
        from flowc.compat.zenml_models import own_model

        found = own_model()
        if found is None:
            from flowc.compat.served_modules import find

            raise find("zenml.exceptions", "StepContextError")(
                f"Unable to get Model in step `{self.step_name}`: no model has been specified for the step or pipeline."
            )
        return found

    def add_output_metadata(self, metadata: Dict[str, Any], output_name: str | None = None) -> None:
        """Keep metadata of an output; its name may be left out where there is one only."""
        log_metadata(metadata, infer_artifact=True, artifact_name=output_name)

    def get_output_metadata(self, output_name: str | None = None) -> Dict[str, Any]:
        """The metadata of an output that was kept so far."""
        found: Dict[str, Any] = running.metadata.get("outputs", {}).get(_output(output_name), {})
        return dict(found)

    def __getattr__(self, name: str) -> Any:
        from flowc.protocol.zenml_names import CLASSES

        raise AttributeError(
            f"the context of a step has no {name!r} in flowc; it has {', '.join(CLASSES['StepContext'])}"
        )


def get_step_context() -> StepContext:
    """What the running step is. Raises RuntimeError outside of steps."""
    if running.state is None:
        raise RuntimeError("The step context is only available inside a step function.")
    return StepContext(running.state)


def get_pipeline_context() -> Any:
    """The pipeline that is compiled, which only its body has. Raises RuntimeError: no body runs in a task."""
    if running.state is None:
        raise RuntimeError("No active pipeline found.")
    raise RuntimeError("Inside a step use `from zenml import get_step_context` instead.")


def log_metadata(
    metadata: Dict[str, Any],
    *args: Any,
    infer_artifact: bool = False,
    infer_model: bool = False,
    artifact_name: str | None = None,
    artifact_version: Any = None,
    artifact_version_id: Any = None,
    model_name: str | None = None,
    model_version: Any = None,
    **which: Any,
) -> None:
    """Keep metadata of the running step; with `infer_artifact` or `artifact_name`, of an output.

    That of a model, with `infer_model` or `model_name`, is kept under `model` in the step's, and that of an artifact of
    another step by the artifact's id: it counts once the step is committed. Raises ValueError outside of steps, and for
    metadata of another run or step, and KeyError for an artifact that is not in the store.
    """
    if artifact_version is not None and artifact_name is None:
        raise ValueError("a version is that of a name: artifact_name=..., artifact_version=...")
    if args or any(value is not None for value in which.values()):
        raise ValueError(f"metadata is of the running step or its outputs, and not of {', '.join(which) or 'others'}")
    if infer_model or model_name is not None:
        log_model_metadata(metadata, model_name, model_version)
    elif artifact_version_id is not None or (artifact_name is not None and artifact_version is not None):
        from flowc.compat.zenml_client import Client

        _state()
        name = artifact_name if artifact_version is not None else artifact_version_id
        found = Client().get_artifact_version(str(name), None if artifact_version is None else str(artifact_version))
        keep_metadata(metadata, "artifacts", found.id)
    else:
        of_output = infer_artifact or artifact_name is not None
        keep_metadata(metadata, *(("outputs", _output(artifact_name)) if of_output else ()))


def log_step_metadata(metadata: Dict[str, Any], step_name: str | None = None, **which: Any) -> None:
    """Keep metadata of the running step."""
    log_metadata(metadata, step_name=step_name if step_name != _state().step.name else None, **which)


def log_artifact_metadata(
    metadata: Dict[str, Any], artifact_name: str | None = None, artifact_version: str | None = None
) -> None:
    """Keep metadata of an output of the running step."""
    log_metadata(metadata, infer_artifact=True, artifact_name=artifact_name, artifact_version=artifact_version)


def log_model_metadata(metadata: Dict[str, Any], model_name: str | None = None, model_version: Any = None) -> None:
    """Keep metadata of a model under `model` in the step's metadata, in it under the model's name and version."""
    keep_metadata(metadata, "model", *(str(part) for part in (model_name, model_version) if part is not None))


def _state() -> Any:
    if running.state is None:
        raise ValueError("metadata can be logged within a step only")
    return running.state


def _output(name: str | None) -> str:
    """An output of the running step, by default its only one. Raises ValueError."""
    outputs = _state().step.call["outputs"]
    if name is None and len(outputs) != 1:
        raise ValueError(f"the step has {len(outputs)} outputs; name one: artifact_name=...")
    if name is not None and name not in outputs:
        raise ValueError(f"the step has no output {name!r}; it has {', '.join(outputs) or 'none'}")
    return str(name or outputs[0])


def keep_metadata(metadata: Dict[str, Any], *place: str) -> None:
    """Add metadata to what was kept at a place in the step's. Raises ValueError outside of steps."""
    import json

    _state()
    kept = running.metadata
    for part in place:
        kept = kept.setdefault(part, {})
    kept.update(json.loads(json.dumps(metadata, default=str)))
