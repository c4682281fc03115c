"""The names of metaflow that flowc serves, and where in flowc each one is.

The compiler refuses the others (FC106), and a task's `import metaflow` gets these (`flowc.compat.served_modules`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple

VERSION = "2.19"
"""The release of Metaflow whose names these are."""

_CLIENT = (
    "DataArtifact", "Flow", "Metaflow", "Run", "Step", "Task", "default_metadata", "default_namespace", "get_metadata",
    "get_namespace", "metadata", "namespace",
)  # fmt: skip
_CARDS = (
    "Artifact", "BlankCard", "DefaultCard", "Error", "ErrorCard", "EventsTimeline", "Image", "JSONViewer", "Markdown",
    "MetaflowCard", "MetaflowCardComponent", "PageComponent", "ProgressBar", "PythonCode", "Table", "ValueBox",
    "VegaChart", "YAMLViewer",
)  # fmt: skip
_COMPONENTS = (
    "Artifact", "Error", "EventsTimeline", "Image", "JSONViewer", "Markdown", "MetaflowCardComponent", "ProgressBar",
    "PythonCode", "Table", "ValueBox", "VegaChart", "YAMLViewer",
)  # fmt: skip
_DECORATORS = (
    "airflow_external_task_sensor", "airflow_s3_key_sensor", "batch", "card", "catch", "checkpoint", "conda",
    "conda_base", "environment", "exit_hook", "kubernetes", "namespaced_event_name", "parallel", "project", "pypi",
    "pypi_base", "resources", "retry", "schedule", "secrets", "step", "timeout", "trigger", "trigger_on_finish",
)  # fmt: skip
_GANGS = ("metaflow_ray", "pytorch_parallel", "ray_parallel", "torchrun", "torchrun_parallel")
"""Decorators of gangs. Those of Ray and torchrun are in Metaflow's extensions metaflow-ray and metaflow-torchrun."""
_USER_DECORATORS = ("FlowMutator", "StepMutator", "USER_SKIP_STEP", "UserStepDecorator", "user_step_decorator")
_PARALLEL = ("parallel_imap_unordered", "parallel_map")
_PARSERS = ("conda_environment_yml_parser", "pyproject_toml_parser", "requirements_txt_parser", "yaml_parser")
COMMANDS: Dict[str, str] = {
    **dict.fromkeys(("DeployedFlow", "Deployer", "Runner", "TriggeredRun"), "deployment"),
    **dict.fromkeys(("NBDeployer", "NBRunner", "NotebookRun"), "notebooks"),
}
"""Names that start the `flowc` command, and their modules, which are only there where that is installed.

Elsewhere a task gets a placeholder.
"""

SERVED: Dict[str, str] = {
    "Config": "flow_configs",
    "ConfigValue": "flow_configs",
    "FlowSpec": "flowspec",
    "IncludeFile": "includefile",
    "JSONType": "flow_parameters",
    "JSONTypeClass": "flow_parameters:_JSONType",
    "Parameter": "flow_parameters",
    "S3": "datatools.s3_client",
    "cards": "",
    "client": "",
    "config_expr": "flow_configs",
    "current": "current",
    "exception": "",
    "profile": "multicore",
    "TorchrunSingleNodeMultiGPU": "shim.torchrun",
    **dict.fromkeys(_USER_DECORATORS, "user_decorators"),
    **dict.fromkeys(_GANGS, "decorators"),
    "gpu_profile": "decorators",
    **dict.fromkeys(_DECORATORS, "decorators"),
    **dict.fromkeys(_PARALLEL, "multicore"),
    **dict.fromkeys(_PARSERS, "protocol.config_parsers"),
    **dict.fromkeys(_CLIENT, "client"),
    **{name: place for name, place in COMMANDS.items() if name not in ("NotebookRun", "TriggeredRun")},
}
"""Names of `metaflow` itself. An empty place means the module of that name, such as `metaflow.cards`.

`flowc` serves them as well, but for `exception`.
"""

OPTION_ARGUMENTS = (
    "separator", "allow_from_autoenv", "callback", "choices", "confirmation_prompt", "count", "envvar", "expose_value",
    "flag_value", "hidden", "hide_input", "is_eager", "is_flag", "metavar", "multiple", "nargs", "prompt",
    "show_choices", "show_envvar",
)  # fmt: skip
"""Arguments of `Parameter` beside its own: `separator`, those that Metaflow passes on to click, and `choices`."""

_CLICK_TYPES = (
    "BOOL", "BadParameter", "Choice", "ClickException", "DateTime", "FLOAT", "File", "FloatRange", "INT", "IntRange",
    "ParamType", "Path", "STRING", "Tuple", "UNPROCESSED", "UUID", "UsageError",
)  # fmt: skip

