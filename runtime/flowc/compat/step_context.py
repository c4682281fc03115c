"""`get_step_context()`: what the running step of a pipeline is."""

from __future__ import annotations

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.compat.zenml_client import PipelineRun, StepRun


class Pipeline:
    """The pipeline that is running."""

    def __init__(self, name: str) -> None:
        self.name = name


class StepContext:
    """What the running step is: its name, its run, and what these have left so far."""

    step_name: str
    """The name of the step in the pipeline."""
    model = None
    """Nothing: flowc has no registry of models."""
    model_version = None

    def __init__(self, state: Any) -> None:
        self._state = state
        self.step_name = state.step.name
        self.pipeline = Pipeline(state.plan.flow)

    @property
    def pipeline_run(self) -> PipelineRun:
        """The run."""
        from flowc.compat.zenml_client import running_run

        return running_run()

    @property
    def step_run(self) -> StepRun:
        """The step, as others will read it."""
        from flowc.compat.zenml_client import running_step

        return running_step()

    def add_output_metadata(self, metadata: Any, output_name: str | None = None) -> None:
        """Keep metadata of an output; its name may be left out where there is one only."""

        log_metadata(metadata, infer_artifact=True, artifact_name=output_name)

    def __getattr__(self, name: str) -> Any:
        known = "step_name, pipeline, pipeline_run, step_run, model, add_output_metadata"
        raise AttributeError(f"the context of a step has no {name!r} in flowc; it has {known}")


def get_step_context() -> StepContext:
    """What the running step is. Raises RuntimeError outside of steps."""
    if running.state is None:
        raise RuntimeError("The step context is only available inside a step function.")
    return StepContext(running.state)


def log_metadata(metadata: Dict[str, Any], *args: Any, infer_artifact: bool = False, **which: Any) -> None:
    """Keep metadata of the running step; with `infer_artifact` or `artifact_name`, of an output.

    Raises ValueError outside of steps, and for metadata of another run or step: what was committed does not change.
    """
    name = which.pop("artifact_name", None)
    if args or any(value is not None for value in which.values()):
        raise ValueError(f"metadata is of the running step or its outputs, and not of {', '.join(which) or 'others'}")
    if infer_artifact and name is None:
        name = _only_output()
    _keep(metadata, name)


def log_step_metadata(metadata: Dict[str, Any], step_name: str | None = None, **which: Any) -> None:
    """Keep metadata of the running step."""
    log_metadata(metadata, step_name=step_name if step_name != _state().step.name else None, **which)


def log_artifact_metadata(
    metadata: Dict[str, Any], artifact_name: str | None = None, artifact_version: str | None = None
) -> None:
    """Keep metadata of an output of the running step."""
    log_metadata(metadata, infer_artifact=True, artifact_name=artifact_name, artifact_version=artifact_version)


def log_model_metadata(metadata: Dict[str, Any], model_name: str | None = None, **which: Any) -> None:
    """Keep metadata of a model under `model` in the step's metadata."""
    del which
    _keep({"model": {model_name or "": metadata} if model_name else metadata}, None)


def _state() -> Any:
    if running.state is None:
        raise ValueError("metadata can be logged within a step only")
    return running.state


def _only_output() -> str:
    outputs = _state().step.call["outputs"]
    if len(outputs) != 1:
        raise ValueError(f"the step has {len(outputs)} outputs; name one: artifact_name=...")
    return str(outputs[0])


def _keep(metadata: Dict[str, Any], output: str | None) -> None:
    import json

    _state()
    plain = json.loads(json.dumps(metadata, default=str))
    kept = running.metadata if output is None else running.metadata.setdefault("outputs", {}).setdefault(output, {})
    kept.update(plain)
