"""What a step says of itself and of its outputs: it stands in the task's manifest beside the artifacts."""

from __future__ import annotations

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict


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
    """Keep metadata of a model with that of the step, under `model`."""
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
