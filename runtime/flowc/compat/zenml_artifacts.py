"""`save_artifact` and `load_artifact`: values that a step keeps under names of its own, beside what it returns."""

from __future__ import annotations

from flowc.current import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List


class ExternalArtifact:
    """A value of the pipeline's body for a step, which the compiler passes as it is."""

    def __init__(self, value: Any = None, **options: Any) -> None:
        self.value = value
        self.id: str | None = None
        vars(self).update(options)


class SavedArtifact:
    """What `save_artifact` gives: the artifact of a task that has not ended."""

    def __init__(self, name: str, value: Any, version: str, metadata: Dict[str, Any]) -> None:
        from flowc.current import current

        self.name, self.version, self.run_metadata = name, version, metadata
        self.id = f"{current.pathspec}/{name}"
        self._value = value

    def load(self, disable_cache: bool = False) -> Any:
        """Its value."""
        del disable_cache
        return self._value


def save_artifact(
    data: Any,
    name: str,
    version: int | str | None = None,
    artifact_type: Any = None,
    tags: List[str] | None = None,
    extract_metadata: bool = True,
    include_visualizations: bool = True,
    user_metadata: Dict[str, Any] | None = None,
    materializer: Any = None,
    uri: str | None = None,
) -> SavedArtifact:
    """Store a value under a name when the running step is committed. Its version is the run's id, if none is given.

    Raises RuntimeError outside of steps, and ValueError for a name of the step's own outputs.
    """
    del artifact_type, extract_metadata, include_visualizations, materializer, uri
    if running.state is None:
        raise RuntimeError("save_artifact works within a step: a run stores what its steps leave")
    from flowc.current import current

    if name in (running.state.step.call or {})["outputs"]:
        raise ValueError(f"{name!r} is an output of the step: save the value under another name, or return it")
    found = SavedArtifact(name, data, str(current.run_id if version is None else version), user_metadata or {})
    running.saved[name] = found
    entry: Dict[str, Any] = {"version": found.version, **({"tags": list(tags)} if tags else {})}
    running.metadata.setdefault("saved", {})[name] = entry
    if user_metadata:
        from flowc.compat.step_context import keep_metadata

        keep_metadata(user_metadata, "outputs", name)
    return found


def load_artifact(name_or_id: Any, version: int | str | None = None) -> Any:
    """The value of an artifact: of this version, else of the newest run that has it. Raises KeyError."""
    saved = running.saved.get(str(name_or_id)) if running.state is not None else None
    if saved is not None and version in (None, saved.version):
        return saved.load()
    from flowc.compat.zenml_client import Client

    return Client().get_artifact_version(str(name_or_id), None if version is None else str(version)).load()
