"""The specs from all decorators of one step, and of a flow.

Most flows use few kinds of specs, so the modules that define them are imported where one is made.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from flowc.protocol import FALLBACK_RETRIES, NOTIFY_FAILURE, NOTIFY_SUCCESS
from flowc_compiler.ir.base import Model

if TYPE_CHECKING:
    from flowc_compiler.ir.called_flows import CalledFlow
    from flowc_compiler.ir.container_specs import (
        CommandSpec,
        ContainerSpec,
        DependencySpec,
        EnvironmentSpec,
        SecretsSpec,
    )
    from flowc_compiler.ir.flowspecs import (
        DeadlineSpec,
        ExitHookSpec,
        NotifySpec,
        ProjectSpec,
        RunLimitSpec,
        ScheduleSpec,
        TriggerOnFinishSpec,
        TriggerSpec,
    )
    from flowc_compiler.ir.specs import (
        AcceleratorSpec,
        AirflowSpec,
        ApprovalSpec,
        BatchSpec,
        CacheSpec,
        CardSpec,
        CatchSpec,
        CheckpointSpec,
        ForeachOptions,
        FuseSpec,
        HooksSpec,
        LockSpec,
        LoopSpec,
        ParallelSpec,
        Placement,
        ResourceSpec,
        RetryPolicy,
        TimeoutSpec,
        WaitSpec,
    )


class StepSpecs(Model):
    """The specs from all decorators of one step; a spec that was not given is `None`."""

    resources: ResourceSpec | None = None
    accelerator: AcceleratorSpec | None = None
    placement: Placement | None = None
    retry: RetryPolicy | None = None
    timeout: TimeoutSpec | None = None
    catch: CatchSpec | None = None
    environment: EnvironmentSpec | None = None
    secrets: SecretsSpec | None = None
    hooks: HooksSpec | None = None
    container: ContainerSpec | None = None
    command: CommandSpec | None = None
    batch: BatchSpec | None = None
    dependencies: DependencySpec | None = None
    cards: tuple[CardSpec, ...] = ()
    parallel: ParallelSpec | None = None
    foreach: ForeachOptions | None = None
    loop: LoopSpec | None = None
    airflow: AirflowSpec | None = None
    fuse: FuseSpec | None = None
    cache: CacheSpec | None = None
    checkpoint: CheckpointSpec | None = None
    lenient: bool = False
    """Whether the step is within a foreach whose items may fail. A pass sets it."""
    waits: tuple[WaitSpec, ...] = ()
    approval: ApprovalSpec | None = None
    called: CalledFlow | None = None
    locks: tuple[LockSpec, ...] = ()

    if not TYPE_CHECKING:  # type checkers know pydantic's own, which has the names of the fields

        @classmethod
        def model_construct(cls, _fields_set=None, **values):
            """Specs without validation, as pydantic makes them. Faster: most of the fields are copied all at once."""
            return cls._without_specs().model_copy(update=values)

        @classmethod
        @functools.cache
        def _without_specs(cls):
            return super().model_construct()

    @property
    def looking(self) -> StepSpecs:
        """What a pod needs that looks for what the step waits for: to get there, and no resources or retries."""
        kept = {name: getattr(self, name) for name in ("placement", "environment", "secrets", "container", "airflow")}
        specs = NO_SPECS.model_copy(update=kept)
        if self.container is None or not (self.container.tmpfs or self.container.patch):
            return specs
        container = self.container.model_copy(update={"tmpfs": None, "patch": {}})
        return specs.model_copy(update={"container": container})

    @property
    def gated(self) -> bool:
        """Whether a task of the step waits for something else than the steps before it."""
        return bool(self.waits) or self.approval is not None

    @property
    def retries(self) -> int:
        """How many further attempts an engine has to allow after the first.

        A step with `@catch` gets more than `@retry` allows: an attempt whose number is higher than the limit of
        `@retry` is a fallback, for which the shim does not run the step's code, but stores the failure and goes on.
        That is how a process that was killed is caught. There are several, since a machine may fail a fallback, too.
        """
        limit = self.retry.limit if self.retry is not None else 0
        return limit + (FALLBACK_RETRIES if self.survives else 0)

    @property
    def survives(self) -> bool:
        """Whether a failure is not the end of the run: by `@catch`, or since it is that of an item that may fail."""
        return self.catch is not None or self.lenient

    def of_attempt(self, attempt: int) -> StepSpecs:
        """The specs of one attempt, of which 0 is the first: with what `@retry` says of it, which counts more."""
        said = self.retry.attempts if self.retry is not None else ()
        if not said:
            return self
        from flowc_compiler.ir.specs import AcceleratorSpec, Placement, ResourceSpec

        this = said[min(attempt, len(said) - 1)]
        names = ("cpu", "memory_mb", "disk_mb")
        amounts = {name: value for name in names if (value := getattr(this, name)) is not None}
        update: dict[str, object] = {}
        if amounts:
            update["resources"] = (self.resources or ResourceSpec()).model_copy(update=amounts)
        if this.gpu is not None:
            gpus = (self.accelerator or AcceleratorSpec(count=0)).model_copy(update={"count": this.gpu})
            update["accelerator"] = gpus if this.gpu else None
        placement = self.placement or Placement()
        if this.node_selector or this.tolerations:
            nodes = {
                "node_selector": {**placement.node_selector, **(this.node_selector or {})},
                "tolerations": (*placement.tolerations, *(this.tolerations or ())),
            }
            update["placement"] = placement.model_copy(update=nodes)
        return self.model_copy(update=update)


NO_SPECS = StepSpecs.model_construct()
"""The specs of a step without decorators. Made without validation, so that no validator is built at import."""


class FlowSpecs(Model):
    """All specs of a flow."""

    project: ProjectSpec | None = None
    schedule: ScheduleSpec | None = None
    trigger: TriggerSpec | None = None
    trigger_on_finish: TriggerOnFinishSpec | None = None
    exit_hooks: tuple[ExitHookSpec, ...] = ()
    waits: tuple[WaitSpec, ...] = ()
    """What the first step waits for, until `place_waits` has given it to that."""
    deadline: DeadlineSpec | None = None
    notifications: tuple[NotifySpec, ...] = ()
    locks: tuple[LockSpec, ...] = ()
    """What a whole run holds."""
    run_limits: tuple[RunLimitSpec, ...] = ()
    """One at the most: more are reported."""

    @property
    def hooks(self) -> tuple[ExitHookSpec, ...]:
        """What engines call when a run has ended: the exit hooks, and the shim's own, which send notifications."""
        events = {event for spec in self.notifications for event in spec.on}
        if not events:
            return self.exit_hooks
        from flowc_compiler.ir.flowspecs import ExitHookSpec

        on_success = (NOTIFY_SUCCESS,) if "success" in events else ()
        on_error = (NOTIFY_FAILURE,) if events & {"error", "late"} else ()
        return (*self.exit_hooks, ExitHookSpec(on_success=on_success, on_error=on_error))


NO_FLOW_SPECS = FlowSpecs.model_construct()
"""The specs of a flow without decorators. Made without validation, so that no validator is built at import."""
