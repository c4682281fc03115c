"""A version of a flow as what is written for an engine says: its steps, their pods, its deployment and its code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flowc.protocol import FILES_FOLDER, PLAN_FILE

Facts = Mapping[str, str]
"""Names with dots to values as they are shown."""
_SHOWN_STEP = ("parents", "depth", "closes", "closes_kind", "arms", "loops")
"""What follows from the rest of the graph."""


@dataclass(frozen=True)
class Snapshot:
    """A version of a flow."""

    flow: str
    steps: Mapping[str, Facts] = field(default_factory=dict[str, Facts])
    """The graph: each step's kind, and where it leads."""
    pods: Mapping[str, Facts] = field(default_factory=dict[str, Facts])
    """How each step runs."""
    deployment: Facts = field(default_factory=dict[str, str])
    """What is said for the whole flow."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The text of each file of the code; of others, what tells whether they are the same."""
    unread: str = ""
    """Why the code cannot be compared."""


def facts_of(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The facts of an object: a name with dots for each value in it. Items of a list are named by their `name`."""
    if isinstance(value, dict) and value:
        for key, item in cast("dict[str, object]", value).items():
            yield from facts_of(item, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and value and all(_name(item) for item in cast("list[object]", value)):
        for item in cast("list[dict[str, Any]]", value):
            rest = {key: part for key, part in item.items() if key != "name"}
            only = rest.get("value") if rest.keys() == {"value"} else rest
            yield from facts_of(only, f"{name}.{item['name']}")
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _name(item: object) -> bool:
    return isinstance(item, dict) and isinstance(cast("dict[str, object]", item).get("name"), str)


def steps_of(plan: Mapping[str, Any]) -> dict[str, Facts]:
    """The graph that the plan of a run has."""
    steps: dict[str, Facts] = {}
    groups = {name: _of_group(group) for group in plan.get("groups", {}).values() for name in group["steps"]}
    for name, step in plan.get("steps", {}).items():
        kept = {
            key: value for key, value in step.items() if key not in _SHOWN_STEP and value not in (None, False, [], {})
        }
        kept["next"] = ", ".join(step.get("next", [])) or "nothing"
        kept |= groups.get(name, {})
        steps[name] = dict(facts_of(kept))
    return steps


def _of_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """What a step's pod has beside the step."""
    names = {"steps": "shares a pod with", "items_per_task": "items of a pod", "workers": "tasks of a pod at a time"}
    shown = {**group, "steps": ", ".join(group["steps"])}
    if len(group["steps"]) == 1:
        del shown["steps"]
    return {text: shown[name] for name, text in names.items() if name in shown}


def with_shared_pods(pods: Mapping[str, Facts], texts: Mapping[str, str]) -> dict[str, Facts]:
    """The pods of steps, those too whose tasks run in the pod of another step. Raises ValueError."""
    plan: Any = json.loads(texts[PLAN_FILE]) if PLAN_FILE in texts else {}
    shared = {
        step: pods[name] for name, group in plan.get("groups", {}).items() if name in pods for step in group["steps"]
    }
    return {**pods, **shared}


def read_code(texts: Mapping[str, str]) -> tuple[dict[str, Facts], dict[str, str]]:
    """The graph and the files of a package, of which the plan is one. Raises ValueError for a plan that is damaged."""
    plan: Any = json.loads(texts[PLAN_FILE]) if PLAN_FILE in texts else {}
    if not isinstance(plan, dict):
        raise ValueError("the plan is no JSON object")
    files = {path.removeprefix(f"{FILES_FOLDER}/"): text for path, text in texts.items() if path != PLAN_FILE}
    return steps_of(cast("dict[str, Any]", plan)), files
