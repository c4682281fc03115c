"""The options of the Argo target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from flowc_targets.base.options import TargetOptions

if TYPE_CHECKING:
    from flowc_compiler.ir import FlowSpecs


class ArgoOptions(TargetOptions):
    """Options from `[tool.flowc]`, `[tool.flowc.argo]` and the command line."""

    kind: Literal["workflow", "template", "cron"] = Field(
        default="workflow",
        description="a Workflow that runs when applied, a WorkflowTemplate to submit from, or a CronWorkflow",
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
    code: Literal["configmap", "workflow"] | None = Field(
        default=None,
        description="where the code is: in a ConfigMap beside the Workflow, as for kubectl by default, or in it",
    )
    name: str | None = Field(default=None, description="name of the object, instead of the derived one")
    parameters: dict[str, str] = Field(default={}, description="values for flow parameters instead of their defaults")
    retries_of_lost_pods: int = Field(
        default=0,
        ge=0,
        description="further attempts of steps without @retry whose pod was deleted or evicted, or whose node is gone",
    )
    origin_run: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._/,-]*$",
        description="continue this run, by its id such as argo-UID; argo-UID/STEP runs STEP again",
    )
    parallelism: int | None = Field(default=None, ge=1, description="most pods of one run at a time")
    pod_gc: Literal["OnPodSuccess", "OnPodCompletion", "OnWorkflowSuccess", "OnWorkflowCompletion"] | None = Field(
        default=None, description="when to delete finished pods, and with them their logs; by default never"
    )
    pod_gc_delay: str | None = Field(default=None, description="how long finished pods stay then, such as 1h")
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

    def schedule_of(self, specs: FlowSpecs) -> tuple[str, str | None] | None:
        """Five fields of cron and a time zone: the option's, else those of `@schedule`; `None` where there is neither.

        Raises ScheduleError for an option that cannot be translated.
        """
        from flowc_compiler.ir.schedules import to_crontab

        spec = specs.schedule
        timezone = self.timezone or (spec.timezone if spec is not None else None)
        if self.schedule is not None:
            return to_crontab(self.schedule), timezone
        return None if spec is None else (spec.cron, timezone)
