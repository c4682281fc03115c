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
_DECORATORS = (
    "batch", "card", "catch", "conda", "conda_base", "environment", "exit_hook", "kubernetes", "namespaced_event_name",
    "parallel", "project", "pypi", "pypi_base", "resources", "retry", "schedule", "secrets", "step", "timeout",
    "trigger", "trigger_on_finish",
)  # fmt: skip
_GANGS = ("metaflow_ray", "pytorch_parallel", "ray_parallel", "torchrun", "torchrun_parallel")
"""Decorators of gangs. Those of Ray and torchrun are in Metaflow's extensions metaflow-ray and metaflow-torchrun."""
_PARALLEL = ("parallel_imap_unordered", "parallel_map")

SERVED: Dict[str, str] = {
    "Config": "flow_configs",
    "ConfigValue": "flow_configs",
    "FlowSpec": "flowspec",
    "IncludeFile": "includefile",
    "JSONType": "flow_parameters",
    "JSONTypeClass": "flow_parameters:_JSONType",
    "Parameter": "flow_parameters",
    "cards": "",
    "client": "",
    "config_expr": "flow_configs",
    "current": "current",
    "exception": "",
    "profile": "multicore",
    "TorchrunSingleNodeMultiGPU": "shim.torchrun",
    **dict.fromkeys(_GANGS, "decorators"),
    **dict.fromkeys(_DECORATORS, "decorators"),
    **dict.fromkeys(_PARALLEL, "multicore"),
    **dict.fromkeys(_CLIENT, "client"),
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
            "branch_name", "card", "flow_name", "graph", "is_parallel", "is_production", "is_running_flow",
            "is_user_branch", "namespace", "origin_run_id", "parameter_names", "pathspec", "project_flow_name",
            "project_name", "ray_storage_path", "retry_count", "run", "run_id", "step_name", "tags", "task", "task_id",
            "tempdir", "trigger", "username",
        ),
        (),
    ),
    "parallel": ("control_task_id", "count", "index", "main_ip", "node_index", "num_nodes"),
    "torch": ("run", "torchrun_args"),
}  # fmt: skip
"""What tasks know as attributes of `current`, and the attributes of those that flowc knows all of."""

OWN = ("foreach_options", "loop")
"""Decorators of class flows that `flowc` has and Metaflow does not."""

MODULES: Dict[str, Dict[str, str]] = {
    "metaflow": SERVED,
    "metaflow._vendor": {},
    "metaflow._vendor.click": dict.fromkeys(_CLICK_TYPES, "compat.click_types"),
    "metaflow._vendor.click.types": dict.fromkeys(_CLICK_TYPES, "compat.click_types"),
    "metaflow.cards": dict.fromkeys(_CARDS, "cards"),
    "metaflow.client": dict.fromkeys(_CLIENT, "client"),
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
    "metaflow.includefile": {"IncludeFile": "includefile"},
    "metaflow.metaflow_current": {"Parallel": "shim.gang", "current": "current"},
    "metaflow.multicore_utils": {**dict.fromkeys(_PARALLEL, "multicore"), "MulticoreException": "errors"},
    "metaflow.parameters": {
        "JSONType": "flow_parameters",
        "JSONTypeClass": "flow_parameters:_JSONType",
        "Parameter": "flow_parameters",
    },
}
"""The names of each module that is served: `place` in flowc, or `place:name` where the name differs there."""
