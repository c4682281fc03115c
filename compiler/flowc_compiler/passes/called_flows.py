"""Flows that steps call: their steps become steps of the caller, behind the calling step, with its name before theirs.

Each called flow has been through the passes by itself, with scopes, so that its diagnostics are about its own lines,
and what is put together is a table of steps and a tree of scopes. Linear in steps and scopes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.ir import ROOT_SCOPE, CalledFlow, Flow, FlowCall, JoinStep, LinearStep, Scope, Step
from flowc_compiler.ir.called_flows import RUN, SEPARATOR
from flowc_compiler.ir.regions import OWN_TASKS, renamed
from flowc_compiler.passes.checks import check_names

if TYPE_CHECKING:
    from flowc_compiler.ir import Parameter, Value

_PLAIN: Mapping[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


def inline_calls(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Put the steps of called flows in. Collects FC228 to FC230, and FC409 for decorators that do nothing then."""
    called: Mapping[str, Flow] = flow.called or {}
    steps: list[Step] = []
    scopes = {scope.id: scope for scope in flow.scopes}
    inserted: dict[str, list[str]] = {}
    more: list[Scope] = []
    calls = list(flow.calls)
    ends: dict[str, str] = {}
    for step in flow.steps:
        spec = step.specs.called
        if spec is None:
            steps.append(step)
            continue
        inner = called.get(step.name)
        if not _may_call(flow, step, spec, sink) or inner is None:
            continue
        if spec.deployed:
            _check_deployed(flow, step, spec, inner, sink)
        if flow.frontend == "class":
            _check_hidden(flow, spec, sink)
            _check_own_code(flow, step, spec, sink)
        call = _call(step, spec, inner, sink)
        if spec.deployed:
            inner = _run_alone(step, spec, inner)
        renamed = _renamed(inner, step.name, step.scope)
        ends[step.name] = call.end
        steps += _joined(step, renamed, call)
        inserted[step.name] = [item.name for item in renamed.steps if item.scope == step.scope]
        more += renamed.scopes
        calls += [call, *renamed.calls]
    if sink.has_errors or len(ends) < sum(step.specs.called is not None for step in flow.steps):
        return None
    changed = [_behind(step, ends) for step in steps]
    if flow.frontend == "pipeline":  # what a call returns is what the end of the called flow has
        changed = [step if step.within is not None else with_values(step, partial(_at_end, ends)) for step in changed]
    _check_names(changed, sink)
    if sink.has_errors:
        return None
    within = [_with_steps(scope, inserted) for scope in scopes.values()]
    found = flow.model_copy(
        update={
            "called": None, "calls": tuple(calls), "steps": tuple(changed), "scopes": (*within, *more),
            "end": ends.get(flow.end, flow.end),
            "results": flow.results and {name: _at_end(ends, value) for name, value in flow.results.items()},
        }
    )  # fmt: skip
    return check_names(found, sink)  # with the caller's before them they may be too long


def _check_hidden(flow: Flow, spec: CalledFlow, sink: DiagnosticSink) -> None:
    """Warn (FC305) of what a call returns under the name of a step, as of other artifacts."""
    for name in spec.returns:
        if name in flow.by_name:
            message = f"the artifact `{name}` has the name of a step, which later steps get for `self.{name}`"
            sink.warning("FC305", message, spec.span, help="give it another name: `returns={...}`")


def _check_own_code(flow: Flow, step: Step, spec: CalledFlow, sink: DiagnosticSink) -> None:
    """Warn (FC409) of retries and timeouts of a calling step that has no code: they are not for the called flow."""
    effects = flow.effects() if flow.effects is not None and not spec.deployed else None
    if effects is None or (own := effects.of(step.name)).sets or own.havoc or own.opaque:
        return
    for name, found in (("retry", step.specs.retry), ("timeout", step.specs.timeout)):
        if found is not None:
            message = (
                f"`@{name}` of step `{step.name}` is for its own code, which sets nothing, and not for {spec.flow}"
            )
            sink.warning("FC409", message, found.span, help=f"put it on the steps of flow {spec.flow} that need it")


def _check_names(steps: list[Step], sink: DiagnosticSink) -> None:
    """Collect FC220 for a step of the caller that has the name of one of a called flow."""
    counts = Counter(step.name for step in steps)
    for step in steps:
        if counts[step.name] > 1 and step.within is None:
            message = f"`{step.name}` is the name of a step of a called flow, too"
            sink.error("FC220", message, step.span, help="rename the step")


