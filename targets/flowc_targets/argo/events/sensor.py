"""The Sensor of a flow with `@trigger` or `@trigger_on_finish`: it makes Workflows of the flow's WorkflowTemplate.

A Workflow is named after what it is made for: the ids of the events, the uids of the Workflows that have ended. So the
Sensor may try again and the bus may deliver twice: the API server makes one Workflow, and refuses the other.

The events of `@trigger` come from an EventSource that exists. For `@trigger_on_finish` the flow has an EventSource of
its own, which watches Workflows that have the labels of the other flow and, from the controller, of a success. Such a
watch has one event, ADD, when a Workflow comes to have them. When the EventSource starts, it has one for each Workflow
that exists already, too: the Sensor leaves out what ended long ago, and starts nothing twice.

Templates of a Sensor are Go's text/template with the functions of sprig. What comes from outside is written in base64:
the Workflow's controller would evaluate `{{` in it, Kubernetes `$(`, and the shim would take what begins with `b64:` or
`flowc:` for its own. A number stands as the event's JSON has it, for which the template fails and the Sensor takes the
field by its key: templates know floating point only.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flowc.protocol.encodings import ENCODED, USE_DEFAULT
from flowc_compiler.ir.schedules import to_crontab
from flowc_targets.argo.events.sensor_model import (
    Backoff,
    ByTime,
    DataFilter,
    Dependency,
    EventSource,
    EventSourceSpec,
    ExprFilter,
    Filters,
    K8sTrigger,
    Mapping,
    PayloadField,
    Reset,
    Selector,
    Sensor,
    SensorSpec,
    Source,
    Trigger,
    TriggeredWorkflow,
    TriggerTemplate,
    Watch,
)
from flowc_targets.argo.manifest_text import OBJECT_LIMIT, TRIGGER, deployed_name
from flowc_targets.argo.workflow_objects import Parameter, TemplateRef
from flowc_targets.kubernetes.labels import DEPLOYMENT, VERSION, label_value
from flowc_targets.kubernetes.objects import LocalObjectReference, ObjectMeta
from flowc_targets.package.project_names import event_name, event_parameters, finished_event, upstream_deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_compiler.ir import EventFilter, Flow, TriggerEvent, TriggerOnFinishSpec, TriggerSpec
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.argo.workflow_objects import Workflow

PHASE = "workflows.argoproj.io/phase"
"""The controller's label."""
FRESH_SECONDS = 900
"""How long after its end a run still starts others: longer than an EventSource takes to be there again."""
_SUFFIX = "-finished"
_RETRIES = Backoff(steps=5, duration="1s", factor=2)
_DIGITS, _ALL_DIGITS = 10, 40
"""Hexadecimal digits of what a Workflow is named after: of one event, and of all together."""
_NULL = "null of flowc"
"""What an expression compares with instead of null, for which it has no word."""
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one decorator adds to the Sensor."""

    dependencies: tuple[Dependency, ...]
    """All have to come."""
    resets: tuple[Reset, ...]
    values: dict[str, Source]
    """What parameters get."""
    records: tuple[Source, ...]
    """For each dependency, what `current.trigger` shows of it."""
    digest: Callable[[str, int], Source]
    """What distinguishes the events of a dependency, in so many digits."""


def event_objects(flow: Flow, options: ArgoOptions, template: Workflow) -> tuple[EventSource | Sensor, ...]:
    """The Sensor, and the EventSource where other flows are waited for; nothing for a flow without triggers."""
    events, finished = flow.specs.trigger, flow.specs.trigger_on_finish
    defaults = {item.name: None if item.value is None else str(item.value) for item in template.spec.arguments}
    parts: dict[str, _Part] = {}
    if events is not None:
        parts["events"] = _event_part(flow, options, events, defaults)
    if finished is not None:
        parts["finished"] = _finish_part(flow, finished)
    if not parts:
        return ()
    account = options.event_service_account
    sensor = Sensor(
        metadata=_meta(deployed_name(flow), template),
        spec=SensorSpec(
            event_bus_name=options.event_bus,
            template=account,
            dependencies=tuple(item for part in parts.values() for item in part.dependencies),
            triggers=tuple(_trigger(flow, name, part, template) for name, part in parts.items()),
        ),
    )
    if finished is None:
        return (sensor,)
    return (_finish_source(flow, options, finished, _meta(_source_name(flow), template), account), sensor)


def _meta(name: str, template: Workflow) -> ObjectMeta:
    """The labels are the template's, without the version of the code: these objects are the same for all of them."""
    about = template.metadata
    labels = {key: value for key, value in about.labels.items() if key != VERSION}
    return ObjectMeta(name=name, namespace=about.namespace, labels=labels)


