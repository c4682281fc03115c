"""The modules that a task's `import metaflow` gets: the names that flowc serves, and no other.

A name is looked up in flowc when it is asked for, so that a task pays for what its flow uses.
"""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

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
_PARALLEL = ("parallel_imap_unordered", "parallel_map")

SERVED: Dict[str, str] = {
    "Config": "flow_configs",
    "ConfigValue": "config_value",
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
    **dict.fromkeys(_DECORATORS, "decorators"),
    **dict.fromkeys(_PARALLEL, "multicore"),
    **dict.fromkeys(_CLIENT, "client"),
}
"""Names of `metaflow`, and the module of flowc that each is in; an empty one is a module of `metaflow` itself.

`flowc` serves the same names, but for the modules.
"""

MODULES: Dict[str, Dict[str, str]] = {
    "metaflow": SERVED,
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
"""The modules that are served, and where their names are: `module` of flowc, or `module:name` when it differs there."""


def served_spec(name: str) -> ModuleSpec | None:
    """The spec of a module that is served."""
    if name not in MODULES:
        return None
    loader: Any = _Loader()
    return ModuleSpec(name, loader, origin=__file__, is_package=name == "metaflow")


def find(module: str, name: str) -> Any:
    """What a served name stands for. Raises KeyError when it is not served."""
    from importlib import import_module

    place = MODULES[module][name]
    if not place:
        return import_module(f"{module}.{name}")
    home, _, other = place.partition(":")
    return getattr(import_module(f"flowc.{home}"), other or name)


class _Loader:
    """Makes the modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _Metaflow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Say what is in it; the names come when they are asked for."""
        module.__file__ = __file__  # where Python says that it looked, when a name is not served
        vars(module)["__all__"] = sorted(name for name, place in MODULES[module.__name__].items() if place)
        if module.__name__ == "metaflow":
            from flowc._version import __version__

            vars(module)["__version__"] = f"2.19+flowc.{__version__}"


class _Metaflow(ModuleType):
    """Looks a name up when it is first used, and says what is wrong when flowc does not serve it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        module = self.__name__
        try:
            value = find(module, name)
        except KeyError:
            served = ", ".join(sorted(MODULES[module]))
            raise AttributeError(f"flowc does not serve {module}.{name}; it serves {served}") from None
        vars(self)[name] = value
        return value

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *MODULES[self.__name__]})