def _may_call(flow: Flow, step: Step, spec: CalledFlow, sink: DiagnosticSink) -> bool:
    """Whether the flow can go on behind a step only when another flow has ended. Collects FC406."""
    why = ""
    if step.call is not None and step.call.module != OWN_TASKS:
        why, way_out = "is one of a pipeline", f"write `call_flow({spec.flow}, ...)` in the pipeline's body"
    elif not isinstance(step, LinearStep | JoinStep):
        why, way_out = f"{_KINDS[step.kind]}", "lead to one step from it, and branch or fan out there"
    elif any(flow.by_name[parent].kind == "parallel" for parent in step.parents):
        why, way_out = "is a member of a gang", "call the flow in the step that joins the gang"
    elif step.specs.catch is not None:
        why, way_out = "has `@catch`, which would not see what fails there", "put `@catch` on steps of the called flow"
    else:
        return True
    sink.error("FC406", f"`@call_flow` cannot be used on the step `{step.name}`: it {why}", spec.span, help=way_out)
    return False


_KINDS = {
    "branch": "branches",
    "foreach": "opens a foreach",
    "parallel": "opens a gang",
    "switch": "chooses the next step",
}


def _call(step: Step, spec: CalledFlow, inner: Flow, sink: DiagnosticSink) -> FlowCall:
    """The call, with the attributes of parameters in place of their names. Collects FC229, FC304 and FC409."""
    named = {name: parameter for parameter in inner.parameters for name in (parameter.name, parameter.attribute)}
    for name in (*spec.params, *spec.artifacts):
        if name not in named:
            known = [parameter.name for parameter in inner.parameters]
            otherwise = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
            message = f"flow {inner.name}, which step `{step.name}` calls, has no parameter `{name}`"
            sink.error("FC302", message, spec.span, help=suggest(name, known, otherwise).help)
    key = "name" if spec.deployed else "attribute"
    params = {getattr(named[name], key): _value(named[name], value, inner, spec, sink)
              for name, value in spec.params.items() if name in named and not named[name].fixed}  # fmt: skip
    artifacts = {getattr(named[name], key): value for name, value in spec.artifacts.items() if name in named}
    for parameter in inner.run_parameters:
        if getattr(parameter, key) in params or getattr(parameter, key) in artifacts:
            continue
        if parameter.required and not parameter.has_default and not parameter.dynamic_default:
            message = f"step `{step.name}` calls flow {inner.name} without its required parameter `{parameter.name}`"
            help_ = f'give it a value, `params={{"{parameter.name}": ...}}`, or an artifact, `artifacts={{...}}`'
            sink.error("FC304", message, spec.span, help=help_)
        elif spec.deployed:
            continue
        elif parameter.source == "file":
            message = f"step `{step.name}` calls flow {inner.name}, whose file `{parameter.name}` is not shipped then"
            sink.error(
                "FC229",
                message,
                spec.span,
                help=_OWN_RUN.format("hand its content on: `artifacts={...}` or `params={...}`"),
            )
    if not spec.deployed:
        _check_inlined(step, spec, inner, sink)
    results: Mapping[str, Value] = inner.results or {}
    return FlowCall(
        span=spec.span or step.span, step=step.name, flow=spec.flow, module=spec.module, file=spec.file,
        start=_name(step.name, RUN if spec.deployed else inner.start),
        end=_name(step.name, RUN if spec.deployed else inner.end),
        params=params, artifacts=artifacts, returns=spec.returns, deployed=inner.end if spec.deployed else None,
        separators={item.name: item.separator for item in inner.run_parameters
                    if spec.deployed and item.separator is not None},
        project=inner.specs.project if spec.deployed else None,
        pipeline=inner.frontend == "pipeline",
        parameters=inner.run_parameters if inner.frontend == "pipeline" and not spec.deployed else (),
        results={name: results[name] if spec.deployed else renamed(results[name], partial(_name, step.name))
                 for name in spec.returns.values() if name in results},
    )  # fmt: skip


_OWN_RUN = "{}; or write `deployed=True`: a run of its own has its own configs and files"


def _check_inlined(step: Step, spec: CalledFlow, inner: Flow, sink: DiagnosticSink) -> None:
    """Collect FC229, FC409 and FC414 for what a flow cannot have as part of its caller, or what does nothing there."""
    if inner.configs:
        message = f"step `{step.name}` calls flow {inner.name}, which has configs"
        sink.error(
            "FC229",
            message,
            spec.span,
            help=_OWN_RUN.format("make them parameters there, and hand them on by `params=`"),
        )
    added = any(wrapper.own is None for item in inner.steps for wrapper in item.wrappers or ())
    if inner.parameter_changes is not None or added:
        message = f"step `{step.name}` calls flow {inner.name}, to which mutators add parameters or step decorators"
        sink.error("FC229", message, spec.span, help="write them into the file of that flow")
    _check_decorators(inner, spec, sink)
    _check_caches(inner, spec, sink)


