"""The names of `metaflow` that the shim serves, and why the others are refused.

The shim has the same lists (`flowc.compat.metaflow_modules`); neither side imports the other, and a test compares
them.
"""

from __future__ import annotations

CLIENT = frozenset(
    {
        "DataArtifact", "Flow", "Metaflow", "Run", "Step", "Task", "default_metadata", "default_namespace",
        "get_metadata", "get_namespace", "metadata", "namespace",
    }
)  # fmt: skip
"""The client's names."""

SERVED = CLIENT | frozenset(
    {
        "Config", "ConfigValue", "FlowSpec", "IncludeFile", "JSONType", "JSONTypeClass", "Parameter", "batch", "card",
        "cards", "catch", "client", "conda", "conda_base", "config_expr", "current", "environment", "exception",
        "exit_hook", "kubernetes", "namespaced_event_name", "parallel", "parallel_imap_unordered", "parallel_map",
        "profile", "project", "pypi", "pypi_base", "resources", "retry", "schedule", "secrets", "step", "timeout",
        "trigger", "trigger_on_finish",
    }
)  # fmt: skip
"""Names that a flow file may import: the shim provides every one when a task runs."""

MODULES: dict[str, frozenset[str]] = {
    "metaflow": SERVED,
    "metaflow.cards": frozenset(
        {
            "Artifact", "BlankCard", "DefaultCard", "Error", "ErrorCard", "EventsTimeline", "Image", "JSONViewer",
            "Markdown", "MetaflowCard", "MetaflowCardComponent", "PageComponent", "ProgressBar", "PythonCode",
            "Table", "ValueBox", "VegaChart", "YAMLViewer",
        }
    ),
    "metaflow.client": CLIENT,
    "metaflow.decorators": frozenset({"step"}),
    "metaflow.exception": frozenset(
        {
            "CommandException", "ExternalCommandFailed", "InvalidDecoratorAttribute", "InvalidNextException",
            "MetaflowDataMissing", "MetaflowException", "MetaflowExceptionWrapper", "MetaflowInternalError",
            "MetaflowInvalidPathspec", "MetaflowNamespaceMismatch", "MetaflowNotFound", "MetaflowTaggingError",
            "MetaflowUnknownUser", "MissingInMergeArtifactsException", "ParameterFieldFailed",
            "ParameterFieldTypeMismatch", "UnhandledInMergeArtifactsException",
        }
    ),
    "metaflow.flowspec": frozenset({"FlowSpec", "InvalidNextException"}),
    "metaflow.includefile": frozenset({"IncludeFile"}),
    "metaflow.metaflow_current": frozenset({"Parallel", "current"}),
    "metaflow.multicore_utils": frozenset({"MulticoreException", "parallel_imap_unordered", "parallel_map"}),
    "metaflow.parameters": frozenset({"JSONType", "JSONTypeClass", "Parameter"}),
}  # fmt: skip
"""The modules that are served, and the names of each."""

OWN = frozenset({"foreach_options", "loop"})
"""Decorators of class flows that `flowc` has and Metaflow does not."""

_EXECUTES = "it changes the flow by running code when the file is imported, and flowc compiles without running the file"
_OTHER_RUNS = "start runs with `flowc run`, or with the engine that the compiled files are for"
_PARSER = "name a parser that flowc knows as text, such as parser='json.loads', 'tomllib.loads' or 'yaml.safe_load'"

REFUSED: dict[str, str] = {
    "FlowMutator": f"{_EXECUTES}; write the decorators into the file",
    "StepMutator": f"{_EXECUTES}; write the decorators into the file",
    "UserStepDecorator": f"{_EXECUTES}; call a function from the step instead",
    "USER_SKIP_STEP": f"{_EXECUTES}; return from the step instead",
    "user_step_decorator": f"{_EXECUTES}; call a function from the step instead",
    "package_sources": f"{_EXECUTES}; name the files with --include",
    "S3": "use an S3 client such as boto3 or obstore within the step; artifacts need none",
    "Runner": _OTHER_RUNS,
    "NBRunner": _OTHER_RUNS,
    "Deployer": "write the engine's files with `flowc compile`, and apply them",
    "NBDeployer": "write the engine's files with `flowc compile`, and apply them",
    "DeployedFlow": "write the engine's files with `flowc compile`, and apply them",
    "inspect_spin": "flowc has no `spin`; read runs with Run, Step and Task",
    "airflow_external_task_sensor": "put the sensor into a DAG of your own, and let it trigger the flow's DAG",
    "airflow_s3_key_sensor": "put the sensor into a DAG of your own, and let it trigger the flow's DAG",
    "pytorch_parallel": "use `@parallel`: it sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE",
    "yaml_parser": _PARSER,
    "pyproject_toml_parser": _PARSER,
    "requirements_txt_parser": _PARSER,
    "conda_environment_yml_parser": _PARSER,
    "get_cards": "flowc keeps the artifacts of a step and renders no cards",
    "metaflow.datatools": "use an S3 client such as boto3 or obstore within the step; artifacts need none",
    "metaflow.metaflow_config": "flowc does not read Metaflow's configuration; give the value in the flow file",
}
"""Names of Metaflow that are refused for a reason, which is the help line."""
