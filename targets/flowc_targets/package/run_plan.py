"""The run plan: what the shim needs to know about the graph, as plain JSON, since a container has no compiler."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from flowc.protocol.plan import VERSION
from flowc_compiler.ir.regions import CollectionValue, ObjectValue
from flowc_targets.package.project_names import called_project, project_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc.protocol.plan import FullStepEntry, GroupEntry, StepEntry
    from flowc_compiler.ir import (
        Call,
        Config,
        ContainerSpec,
        EnvironmentSpec,
        Flow,
        FlowCall,
        NotifySpec,
        ParallelSpec,
        Parameter,
        PodGroup,
        Step,
        StepSpecs,
        Value,
    )
    from flowc_compiler.source import Span


def build_plan(flow: Flow, module: str | None = None, default_files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The plan of a flow whose scopes are known; JSON-serializable, in a fixed order.

    `module` is the dotted name by which a task imports the user's file (see `syntax.import_root`); by default the name
    of a file in no package. `default_files` has the path in the code package of the default content of each
    IncludeFile, by the name of the parameter.
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
            _parameter(parameter, flow.name if flow.frontend == "pipeline" else None, default_files or {})
            for parameter in flow.run_parameters
        ],
        **({"configs": {config.name: recorded(config) for config in flow.configs}} if flow.configs else {}),
        "steps": {step.name: _step(flow, step) for step in flow.steps},
        **({"calls": {call.step: _flow_call(flow, call) for call in flow.calls}} if flow.calls else {}),
        **({"groups": {group.name: _group(group) for group in flow.pod_groups}} if flow.pod_groups else {}),
        **({"parameter_changes": changed} if (changed := _parameter_changes(flow)) is not None else {}),
        **({"project": facts} if (facts := project_facts(flow)) is not None else {}),
        **settled(flow),
        **({"deadline": flow.specs.deadline.seconds} if flow.specs.deadline is not None else {}),
        **({"notify": [_notification(spec) for spec in flow.specs.notifications]} if flow.specs.notifications else {}),
    }


def settled(flow: Flow) -> Json:
    """The values of parameters that a pipeline was compiled with. To resume it, it is compiled with them again."""
    found = {item.name: literal(item.default) for item in flow.parameters if item.fixed}
    return {"settled": found} if found else {}


def _notification(spec: NotifySpec) -> Json:
    """When to tell whom: secrets by the names of their variables."""
    entry: Json = {"on": list(spec.on)}
    for name, value in spec:
        if name not in ("span", "on") and value:
            entry[name] = getattr(value, "variable", value)
    return entry


def _flow_call(flow: Flow, call: FlowCall) -> Json:
    params = {name: literal(value) for name, value in call.params.items()}
    names = {"flow", "module", "start", "end", "artifacts", "returns"}
    entry = {**call.model_dump(include=names), "params": params}
    if call.deployed is not None:
        entry["deployed"] = call.deployed
        if call.separators:
            entry["separators"] = call.separators
        project = called_project(flow, call)
        if project is not None and (project.branch or project.production):
            entry["options"] = [*(["--branch", project.branch] if project.branch else []),
                                *(["--production"] if project.production else [])]  # fmt: skip
    if call.pipeline:
        entry["pipeline"] = True
        entry["parameters"] = [_parameter(item, call.flow, {}) for item in call.parameters]
        entry["results"] = {name: planned(flow, value) for name, value in call.results.items()}
    return entry


def _in_call(flow: Flow, step: Step) -> StepEntry:
    """What a step has that calls a flow, or is of a called one: what its `self.next` names there, and that call."""
    entry: StepEntry = {}
    if not flow.calls:
        return entry
    last = flow.call_of[step.name].end if step.name in flow.call_of else step.name
    if step.within is not None:
        entry["within"] = step.within
    if step.within is not None and flow.call_of[step.within].end == last:
        entry["leads"] = []
    elif last != step.name:
        entry["leads"] = list(flow.by_name[last].targets)
    return entry


def _parameter_changes(flow: Flow) -> dict[str, Any] | None:
    """What mutators have added to the class, each argument as a literal, and removed from it."""
    changes = flow.parameter_changes
    if changes is None:
        return None
    added = {
        name: {key: literal(value) for key, value in arguments.items()} for name, arguments in changes.added.items()
    }
    return {"added": added, "removed": list(changes.removed)}


def _around(step: Step) -> StepEntry:
    """What runs around a step: hooks, and decorators of the user's own where mutators have changed them."""
    hooks = step.specs.hooks
    entry: StepEntry = {} if hooks is None else {"hooks": hooks.model_dump(exclude={"span"}, exclude_none=True)}
    if step.wrappers is None:
        return entry
    found: list[Json] = [
        {"own": wrapper.own}
        if wrapper.own is not None
        else {
            **({} if wrapper.module is None else {"module": wrapper.module}),
            "name": wrapper.name,
            "arguments": {key: literal(value) for key, value in wrapper.arguments.items()},
        }
        for wrapper in step.wrappers
    ]
    return {**entry, "wrappers": found}


