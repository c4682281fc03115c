"""What steps, parameters and decorators must agree on, in the whole flow, and the order that agrees with its edges.

A parameter's name is its own. `@catch` cannot stand on steps that decide what runs next; `@foreach_options` and `@loop`
stand only on a step that opens a foreach, or that leads back to itself; what `@trigger` fills in must be parameters;
`num_parallel=` and `@parallel` go together, and a join follows. Packages of `@conda_base` and `@pypi_base` reach every
step. The topological order finds loops, and steps that are never reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from flowc.protocol.container import PLACEHOLDER
from flowc.protocol.scheduled import mentions_scheduled
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, JoinStep, LinearStep, ParallelStep, Step
from flowc_compiler.ir.base import Model
from flowc_compiler.ir.schedules import TIME_FORMAT_HELP, time_format_problem
from flowc_compiler.source import Span

if TYPE_CHECKING:
    from flowc_compiler.ir import ParallelSpec
    from flowc_compiler.ir.specs import Spec

WHY = {
    "foreach": "opens a foreach, and without its list the number of the next tasks is unknown",
    "parallel": "opens a gang, and without its size the number of members is unknown",
    "switch": "chooses the next step, and without its choice nothing can run",
}


def check_texts(flow: Flow, sink: DiagnosticSink) -> Flow | None:
    """Collect FC118 for texts with a lone surrogate, such as `"\\ud800"`, which no file, variable or name can have.

    `None` with one.
    """
    found = dict(_unwritable(flow))
    for text, span in found.items():
        message = f"the text {text[:_LONGEST_TEXT]!a} has half of a character, and cannot be written in UTF-8"
        help_text = "write the character itself; bytes that are not text are passed as `bytes`, or in base64"
        sink.error("FC118", message, span, help=help_text)
    return None if found else flow


_LONGEST_TEXT = 40
LONGEST_NAME = 255
"""Bytes of the name of a folder, on Linux and macOS."""


def check_names(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC209 for names of the flow and of steps that no folder can have, and FC404 for variables that no process
    can have. The flow stays as it is."""
    for what, name, span in [("flow", flow.name, flow.span), *(("step", step.name, step.span) for step in flow.steps)]:
        if len(name) > LONGEST_NAME // 4 and (size := len(name.encode())) > LONGEST_NAME:
            message = f"the name of the {what} `{name[:_LONGEST_TEXT]}...` is {size} bytes long, and names a folder"
            sink.error("FC209", message, span, help=f"give it a name of at most {LONGEST_NAME} bytes")
    for step in flow.steps:
        environment = step.specs.environment
        for name, value in environment.variables.items() if environment is not None else ():
            if not name or set(name) & {"=", "\0"} or (isinstance(value, str) and "\0" in value):
                where = "value" if isinstance(value, str) and "\0" in value else "name"
                message = f"no process can have the variable {name!r}, by its {where}"
                assert environment is not None
                sink.error("FC404", message, environment.span, help="remove NUL characters, and `=` from its name")
    return flow


