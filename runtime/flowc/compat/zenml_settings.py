"""Settings of ZenML that have no effect here: of deployments as a service, of builds of images, and of its cache."""

from __future__ import annotations

from flowc.pipeline_settings import BaseMaterializer, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Members(type):
    """A class whose members are their names in lower case, whichever they are."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return name.lower()


class _Flags(type):
    """A class whose members are flags that say nothing."""

    def __getattr__(cls, name: str) -> int:
        if name.startswith("_"):
            raise AttributeError(name)
        return 0


class AppExtensionSpec(Settings):
    """An extension of a service."""


class CORSConfig(Settings):
    """Who may call a service."""


class DeploymentSettings(Settings):
    """Settings of a pipeline that is deployed as a service."""


class EndpointSpec(Settings):
    """An endpoint of a service."""


class MiddlewareSpec(Settings):
    """A middleware of a service."""


class SecureHeadersConfig(Settings):
    """Headers of a service."""


class DockerBuildConfig(Settings):
    """Settings of the build of an image."""


class DockerBuildOptions(Settings):
    """Options of the build of an image."""


class CachePolicy(Settings):
    """When a step is taken over from another run."""

    @classmethod
    def default(cls) -> CachePolicy:
        """The default."""
        return cls()

    @classmethod
    def from_string(cls, value: str) -> CachePolicy:
        """The policy of a name."""
        return cls(name=value)


class EndpointMethod(metaclass=_Members):
    """A method of HTTP."""


class PythonEnvironmentExportMethod(metaclass=_Members):
    """How the packages of an environment are listed."""


class SourceFileMode(metaclass=_Members):
    """How an image gets the code."""


class DeploymentDefaultEndpoints(metaclass=_Flags):
    """Endpoints that a service has by default."""


class DeploymentDefaultMiddleware(metaclass=_Flags):
    """Middleware that a service has by default."""


def idle_class(module: str, name: str) -> Any:
    """A materializer of an integration, which nothing calls, or a class of its settings, which nothing reads."""
    return type(name, (BaseMaterializer if name.endswith("Materializer") else Settings,), {"__module__": module})
