"""The run plan: what the shim needs to know of the graph, as plain JSON, since a container has no compiler."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flowc.protocol.plan import VERSION
from flowc_targets.package.plan_values import called, literal, survives_json
from flowc_targets.package.project import project_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc.protocol.plan import FullStepEntry, StepEntry
    from flowc_compiler.ir import Config, Flow, Parameter, Step, StepSpecs


def build_plan(flow: Flow, module: str | None = None, default_files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The plan of a flow whose scopes are known; JSON-serializable, in a fixed order.

    `module` is the dotted name that the user's file is imported by in a task (`frontend.home` knows it); by default
    that of a file in no package. `default_files` says where in the code package the default content of an IncludeFile
    is, by the name of the parameter.
    """
    return {
        "version": VERSION,
        "flow": flow.name,
        "class": flow.name,
        "module": module or PurePath(flow.file).stem,
        "frontend": flow.frontend,
        "start": flow.start,
        "end": flow.end,
        "parameters": [
            _parameter(flow, parameter, default_files or {}) for parameter in flow.parameters if not parameter.fixed
        ],
        **({"configs": {config.name: recorded(config) for config in flow.configs}} if flow.configs else {}),
        "steps": {step.name: _step(flow, step) for step in flow.steps},
        **({"project": facts} if (facts := project_facts(flow)) is not None else {}),
    }


def _parameter(flow: Flow, parameter: Parameter, default_files: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"attribute": parameter.attribute, "name": parameter.name, "type": parameter.type}
    if flow.frontend == "pipeline" and (parameter.has_default or not parameter.required):
        entry["default"] = literal(parameter.default)
    file = default_files.get(parameter.name)
    return entry if file is None else {**entry, "file": file}


def recorded(config: Config) -> dict[str, Any]:
    """A config's value; as the text of a Python literal where JSON would change it; or what the flow's parser gets."""
    entry: dict[str, Any] = {"attribute": config.attribute, "plain": config.plain}
    if config.text is not None:
        return {**entry, "text": config.text}
    if survives_json(config.value):
        return {**entry, "value": config.value}
    return {**entry, "literal": repr(config.value)}


def _step(flow: Flow, step: Step) -> FullStepEntry:
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
        "foreach_var": step.variable if step.kind == "foreach" and step.fan is None else None,
        "condition": step.variable if step.kind == "switch" and not step.tests else None,
        "loops": step.kind == "switch" and step.recursive,
        "retries": specs.retry.limit if specs.retry else 0,
        "timeout": specs.timeout.seconds if specs.timeout else None,
        "env": dict(specs.environment.variables) if specs.environment else {},
        **_asked(specs),
        **called(flow, step),
    }


def _asked(specs: StepSpecs) -> StepEntry:
    """What few steps have, and only those say."""
    asked: StepEntry = {}
    if specs.catch is not None:
        asked["catch"] = {"var": specs.catch.variable, "print_exception": specs.catch.print_exception}
    if specs.secrets is not None:
        sources = [source.model_dump() for source in specs.secrets.sources]
        asked["secrets"] = {"sources": sources, "allow_override": specs.secrets.allow_override}
    if specs.parallel is not None and specs.container is not None:
        pod = specs.container
        gang = {"port": pod.port, "timeout": pod.hostname_resolution_timeout}
        asked["gang"] = {name: value for name, value in gang.items() if value is not None}
    if specs.loop is not None:
        asked["max_iterations"] = specs.loop.max_iterations
    return asked
