"""`get_step_context()`: what the running step of a pipeline is."""

from __future__ import annotations

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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

        return running_run(self._state)

    @property
    def step_run(self) -> StepRun:
        """The step, as others will read it."""
        from flowc.compat.zenml_client import running_step

        return running_step(self._state)

    def add_output_metadata(self, metadata: Any, output_name: str | None = None) -> None:
        """Keep metadata of an output; its name may be left out where there is one only."""
        from flowc.compat.metadata import log_metadata

        log_metadata(metadata, infer_artifact=True, artifact_name=output_name)

    def __getattr__(self, name: str) -> Any:
        known = "step_name, pipeline, pipeline_run, step_run, model, add_output_metadata"
        raise AttributeError(f"the context of a step has no {name!r} in flowc; it has {known}")


def get_step_context() -> StepContext:
    """What the running step is. Raises RuntimeError outside of steps."""
    if running.state is None:
        raise RuntimeError("The step context is only available inside a step function.")
    return StepContext(running.state)