def _trigger(flow: Flow, name: str, part: _Part, template: Workflow) -> Trigger:
    names = [dependency.name for dependency in part.dependencies]
    return Trigger(
        template=TriggerTemplate(
            name=name,
            conditions=" && ".join(names),
            conditions_reset=part.resets,
            k8s=K8sTrigger(source=_workflow(flow, part, template), parameters=_mappings(part)),
        ),
        retry_strategy=_RETRIES,
    )


def _workflow(flow: Flow, part: _Part, template: Workflow) -> TriggeredWorkflow:
    """The Workflow, before the events' values are put into it."""
    values = tuple(Parameter(name=name, value=source.value) for name, source in part.values.items())
    digits = _digits(part) * len(part.dependencies)
    return TriggeredWorkflow(
        metadata=ObjectMeta(
            name=deployed_name(flow, OBJECT_LIMIT - 1 - digits) + "-", namespace=template.metadata.namespace
        ),
        spec=TemplateRef(
            arguments=(*values, Parameter(name=TRIGGER, value="")),
            workflow_template_ref=LocalObjectReference(name=template.metadata.name or ""),
        ),
    )


def _mappings(part: _Part) -> tuple[Mapping, ...]:
    """What of the events goes where: into the name, the parameters, and what `current.trigger` reads."""
    found: list[Mapping] = []
    for dependency in part.dependencies:
        found.append(Mapping(src=part.digest(dependency.name, _digits(part)), dest="metadata.name", operation="append"))
    for number, source in enumerate(part.values.values()):
        found.append(Mapping(src=source, dest=_argument(number)))
    record = _argument(len(part.values))
    for source in part.records:
        context = Source(dependency_name=source.dependency_name, context_template=CONTEXT_RECORD, value=".,")
        found += [Mapping(src=item, dest=record, operation="append") for item in (source, context)]
    return tuple(found)


def _argument(number: int) -> str:
    return f"spec.arguments.parameters.{number}.value"


