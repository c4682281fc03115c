"""The run plan: what the shim needs to know of the graph, as plain JSON, since a container has no compiler."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step, StepSpecs

PLAN_VERSION = 1
"""Raised by one when an older shim could misread the plan."""


def build_plan(flow: Flow, module: str | None = None) -> dict[str, Any]:
    """The plan of a flow whose scopes are known; JSON-serializable, in a fixed order.

    `module` is the dotted name that the user's file is imported by in a task (`frontend.home` knows it); by default
    that of a file in no package.
    """
    return {
        "version": PLAN_VERSION,
        "flow": flow.name,
        "class": flow.name,
        "module": module or PurePath(flow.file).stem,
        "frontend": flow.frontend,
        "start": flow.start,
        "end": flow.end,
        "parameters": [{"attribute": p.attribute, "name": p.name, "type": p.type} for p in flow.parameters],
        "steps": {step.name: _step(flow, step) for step in flow.steps},
    }


def _step(flow: Flow, step: Step) -> dict[str, Any]:
    specs = step.specs
    closes = step.closes if step.kind == "join" else None
    return {
        "kind": step.kind,
        "parents": list(step.parents),
        "next": list(step.targets),
        "depth": flow.depth(step),
        "closes": closes,
        "closes_kind": flow.by_name[closes].kind if closes is not None else None,
        "arms": [list(arm) for arm in step.arms] if step.kind == "join" else [],
        "foreach_var": step.variable if step.kind == "foreach" else None,
        "condition": step.variable if step.kind == "switch" else None,
        "loops": step.kind == "switch" and step.recursive,
        "retries": specs.retry.limit if specs.retry else 0,
        "timeout": specs.timeout.seconds if specs.timeout else None,
        "env": dict(specs.environment.variables) if specs.environment else {},
        **_asked(specs),
    }


def _asked(specs: StepSpecs) -> dict[str, Any]:
    """What few steps have, and only those say."""
    asked: dict[str, Any] = {}
    if specs.catch is not None:
        asked["catch"] = {"var": specs.catch.variable, "print_exception": specs.catch.print_exception}
    if specs.secrets is not None:
        sources = [source.model_dump() for source in specs.secrets.sources]
        asked["secrets"] = {"sources": sources, "allow_override": specs.secrets.allow_override}
    return asked
