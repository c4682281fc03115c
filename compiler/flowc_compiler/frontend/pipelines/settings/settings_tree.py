"""Arguments as trees: dicts down to leaves that know where they stand, merged as ZenML merges configurations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.environment_reads import task_variable
from flowc_compiler.evaluate.values import SettingsObject
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import COMPONENTS, STEP
from flowc_compiler.source import Span


@dataclass(frozen=True, eq=False)
class Leaf:
    """A value that is not a dict of settings."""

    value: object
    span: Span


Tree = dict[str, "Tree | Leaf"]


def tree_of(value: object, span: Span) -> Tree | Leaf:
    """A value as a tree: dicts and objects of settings become dicts, anything else a leaf."""
    if isinstance(value, SettingsObject):
        spans = {key: value.view.span(value.nodes[key]) for key in value.fields}
        return {key: _field_tree(key, item, spans[key]) for key, item in value.fields.items()}
    items = texts(value)
    return {key: _field_tree(key, item, span) for key, item in items.items()} if items else Leaf(plain(value), span)


def _field_tree(key: str, value: object, span: Span) -> Tree | Leaf:
    tree = tree_of(value, span)
    return _with_task_variables(tree) if key in _VARIABLES else tree


_VARIABLES = frozenset({"env", "environment", "runtime_environment"})


def _with_task_variables(variables: Tree | Leaf) -> Tree | Leaf:
    """Variables of which secrets are a TaskVariable: `{"API_KEY": os.environ["API_KEY"]}`, or the list of a pod's."""
    if isinstance(variables, Leaf):
        value: object = variables.value
        items = cast("list[object]", value) if isinstance(value, list) else []
        return Leaf([_pod_variable(item) for item in items], variables.span) if items else variables
    found = dict(variables)
    for name, item in variables.items():
        secret = task_variable(name, item.value) if isinstance(item, Leaf) else None
        if secret is not None and isinstance(item, Leaf):
            found[name] = Leaf(secret, item.span)
    return found


def _pod_variable(item: object) -> object:
    """`{"name": "API_KEY", "value": os.environ["API_KEY"]}`; anything else as it is."""
    fields = texts(item)
    secret = task_variable(fields.get("name"), fields.get("value"))
    return item if secret is None else {**fields, "value": secret}


def plain(value: object) -> object:
    """A value in which objects of settings are dicts of their fields."""
    match value:
        case SettingsObject():
            return {key: plain(item) for key, item in value.fields.items()}
        case dict():
            return {key: plain(item) for key, item in cast("dict[object, object]", value).items()}
        case list() | tuple():
            return [plain(item) for item in cast("Sequence[object]", value)]
        case _:
            return value


def merged(weak: Tree, strong: Tree) -> Tree:
    """Both, and of what both have the second's: dicts within are merged, lists are replaced.

    Behaviour of `pydantic_utils.update_model` in ZenML 0.98, with which it adds layers of configuration up.
    """
    result = dict(weak)
    for key, item in strong.items():
        below = result.get(key)
        result[key] = merged(below, item) if isinstance(below, dict) and isinstance(item, dict) else item
    return result


def values(tree: Tree | Leaf) -> object:
    """The plain value of a tree."""
    return tree.value if isinstance(tree, Leaf) else {key: values(item) for key, item in tree.items()}


def span_of(tree: Tree | Leaf, path: tuple[object, ...] = ()) -> Span | None:
    """Where the deepest part of a path stands; `None` for an empty tree."""
    if isinstance(tree, Leaf):
        return tree.span
    if path and (inner := tree.get(str(path[0]))) is not None:
        return span_of(inner, path[1:])
    return next((found for item in tree.values() if (found := span_of(item)) is not None), None)


def texts(value: object) -> Mapping[str, object]:
    """A dict, its keys as texts; empty for anything else."""
    items = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    return {str(key): item for key, item in items.items()}


_RETRY = {"max_retries": "limit", "delay": "backoff", "backoff": "factor"}
"""Fields of ZenML's `StepRetryConfig`, and of flowc's `Retry` that say the same."""
_KUBERNETES = "KubernetesOrchestratorSettings"
_ELSEWHERE = (
    "the engine runs the steps: request what they need with KubernetesOrchestratorSettings, or arguments of flowc's "
    "own `@step`"
)
_KEY = re.compile(r"([a-z_]+)(?:([.:])(.+))?")


