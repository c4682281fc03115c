"""The names of zenml that flowc serves, and where in flowc each one is.

What is served is what files of ZenML's users import that has a meaning without its server.
"""

from __future__ import annotations

from flowc.protocol.zenml_values import CONSTANTS, ENUMERATIONS, EXCEPTIONS

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
_ARTIFACTS = dict.fromkeys(("load_artifact", "save_artifact"), "compat.zenml_artifacts")
_EXTERNAL = {"ExternalArtifact": "compat.zenml_artifacts"}
_OTHER_CONSTANTS = (
    "IS_DEBUG_ENV", "PAGE_SIZE_DEFAULT", "PAGE_SIZE_MAXIMUM", "PAGINATION_STARTING_PAGE", "REMOTE_FS_PREFIX",
    "STR_FIELD_MAX_LENGTH", "TEXT_FIELD_MAX_LENGTH", "ZENML_LOGGING_VERBOSITY", "handle_bool_env_var",
    "handle_float_env_var", "handle_int_env_var", "handle_json_env_var", "handle_positive_int_env_var",
    "is_false_string_value", "is_true_string_value",
)  # fmt: skip
_DASHBOARD = (
    "get_cloud_dashboard_url", "get_component_url", "get_deployment_url", "get_model_version_url", "get_run_url",
    "get_server_dashboard_url", "get_stack_url", "show_dashboard", "show_dashboard_with_url",
)  # fmt: skip
_IO = (
    "copy_dir", "create_dir_if_not_exists", "create_dir_recursive_if_not_exists", "create_file_if_not_exists",
    "find_files", "get_grandparent", "get_parent", "is_path_within_directory", "is_remote", "is_root", "move",
    "read_file_contents_as_string", "resolve_relative_path", "write_file_contents_as_string",
)  # fmt: skip
_YAML = ("append_yaml", "is_json_serializable", "is_yaml", "read_json", "read_yaml", "write_json", "write_yaml")
_STEP = {"get_step_context": "compat.step_context", "step": "decorators"}
_DOCKER = {"DockerSettings": "pipeline_settings", "PythonPackageInstaller": "compat.zenml_types"}
_RESOURCES = {"ByteUnit": "compat.zenml_types", "ResourceSettings": "pipeline_settings"}
_KUBERNETES = {"KubernetesOrchestratorSettings": "pipeline_settings"}
_DEPLOYMENT: Dict[str, str] = dict.fromkeys(
    (
        "AppExtensionSpec", "CORSConfig", "DeploymentDefaultEndpoints", "DeploymentDefaultMiddleware",
        "DeploymentSettings", "EndpointMethod", "EndpointSpec", "MiddlewareSpec", "SecureHeadersConfig",
    ),
    "compat.zenml_settings",
)  # fmt: skip
_BUILDS = dict.fromkeys(
    ("DockerBuildConfig", "DockerBuildOptions", "PythonEnvironmentExportMethod", "SourceFileMode"),
    "compat.zenml_settings",
)
_CACHE = {"CachePolicy": "compat.zenml_settings"}
_ARTIFACT_CONFIG = {"ArtifactConfig": "pipeline_settings"}
_MATERIALIZERS = ("BaseMaterializer", "BuiltInMaterializer", "PydanticMaterializer")

_ALERTER_HOOKS = {
    "alerter_failure_hook": "compat.zenml_helpers",
    "alerter_success_hook": "compat.zenml_helpers",
}

