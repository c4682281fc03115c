"""Whether an object is what Argo's own models say, before it is sent: types, missing fields, unknown ones.

Argo Server silently drops unknown fields, and in some places fields of a wrong type. The library's models have the
names and the types of all fields, those of Kubernetes as well. Its own check stops at the first problem, raises
TypeError for a missing field, and accepts unknown ones, so the models are read here instead. They are those of release
3.7, and nothing that flowc writes is newer. They don't have the values of enums: the server checks those.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_targets.argo.server.argo_server import Json

_ARGO = "io_argoproj_workflow_v1alpha1"
_EVENTS = "github_com_argoproj_argo_events_pkg_apis_events_v1alpha1"
_MODELS = {
    "Workflow": f"{_ARGO}_workflow",
    "WorkflowTemplate": f"{_ARGO}_workflow_template",
    "ClusterWorkflowTemplate": f"{_ARGO}_cluster_workflow_template",
    "CronWorkflow": f"{_ARGO}_cron_workflow",
    "Sensor": f"{_EVENTS}_sensor",
}
"""The library's module of each kind that it has a model of; the class in it has the same name in camel case."""

_INT_OR_STRING = frozenset(
    {"activeDeadlineSeconds", "limit", "factor", "count", "start", "end", "port", "targetPort", "maxUnavailable"}
)
"""Fields that take a number or its text, which the models have as texts."""
_ANY = frozenset({"withItems"})
"""Fields that take any JSON, which the models have as objects."""
_LOOSE = frozenset({"Amount", "Int64OrString"})
"""The ends of names of models for what is a number or a text in a manifest."""
_OBJECT = "V1alpha1K8SResource"
"""The end of the name of the model of any object of Kubernetes, as a Sensor has it."""

_WORDS: dict[object, str] = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}


def validate(document: Json) -> tuple[str, ...]:
    """What is wrong with an object, each with its place; nothing for a kind without a model.

    Raises EngineError FC610 where the library is not installed.
    """
    return tuple(_document(document, ""))


def _document(document: Json, path: str) -> Iterator[str]:
    name = _MODELS.get(str(document.get("kind")))
    if name is not None:
        fields = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
        yield from _object(fields, _model(name), path)


def _model(name: str) -> Any:
    try:
        module = import_module(f"argo_workflows.model.{name}")
    except ImportError as error:
        if (error.name or "").split(".")[0] != "argo_workflows":
            raise
        message = "the library argo-workflows, which has the models of Argo's objects, is not installed"
        raise EngineError.unusable(message, "pip install 'flowc[argo]'") from None
    return getattr(module, "".join(word[0].upper() + word[1:] for word in name.split("_")))


def _object(value: object, model: Any, path: str) -> Iterator[str]:
    """The problems of what should be an object of a model."""
    if not isinstance(value, dict):
        yield f"{path or 'the whole'}: {_short(value)} is not an object"
        return
    given = cast("dict[str, object]", value)
    attributes = {shown: name for name, shown in model.attribute_map.items()}
    for shown in _required(model):
        if given.get(shown) is None:
            yield f"{_below(path, shown)}: is missing"
    types: dict[str, tuple[object, ...]] = model.openapi_types
    for shown, item in given.items():
        if shown not in attributes:
            yield f"{_below(path, shown)}: there is no such field"
        elif shown not in _ANY:
            yield from _value(item, types[attributes[shown]], _below(path, shown))


def _value(value: object, types: tuple[object, ...], path: str) -> Iterator[str]:
    """The problems of a value of a type, written as the library's models write it: `[str]`, `{str: (Model,)}`."""
    if len(types) != 1:  # anything
        return
    match types[0]:
        case [object() as item]:
            if isinstance(value, list):
                for position, entry in enumerate(cast("list[object]", value)):
                    yield from _value(entry, (item,), f"{path}[{position}]")
            else:
                yield f"{path}: {_short(value)} is not a list"
        case dict():
            below = cast("dict[object, tuple[object, ...]]", types[0])[str]
            if isinstance(value, dict):
                for key, entry in cast("dict[str, object]", value).items():
                    yield from _value(entry, below, _below(path, key))
            else:
                yield f"{path}: {_short(value)} is not a mapping"
        case type() as model if hasattr(model, "attribute_map"):
            yield from _instance(value, model, path)
        case kind:
            yield from _scalar(value, kind, path)


def _instance(value: object, model: Any, path: str) -> Iterator[str]:
    """The problems of a value of a model, some of which stand for other things than objects."""
    name: str = model.__name__
    if name.endswith(_OBJECT):
        yield from _document(as_map(value), path)
    elif not name.endswith(tuple(_LOOSE)):
        yield from _object(value, model, path)


def _scalar(value: object, kind: object, path: str) -> Iterator[str]:
    number = isinstance(value, int) and not isinstance(value, bool)
    if kind is str:
        good = isinstance(value, str) or (number and path.rpartition(".")[2] in _INT_OR_STRING)
    elif kind is int:
        good = number
    elif kind is float:
        good = number or isinstance(value, float)
    elif kind is bool:
        good = isinstance(value, bool)
    else:  # a time, as text; or anything
        good = True
    if not good:
        yield f"{path}: {_short(value)} is not {_WORDS[kind]}"


@cache
def _required(model: Any) -> tuple[str, ...]:
    """The fields that a model must have: those that its constructor takes by position."""
    parameters = inspect.signature(inspect.unwrap(model._from_openapi_data)).parameters.values()
    names = [item.name for item in parameters if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return tuple(model.attribute_map[name] for name in names if name in model.attribute_map)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