def canonical(name: str, value: object, span: Span, sink: DiagnosticSink) -> Tree | Leaf:
    """The tree of an argument. Settings whose key names nothing are FC404; of what is not read, FC410 and FC411."""
    kind = value.kind if isinstance(value, SettingsObject) else ""
    match name, value:
        case "retry", int() if not isinstance(value, bool):
            return {"limit": Leaf(value, span)}
        case "retry", _ if kind == "StepRetryConfig" or "max_retries" in _fields(value):
            return _zenml_retry(tree_of(value, span), span)
        case "settings", dict() | SettingsObject(kind=""):
            return _settings(tree_of(_expressed(cast("object", value), span, sink), span), span, sink)
        case "resources", _ if kind and kind != "Resources":
            sink.error(
                "FC404", f"`resources` is not made with {kind}", span,
                help="write resources=Resources(...), or settings={'resources': ResourceSettings(...)}",
            )  # fmt: skip
            return {}
        case _:
            return tree_of(value, span)


def _expressed(value: object, span: Span, sink: DiagnosticSink) -> object:
    """Settings without those of other orchestrators, which are FC410."""
    kinds = {key: item.kind for key, item in _fields(value).items() if isinstance(item, SettingsObject)}
    others = {key for key, kind in kinds.items() if kind.endswith("OrchestratorSettings") and kind != _KUBERNETES}
    if not others:
        return value
    for key in sorted(others):
        sink.warning("FC410", f"{kinds[key]} do nothing here", span, help=_ELSEWHERE)
    return {key: item for key, item in _fields(value).items() if key not in others}


def _fields(value: object) -> Mapping[str, object]:
    return value.fields if isinstance(value, SettingsObject) else texts(value)


def _zenml_retry(tree: Tree | Leaf, span: Span) -> Tree:
    """ZenML's words in flowc's; by default ZenML tries once more."""
    items = {} if isinstance(tree, Leaf) else tree
    renamed: Tree = {_RETRY.get(key, f"{key} of StepRetryConfig"): item for key, item in items.items()}
    factor = renamed.get("factor")
    if isinstance(factor, Leaf) and factor.value == 0:
        renamed["factor"] = replace(factor, value=1)
    return {"limit": Leaf(1, span), **renamed}


def _settings(tree: Tree | Leaf, span: Span, sink: DiagnosticSink) -> Tree:
    """Settings by `resources`, `docker` and `orchestrator`."""
    found: Tree = {}
    for key, item in tree.items() if not isinstance(tree, Leaf) else ():
        match = _KEY.fullmatch(key)
        component, dot, selector = match.groups() if match is not None else ("", None, None)
        where = span_of(item) or span
        if key in {"resources", "docker"} or (component == "orchestrator" and _is_kubernetes(dot, selector)):
            below = found.get(component)
            both = merged(below, item) if isinstance(below, dict) and isinstance(item, dict) else item
            found[component] = both
        elif not values(item):
            continue
        elif component == "orchestrator":
            sink.warning("FC410", f"settings of the orchestrator {selector!r} do nothing here", where, help=_ELSEWHERE)
        elif component == "step_operator":
            sink.warning("FC410", "settings of a step operator do nothing here", where, help=STEP.idle["step_operator"])
        elif component in COMPONENTS:
            sink.warning(
                "FC410", f"settings of {key!r} do nothing here", where,
                help="flowc has no stacks: a step calls the library itself, with settings that it gets as arguments",
            )  # fmt: skip
        else:
            sink.error(
                "FC404", f"{key!r} names no settings", where,
                help="use resources, docker, orchestrator or orchestrator.kubernetes",
            )  # fmt: skip
    return found


def _is_kubernetes(dot: str | None, selector: str | None) -> bool:
    """`orchestrator` alone, of the flavor `kubernetes`, or by a name that the user gave it (after a colon)."""
    return dot != "." or selector == "kubernetes"
