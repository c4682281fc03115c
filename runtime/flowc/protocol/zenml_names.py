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

FUNCTIONS: Dict[str, str] = {
    "Client": "()Client",
    "get_step_context": "()StepContext",
    "log_artifact_metadata": "(metadata artifact_name)",
    "log_metadata": "(metadata artifact_name infer_artifact infer_model model_name model_version)",
    "log_model_metadata": "(metadata model_name model_version)",
    "log_step_metadata": "(metadata)",
}
"""The functions that give a task what it can know of its run: what each takes and, behind the bracket, returns."""

_OPTIONS = "project hydrate include_full_metadata include_python_packages"
_STEP_RUN = {
    "config": "StepConfig",
    "created": "",
    "duration": "",
    "end_time": "",
    "id": "",
    "name": "",
    "output": "ArtifactVersion",
    "outputs": "{[ArtifactVersion]}",
    "pipeline_run_id": "",
    "regular_outputs": "{ArtifactVersion}",
    "run": "PipelineRun",
    "run_metadata": "",
    "start_time": "",
    "status": "",
}
CLASSES: Dict[str, Dict[str, str]] = {
    "Artifact": {"id": "", "name": ""},
    "ArtifactVersion": {
        "artifact": "Artifact",
        "content_hash": "",
        "created": "",
        "data_type": "",
        "id": "",
        "load": "(disable_cache)",
        "name": "",
        "producer_pipeline_run_id": "",
        "producer_step_run_id": "",
        "run": "PipelineRun",
        "run_metadata": "",
        "step": "StepRun",
        "version": "",
    },
    "Client": {
        "get_artifact_version": f"(name_id_or_prefix version {_OPTIONS})ArtifactVersion",
        "get_pipeline": f"(name_id_or_prefix {_OPTIONS})PipelineResponse",
        "get_pipeline_run": f"(name_id_or_prefix allow_name_prefix_match {_OPTIONS})PipelineRun",
        "get_run_step": f"(step_run_id {_OPTIONS})StepRun",
        "list_pipeline_runs": f"(pipeline pipeline_name pipeline_id status page size {_OPTIONS})[PipelineRun]",
        "list_pipelines": f"(name page size {_OPTIONS})[PipelineResponse]",
    },
    "PipelineResponse": {
        "created": "",
        "get_runs": f"(status page size {_OPTIONS})[PipelineRun]",
        "id": "",
        "last_run": "PipelineRun",
        "last_successful_run": "PipelineRun",
        "latest_run_id": "",
        "latest_run_status": "",
        "name": "",
        "num_runs": "",
        "runs": "[PipelineRun]",
    },
    "PipelineRun": {
        "artifact_versions": "[ArtifactVersion]",
        "config": "StepConfig",
        "created": "",
        "end_time": "",
        "id": "",
        "in_progress": "",
        "name": "",
        "pipeline": "PipelineResponse",
        "produced_artifact_versions": "[ArtifactVersion]",
        "start_time": "",
        "status": "",
        "steps": "{StepRun}",
        "tags": "",
    },
    "RunningStep": {
        **_STEP_RUN,
        "config": "RunningStepConfig",
        "input": "ArtifactVersion",
        "inputs": "{[ArtifactVersion]}",
        "regular_inputs": "{[ArtifactVersion]}",
    },
    "RunningStepConfig": {"enable_cache": "", "name": "", "parameters": ""},
    "StepConfig": {"enable_cache": "", "name": ""},
    "StepContext": {
        "add_output_metadata": "(metadata output_name)",
        "get_output_metadata": "(output_name)",
        "inputs": "{[ArtifactVersion]}",
        "pipeline": "PipelineResponse",
        "pipeline_run": "PipelineRun",
        "step_name": "",
        "step_run": "RunningStep",
    },
    "StepRun": _STEP_RUN,
}
"""What each class that these give has: the type of each attribute, `[X]` for a list and `{X}` for a dict of them, and
`(parameters)X` for a method. The compiler reports whatever else a step takes of them."""

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
