"""The tasks that the compiler makes of what a pipeline's body reads and saves: a body is compiled, and not run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


def load_artifact(name_or_id: str, version: Any = None) -> Any:
    """The value of an artifact."""
    from flowc.compat import zenml_artifacts

    return zenml_artifacts.load_artifact(name_or_id, version)


def save_artifact(data: Any, name: str, version: Any = None, tags: Any = None, user_metadata: Any = None) -> Any:
    """Keep a value under a name, and pass it on."""
    from flowc.compat import zenml_artifacts

    zenml_artifacts.save_artifact(data, name, version=version, tags=tags, user_metadata=user_metadata)
    return data


def approve(continues: bool = False) -> Any:
    """What a person has chosen before the task began; nothing where the only question was whether to go on.

    Raises Fatal where it was not to go on.
    """
    from flowc.current import running
    from flowc.errors import Fatal

    assert running.approval is not None, "the step has an approval"
    if continues and running.approval.choice != "continue":
        raise Fatal(f"{running.approval.by or 'somebody'} has chosen to abort the run")
    return None if continues else running.approval.value


def call_flow(**values: Any) -> Any:
    """Hand values on to the flow that runs next."""
    return tuple(values.values()) or None


def run_value(path: str, positional: List[Any], keywords: Dict[str, Any]) -> Any:
    """What a function of a library gives, such as `uuid.uuid4`: all steps of the run get the same value."""
    from importlib import import_module

    module, _, name = path.rpartition(".")
    if module in ("datetime.date", "datetime.datetime"):
        module, name = "datetime", f"{module.rpartition('.')[2]}.{name}"
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found(*positional, **keywords)


def client_read(chain: List[List[Any]], model: Dict[str, Any] | None = None) -> Any:
    """What attributes, items and calls in a row give, of `Client()` or of a model; of artifacts, their values.

    Raises PipelineError for what is no value: a run, or a step.
    """
    from flowc.compat.zenml_client import Client
    from flowc.pipeline_settings import Model

    found: Any = Client() if model is None else Model(**model)
    for kind, *parts in chain:
        if kind == "attribute":
            found = getattr(found, parts[0])
        elif kind == "item":
            found = found[parts[0]]
        else:
            found = found(*parts[0], **parts[1])
    return _value(found)


def _items(found: Any) -> List[Any]:
    return found if type(found) is list else []  # pyright: ignore[reportUnknownVariableType]


def _value(found: Any) -> Any:
    from flowc.compat.zenml_artifacts import SavedArtifact
    from flowc.compat.zenml_runs import ArtifactVersion, Response
    from flowc.errors import PipelineError

    if isinstance(found, (ArtifactVersion, SavedArtifact)):
        return found.load()
    if any(isinstance(item, Response) for item in _items(found)):
        return [_value(item) for item in _items(found)]
    if isinstance(found, Response):
        raise PipelineError(
            f"a step cannot be given a {type(found).__name__}: pass one of its attributes, such as `.name`"
        )
    return found
