"""The options of the Argo target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr

from flowc.protocol.scheduled import mentions_scheduled
from flowc_targets.base.engine import ORIGIN_PATTERN
from flowc_targets.base.options import TargetOptions, Unused
from flowc_targets.base.parameter_defaults import takes_scheduled_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.ir import Flow, FlowSpecs, StepSpecs
    from flowc_compiler.ir.manifest_schema import SchemaProblem


_OF_CRON = (
    "schedule", "timezone", "concurrency_policy", "starting_deadline_seconds", "successful_history", "failed_history",
    "suspend",
)  # fmt: skip
_OF_TRIGGERS = ("event_source", "event_name", "event_payload")
_OF_EVENTS = ("event_bus", "event_service_account")
LOST_GROUPS = 3
"""How often a pod of several tasks is replaced by default."""
_FEW = 200
"""Templates and tasks of a DAG that Argo's full CRDs allow; a step has up to four of one kind."""


class ArgoOptions(TargetOptions):
    """Options from `[tool.flowc]`, `[tool.flowc.argo]` and the command line."""

    kind: Literal["workflow", "template", "cron", "deployment"] = Field(
        default="workflow",
        description="a Workflow that runs when applied, a WorkflowTemplate to submit from, a CronWorkflow, or a "
        "deployment: a CronWorkflow for a flow with a schedule, and a WorkflowTemplate for any other",
    )
    argo_version: Literal["3.5", "3.6", "3.7", "4.0", "4.1"] = Field(
        default="3.6", description="the oldest Argo that must accept the manifest; 3.6 is for all later ones, too"
    )
    schedule: str | None = Field(
        default=None, description="cron: five fields of cron, or Quartz as in @schedule, instead of the flow's own"
    )
    timezone: str | None = Field(default=None, description="cron: an IANA time zone, instead of the one in @schedule")
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] | None = Field(
        default=None, description="cron: whether runs may overlap; Argo's default is Allow"
    )
    starting_deadline_seconds: int | None = Field(
        default=None, ge=0, description="cron: how late a run that the controller has missed may still start"
    )
    successful_history: int | None = Field(default=None, ge=0, description="cron: how many good Workflows are kept")
    failed_history: int | None = Field(default=None, ge=0, description="cron: how many failed Workflows are kept")
    suspend: bool = Field(default=False, description="cron: deploy it without starting runs")
    event_source: str | None = Field(
        default=None, description="the EventSource of Argo Events that the events of @trigger come from"
    )
    event_name: str | None = Field(
        default=None,
        description="the event of the EventSource that carries all of them, distinguished by `name` in the payload, as "
        "in Metaflow; by default each is an event of its own",
    )
    event_payload: str | None = Field(
        default=None,
        description="where the fields are in an event's data: `body` by default, `body.payload` with event_name",
    )
    event_bus: str | None = Field(default=None, description="the EventBus of Argo Events, instead of `default`")
    event_service_account: str | None = Field(
        default=None, description="the service account of the Sensor, which creates Workflows, and of the EventSource"
    )
    through: Literal["kubectl", "server"] = Field(
        default="kubectl",
        description="what creates the objects: kubectl, or Argo Server, which takes one object and names each run",
    )
    code: Literal["configmap", "workflow", "store"] | None = Field(
        default=None,
        description="where the code is: in a ConfigMap beside the Workflow, as for kubectl by default, in it, or in a "
        "file below the root, which --push uploads",
    )
    runtime: Literal["configmap", "image", "store"] = Field(
        default="configmap",
        description="where flowc's own code is: in a ConfigMap, the same for all flows of a release, in the image, "
        "which has flowc installed, or below the root, where `flowc runtime push` puts it",
    )
    workflow_patch: dict[str, Any] = Field(
        default={}, description="`metadata` and `spec` of a Workflow, merged into it, or into what deploys the flow"
    )
    template_patch: dict[str, Any] = Field(default={}, description="a template, merged into those of all pods")
    name: str | None = Field(default=None, description="name of the object, instead of the derived one")
    parameters: dict[str, str] = Field(default={}, description="values for flow parameters instead of their defaults")
    retries_of_lost_pods: int = Field(
        default=0,
        ge=0,
        description="further attempts of steps without @retry whose pod was deleted or evicted, or whose node is gone; "
        "by default 3 of pods that several tasks share",
    )
    origin_run: str | None = Field(
        default=None,
        pattern=f"^({ORIGIN_PATTERN})?$",
        description="continue this run, by its id such as argo-UID; argo-UID/STEP runs STEP again",
    )
    scheduled_time: str | None = Field(
        default=None,
        pattern=r"^[0-9TtZz:.+-]*$",
        description="workflow: the time that the run is scheduled for, in ISO 8601",
    )
    parallelism: int | None = Field(default=None, ge=1, description="most pods of one run at a time")
    pod_gc: Literal["OnPodSuccess", "OnPodCompletion", "OnWorkflowSuccess", "OnWorkflowCompletion"] | None = Field(
        default=None,
        description="when to delete finished pods, and with them their logs; by default never, or OnPodSuccess where "
        "they carry the code",
    )
    pod_gc_delay: str | None = Field(default=None, description="how long finished pods stay then, such as 1h")
    workflow_priority: int | None = Field(
        default=None,
        description="which Workflows the controller begins first, the highest, where it limits how many run at a time",
    )
    ui_url: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="where people see Argo's pages, such as https://argo.example.com: notifications link to the run",
    )
    ttl_seconds: int | None = Field(default=None, ge=0, description="delete a finished Workflow after that long")
    qos: Literal["burstable", "guaranteed"] = Field(
        default="burstable",
        description="burstable: resources as requests; guaranteed: as limits, too",
    )
    crds: Literal["full", "minimal"] = Field(
        default="full",
        description="full, the default of Argo 4, cap templates and tasks; minimal, as in 3.x, do not",
    )
    disable_max_recursion: bool = Field(
        default=False,
        description="the controller runs with DISABLE_MAX_RECURSION=true, so that recursion may be any number deep",
    )
    kueue_queue: str | None = Field(
        default=None, description="the Kueue LocalQueue that admits pods, those of a gang as one group"
    )

    _by_schedule: bool = PrivateAttr(default=False)
    """Whether the kind is the one that the flow's schedule asks for."""

    def for_flow(self, flow: Flow) -> ArgoOptions:
        """These options, with the kind that a deployment of a flow is."""
        if self.kind != "deployment":
            return self
        scheduled = flow.specs.schedule is not None or self.schedule is not None
        options = self.model_copy(update={"kind": "cron" if scheduled else "template"})
        options._by_schedule = True
        return options

    def manifest_problems(self) -> Iterator[SchemaProblem]:
        """What of the patches does not fit into a Workflow or a template."""
        from flowc_targets.argo.patches import template_problems, workflow_problems

        for name, find in (("workflow_patch", workflow_problems), ("template_patch", template_problems)):
            patch = getattr(self, name)
            yield from (item._replace(path=(name, *item.path)) for item in (find(patch) if patch else ()))

    def unused(self, flow: Flow) -> Iterator[Unused]:
        """The options that have no effect on what is emitted for a flow: many are for one kind only."""
        yield from super().unused(flow)
        if self.kind != "cron":
            yield Unused(_OF_CRON, f"with kind={self.kind}", "compile with --kind cron", self._by_schedule)
            what = f"with kind={self.kind}, whose output is the same for Argo 3.5 to 4.1"
            if not (flow.specs.locks or flow.specs.run_limits or any(step.specs.locks for step in flow.steps)):
                yield Unused(("argo_version",), what, "leave it out", True)
        if self.kind != "workflow":
            yield Unused(("scheduled_time",), f"with kind={self.kind}", "give it to `flowc submit`")
        if self.kind == "workflow":
            why = "with kind=workflow, which runs once, when it is applied"
            yield Unused((*_OF_EVENTS, *_OF_TRIGGERS), why, "compile with --kind template or --kind cron")
        elif not flow.specs.trigger:
            yield Unused(
                _OF_TRIGGERS, "on a flow without @trigger", "leave it out, or put @trigger above the flow", True
            )
            if not flow.specs.trigger_on_finish:
                yield Unused(_OF_EVENTS, "on a flow without @trigger or @trigger_on_finish", "leave it out", True)
        if not flow.specs.notifications:
            yield Unused(("ui_url",), "on a flow without @notify", "leave it out", True)
        if self.pod_gc is None and not self.embeds_code:
            yield Unused(("pod_gc_delay",), "without pod_gc", "give it with --set pod_gc=OnPodCompletion")
        specs = [step.specs.of_attempt(0) for step in flow.steps if not step.virtual]
        if not any(map(_takes_qos, specs)):
            yield Unused(("qos",), "on a flow without resources", "give steps @resources", True)
        if all(step.specs.retries or step.kind == "parallel" for step in flow.steps if not step.virtual):
            yield Unused(("retries_of_lost_pods",), "on a flow whose steps all have @retry", "leave it out", True)
        if not any(step.kind == "switch" and step.recursive for step in flow.steps):
            yield Unused(("disable_max_recursion",), "on a flow without recursion", "leave it out", True)
        if 4 * len(flow.steps) < _FEW:
            yield Unused(("crds",), "on a flow of so few steps", "leave it out", True)

    def lost_pods(self, *, group: bool) -> int:
        """How often a pod is replaced that was lost. Of several tasks what is done stays so, and the next goes on."""
        is_given = "retries_of_lost_pods" in self.model_fields_set
        return LOST_GROUPS if group and not is_given else self.retries_of_lost_pods

    @property
    def embeds_code(self) -> bool:
        """Whether the code is in the Workflow itself."""
        return self.code == "workflow" or (self.code is None and self.through == "server")

    @property
    def payload_path(self) -> str:
        """Where the fields of events are in their data."""
        return self.event_payload or ("body" if self.event_name is None else "body.payload")

    def starts_on_events(self, specs: FlowSpecs) -> bool:
        """Whether a deployment of a flow with these specs starts runs on events."""
        return self.kind != "workflow" and bool(specs.trigger or specs.trigger_on_finish)

    def takes_scheduled_time(self, flow: Flow) -> bool:
        """Whether runs have the time that they are scheduled for, where the engine knows it."""
        if self.kind == "workflow":
            return any(mentions_scheduled(parameter.default) for parameter in flow.run_parameters)
        return (self.kind == "cron" and self.schedule is not None) or takes_scheduled_time(flow)

    def timezone_of(self, specs: FlowSpecs) -> str | None:
        """The time zone of the schedule: the option's in a CronWorkflow, else that of `@schedule`."""
        own = self.timezone if self.kind == "cron" else None
        return own or (specs.schedule.timezone if specs.schedule is not None else None)

    def schedule_of(self, specs: FlowSpecs) -> tuple[tuple[str, ...], str | None] | None:
        """Crons of five fields and a time zone: the option's, else those of `@schedule`; `None` where there is neither.

        Raises ScheduleError for an option that cannot be translated.
        """
        from flowc_compiler.ir.schedules import merged_crons, to_crontab

        spec, timezone = specs.schedule, self.timezone_of(specs)
        if self.schedule is not None:
            return (to_crontab(self.schedule),), timezone
        if spec is None:
            return None
        return (merged_crons(spec.crons) if self.argo_version == "3.5" else spec.crons), timezone


def _takes_qos(specs: StepSpecs) -> bool:
    """Whether a step has requests, and does not say itself whether they are limits."""
    spec, container = specs.resources, specs.container
    requests = spec is not None and any(item is not None for item in (spec.cpu, spec.memory_mb, spec.disk_mb))
    return requests and (container is None or container.qos is None)
