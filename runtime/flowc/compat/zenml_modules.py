"""The modules that `import zenml` gets: the names that flowc serves, and no other.

As `compat_metaflow`: a name is looked up in flowc when it is asked for.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

INTEGRATIONS: Dict[str, str] = {
    name: name.lower()
    for name in (
        "AWS", "AZURE", "BENTOML", "EVIDENTLY", "GCP", "HUGGINGFACE", "KUBEFLOW", "KUBERNETES", "LIGHTGBM", "LIGHTNING",
        "MLFLOW", "NUMPY", "PANDAS", "PILLOW", "PLOTLY", "POLARS", "PYTORCH", "S3", "SCIPY", "SKLEARN", "SLACK",
        "SPARK", "TENSORBOARD", "TENSORFLOW", "VLLM", "WANDB", "WHYLOGS", "XGBOOST",
    )
}  # fmt: skip
INTEGRATIONS["PYTORCH_L"] = "pytorch_lightning"
"""The constants of `zenml.integrations.constants`, with their values."""

_METADATA = dict.fromkeys(
    ("log_artifact_metadata", "log_metadata", "log_model_metadata", "log_step_metadata"), "compat.metadata"
)
_STEP = {"get_step_context": "compat.step_context", "step": "decorators"}
_DOCKER = {"DockerSettings": "pipeline_settings", "PythonPackageInstaller": "compat.zenml_enums"}
_RESOURCES = {"ByteUnit": "compat.zenml_enums", "ResourceSettings": "pipeline_settings"}
_KUBERNETES = {"KubernetesOrchestratorSettings": "pipeline_settings"}
_ARTIFACT_CONFIG = {"ArtifactConfig": "pipeline_settings"}
_MATERIALIZERS = ("BaseMaterializer", "BuiltInMaterializer", "PydanticMaterializer")

MODULES: Dict[str, Dict[str, str]] = {
    "zenml": {
        "Model": "pipeline_settings",
        "Tag": "pipeline_settings",
        "pipeline": "pipelines.definition",
        "unmapped": "pipelines.mapping",
        **_ARTIFACT_CONFIG,
        **_METADATA,
        **_STEP,
    },
    "zenml.artifacts": {},
    "zenml.artifacts.artifact_config": _ARTIFACT_CONFIG,
    "zenml.client": {"Client": "compat.zenml_client"},
    "zenml.config": {
        "Schedule": "pipeline_settings",
        "StepRetryConfig": "pipeline_settings",
        **_DOCKER,
        **_RESOURCES,
    },
    "zenml.config.docker_settings": _DOCKER,
    "zenml.config.resource_settings": _RESOURCES,
    "zenml.config.retry_config": {"StepRetryConfig": "pipeline_settings"},
    "zenml.config.schedule": {"Schedule": "pipeline_settings"},
    "zenml.enums": dict.fromkeys(
        ("ArtifactType", "ExecutionStatus", "ModelStages", "StepRuntime", "VisualizationType"), "compat.zenml_enums"
    ),
    "zenml.integrations": {},
    "zenml.integrations.constants": dict.fromkeys(INTEGRATIONS, "compat.zenml_modules:INTEGRATIONS"),
    "zenml.integrations.kubernetes": {},
    "zenml.integrations.kubernetes.flavors": _KUBERNETES,
    "zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor": _KUBERNETES,
    "zenml.integrations.kubernetes.pod_settings": {"KubernetesPodSettings": "pipeline_settings"},
    "zenml.io": {"fileio": "compat:zenml_fileio"},
    "zenml.logger": {"get_logger": "compat.zenml_text"},
    "zenml.materializers": dict.fromkeys(_MATERIALIZERS, "pipeline_settings"),
    "zenml.materializers.base_materializer": {"BaseMaterializer": "pipeline_settings"},
    "zenml.model": {},
    "zenml.model.model": {"Model": "pipeline_settings"},
    "zenml.pipelines": {"pipeline": "pipelines.definition"},
    "zenml.steps": _STEP,
    "zenml.types": dict.fromkeys(("CSVString", "HTMLString", "JSONString", "MarkdownString"), "compat.zenml_text"),
    "zenml.utils": {},
    "zenml.utils.metadata_utils": {"log_metadata": "compat.metadata"},
}
"""The modules that are served, and the module of flowc that each name is in."""


def served_spec(name: str) -> ModuleSpec | None:
    """The spec of a module that is served."""
    if name not in MODULES:
        return None
    loader: Any = _Loader()
    package = any(other.startswith(f"{name}.") for other in MODULES)
    return ModuleSpec(name, loader, origin=__file__, is_package=package)


def find(module: str, name: str) -> Any:
    """What a served name stands for. Raises KeyError when it is not served."""
    from importlib import import_module

    place = MODULES[module][name]
    if place == "compat.zenml_modules:INTEGRATIONS":
        return INTEGRATIONS[name]
    if place == "compat:zenml_fileio":
        return import_module("flowc.compat.zenml_fileio")
    return getattr(import_module(f"flowc.{place}"), name)


class _Loader:
    """Makes the modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _ZenML(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Say what is in it; the names come when they are asked for."""
        module.__file__ = __file__  # where Python says that it looked, when a name is not served
        vars(module)["__all__"] = sorted(MODULES[module.__name__])
        if module.__name__ == "zenml":
            from flowc._version import __version__

            vars(module)["__version__"] = f"0.98+flowc.{__version__}"


class _ZenML(ModuleType):
    """Looks a name up when it is first used, and says what is wrong when flowc does not serve it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module = self.__name__
        if name in MODULES[module]:
            value = find(module, name)
        elif f"{module}.{name}" in MODULES:
            from importlib import import_module

            value = import_module(f"{module}.{name}")
        else:
            served = ", ".join(sorted(MODULES[module]))
            raise AttributeError(f"flowc does not serve {module}.{name}; it serves {served or 'its modules'}")
        vars(self)[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *MODULES[self.__name__]})