def check_secrets(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Warn with FC412 of secrets whose values stand in the flow's file: they are plain text in what is compiled of it.

    The flow stays as it is.
    """
    found: dict[Span | None, dict[str, None]] = {}  # most steps of a flow may have their variables from one decorator
    for step in flow.steps:
        environment, secrets = step.specs.environment, step.specs.secrets
        if environment is not None and (known := environment.written):
            from flowc_compiler.evaluate.environment_reads import is_plain_secret

            named = dict.fromkeys(name for name, value in known.items() if is_plain_secret(name, value))
            found.setdefault(environment.span, {}).update(named)
        command = step.specs.command
        if command is not None and command.env:
            from flowc_compiler.evaluate.environment_reads import is_plain_secret

            written = ((name, text) for name, text in command.env.items() if not PLACEHOLDER.search(text))
            named = dict.fromkeys(name for name, text in written if is_plain_secret(name, text))
            found.setdefault(command.span, {}).update(named)
        for source in secrets.sources if secrets is not None else ():
            if secrets is not None and source.type == "inline":
                found.setdefault(secrets.span, {}).update(dict.fromkeys(source.options.get("env_vars", {})))
    for span, names in found.items():
        if names:
            from flowc_compiler.evaluate.environment_reads import PLAIN_VALUE_HELP

            value = "the value" if len(names) == 1 else "the values"
            sink.warning("FC412", f"{value} of {', '.join(names)}: plain text in the compiled files", span,
                         help=PLAIN_VALUE_HELP)  # fmt: skip
    return flow


def _unwritable(flow: Flow) -> Iterator[tuple[str, Span]]:
    """The texts in a flow that UTF-8 has no bytes for, each with the span nearest to it. Its file may have any name."""
    pending: list[tuple[object, Span]] = [(part, flow.span) for name, part in vars(flow).items() if name != "file"]
    seen: set[int] = set()  # most steps share their specs
    while pending:
        item, place = pending.pop()
        if isinstance(item, str):
            try:
                item.encode()
            except UnicodeEncodeError:
                yield item, place
        elif isinstance(item, Model) and id(item) not in seen:
            seen.add(id(item))
            own = vars(item).get("span")
            place = own if isinstance(own, Span) else place
            pending += [(part, place) for part in vars(item).values() if _may_have_text(part)]
        elif isinstance(item, dict):
            entries = cast("dict[object, object]", item)
            pending += [(part, place) for entry in entries.items() for part in entry if _may_have_text(part)]
        elif isinstance(item, list | tuple | set | frozenset):
            pending += [(part, place) for part in cast("list[object]", item) if _may_have_text(part)]


def _may_have_text(value: object) -> bool:
    return not value.isascii() if isinstance(value, str) else bool(value) and not isinstance(value, int | Span)


def check_decorator_placement(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC406 for decorators on steps that they do not fit; the flow stays as it is.

    Metaflow refuses `@catch` on a step that opens a foreach or a gang, or that chooses. In a pipeline it may stand on a
    step whose result is tested, where the test holds without a result, too. FC302 is collected for a parameter that an
    event fills in and that no run of the flow can be given.
    """
    _check_events(flow, sink)
    _check_scheduled_defaults(flow, sink)
    _check_bounds(flow, sink)
    _check_catch(flow, sink)
    _check_containers(flow, sink)
    _check_retries(flow, sink)
    _check_answers(flow, sink)
    return flow


def _check_answers(flow: Flow, sink: DiagnosticSink) -> None:
    """Warn (FC225) of an `if` on what a person has chosen, as if that were a yes or a no."""
    for step in flow.steps:
        for test in step.tests if step.kind == "switch" else ():
            inner = test.operands[0] if test.kind == "operation" and test.operator == "not" else test
            asked = flow.by_name[inner.step].specs.approval if inner.kind == "output" else None
            if asked is not None and asked.kind == "text" and asked.choices not in ((), ("continue", "abort")):
                message = "what a person chooses is a text, and true whatever it is"
                help_text = f"compare it with a choice: `... == {asked.choices[0]!r}`"
                sink.warning("FC225", message, step.span, help=help_text)


def _check_retries(flow: Flow, sink: DiagnosticSink) -> None:
    """Warn (FC410) of retries of nothing but timeouts on steps that have none."""
    for step in flow.steps:
        retry = step.specs.retry
        if retry is not None and retry.limit and retry.on == ("timeout",) and step.specs.timeout is None:
            message = f"`@retry` tries nothing again on the step `{_shown(step)}`: it has no `@timeout`"
            sink.warning("FC410", message, retry.span, help="give it one: `@timeout(minutes=30)`; or name other kinds")


def _check_containers(flow: Flow, sink: DiagnosticSink) -> None:
    """What has no place in a step that runs a container, where flowc's shim only has the time before and after it."""
    reported: set[str] = set()
    for step in flow.steps:
        specs = step.specs
        if specs.command is None or str(specs.command.span) in reported:
            continue
        reported.add(str(specs.command.span))
        shown = f"the step `{_shown(step)}`"
        if step.kind == "join" and step.call is None:
            message = f"{shown} is a join, and a container has no `inputs`"
            help_text = "merge in a join of its own, and run the container in the step after it"
            sink.error("FC406", message, specs.command.span, help=help_text)
        card = next(iter(specs.cards), None)
        found: dict[str, Spec | None] = {"@catch": specs.catch, "@parallel": specs.parallel, "@card": card}
        if specs.secrets is not None and any(source.type != "kubernetes" for source in specs.secrets.sources):
            found["@secrets"] = specs.secrets
        found |= {"@checkpoint": specs.checkpoint, "a hook": specs.hooks}
        renamed = specs.environment.from_task.items() if specs.environment is not None else ()
        if any(name != item.source or item.default is not None for name, item in renamed):
            found["@environment"] = specs.environment
        if specs.retry is not None and specs.retry.never:
            message = f"`never` of `@retry` does nothing on {shown}, whose container raises no exceptions"
            help_text = "leave it out, and let the command end with exit code 79, which no attempt follows"
            sink.warning("FC410", message, specs.retry.span, help=help_text)
        for name, spec in found.items():
            if spec is not None:
                written = f"`{name}`" if name.startswith("@") else name
                message = f"{written} cannot be used on {shown}, which runs a container: {_NOT_IN_CONTAINERS[name]}"
                sink.error("FC406", message, spec.span, help=_INSTEAD_IN_CONTAINERS[name])


_NOT_IN_CONTAINERS = {
    "@checkpoint": "it cannot save to the checkpoint",
    "a hook": "nothing of flowc runs when it fails",
    "@catch": "nothing of flowc runs after one that failed",
    "@parallel": "it knows no other members",
    "@card": "it cannot fill the card",
    "@environment": "nothing of flowc runs in it that would read a variable under another name, or has its default",
    "@secrets": "nothing of flowc runs in it that would fetch them",
}
_INSTEAD_IN_CONTAINERS = {
    "@checkpoint": "let the command keep what it goes on from in a volume",
    "a hook": "call the function in the step after it, or pass it to the pipeline",
    "@catch": "let the command end with 0 and write what went wrong to an output",
    "@parallel": "use a foreach if the tasks need not know each other",
    "@card": "show its outputs in the step after it",
    "@environment": "give it a Kubernetes Secret that has the variable by its own name: @kubernetes(secrets=['NAME'])",
    "@secrets": "use a Kubernetes Secret: sources=[{'type': 'kubernetes', 'id': 'NAME'}]",
}


def _check_catch(flow: Flow, sink: DiagnosticSink) -> None:
    deciding: dict[str, str] | None = None
    if flow.frontend == "pipeline":
        from flowc_compiler.passes.regions import deciding_calls

        deciding = deciding_calls(flow)
    for step in flow.steps:
        if step.specs.catch is None:
            continue
        why = WHY.get(step.kind) if deciding is None else deciding.get(step.name)
        if why is not None:
            sink.error(
                "FC406", f"`@catch` cannot be used on the step `{_shown(step)}`: it {why}", step.specs.catch.span,
                help="use try and except in the step, or let a step before it do what may fail",
            )  # fmt: skip


def _check_bounds(flow: Flow, sink: DiagnosticSink) -> None:
    """What bounds a foreach or a loop stands on the step that makes one.

    A step of a pipeline may be called several times with one decorator, and one of these calls may be enough.
    """
    is_pipeline = flow.frontend == "pipeline"
    opening = [step.specs.foreach for step in flow.steps if step.kind == "foreach"] if is_pipeline else []
    enough = {str(spec.span) for spec in opening if spec is not None}
    for step in flow.steps:
        foreach, loop = step.specs.foreach, step.specs.loop
        if foreach is not None and step.kind != "foreach" and str(foreach.span) not in enough:
            gang = " (a gang's members all start together)" if step.kind == "parallel" else ""
            message = f"`@foreach_options` is on the step `{_shown(step)}`, which opens no foreach{gang}"
            help_text = "put it on the step with `self.next(..., foreach='items')` that opens the foreach"
            if is_pipeline:
                help_text = "put it on the step that returns the list, and map over the result: `work.map(load())`"
            sink.error("FC406", message, foreach.span, help=help_text)
        if loop is not None and not (step.kind == "switch" and step.recursive):
            message = f"`@loop` is on the step `{_shown(step)}`, which does not lead back to itself"
            help_text = (
                f"put it on a switch with a case that leads back: `next({{'again': self.{step.name}, ...}}, ...)`"
            )
            if is_pipeline:
                help_text = "remove it: a pipeline has no loops; write one in the step, or write the flow as a class"
            sink.error("FC406", message, loop.span, help=help_text)


def _shown(step: Step) -> str:
    """The step as its decorators stand on it: a pipeline's function may be called several times."""
    return step.call.function if step.call is not None else step.name


def _check_events(flow: Flow, sink: DiagnosticSink) -> None:
    known = [parameter.name for parameter in flow.run_parameters]
    fixed = {parameter.name for parameter in flow.parameters if parameter.fixed}
    spec = flow.specs.trigger
    for event in spec.events if spec is not None else ():
        for name in event.parameters:
            if spec is not None and name not in known:
                why = "which shapes the graph and is fixed" if name in fixed else "which the flow does not have"
                sink.error(
                    "FC302", f"the event `{event.name}` fills in a parameter `{name}`, {why}",
                    spec.span, help=f"the flow has {', '.join(known) or 'no parameters'}",
                )  # fmt: skip


def _check_scheduled_defaults(flow: Flow, sink: DiagnosticSink) -> None:
    """Collect FC404 for formats of the time of a schedule that are none, and warn (FC304) of defaults that are that
    time, which runs that something else starts do not have."""
    events = flow.specs.trigger.events if flow.specs.trigger is not None else ()
    for parameter in flow.run_parameters:
        name = parameter.name
        if mentions_scheduled(parameter.default) and (problem := time_format_problem(str(parameter.default))):
            message = f"the default of parameter `{name}`: {problem}"
            sink.error("FC404", message, parameter.span, help=TIME_FORMAT_HELP)
        fills_in = any(name in event.parameters for event in events)
        fills_in = fills_in or (len(events) == 1 and not events[0].parameters)  # from a field of its name
        starts = ["`@trigger`"] if events and not fills_in else []
        starts += ["`@trigger_on_finish`"] if flow.specs.trigger_on_finish is not None else []
        if starts and mentions_scheduled(parameter.default):
            help_text = "give another default, and read `current.scheduled_time` in a step"
            if starts == ["`@trigger`"]:
                help_text = f"take it from the event: parameters={{'{name}': 'field'}}; or {help_text}"
            message = f"the default of parameter `{name}` is the time that a run is scheduled for"
            why = f"a run that {' or '.join(starts)} starts has none, and fails"
            sink.warning("FC304", f"{message}, and {why}", parameter.span, help=help_text)


def check_gangs(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC214 (one without the other) and FC215 (no join behind the members). The flow stays as it is."""
    members = {step.target for step in flow.steps if step.kind == "parallel"}
    for step in flow.steps:
        if isinstance(step, ParallelStep) and flow.by_name[step.target].specs.parallel is None:
            sink.error(
                "FC214", f"step `{step.target}` is called with `num_parallel`, and is not `@parallel`", step.next_span,
                help=f"add `@parallel` to `{step.target}`, or use a foreach if the tasks need not know each other",
            )  # fmt: skip
        spec = step.specs.parallel
        if spec is not None and spec.framework == "unknown":  # what was reported there may be a gang's decorator
            spec = None
        if spec is not None:
            _check_parents(flow, step, spec, sink)
        if flow.frontend == "pipeline":
            continue
        if spec is not None or step.name in members:
            _check_join(flow, step, sink)
    return flow


def _opens(flow: Flow, parent: str) -> bool:
    return isinstance(flow.by_name[parent], ParallelStep)


def _check_parents(flow: Flow, step: Step, spec: ParallelSpec, sink: DiagnosticSink) -> None:
    """Whatever leads to an `@parallel` step says how many members it has. No pipeline can."""
    shown = f"`@{spec.decorator}`"
    if step.call is not None:
        message = f"step `{step.call.function}` is {shown}, and a pipeline has no gangs"
        help_text = f"remove {shown}, or write the flow as a class, which opens a gang with `num_parallel=2`"
        sink.error("FC214", message, spec.span, help=help_text)
        return
    wrong = [parent for parent in step.parents if not _opens(flow, parent)]
    if step.parents and not wrong:
        return
    who = f"`{wrong[0]}` leads to it without `num_parallel`" if wrong else "the flow starts with it"
    caller = wrong[0] if wrong else "a step before it"
    sink.error(
        "FC214", f"step `{step.name}` is {shown}, and {who}", spec.span,
        help=f"write `self.next(self.{step.name}, num_parallel=2)` in {caller}, or remove {shown}",
    )  # fmt: skip


def _check_join(flow: Flow, step: Step, sink: DiagnosticSink) -> None:
    """The members of a gang end in a join, at once."""
    followers = [flow.by_name[name] for name in step.targets]
    if isinstance(step, LinearStep) and len(followers) == 1 and isinstance(followers[0], JoinStep):
        return
    shown = ", ".join(f"`{name}`" for name in step.targets)
    what = f"leads to {shown}, which is not a join" if isinstance(step, LinearStep) and shown else "is not joined"
    help_text = (
        f"write `def {step.targets[0]}(self, inputs)`, and continue from there" if shown else "add a join after it"
    )
    if not isinstance(step, LinearStep):
        what, help_text = "fans out or joins itself", "let it lead to a join, and fan out from there"
    sink.error("FC215", f"the gang step `{step.name}` {what}", step.next_span or step.span, help=help_text)


def check_parameter_names(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC305 for parameters whose names differ by case or dashes only, or that are steps; the flow stays."""
    seen: dict[str, str] = {}
    for parameter in flow.parameters:
        folded = parameter.name.lower().replace("-", "_")
        if folded in seen:
            other = seen[folded]
            same = "is taken" if other == parameter.name else f"differs from `{other}` by case or dashes only"
            message = f"the parameter name `{parameter.name}` {same}"
            sink.error("FC305", message, parameter.span, help="rename one of them")
        seen[folded] = parameter.name
        if flow.frontend == "class" and parameter.attribute in flow.by_name:
            message = f"`{parameter.attribute}` is both a parameter and a step"
            sink.error("FC305", message, parameter.span, help="rename one of them")
    return flow