FACTS: Dict[str, Tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "branch_name", "card", "failed_items", "flow_name", "graph", "is_parallel", "is_production",
            "is_running_flow", "is_user_branch", "namespace", "origin_run_id", "parameter_names", "pathspec",
            "project_flow_name",
            "project_name", "ray_storage_path", "retry_count", "run", "run_id", "scheduled_time",
            "spot_termination_notice", "step_name", "tags", "task", "task_id", "tempdir", "trigger", "username",
        ),
        (),
    ),
    "checkpoint": ("directory", "info", "is_loaded", "list", "load", "save", "task_identifier"),
    "approval": ("by", "choice", "note", "time", "timed_out", "value"),
    "parallel": ("control_task_id", "count", "index", "main_ip", "node_index", "num_nodes"),
    "torch": ("run", "torchrun_args"),
}  # fmt: skip
"""What tasks know as attributes of `current`, and the attributes of those that flowc knows all of."""

CONFIGURATION = (
    "ARGO_EVENTS_EVENT", "ARGO_EVENTS_EVENT_SOURCE", "ARGO_EVENTS_SERVICE_ACCOUNT", "ARGO_EVENTS_WEBHOOK_AUTH",
    "ARGO_EVENTS_WEBHOOK_URL",
    "ARTIFACT_LOCALROOT", "BATCH_CONTAINER_IMAGE", "BATCH_CONTAINER_REGISTRY", "BATCH_JOB_QUEUE", "CARD_S3ROOT",
    "CARD_SUFFIX", "DATASTORE_LOCAL_DIR", "DATASTORE_SYSROOT_AZURE", "DATASTORE_SYSROOT_GS", "DATASTORE_SYSROOT_LOCAL",
    "DATASTORE_SYSROOT_S3", "DATATOOLS_AZUREROOT", "DATATOOLS_CLIENT_PARAMS", "DATATOOLS_GSROOT",
    "DATATOOLS_LOCALROOT", "DATATOOLS_S3ROOT", "DATATOOLS_SESSION_VARS", "DATATOOLS_SUFFIX",
    "DEFAULT_AWS_CLIENT_PROVIDER", "DEFAULT_AZURE_CLIENT_PROVIDER", "DEFAULT_CONTAINER_IMAGE",
    "DEFAULT_CONTAINER_REGISTRY", "DEFAULT_DATASTORE", "DEFAULT_DECOSPECS", "DEFAULT_ENVIRONMENT",
    "DEFAULT_EVENT_LOGGER", "DEFAULT_FROM_DEPLOYMENT_IMPL", "DEFAULT_GCP_CLIENT_PROVIDER", "DEFAULT_METADATA",
    "DEFAULT_MONITOR", "DEFAULT_PACKAGE_SUFFIXES", "DEFAULT_RUNTIME_LIMIT", "DEFAULT_SECRETS_BACKEND_TYPE",
    "DEFAULT_SECRETS_ROLE", "ECS_S3_ACCESS_IAM_ROLE", "KUBERNETES_ANNOTATIONS", "KUBERNETES_CONDA_ARCH",
    "KUBERNETES_CONTAINER_IMAGE",
    "KUBERNETES_CONTAINER_REGISTRY", "KUBERNETES_CPU", "KUBERNETES_DISK", "KUBERNETES_FETCH_EC2_METADATA",
    "KUBERNETES_GPU_VENDOR", "KUBERNETES_IMAGE_PULL_POLICY", "KUBERNETES_IMAGE_PULL_SECRETS",
    "KUBERNETES_JOBSET_GROUP", "KUBERNETES_JOBSET_VERSION", "KUBERNETES_JOB_TERMINATE_MODE",
    "KUBERNETES_JOB_TTL_SECONDS_AFTER_FINISHED", "KUBERNETES_LABELS", "KUBERNETES_MEMORY", "KUBERNETES_NAMESPACE",
    "KUBERNETES_NODE_SELECTOR", "KUBERNETES_PERSISTENT_VOLUME_CLAIMS", "KUBERNETES_PORT", "KUBERNETES_QOS",
    "KUBERNETES_SECRETS", "KUBERNETES_SERVICE_ACCOUNT", "KUBERNETES_SHARED_MEMORY", "KUBERNETES_TOLERATIONS",
    "MAX_ATTEMPTS", "S3_CLIENT_RETRY_CONFIG", "S3_ENDPOINT_URL", "S3_LOG_TRANSIENT_RETRIES", "S3_RETRY_COUNT",
    "S3_SERVER_SIDE_ENCRYPTION", "S3_TRANSIENT_RETRY_COUNT", "S3_VERIFY_CERTIFICATE", "S3_WORKER_COUNT",
    "SERVICE_HEADERS", "SERVICE_INTERNAL_URL", "SERVICE_RETRY_COUNT", "SERVICE_URL", "SERVICE_VERSION_CHECK",
    "TEMPDIR", "UI_URL", "USER",
)  # fmt: skip
"""Names of `metaflow.metaflow_config` that have a value: that of METAFLOW_<NAME>, or flowc's own."""