def _run_alone(step: Step, spec: CalledFlow, inner: Flow) -> Flow:
    """A deployed flow in its caller: one step that waits for its run, with what a pod needs there.

    `@retry` of the calling step is for it, too: each attempt is a run.
    """
    kept = {"retry": step.specs.retry, "dependencies": step.specs.dependencies}
    specs = step.specs.looking.model_copy(update=kept)
    run = LinearStep(name=RUN, span=spec.span or step.span, specs=specs, scope=ROOT_SCOPE)
    return inner.model_copy(update={"steps": (run,), "scopes": (), "calls": (), "start": RUN, "end": RUN})


def _check_deployed(flow: Flow, step: Step, spec: CalledFlow, inner: Flow, sink: DiagnosticSink) -> None:
    """Collect FC229 for a deployed flow of a project whose branch is not known, and for files among its parameters."""
    project = inner.specs.project
    if project is not None and flow.specs.project is None and project.branch is None and project.production is None:
        message = (
            f"step `{step.name}` calls the deployed flow {inner.name} of project {project.name}, "
            f"and flow {flow.name} is of none, and so of no branch"
        )
        help_ = "put @project above this flow, too, or give `branch=` or `production=` to that of the other"
        sink.error("FC229", message, spec.span, help=help_)
    given = {*spec.params, *spec.artifacts}
    for parameter in inner.parameters:
        if parameter.source == "file" and not given.isdisjoint({parameter.name, parameter.attribute}):
            message = (
                f"step `{step.name}` gives a value to `{parameter.name}` of the deployed flow {inner.name}, a file"
            )
            sink.error("FC229", message, spec.span, help="leave it out: the file is part of the deployment")


def _value(parameter: Parameter, value: Any, inner: Flow, spec: CalledFlow, sink: DiagnosticSink) -> Any:
    """The value of a parameter that the caller writes out. Collects FC303 for one of another type."""
    kinds = _PLAIN.get(parameter.type)
    if (
        kinds is None
        or parameter.converter
        or parameter.deferred_type
        or parameter.takes_several
        or parameter.separator
    ):
        return value
    wrong = type(value) not in kinds
    if value is None and not parameter.required and not parameter.has_default:
        wrong = False
    if wrong:
        message = (
            f"{value!r} is no value of parameter `{parameter.name}` of flow {inner.name}, which is {parameter.type}"
        )
        sink.error("FC303", message, spec.span, help=f"write a value of type {parameter.type}")
    if parameter.choices and str(value) not in parameter.choices:
        message = f"{value!r} is no value of parameter `{parameter.name}` of flow {inner.name}"
        sink.error("FC303", message, spec.span, help=f"it may be {', '.join(parameter.choices)}")
    return float(value) if parameter.type == "float" and type(value) is int else value


def _check_decorators(inner: Flow, spec: CalledFlow, sink: DiagnosticSink) -> None:
    """Warn (FC409) of decorators of a called flow that are about runs of it alone."""
    specs = inner.specs
    found = {
        "project": specs.project, "schedule": specs.schedule, "trigger": specs.trigger,
        "trigger_on_finish": specs.trigger_on_finish, "exit_hook": specs.exit_hooks, "deadline": specs.deadline,
        "notify": specs.notifications, "concurrency": (*specs.locks, *specs.run_limits),
    }  # fmt: skip
    names = [name for name, value in found.items() if value]
    if names:
        shown = ", ".join(f"`@{name}`" for name in names)
        message = f"{shown} of flow {inner.name} {'does' if len(names) == 1 else 'do'} nothing where a step calls it"
        sink.warning(
            "FC409", message, spec.span, help="it counts for runs of that flow by itself; else write it on the caller"
        )


def _check_caches(inner: Flow, spec: CalledFlow, sink: DiagnosticSink) -> None:
    """Warn (FC414) of a cache of the first and the last step, which take in and hand back what the caller has."""
    for name in dict.fromkeys((inner.start, inner.end)):
        cache = inner.by_name[name].specs.cache
        if cache is not None and cache.enabled:
            message = f"step `{name}` of flow {inner.name} is not cached where a step calls it: it begins or ends it"
            help_ = "let the steps between do the work, which are cached"
            sink.warning("FC414", message, spec.span, help=help_)


def _name(call: str, name: str) -> str:
    return f"{call}{SEPARATOR}{name}"