def _group(group: PodGroup) -> GroupEntry:
    entry: GroupEntry = {"steps": list(group.steps)}
    if group.workers != 1:
        entry["workers"] = group.workers
    if group.opener is not None and group.items_per_task is not None:
        entry["opener"], entry["items_per_task"] = group.opener, group.items_per_task
    if group.cut:
        entry["cut"] = True
    return entry


def _in_group(flow: Flow, step: Step) -> StepEntry:
    """What the runner of a group does for a step, and an engine for those of no group."""
    entry: StepEntry = {}
    if step.name not in flow.group_of:
        return entry
    retry, foreach = step.specs.retry, step.specs.foreach
    if retry is not None and retry.backoff_seconds:
        most = () if retry.max_wait_seconds is None else (retry.max_wait_seconds,)
        entry["backoff"] = (retry.backoff_seconds, retry.backoff_factor, *most)
    if step.kind == "foreach" and foreach is not None and foreach.parallelism is not None:
        entry["bound"] = foreach.parallelism
    gpus = step.specs.accelerator
    if gpus is not None and gpus.vendor in _VISIBLE and not gpus.is_slice and flow.group_of[step.name].workers > 1:
        entry["gpus"] = (_VISIBLE[gpus.vendor], gpus.count)
    return entry


_VISIBLE = {"nvidia": "CUDA_VISIBLE_DEVICES", "amd": "HIP_VISIBLE_DEVICES"}
"""The variables with the numbers of the GPUs that a process sees. Slices have no numbers."""


def _parameter(parameter: Parameter, pipeline: str | None, default_files: Mapping[str, str]) -> dict[str, Any]:
    """What the plan has of a parameter of a class flow, or of a `pipeline`, by its name."""
    entry: dict[str, Any] = {"attribute": parameter.attribute, "name": parameter.name, "type": parameter.type}
    file = default_files.get(parameter.name)
    if file is not None:
        return {**entry, "file": file}
    if pipeline is not None and parameter.converter:
        entry["typed"] = [parameter.module, pipeline]
    if parameter.given is not None:
        return {**entry, "value": parameter.given}
    if pipeline is not None:
        entry |= _argument(parameter, pipeline)
    return entry


def _argument(parameter: Parameter, pipeline: str) -> dict[str, Any]:
    """The default of a pipeline's parameter; `computed` names the function whose signature has it."""
    if isinstance(parameter.default, ObjectValue | CollectionValue):
        return {"default": planned(None, parameter.default)}
    if parameter.dynamic_default:
        return {"computed": [parameter.module, pipeline]}
    known = parameter.has_default or not parameter.required
    return {"default": literal(parameter.default)} if known else {}


def recorded(config: Config) -> dict[str, Any]:
    """A config's value, as the text of a Python literal if JSON would change it; or the input of the flow's parser."""
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
        "env": specs.environment.known if specs.environment else {},
        **_optional_entries(specs),
        **_around(step),
        **gate_entries(step),
        **called(flow, step),
        **_in_call(flow, step),
        **_in_group(flow, step),
    }


def _from_task(environment: EnvironmentSpec) -> dict[str, tuple[str, str | None]]:
    """The variables that a task's environment has under another name or not at all: that name, and the default."""
    found = environment.from_task.items()
    given = {name: item for name, item in found if name != item.source or item.default is not None}
    return {name: (item.source, item.default) for name, item in given.items()}


def _optional_entries(specs: StepSpecs) -> StepEntry:  # noqa: PLR0912 (one for each)
    """The entries that only the steps with these specs have."""
    entries: StepEntry = {}
    if specs.catch is not None:
        entries["catch"] = {"var": specs.catch.variable, "print_exception": specs.catch.print_exception}
    if specs.lenient:
        entries["lenient"] = True
    if specs.foreach is not None and specs.foreach.min_success is not None:
        entries["min_success"] = specs.foreach.min_success
    if specs.checkpoint is not None:
        entries["checkpoint"] = specs.checkpoint.model_dump(exclude={"span"}, exclude_defaults=True)
    if specs.retry is not None and specs.retry.on:
        entries["on"] = list(specs.retry.on)
    if specs.retry is not None and specs.retry.never:
        entries["never"] = list(specs.retry.never)
    if specs.environment is not None and (from_task := _from_task(specs.environment)):
        entries["from_task"] = from_task
    if specs.secrets is not None:
        sources = [source.model_dump() for source in specs.secrets.sources]
        entries["secrets"] = {"sources": sources, "allow_override": specs.secrets.allow_override}
    if specs.parallel is not None and (gang := _gang(specs.parallel, specs.container)):
        entries["gang"] = gang
    if specs.dependencies is not None and (lock := specs.dependencies.lock) is not None:
        python = {"python": lock.python} if lock.python is not None else {}
        oldest = {"oldest_python": lock.oldest_python}
        entries["install"] = {"name": lock.name, "files": list(lock.files), **oldest, **python}
    if specs.foreach is not None and specs.foreach.label:
        entries["label"] = specs.foreach.label
    cards = [card.model_dump(exclude={"span"}, exclude_defaults=True) for card in specs.cards]
    if any(cards):
        entries["cards"] = cards
    if specs.command is not None:
        entries["container"] = specs.command.planned
    if specs.loop is not None:
        entries["max_iterations"] = specs.loop.max_iterations
    return entries