_S3 = ("S3", "MetaflowS3Exception")
_S3_OBJECTS = (
    "MetaflowS3AccessDenied", "MetaflowS3Exception", "MetaflowS3InvalidObject", "MetaflowS3InvalidRange",
    "MetaflowS3NotFound", "MetaflowS3URLException", "RangeInfo", "S3GetObject", "S3Object", "S3PutObject",
)  # fmt: skip


def _s3_names(*names: str) -> Dict[str, str]:
    return {name: "datatools.s3_client" if name == "S3" else "datatools.s3_objects" for name in names}


def _datatools(package: str) -> Dict[str, Dict[str, str]]:
    """The modules of S3, which are in two places."""
    return {
        package: _s3_names(*_S3),
        f"{package}.s3": _s3_names("S3", *_S3_OBJECTS),
        f"{package}.s3.s3": _s3_names("S3", *_S3_OBJECTS, "MetaflowS3InsufficientDiskSpace"),
    }


OWN = (
    "ArgoEvent", "Fatal", "Inputs", "NotebookRun", "TriggeredRun", "airflow_options", "approval", "cache", "call_flow",
    "concurrency", "container", "deadline", "foreach_options", "fuse", "loop", "notify", "wait_for",
)  # fmt: skip
"""Names for class flows that `flowc` has and Metaflow does not."""

MODULES: Dict[str, Dict[str, str]] = {
    "metaflow": SERVED,
    "metaflow._vendor": {},
    "metaflow._vendor.click": dict.fromkeys(_CLICK_TYPES, "compat.click_types"),
    "metaflow._vendor.click.types": dict.fromkeys(_CLICK_TYPES, "compat.click_types"),
    "metaflow.cards": dict.fromkeys(_CARDS, "cards"),
    "metaflow.client": dict.fromkeys(_CLIENT, "client"),
    **_datatools("metaflow.datatools"),
    "metaflow.client.core": dict.fromkeys(_CLIENT, "client"),
    "metaflow.decorators": {"step": "decorators"},
    "metaflow.exception": {
        "CommandException": "errors",
        "ExternalCommandFailed": "errors",
        "InvalidDecoratorAttribute": "errors",
        "InvalidNextException": "errors",
        "MetaflowDataMissing": "errors:DataMissing",
        "MetaflowException": "errors:FlowError",
        "MetaflowExceptionWrapper": "errors:ExceptionWrapper",
        "MetaflowInternalError": "errors:InternalError",
        "MetaflowInvalidPathspec": "errors:InvalidPathspec",
        "MetaflowNamespaceMismatch": "errors:NamespaceMismatch",
        "MetaflowNotFound": "errors:NotFound",
        "MetaflowTaggingError": "errors:TaggingError",
        "MetaflowUnknownUser": "errors:UnknownUser",
        "MissingInMergeArtifactsException": "errors",
        "ParameterFieldFailed": "errors",
        "ParameterFieldTypeMismatch": "errors",
        "UnhandledInMergeArtifactsException": "errors",
    },
    "metaflow.flowspec": {"FlowSpec": "flowspec", "InvalidNextException": "errors"},
    "metaflow.integrations": {"ArgoEvent": "argo_events"},
    "metaflow.plugins.argo": {},
    "metaflow.plugins.argo.argo_events": dict.fromkeys(("ArgoEvent", "ArgoEventException"), "argo_events"),
    "metaflow.includefile": {"IncludeFile": "includefile"},
    "metaflow.metaflow_config": dict.fromkeys(CONFIGURATION, "datatools.configuration"),
    "metaflow.metaflow_current": {"Parallel": "shim.gang", "current": "current"},
    "metaflow.multicore_utils": {**dict.fromkeys(_PARALLEL, "multicore"), "MulticoreException": "errors"},
    "metaflow.parameters": {
        "JSONType": "flow_parameters",
        "JSONTypeClass": "flow_parameters:_JSONType",
        "Parameter": "flow_parameters",
    },
    "metaflow.plugins": {},
    "metaflow.user_decorators": {},
    **{
        f"metaflow.user_decorators.{module}": dict.fromkeys(names, "user_decorators")
        for module, names in {
            "mutable_flow": ("MutableFlow",),
            "mutable_step": ("MutableStep",),
            "user_flow_decorator": ("FlowMutator",),
            "user_step_decorator": ("StepMutator", "USER_SKIP_STEP", "UserStepDecorator", "user_step_decorator"),
        }.items()
    },
    **_datatools("metaflow.plugins.datatools"),
    "metaflow.plugins.cards": {},
    "metaflow.plugins.cards.card_modules": {},
    "metaflow.plugins.cards.card_modules.card": dict.fromkeys(("MetaflowCard", "MetaflowCardComponent"), "cards"),
    "metaflow.plugins.cards.card_modules.components": dict.fromkeys(_COMPONENTS, "cards"),
}
"""The names of each module that is served: `place` in flowc, or `place:name` where the name differs there."""
