"""The names of zenml that flowc serves, and where in flowc each one is.

What is served is what files of ZenML's users import that has a meaning without its server.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

VERSION = "0.98"
"""The release of ZenML whose names these are."""

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
    ("log_artifact_metadata", "log_metadata", "log_model_metadata", "log_step_metadata"), "compat.step_context"
)
_STEP = {"get_step_context": "compat.step_context", "step": "decorators"}
_DOCKER = {"DockerSettings": "pipeline_settings", "PythonPackageInstaller": "compat.zenml_types"}
_RESOURCES = {"ByteUnit": "compat.zenml_types", "ResourceSettings": "pipeline_settings"}
_KUBERNETES = {"KubernetesOrchestratorSettings": "pipeline_settings"}
_ARTIFACT_CONFIG = {"ArtifactConfig": "pipeline_settings"}
_MATERIALIZERS = ("BaseMaterializer", "BuiltInMaterializer", "PydanticMaterializer")

MODULES: Dict[str, Dict[str, str]] = {
    "zenml": {
        "Model": "pipeline_settings",
        "Tag": "pipeline_settings",
        "pipeline": "pipelines",
        "unmapped": "pipeline_calls",
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
        ("ArtifactType", "ExecutionStatus", "ModelStages", "StepRuntime", "VisualizationType"), "compat.zenml_types"
    ),
    "zenml.integrations": {},
    "zenml.integrations.constants": {name: f"={value}" for name, value in INTEGRATIONS.items()},
    "zenml.integrations.kubernetes": {},
    "zenml.integrations.kubernetes.flavors": _KUBERNETES,
    "zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor": _KUBERNETES,
    "zenml.integrations.kubernetes.pod_settings": {"KubernetesPodSettings": "pipeline_settings"},
    "zenml.io": {"fileio": "compat.zenml_fileio:"},
    "zenml.logger": {"get_logger": "compat.zenml_types"},
    "zenml.materializers": dict.fromkeys(_MATERIALIZERS, "pipeline_settings"),
    "zenml.materializers.base_materializer": {"BaseMaterializer": "pipeline_settings"},
    "zenml.model": {},
    "zenml.model.model": {"Model": "pipeline_settings"},
    "zenml.pipelines": {"pipeline": "pipelines"},
    "zenml.steps": _STEP,
    "zenml.types": dict.fromkeys(("CSVString", "HTMLString", "JSONString", "MarkdownString"), "compat.zenml_types"),
    "zenml.utils": {},
    "zenml.utils.metadata_utils": {"log_metadata": "compat.step_context"},
}
"""The names of each module that is served, and their places; `=text` is a constant, and `place:` a module itself."""

PIPELINES: Dict[str, str] = {
    "Client": "compat.zenml_client",
    "Resources": "pipeline_settings",
    "Retry": "pipeline_settings",
    "Schedule": "pipeline_settings",
    "get_step_context": "compat.step_context",
    "pipeline": "pipelines",
    "unmapped": "pipeline_calls",
}
"""Names of pipelines that `flowc` itself serves, beside `step`."""