def gate_entries(step: Step) -> StepEntry:
    """What a task waits for before it begins."""
    entries: StepEntry = {}
    if step.specs.waits:
        entries["waits"] = [wait.model_dump(exclude={"span"}, exclude_none=True) for wait in step.specs.waits]
    if step.specs.approval is not None:
        question = step.specs.approval.model_dump(exclude={"span"}, exclude_none=True)
        cases = step.cases if step.kind == "switch" and not step.tests else ()
        if values := {str(case.value): case.value for case in cases if case.value != str(case.value)}:
            question["values"] = values
        entries["approval"] = question
    return entries


def _gang(spec: ParallelSpec, pod: ContainerSpec | None) -> Json:
    """How the members find each other, and what the shim starts for them."""
    gang: Json = {
        "port": spec.port or (pod.port if pod is not None else None),
        "timeout": spec.timeout or (pod.hostname_resolution_timeout if pod is not None else None),
        "framework": spec.framework,
        "options": spec.options or None,
    }
    return {name: value for name, value in gang.items() if value is not None}


Json = dict[str, Any]


def called(flow: Flow, step: Step) -> StepEntry:
    """What a step calls, fans out over and chooses by; empty for a step of a class flow."""
    entry: StepEntry = {}
    if step.call is not None:
        entry["call"] = _call(flow, step.call)
    if step.virtual:
        entry["virtual"] = True
    if step.kind == "foreach" and step.fan is not None:
        sources = [planned(flow, source) for source in step.fan.sources]
        entry["fan"] = {"sources": sources, "product": step.fan.product}
    if step.kind == "switch" and step.tests:
        entry["tests"] = [planned(flow, test) for test in step.tests]
        entry["cases"] = [case.target for case in step.cases]
    return entry


def _call(flow: Flow, call: Call) -> Json:
    return {
        "function": call.function,
        "module": call.module,
        "arguments": {argument.name: planned(flow, argument.value) for argument in call.arguments},
        "outputs": list(call.outputs),
        "many": call.many,
    }


def planned(flow: Flow | None, value: Value) -> Json:
    """A value as JSON; `None` for the flow where it refers to no steps."""
    match value.kind:
        case "literal":
            return literal(value.value)
        case "output":
            return {"output": [value.step, value.name], "levels": value.levels}
        case "item":
            return {"item": value.opener, "source": value.source}
        case "parameter":
            return {"parameter": value.name}
        case "element":
            whole = {"element": planned(flow, value.value), "key": value.key, **_place(value.span)}
            return whole if value.entries is None else {**whole, "entries": value.entries}
        case "dict":
            entries = zip(value.keys, value.values, strict=True)
            return {"dict": [[literal(key), planned(flow, entry)] for key, entry in entries]}
        case "list" | "tuple" | "set":
            return {value.kind: [planned(flow, entry) for entry in value.values]}
        case "chosen":
            switch = flow.by_name[value.switch] if flow is not None else None
            assert switch is not None
            assert switch.kind == "switch"
            cases = zip(switch.cases, value.values, strict=True)
            return {"chosen": value.switch, "cases": [[case.target, planned(flow, entry)] for case, entry in cases]}
        case "object" if value.member is not None:
            return {"object": value.name, "module": value.module, "member": value.member}
        case "object":
            parts = [planned(flow, part) for part in value.values]
            return {"object": value.name, "module": value.module, "of": parts, "keywords": list(value.keywords)}
        case "each":
            return {"each": value.opener, "value": planned(flow, value.value)}
        case "operation":
            operands = [planned(flow, operand) for operand in value.operands]
            keywords = {"keywords": list(value.keywords)} if value.keywords else {}
            return {"operation": value.operator, "of": operands, **keywords, **_place(value.span)}


def _place(span: Span | None) -> Json:
    """Where a value is computed, for messages: the file's name and the line, wherever the file is compiled."""
    return {} if span is None else {"at": f"{PurePath(span.file).name}:{span.line}"}


def literal(value: object) -> Json:
    """A known value, as the text of a Python literal if JSON would change it."""
    return {"literal": value} if survives_json(value) else {"python": _text(value)}


def _text(value: Any) -> str:
    """The `repr` of plain data, with sets in a fixed order."""
    kind: str = type(value).__name__
    if kind == "dict":
        return f"{{{', '.join(f'{_text(key)}: {_text(item)}' for key, item in value.items())}}}"
    if kind not in {"set", "frozenset", "list", "tuple"} or not value:
        return repr(value)
    items = [_text(item) for item in value]
    if kind == "list":
        return f"[{', '.join(items)}]"
    if kind == "tuple":
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    return f"{{{', '.join(sorted(items))}}}" if kind == "set" else f"frozenset({{{', '.join(sorted(items))}}})"


def survives_json(value: object) -> bool:
    """Whether a value is the same after it went through JSON."""
    try:
        return repr(json.loads(json.dumps(value, allow_nan=False))) == repr(value)
    except (TypeError, ValueError):
        return False
