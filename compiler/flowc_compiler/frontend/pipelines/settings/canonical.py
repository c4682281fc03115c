"""Arguments that may be written in several ways, in one: so that layers add up whichever way each of them chose."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.settings.known import COMPONENTS, STEP
from flowc_compiler.frontend.pipelines.settings.tree import (
    Leaf,
    Place,
    Tree,
    merged,
    place_of,
    texts,
    tree_of,
    values,
)
from flowc_compiler.frontend.values.made import Made

_RETRY = {"max_retries": "limit", "delay": "backoff", "backoff": "factor"}
"""Fields of ZenML's `StepRetryConfig`, and of flowc's `Retry` that say the same."""
_KEY = re.compile(r"([a-z_]+)(?:([.:])(.+))?")


def canonical(name: str, value: object, place: Place, sink: DiagnosticSink) -> Tree | Leaf:
    """The tree of an argument. Settings whose key names nothing are FC404; of what is not read, FC410 and FC411."""
    kind = value.kind if isinstance(value, Made) else ""
    match name, value:
        case "retry", int() if not isinstance(value, bool):
            return {"limit": Leaf(value, place)}
        case "retry", _ if kind == "StepRetryConfig" or "max_retries" in texts(value):
            return _zenml_retry(tree_of(value, place), place)
        case "settings", dict():
            return _settings(tree_of(cast("object", value), place), place, sink)
        case "resources", _ if kind and kind != "Resources":
            sink.error(
                "FC404", f"`resources` is not made with {kind}", place(),
                help="write resources=Resources(...), or settings={'resources': ResourceSettings(...)}",
            )  # fmt: skip
            return {}
        case _:
            return tree_of(value, place)


def _zenml_retry(tree: Tree | Leaf, place: Place) -> Tree:
    """ZenML's words in flowc's; by default ZenML tries once more."""
    items = {} if isinstance(tree, Leaf) else tree
    renamed: Tree = {_RETRY.get(key, f"{key} of StepRetryConfig"): item for key, item in items.items()}
    factor = renamed.get("factor")
    if isinstance(factor, Leaf) and factor.value == 0:
        renamed["factor"] = replace(factor, value=1)
    return {"limit": Leaf(1, place), **renamed}


def _settings(tree: Tree | Leaf, place: Place, sink: DiagnosticSink) -> Tree:
    """Settings by `resources`, `docker` and `orchestrator`."""
    found: Tree = {}
    for key, item in tree.items() if not isinstance(tree, Leaf) else ():
        match = _KEY.fullmatch(key)
        component, dot, selector = match.groups() if match is not None else ("", None, None)
        where = place_of(item) or place
        if key in {"resources", "docker"} or (component == "orchestrator" and _is_kubernetes(dot, selector)):
            below = found.get(component)
            both = merged(below, item) if isinstance(below, dict) and isinstance(item, dict) else item
            found[component] = both
        elif not values(item):
            continue
        elif component == "orchestrator":
            sink.error(
                "FC411", f"flowc cannot express settings of the orchestrator {selector!r}", where(),
                help="say the same with KubernetesOrchestratorSettings, or with arguments of flowc's own `@step`",
            )  # fmt: skip
        elif component == "step_operator":
            sink.error(
                "FC411", "flowc cannot express settings of a step operator", where(), help=STEP.refused["step_operator"]
            )
        elif component in COMPONENTS:
            sink.warning(
                "FC410", f"settings of {key!r} do nothing here", where(),
                help="flowc has no stacks: a step calls the library itself, with settings that it gets as arguments",
            )  # fmt: skip
        else:
            sink.error(
                "FC404", f"{key!r} names no settings", where(),
                help="there are resources, docker and orchestrator or orchestrator.kubernetes",
            )  # fmt: skip
    return found


def _is_kubernetes(dot: str | None, selector: str | None) -> bool:
    """`orchestrator` alone, of the flavor `kubernetes`, or by a name that the user gave it (after a colon)."""
    return dot != "." or selector == "kubernetes"
