"""What decorators of steps and pipelines are configured with. The compiler reads it from the source.

When a task runs, these hold what they were given, as attributes, and do nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence


class Settings:
    """What was given, by keyword, as attributes."""

    def __init__(self, **given: Any) -> None:
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"{type(self).__name__} was not given {name!r}; it has {', '.join(vars(self)) or 'nothing'}"
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)  # annotations want a hash: what is equal has the same

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({given})"


def _given(values: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


class Resources(Settings):
    """What a step needs: CPU cores, memory, disk and /dev/shm such as `"16Gi"`, and GPUs: `1`, `"a100:2"`."""

    def __init__(
        self,
        *,
        cpu: float | str | None = None,
        memory: int | str | None = None,
        gpu: int | str | None = None,
        disk: int | str | None = None,
        shared_memory: int | str | None = None,
    ) -> None:
        given = {"cpu": cpu, "memory": memory, "gpu": gpu, "disk": disk, "shared_memory": shared_memory}
        super().__init__(**_given(given))


class Retry(Settings):
    """How often a failed step is tried again, and how long to wait before: seconds, or text such as `"10s"`.

    `on` has the kinds of failures that are tried again, and `never` the names of exceptions that are not.
    """

    def __init__(
        self,
        limit: int = 3,
        *,
        backoff: float | str = 0,
        factor: int = 1,
        max_wait: float | str = 0,
        on: Sequence[str] | str = (),
        never: Sequence[str] | str = (),
    ) -> None:
        super().__init__(limit=limit, backoff=backoff, factor=factor, max_wait=max_wait, on=on, never=never)


class Schedule(Settings):
    """When a deployed pipeline runs, as a cron expression. ZenML's has more arguments, which the compiler refuses."""

    def __init__(self, cron_expression: str | None = None, *, timezone: str | None = None, **other: Any) -> None:
        super().__init__(**_given({"cron_expression": cron_expression, "timezone": timezone, **other}))


class ResourceSettings(Settings):
    """ZenML's `Resources`: `cpu_count`, `gpu_count`, and `memory` such as `"4GB"`."""


class DockerSettings(Settings):
    """ZenML's settings of the image."""


class StepRetryConfig(Settings):
    """ZenML's `Retry`: `max_retries`, `delay` in seconds, `backoff`."""


class KubernetesOrchestratorSettings(Settings):
    """ZenML's settings of pods."""


class KubernetesPodSettings(Settings):
    """ZenML's settings of a pod."""


class ArtifactConfig(Settings):
    """ZenML's description of an output, in its annotation."""

    def __init__(self, name: str | None = None, **given: Any) -> None:
        super().__init__(**_given({"name": name, **given}))


class Model(Settings):
    """ZenML's model. A version of it is the runs that have it: `flowc.compat.zenml_models`."""

    def __init__(self, name: str, *, version: Any = None, **given: Any) -> None:
        super().__init__(**given)
        self.name = name
        self.version = None if version is None else str(version)

    def _found(self) -> Any:
        from flowc.compat.zenml_models import find_version

        return find_version(self.name, self.version)

    @property
    def id(self) -> str:
        """The id of its version. Raises KeyError where no run has it, as what follows."""
        return str(self._found().id)

    @property
    def stage(self) -> str | None:
        """The stage of its version."""
        found: str | None = self._found().stage
        return found

    @property
    def run_metadata(self) -> Dict[str, Any]:
        """What steps have logged of its version."""
        return dict(self._found().run_metadata)

    def get_artifact(self, name: str, version: str | None = None) -> Any:
        """The newest artifact with a name of the runs of its version; `None` where there is none."""
        return self._found().get_artifact(name, version)

    get_model_artifact = get_data_artifact = get_deployment_artifact = get_artifact

    def load_artifact(self, name: str, version: str | None = None) -> Any:
        """The value of such an artifact. Raises ValueError."""
        return self._found().load_artifact(name, version)

    def set_stage(self, stage: Any, force: bool = False) -> None:
        """Set the stage of its version, in a step."""
        self._found().set_stage(str(stage), force)

    def log_metadata(self, metadata: Dict[str, Any]) -> None:
        """Keep metadata of it with the running step."""
        from flowc.compat.step_context import log_model_metadata

        log_model_metadata(metadata)


class Tag(Settings):
    """ZenML's tag."""


class BaseMaterializer:
    """ZenML's way to store values, which flowc stores as they are: nothing calls it."""

    ASSOCIATED_TYPES: Any = ()
    ASSOCIATED_ARTIFACT_TYPE: Any = None

    def __init__(self, uri: str = "", artifact_store: Any = None) -> None:
        self.uri = uri
        self.artifact_store = artifact_store


class BuiltInMaterializer(BaseMaterializer):
    """See BaseMaterializer."""


class PydanticMaterializer(BaseMaterializer):
    """See BaseMaterializer."""