MODULES: Dict[str, Dict[str, str]] = {
    "zenml": {
        "CommandStep": "pipelines",
        "Model": "pipeline_settings",
        "Tag": "pipeline_settings",
        "get_pipeline_context": "compat.step_context",
        "pipeline": "pipelines",
        "unmapped": "pipeline_calls",
        "wait": "pipeline_calls",
        **_ARTIFACT_CONFIG,
        **_ARTIFACTS,
        **_EXTERNAL,
        **_METADATA,
        **_STEP,
    },
    "zenml.artifacts": {},
    "zenml.artifacts.artifact_config": _ARTIFACT_CONFIG,
    "zenml.artifacts.external_artifact": _EXTERNAL,
    "zenml.artifacts.utils": {**_ARTIFACTS, "log_artifact_metadata": "compat.step_context"},
    "zenml.client": {"Client": "compat.zenml_client"},
    "zenml.config": {
        "Schedule": "pipeline_settings",
        "StepRetryConfig": "pipeline_settings",
        "PythonEnvironmentExportMethod": "compat.zenml_settings",
        **_CACHE,
        **_DEPLOYMENT,
        **_DOCKER,
        **_RESOURCES,
    },
    "zenml.config.cache_policy": _CACHE,
    "zenml.config.deployment_settings": _DEPLOYMENT,
    "zenml.config.docker_settings": {**_DOCKER, **_BUILDS},
    "zenml.config.resource_settings": _RESOURCES,
    "zenml.config.retry_config": {"StepRetryConfig": "pipeline_settings"},
    "zenml.config.schedule": {"Schedule": "pipeline_settings"},
    "zenml.constants": {
        **{name: f"={value}" for name, value in CONSTANTS.items()},
        **dict.fromkeys(_OTHER_CONSTANTS, "compat.zenml_constants"),
    },
    "zenml.enums": {
        **dict.fromkeys((*ENUMERATIONS, "LoggingLevels"), "compat.zenml_enums"),
        **dict.fromkeys(
            ("ArtifactType", "ExecutionStatus", "ModelStages", "StepRuntime", "VisualizationType"), "compat.zenml_types"
        ),
    },
    "zenml.hooks": _ALERTER_HOOKS,
    "zenml.hooks.alerter_hooks": _ALERTER_HOOKS,
    "zenml.exceptions": dict.fromkeys(
        (*EXCEPTIONS, "OAuthError", "ZenKeyError", "ZenMLBaseException"), "compat.zenml_exceptions"
    ),
    "zenml.integrations": {},
    "zenml.integrations.constants": {name: f"={value}" for name, value in INTEGRATIONS.items()},
    "zenml.integrations.kubernetes": {},
    "zenml.integrations.kubernetes.flavors": _KUBERNETES,
    "zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor": _KUBERNETES,
    "zenml.integrations.kubernetes.pod_settings": {"KubernetesPodSettings": "pipeline_settings"},
    "zenml.io": {"fileio": "compat.zenml_fileio:"},
    "zenml.logger": {
        "get_logger": "compat.zenml_types",
        "get_logging_level": "compat.zenml_constants",
    },
    "zenml.materializers": dict.fromkeys(_MATERIALIZERS, "pipeline_settings"),
    "zenml.materializers.base_materializer": {"BaseMaterializer": "pipeline_settings"},
    "zenml.materializers.built_in_materializer": {"BuiltInMaterializer": "pipeline_settings"},
    "zenml.materializers.materializer_registry": {
        "MaterializerRegistry": "compat.zenml_helpers",
        "materializer_registry": "compat.zenml_helpers",
    },
    "zenml.materializers.pydantic_materializer": {"PydanticMaterializer": "pipeline_settings"},
    "zenml.metadata": {},
    "zenml.metadata.metadata_types": dict.fromkeys(
        ("DType", "MetadataType", "MetadataTypeEnum", "MetadataTypeTuple", "Path", "StorageSize", "Uri"),
        "compat.metadata_types",
    ),
    "zenml.model": {},
    "zenml.model.model": {"Model": "pipeline_settings"},
    "zenml.model.utils": {"log_model_metadata": "compat.step_context"},
    "zenml.pipelines": {
        "Schedule": "pipeline_settings",
        "get_pipeline_context": "compat.step_context",
        "pipeline": "pipelines",
    },
    "zenml.pipelines.pipeline_context": {"get_pipeline_context": "compat.step_context"},
    "zenml.pipelines.pipeline_decorator": {"pipeline": "pipelines"},
    "zenml.steps": {
        **_STEP,
        "CommandStep": "pipelines",
        "ResourceSettings": "pipeline_settings",
        "StepContext": "compat.step_context",
    },
    "zenml.steps.command_step": {"CommandStep": "pipelines"},
    "zenml.steps.step_context": {"StepContext": "compat.step_context", "get_step_context": "compat.step_context"},
    "zenml.steps.step_decorator": {"step": "decorators"},
    "zenml.steps.utils": {"log_step_metadata": "compat.step_context"},
    "zenml.types": dict.fromkeys(("CSVString", "HTMLString", "JSONString", "MarkdownString"), "compat.zenml_types"),
    "zenml.utils": {},
    "zenml.utils.cuda_utils": {"cleanup_gpu_memory": "compat.zenml_helpers"},
    "zenml.utils.dashboard_utils": dict.fromkeys(_DASHBOARD, "compat.zenml_helpers"),
    "zenml.utils.enum_utils": {"StrEnum": "compat.zenml_types"},
    "zenml.utils.io_utils": dict.fromkeys(_IO, "compat.zenml_io_utils"),
    "zenml.utils.metadata_utils": {"log_metadata": "compat.step_context"},
    "zenml.utils.yaml_utils": dict.fromkeys(_YAML, "compat.zenml_io_utils"),
}
"""The names of each module that is served, and their places; `=text` is a constant, and `place:` a module itself."""

_IDLE = r"zenml\.integrations\.\w+\.(materializers|flavors)(\.\w+)*"


