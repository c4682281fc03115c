"""`@trigger`: events of an EventSource that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc.protocol.encodings import USE_DEFAULT
from flowc_targets.argo.events import go_templates
from flowc_targets.argo.events.event_parameters import event_payload, mapped
from flowc_targets.argo.events.part import Part
from flowc_targets.argo.events.resets import resets
from flowc_targets.argo.events.sensor_model import Dependency, ExprFilter, Filters, PayloadField, Source
from flowc_targets.kubernetes.event_names import event_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow, TriggerEvent, TriggerSpec
    from flowc_targets.argo.options import ArgoOptions


def event_part(flow: Flow, options: ArgoOptions, spec: TriggerSpec, defaults: Mapping[str, str | None]) -> Part:
    """The share of `@trigger`. `defaults` are the values of parameters in the manifest."""
    payload = event_payload(options)
    values: dict[str, Source] = {}
    records: list[Source] = []
    dependencies: list[Dependency] = []
    for number, event in enumerate(spec.events, 1):
        dependency = _dependency(flow, options, event, f"event_{number}", defaults)
        dependencies.append(dependency)
        for parameter, key in mapped(flow, event).items():
            values[parameter] = _value(dependency.name, payload, key, defaults.get(parameter))
        name = event_name(flow, event)
        records.append(
            Source(
                dependency_name=dependency.name,
                data_template=go_templates.event_record(payload, name),
                value=go_templates.plain_event_record(name),
            )
        )
    return Part(
        dependencies=tuple(dependencies),
        resets=resets(spec.options),
        values=values,
        records=tuple(records),
        digest=lambda name, digits: Source(
            dependency_name=name, context_template=go_templates.digest_of_context(digits)
        ),
    )


def _dependency(
    flow: Flow, options: ArgoOptions, event: TriggerEvent, own: str, defaults: Mapping[str, str | None]
) -> Dependency:
    """An event passes that has the name, and a field for each parameter that has no default."""
    name, payload = event_name(flow, event), event_payload(options)
    filters: list[ExprFilter] = []
    if options.event_name is not None:
        fields = (PayloadField(name="name", path=f"{payload}.name"),)
        filters.append(ExprFilter(expr=f"name == '{name}'", fields=fields))
    for parameter, key in mapped(flow, event).items():
        if defaults.get(parameter) is None:
            fields = (PayloadField(name="field", path=f"{payload}.{key}"),)
            filters.append(ExprFilter(expr="true == true", fields=fields))  # the field has to be there
    return Dependency(
        name=own,
        event_source_name=options.event_source or "",
        event_name=options.event_name or name,
        filters=Filters(exprs=tuple(filters)) if filters else None,
    )


def _value(dependency: str, payload: str, key: str, default: str | None) -> Source:
    text = default if default is not None else USE_DEFAULT
    return Source(
        dependency_name=dependency,
        data_template=go_templates.field(payload, key, text),
        data_key=f"{payload}.{key}",
        value=text,
    )
