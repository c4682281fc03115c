"""Objects that a file makes of classes for settings, such as `ResourceSettings(memory="4GB")`.

Those of flowc and ZenML, and the models of Kubernetes' client, are read as a name and its arguments; nothing is checked
here. Names of enumerations and of ZenML's integrations stand for their values.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path, PurePath
from typing import cast

from flowc.protocol.zenml_names import INTEGRATIONS
from flowc.protocol.zenml_values import CONSTANTS, ENUMERATIONS
from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.plain_data import plain_members
from flowc_compiler.evaluate.values import Assumed, Foreign, SettingsObject, is_kind

CLASSES: dict[str, tuple[str, ...]] = {
    "AppExtensionSpec": (),
    "ArtifactConfig": (),
    "CORSConfig": (),
    "CachePolicy": (),
    "DeploymentSettings": (),
    "DockerBuildConfig": (),
    "DockerBuildOptions": (),
    "DockerSettings": (),
    "EndpointSpec": (),
    "KubernetesOrchestratorSettings": (),
    "KubernetesPodSettings": (),
    "MiddlewareSpec": (),
    "Model": ("name",),
    "ResourceSettings": (),
    "Resources": (),
    "Retry": ("limit",),
    "SecureHeadersConfig": (),
    "Schedule": ("cron_expression",),
    "StepRetryConfig": (),
    "Tag": ("name",),
}
"""The classes, and which arguments each takes by position."""
_FILES = {("DockerSettings", "requirements")}
"""Arguments that may be the path of a file, which is read when compiling."""
_ENUMERATIONS = frozenset(
    {
        "ArtifactType", "ByteUnit", "ExecutionStatus", "ModelStages", "PythonPackageInstaller", "StepRuntime",
        "DeploymentDefaultEndpoints", "DeploymentDefaultMiddleware", "EndpointMethod",
        "PythonEnvironmentExportMethod", "SourceFileMode", "VisualizationType", *ENUMERATIONS,
    }
)  # fmt: skip
_KUBERNETES = re.compile(r"V\d\w*")


def settings_object(evaluator: Evaluator, node: ast.Call) -> SettingsObject | None:
    """The object that a call makes; `None` for a call of anything else. Raises EvaluationError."""
    kind = evaluator.served_name(node.func)
    if kind is not None and (kind in CLASSES or kind.endswith("Settings")):  # those of integrations say nothing here
        return _made(evaluator, kind, node, CLASSES.get(kind, ()))
    if isinstance(node.func, ast.Name | ast.Attribute) and _KUBERNETES.fullmatch(
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
    ):
        called = evaluator.lookup(node.func)
        if isinstance(called, Foreign) and called.path[:1] == ("kubernetes",):
            return _made(evaluator, called.path[-1], node, ())
    return None


def enumerated(evaluator: Evaluator, node: ast.Attribute | ast.Name) -> tuple[object] | None:
    """The value of `StepRuntime.ISOLATED`, and of the constant `MLFLOW` of ZenML; `None` for any other name."""
    if isinstance(node, ast.Attribute):
        kind = evaluator.served_name(node.value)
        if kind in _ENUMERATIONS:
            return (_member(kind, node.attr),)
        if node.attr == "value" and isinstance(node.value, ast.Attribute):
            return enumerated(evaluator, node.value)
    name = evaluator.served_name(node)
    for constants in (INTEGRATIONS, CONSTANTS):
        if name in constants:
            return (constants[name],)
    return None


def _member(kind: str, name: str) -> str:
    """The value of a member: its name in lower case, where nothing else is said."""
    return dict(item.split("=") for item in ENUMERATIONS.get(kind, "").split("|") if "=" in item).get(
        name, name.lower()
    )


def _made(evaluator: Evaluator, kind: str, node: ast.Call, positional: tuple[str, ...]) -> SettingsObject:
    fields: dict[str, object] = {}
    nodes: dict[str, ast.expr] = {}
    if len(node.args) > len(positional) or any(isinstance(arg, ast.Starred) for arg in node.args):
        message = "it takes keyword arguments only"
        raise evaluator.refuse("FC402", message, node.args[-1], "name the argument")
    named = [*zip(positional, node.args, strict=False), *((item.arg, item.value) for item in node.keywords)]
    for key, value in named:
        if key is None:
            unpacked = evaluator.evaluate(value)
            if not is_kind(unpacked, dict) or evaluator.undetermined(unpacked):
                raise evaluator.refuse("FC402", "the unpacked value is not a dict", value, "name the arguments")
            for name, item in cast("dict[object, object]", unpacked).items():
                fields[str(name)], nodes[str(name)] = item, value
            continue
        nodes[key] = value
        with evaluator.leniently():
            found = evaluator.lookup(value)
        fields[key] = _path_from_flow(evaluator, found) if (kind, key) in _FILES else found
        fields[key] = plain_members(settled(evaluator, fields[key]))
    return SettingsObject(kind, fields, nodes, evaluator.view)


def _path_from_flow(evaluator: Evaluator, value: object) -> object:
    """A path that depends on where the flow is, from the flow's folder; any other value as it is."""
    if not isinstance(value, Assumed) or not value.is_located:
        return str(value) if isinstance(value, PurePath) else value
    found = settled(evaluator, value, located=True)
    folder = os.path.dirname(os.path.abspath(evaluator.executed_views()[0].source.path))  # noqa: PTH100, PTH120
    return Path(os.path.relpath(str(found), folder)).as_posix() if isinstance(found, str | PurePath) else value