def is_idle(module: str, name: str | None) -> bool:
    """Whether a name is a materializer or a class of settings of an integration, or `module` has such.

    They are served as classes that have no effect.
    """
    import re

    match = re.fullmatch(_IDLE, module)
    return match is not None and (name is None or name.endswith({"m": "Materializer", "f": "Settings"}[match[1][0]]))


FUNCTIONS: Dict[str, str] = {
    "Client": "()Client",
    "get_step_context": "()StepContext",
    "log_artifact_metadata": "(metadata artifact_name artifact_version)",
    "log_metadata": (
        "(metadata artifact_name artifact_version artifact_version_id infer_artifact infer_model model_name"
        " model_version)"
    ),
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
_PIPELINE_RUN = {
    "artifact_versions": "[ArtifactVersion]",
    "config": "RunConfig",
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
}
_MODEL = {
    **dict.fromkeys(
        ("get_artifact", "get_data_artifact", "get_deployment_artifact", "get_model_artifact"),
        "(name version)ArtifactVersion",
    ),
    "id": "",
    "load_artifact": "(name version)",
    "log_metadata": "(metadata)",
    "run_metadata": "",
    "set_stage": "(stage force)",
    "stage": "",
}
STACK_COMPONENTS = (
    "alerter", "annotator", "container_registry", "data_validator", "experiment_tracker", "feature_store",
    "image_builder", "model_deployer", "model_registry", "orchestrator", "step_operator",
)  # fmt: skip
"""What a stack of ZenML has beside its store. Here each can be named, and nothing else."""
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
        "tags": "",
        "version": "",
    },
    "ArtifactStore": {"name": "", "path": ""},
    "Client": {
        "active_stack": "Stack",
        "get_artifact_version": f"(name_id_or_prefix version {_OPTIONS})ArtifactVersion",
        "get_pipeline": f"(name_id_or_prefix {_OPTIONS})PipelineResponse",
        "get_pipeline_run": f"(name_id_or_prefix allow_name_prefix_match {_OPTIONS})PipelineRun",
        "get_secret": f"(name_id_or_prefix {_OPTIONS})SecretResponse",
        "get_run_step": f"(step_run_id {_OPTIONS})StepRun",
        "get_model_version": f"(model_name_or_id model_version_name_or_number_or_id {_OPTIONS})ModelVersion",
        "list_pipeline_runs": f"(pipeline pipeline_name pipeline_id status page size {_OPTIONS})[PipelineRun]",
        "list_pipelines": f"(name page size {_OPTIONS})[PipelineResponse]",
    },
    "SecretResponse": {"name": "", "secret_values": ""},
    "Model": {**_MODEL, "name": "", "version": ""},
    "ModelVersion": {
        **_MODEL,
        "model": "Artifact",
        "name": "",
        "runs": "[PipelineRun]",
        "to_model_class": "()Model",
        "version": "",
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
    "PipelineRun": _PIPELINE_RUN,
    "RunningRun": {**_PIPELINE_RUN, "config": "RunningRunConfig"},
    "RunningStep": {
        **_STEP_RUN,
        "config": "RunningStepConfig",
        "input": "ArtifactVersion",
        "inputs": "{[ArtifactVersion]}",
        "regular_inputs": "{[ArtifactVersion]}",
    },
    "RunningStepConfig": {"enable_cache": "", "extra": "", "name": "", "parameters": ""},
    "RunningRunConfig": {"enable_cache": "", "extra": "", "name": ""},
    "RunConfig": {"enable_cache": "", "name": ""},
    "StepConfig": {"enable_cache": "", "name": "", "parameters": ""},
    "StepContext": {
        "add_output_metadata": "(metadata output_name)",
        "get_output_metadata": "(output_name)",
        "inputs": "{[ArtifactVersion]}",
        "model": "Model",
        "model_version": "ModelVersion",
        "pipeline": "PipelineResponse",
        "pipeline_run": "RunningRun",
        "step_name": "",
        "step_run": "RunningStep",
    },
    "MissingComponent": {"name": ""},
    "Stack": {
        **dict.fromkeys(STACK_COMPONENTS, "MissingComponent"),
        "artifact_store": "ArtifactStore",
        "name": "",
        "orchestrator": "StackComponent",
    },
    "StackComponent": {"name": ""},
    "StepRun": _STEP_RUN,
}
"""What each class that these give has: the type of each attribute, `[X]` for a list and `{X}` for a dict of them, and
`(parameters)X` for a method. The compiler reports whatever else a step takes of them."""

PIPELINES: Dict[str, str] = {
    "Client": "compat.zenml_client",
    "Resources": "pipeline_settings",
    "Retry": "pipeline_settings",
    "Schedule": "pipeline_settings",
    "approve": "pipeline_calls",
    "get_step_context": "compat.step_context",
    "pipeline": "pipelines",
    "unmapped": "pipeline_calls",
}
"""Names of pipelines that `flowc` itself serves, beside `step`."""