def _renamed(inner: Flow, call: str, scope: str) -> Flow:
    """A called flow with the names that its steps and scopes have in the caller."""

    def named(name: str) -> str:
        return _name(call, name)

    def scoped(name: str) -> str:
        return scope if name == ROOT_SCOPE else "/".join(named(part) for part in name.split("/"))

    steps = tuple(_renamed_step(step, call, scoped(step.scope)) for step in inner.steps)
    scopes = tuple(
        item.model_copy(
            update={
                "id": scoped(item.id), "parent": scoped(item.parent), "steps": tuple(map(named, item.steps)),
                "opener": item.opener and named(item.opener), "closer": item.closer and named(item.closer),
            }
        )
        for item in inner.scopes
        if item.parent is not None
    )  # fmt: skip
    calls = tuple(
        item.model_copy(
            update={
                "step": named(item.step), "start": named(item.start), "end": named(item.end),
                "results": item.results if item.deployed is not None else {
                    name: renamed(value, named) for name, value in item.results.items()
                },
            }
        )
        for item in inner.calls
    )  # fmt: skip
    return inner.model_copy(update={"steps": steps, "scopes": scopes, "calls": calls})


def _renamed_step(step: Step, call: str, scope: str) -> Step:
    def names(items: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_name(call, item) for item in items)

    changes: dict[str, Any] = {
        "name": _name(call, step.name), "parents": names(step.parents), "scope": scope,
        "within": call if step.within is None else _name(call, step.within),
    }  # fmt: skip
    match step.kind:
        case "branch":
            changes["targets"] = names(step.targets)
        case "switch":
            cases = (case.model_copy(update={"target": _name(call, case.target)}) for case in step.cases)
            changes["cases"] = tuple(cases)
        case _:
            changes["target"] = step.target and _name(call, step.target)
    if step.kind == "join":
        changes |= {"closes": _name(call, step.closes), "arms": tuple(names(arm) for arm in step.arms)}
    return with_values(step.model_copy(update=changes), partial(renamed, name=partial(_name, call)))


def with_values(step: Step, change: Callable[[Value], Value]) -> Step:
    """A step of a pipeline with other values: of its arguments, of what it maps over, and of its tests."""
    changes: dict[str, Any] = {}
    if step.call is not None:
        arguments = (item.model_copy(update={"value": change(item.value)}) for item in step.call.arguments)
        changes["call"] = step.call.model_copy(update={"arguments": tuple(arguments)})
    if step.kind == "foreach" and step.fan is not None:
        changes["fan"] = step.fan.model_copy(update={"sources": tuple(map(change, step.fan.sources))})
    if step.kind == "switch" and step.tests:
        changes["tests"] = tuple(map(change, step.tests))
    return step.model_copy(update=changes) if changes else step


def _at_end(ends: Mapping[str, str], value: Value) -> Value:
    """A value with the end of a called flow for the step that calls it."""
    return renamed(value, lambda name: ends.get(name, name))


def _joined(step: Step, inner: Flow, call: FlowCall) -> list[Step]:
    """The calling step and those of the called flow, one behind the other. Their end leads on where the step would."""
    assert isinstance(step, LinearStep | JoinStep)
    found: list[Step] = [step.model_copy(update={"target": call.start})]
    for item in inner.steps:
        changes: dict[str, Any] = {}
        if item.name == call.start:
            changes["parents"] = (step.name,)
        if item.name == call.end:
            changes |= {"target": step.target, "next_span": step.next_span, "virtual": False}
        if item.name in {call.start, call.end}:
            changes["specs"] = item.specs.model_copy(update={"cache": None})  # they also take in what the caller has
        found.append(item.model_copy(update=changes) if changes else item)
    return found


def _behind(step: Step, ends: Mapping[str, str]) -> Step:
    """A step with the ends of called flows in place of the steps that call them, as what comes before it."""
    if step.within is not None or not any(parent in ends for parent in step.parents):
        return step  # a step of a called flow, of which the first one alone has the calling step before it
    changes: dict[str, Any] = {"parents": tuple(ends.get(parent, parent) for parent in step.parents)}
    if step.kind == "join":
        changes["arms"] = tuple(tuple(ends.get(name, name) for name in arm) for arm in step.arms)
    return step.model_copy(update=changes)


def _with_steps(scope: Scope, inserted: Mapping[str, list[str]]) -> Scope:
    """A scope with the steps of called flows that stand directly in it."""
    if not any(name in inserted for name in scope.steps):
        return scope
    steps = [item for name in scope.steps for item in (name, *inserted.get(name, ()))]
    return scope.model_copy(update={"steps": tuple(steps)})
