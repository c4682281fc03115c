"""Objects that a file makes of classes for settings: `ResourceSettings(memory="4GB")`, `timedelta(hours=1)`.

Those of flowc and ZenML, and the models of Kubernetes' client, are read as a name and its arguments; nothing is checked
here. Names of enumerations and of ZenML's integrations stand for their values.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from flowc.protocol.zenml_names import INTEGRATIONS
from flowc_compiler.frontend.values.literals import NotLiteralError, Scope, evaluate

if TYPE_CHECKING:
    from flowc_compiler.syntax.modules import ModuleView

CLASSES: dict[str, tuple[str, ...]] = {
    "ArtifactConfig": (),
    "DockerSettings": (),
    "KubernetesOrchestratorSettings": (),
    "KubernetesPodSettings": (),
    "Model": ("name",),
    "ResourceSettings": (),
    "Resources": (),
    "Retry": ("limit",),
    "Schedule": ("cron_expression",),
    "StepRetryConfig": (),
    "Tag": ("name",),
}
"""The classes, and which arguments each takes by position."""

_ENUMERATIONS = frozenset({"ArtifactType", "ByteUnit", "ModelStages", "PythonPackageInstaller", "StepRuntime"})
_KUBERNETES = re.compile(r"V\d\w*")
_TIMES = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")


@dataclass(frozen=True, eq=False)
class Untold:
    """A value that cannot be told: no matter where nothing reads it."""

    error: NotLiteralError


@dataclass(frozen=True, eq=False)
class Made:
    """An object of a class for settings."""

    kind: str
    """The name of its class."""
    fields: Mapping[str, object]
    nodes: Mapping[str, ast.expr]
    """The expression that each field was given as."""
    view: ModuleView
    """The file that it is made in."""


def made(node: ast.Call, view: ModuleView, scope: Scope) -> tuple[object] | None:
    """The object that a call makes, as a tuple of it; `None` for a call of anything else. Raises NotLiteralError."""
    kind = view.names.resolve(node.func)
    if kind in CLASSES:
        fields, nodes = _arguments(node, CLASSES[kind], scope)
        return (Made(kind, fields, nodes, view),)
    called = view.imported_path(node.func)
    if called[:1] == ("kubernetes",) and _KUBERNETES.fullmatch(called[-1]):
        fields, nodes = _arguments(node, (), scope)
        return (Made(called[-1], fields, nodes, view),)
    if called == ("datetime", "timedelta"):
        fields, _ = _arguments(node, _TIMES, scope)
        for value in fields.values():
            if isinstance(value, Untold):
                raise value.error
        return (_duration(node, fields),)
    return None


def enumerated(node: ast.Attribute | ast.Name, view: ModuleView) -> tuple[object] | None:
    """The value of `StepRuntime.ISOLATED`, and of the constant `MLFLOW` of ZenML; `None` for any other name."""
    if isinstance(node, ast.Attribute) and view.names.resolve(node.value) in _ENUMERATIONS:
        return (node.attr.lower(),)
    name = view.names.resolve(node)
    return (INTEGRATIONS[name],) if name in INTEGRATIONS else None


def _arguments(
    node: ast.Call, positional: tuple[str, ...], scope: Scope
) -> tuple[dict[str, object], dict[str, ast.expr]]:
    fields: dict[str, object] = {}
    nodes: dict[str, ast.expr] = {}
    if len(node.args) > len(positional) or any(isinstance(arg, ast.Starred) for arg in node.args):
        raise NotLiteralError(node.args[-1], "it takes keyword arguments only", "name the argument")
    named = [*zip(positional, node.args, strict=False), *((item.arg, item.value) for item in node.keywords)]
    for key, value in named:
        if key is None:
            unpacked = evaluate(value, scope)
            if not isinstance(unpacked, dict):
                raise NotLiteralError(value, "what is unpacked is not a dict")
            for name, item in cast("dict[object, object]", unpacked).items():
                fields[str(name)], nodes[str(name)] = item, value
            continue
        nodes[key] = value
        try:
            fields[key] = evaluate(value, scope)
        except NotLiteralError as error:
            fields[key] = Untold(error)
    return fields, nodes


def _duration(node: ast.Call, fields: Mapping[str, object]) -> timedelta:
    try:
        return timedelta(**cast("dict[str, float]", dict(fields)))
    except (TypeError, OverflowError) as error:
        raise NotLiteralError(node, str(error), wrong=True) from None