def _digits(part: _Part) -> int:
    """How many digits each event has in the name of the Workflow."""
    return max(2, min(_DIGITS, _ALL_DIGITS // len(part.dependencies)))


def _event_part(flow: Flow, options: ArgoOptions, spec: TriggerSpec, defaults: dict[str, str | None]) -> _Part:
    """The share of `@trigger`. `defaults` are the values of parameters in the manifest."""
    payload = options.payload_path
    values: dict[str, Source] = {}
    records: list[Source] = []
    dependencies: list[Dependency] = []
    for number, event in enumerate(spec.events, 1):
        dependency = _event_dependency(flow, options, event, f"event_{number}", defaults)
        dependencies.append(dependency)
        for parameter, key in event_parameters(flow, event).items():
            values[parameter] = _parameter_source(dependency.name, payload, key, defaults.get(parameter))
        name = event_name(flow, event)
        records.append(
            Source(
                dependency_name=dependency.name,
                data_template=event_record(payload, name),
                value=plain_event_record(name),
            )
        )
    return _Part(
        dependencies=tuple(dependencies),
        resets=_resets(spec.options),
        values=values,
        records=tuple(records),
        digest=lambda name, digits: Source(dependency_name=name, context_template=digest_of_context(digits)),
    )


def _event_dependency(
    flow: Flow, options: ArgoOptions, event: TriggerEvent, own: str, defaults: dict[str, str | None]
) -> Dependency:
    """An event passes that has the name, and a field that is not null for each parameter that has no default."""
    name, payload = event_name(flow, event), options.payload_path
    filters: list[ExprFilter] = []
    if options.event_name is not None:
        fields = (PayloadField(name="name", path=f"{payload}.name"),)
        filters.append(ExprFilter(expr=f"name == '{name}'", fields=fields))
    for parameter, key in event_parameters(flow, event).items():
        if defaults.get(parameter) is None:
            fields = (PayloadField(name="field", path=f"{payload}.{key}"),)
            filters.append(ExprFilter(expr=f"(field ?? '{_NULL}') != '{_NULL}'", fields=fields))
    numeric = dict.fromkeys(item.field for item in event.filters if not isinstance(item.values[0], str))
    data = (*(_is_number(payload, key) for key in numeric), *(_data_filter(payload, item) for item in event.filters))
    return Dependency(
        name=own,
        event_source_name=options.event_source or "",
        event_name=options.event_name or name,
        filters=Filters(exprs=tuple(filters), data=data) if filters or data else None,
    )


def _is_number(payload: str, key: str) -> DataFilter:
    """For comparisons of numbers Argo Events takes null, and a text that is no number, for 0."""
    return DataFilter(path=f"{payload}.{key}", type="string", comparator="=", value=(_NUMBER,))


def _data_filter(payload: str, item: EventFilter) -> DataFilter:
    """Argo Events takes texts for regular expressions, and any part that matches is enough."""
    values = (f"{value:.15g}" if isinstance(value, (int, float)) else f"^{re.escape(value)}$" for value in item.values)
    return DataFilter(
        path=f"{payload}.{item.field}",
        type="string" if isinstance(item.values[0], str) else "number",
        comparator=item.comparator,
        value=tuple(values),
    )


def _parameter_source(dependency: str, payload: str, key: str, default: str | None) -> Source:
    text = default if default is not None else USE_DEFAULT
    return Source(
        dependency_name=dependency,
        data_template=field(payload, key, text),
        data_key=f"{payload}.{key}",
        value=text,
    )


def _finish_part(flow: Flow, spec: TriggerOnFinishSpec) -> _Part:
    """The share of `@trigger_on_finish`."""
    young = DataFilter(
        path="body.status.finishedAt",
        type="number",
        comparator="<",
        value=(str(FRESH_SECONDS),),
        template=AGE,
    )
    source = _source_name(flow)
    names = [f"run_{number}" for number in range(1, len(spec.flows) + 1)]
    records = [
        Source(
            dependency_name=name,
            data_template=run_record(other.name, upstream_deployment(flow, other) or other.name),
        )
        for name, other in zip(names, spec.flows, strict=True)
    ]
    return _Part(
        dependencies=tuple(
            Dependency(name=name, event_source_name=source, event_name=name, filters=Filters(data=(young,)))
            for name in names
        ),
        resets=_resets(spec.options),
        values={},
        records=tuple(records),
        digest=lambda name, digits: Source(dependency_name=name, data_template=digest_of_workflow(digits)),
    )


def _finish_source(
    flow: Flow, options: ArgoOptions, spec: TriggerOnFinishSpec, meta: ObjectMeta, account: str | None
) -> EventSource:
    """The EventSource with a watch for each of the other flows."""
    watches = {
        f"run_{number}": Watch(
            namespace=options.namespace or "",
            filter=(
                Selector(key=DEPLOYMENT, value=label_value(upstream_deployment(flow, other) or other.name)),
                Selector(key=PHASE, value="Succeeded"),
            ),
        )
        for number, other in enumerate(spec.flows, 1)
    }
    return EventSource(
        metadata=meta, spec=EventSourceSpec(event_bus_name=options.event_bus, template=account, resource=watches)
    )


def _source_name(flow: Flow) -> str:
    """The name of the EventSource."""
    return deployed_name(flow, OBJECT_LIMIT - len(_SUFFIX)) + _SUFFIX


def _resets(options: dict[str, Any]) -> tuple[Reset, ...]:
    """The resets in checked options."""
    reset = cast("dict[str, str] | None", options.get("reset_at"))
    if reset is None:
        return ()
    return (Reset(by_time=ByTime(cron=to_crontab(reset["cron"]), timezone=reset.get("timezone"))),)


_ENCODE = 'b64enc | replace "+" "-" | replace "/" "_"'
NOTHING = ENCODED
"""An empty text, which a Sensor takes for a failed template."""


def quoted(text: str) -> str:
    """A string of Go: JSON's is one, but for surrogates, which unescaped characters do without."""
    return json.dumps(text, ensure_ascii=False)


def field(payload: str, name: str, default: str) -> str:
    """The value of a parameter from a field; `default`, as the manifest has it, where it is missing or null."""
    instead = f"{{{{ {quoted(default or NOTHING)} }}}}"
    return (
        f"{{{{- $v := get {_path(payload)} {quoted(name)} -}}}}"
        f"{{{{- if not (hasKey {_path(payload)} {quoted(name)}) -}}}}{instead}"
        f'{{{{- else if kindIs "invalid" $v -}}}}{instead}'
        f'{{{{- else if kindIs "string" $v -}}}}{ENCODED}{{{{ $v | {_ENCODE} }}}}'
        f'{{{{- else if or (kindIs "map" $v) (kindIs "slice" $v) -}}}}{ENCODED}{{{{ $v | toRawJson | {_ENCODE} }}}}'
        '{{- else -}}{{- fail "of a type that is passed unchanged" -}}{{- end -}}'
    )


def event_record(payload: str, name: str) -> str:
    """What `current.trigger` shows of an event."""
    facts = f'"name" {quoted(name)} "type" "event"'
    own = f'"id" (get {_path(payload)} "id") "timestamp" (get {_path(payload)} "timestamp")'
    return f"{{{{ dict {facts} {own} | toRawJson | {_ENCODE} }}}}"


def plain_event_record(name: str) -> str:
    """The same of an event whose payload has no fields."""
    return base64.urlsafe_b64encode(json.dumps({"name": name, "type": "event"}).encode()).decode()


def run_record(flow: str, deployment: str) -> str:
    """What `current.trigger` shows of a run that has ended, which is a Workflow."""
    facts = f'"name" {quoted(finished_event(deployment))} "type" "run"'
    own = f'"id" (printf {quoted(f"{flow}/argo-%s")} .Input.body.metadata.uid)'
    return f'{{{{ dict {facts} {own} "timestamp" .Input.body.status.finishedAt | toRawJson | {_ENCODE} }}}}'


CONTEXT_RECORD = f'.{{{{ dict "id" .Input.id "time" .Input.time | toRawJson | {_ENCODE} }}}},'
"""What comes behind a record: the id and the time that Argo Events gave to the event."""
AGE = '{{ sub (now | unixEpoch | int64) (toDate "2006-01-02T15:04:05Z07:00" .Input | unixEpoch | int64) }}'
"""The seconds since a time."""


def digest_of_context(digits: int) -> str:
    """What tells an event from others."""
    return f"{{{{ .Input.id | sha256sum | trunc {digits} }}}}"


def digest_of_workflow(digits: int) -> str:
    """What distinguishes a Workflow from others."""
    return f"{{{{ .Input.body.metadata.uid | sha256sum | trunc {digits} }}}}"


def _path(payload: str) -> str:
    return f".Input.{payload}"
