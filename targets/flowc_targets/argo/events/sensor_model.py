"""Sensors and EventSources of Argo Events, with only the fields that flowc writes (its `sensor_types.go`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from flowc_targets.kubernetes.objects import ManifestObject

if TYPE_CHECKING:
    from flowc_targets.argo.workflow_objects import TemplateRef
    from flowc_targets.kubernetes.objects import ObjectMeta


class PayloadField(ManifestObject):
    """A name for what is at a path of an event's data."""

    name: str
    path: str


class ExprFilter(ManifestObject):
    """An expression that must hold; an event without one of the fields does not pass."""

    expr: str
    fields: tuple[PayloadField, ...]


class DataFilter(ManifestObject):
    """A comparison of a field, or of what a template makes of it. Of several values one is enough.

    Texts are regular expressions. An event without the field does not pass.
    """

    path: str
    type: Literal["number", "string"]
    comparator: str
    value: tuple[str, ...]
    template: str | None = None


class Filters(ManifestObject):
    """What events have to be like: all of it."""

    exprs: tuple[ExprFilter, ...] = ()
    data: tuple[DataFilter, ...] = ()


class Dependency(ManifestObject):
    """An event that a sensor waits for."""

    name: str
    event_source_name: str
    event_name: str
    filters: Filters | None = None


class Source(ManifestObject):
    """Where a value comes from: a template of the event's data or context, else a key of its data, else `value`."""

    dependency_name: str
    data_template: str | None = None
    context_template: str | None = None
    data_key: str | None = None
    value: str | None = None


class Mapping(ManifestObject):
    """A value, and the path in the object that gets it."""

    src: Source
    dest: str
    operation: Literal["append"] | None = None


class TriggeredWorkflow(ManifestObject):
    """The Workflow that a sensor creates."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Workflow"] = "Workflow"
    metadata: ObjectMeta
    spec: TemplateRef


class K8sTrigger(ManifestObject):
    """StandardK8STrigger: creates an object, with values from events put into it."""

    NESTED: ClassVar = {"source": "resource"}

    operation: Literal["create"] = "create"
    source: TriggeredWorkflow
    parameters: tuple[Mapping, ...]


class ByTime(ManifestObject):
    """When what has come so far is forgotten."""

    cron: str
    timezone: str | None = None


class Reset(ManifestObject):
    """ConditionsResetCriteria."""

    by_time: ByTime


class TriggerTemplate(ManifestObject):
    """What is done, once the conditions hold."""

    name: str
    conditions: str
    conditions_reset: tuple[Reset, ...] = ()
    k8s: K8sTrigger


class Backoff(ManifestObject):
    """How a trigger that fails is tried again."""

    steps: int
    duration: str
    factor: int


class Trigger(ManifestObject):
    """A template and how it is executed."""

    template: TriggerTemplate
    at_least_once: bool = True
    retry_strategy: Backoff


class SensorSpec(ManifestObject):
    """What a sensor waits for and does; `template` is the service account of its pod."""

    NESTED: ClassVar = {"template": "serviceAccountName"}

    event_bus_name: str | None = None
    template: str | None = None
    dependencies: tuple[Dependency, ...]
    triggers: tuple[Trigger, ...]


class Sensor(ManifestObject):
    """A Sensor."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Sensor"] = "Sensor"
    metadata: ObjectMeta
    spec: SensorSpec


class Selector(ManifestObject):
    """A label that an object must have."""

    key: str
    operation: Literal["=="] = "=="
    value: str


class Watch(ManifestObject):
    """ResourceEventSource: an event for each object that comes to have the labels."""

    NESTED: ClassVar = {"filter": "labels"}

    namespace: str
    group: Literal["argoproj.io"] = "argoproj.io"
    version: Literal["v1alpha1"] = "v1alpha1"
    resource: Literal["workflows"] = "workflows"
    event_types: tuple[Literal["ADD"], ...] = ("ADD",)
    filter: tuple[Selector, ...]


class EventSourceSpec(ManifestObject):
    """Watches by the name of their event; `template` is the service account of its pod."""

    NESTED: ClassVar = {"template": "serviceAccountName"}

    event_bus_name: str | None = None
    template: str | None = None
    resource: dict[str, Watch]


class EventSource(ManifestObject):
    """An EventSource."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["EventSource"] = "EventSource"
    metadata: ObjectMeta
    spec: EventSourceSpec
