"""The options of the Argo target."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowc_targets.base.options import TargetOptions


class ArgoOptions(TargetOptions):
    """Options from `[tool.flowc]`, `[tool.flowc.argo]` and the command line."""

    kind: Literal["workflow", "template"] = Field(
        default="workflow", description="a Workflow that runs when applied, or a WorkflowTemplate to submit from"
    )
    through: Literal["kubectl", "server"] = Field(
        default="kubectl",
        description="what will create the objects: kubectl, or Argo Server, which takes one object and names each run",
    )
    code: Literal["configmap", "workflow"] | None = Field(
        default=None,
        description="where the code is: in a ConfigMap beside the Workflow, as for kubectl by default, or in it",
    )
    name: str | None = Field(default=None, description="name of the object, instead of the derived one")
    parameters: dict[str, str] = Field(default={}, description="values for flow parameters instead of their defaults")
    origin_run: str | None = Field(
        default=None,
        description="a Workflow that goes on from this run, by its id such as argo-UID; argo-UID/STEP runs STEP again",
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
    def carries_code(self) -> bool:
        """Whether the code is in the Workflow itself."""
        return self.code == "workflow" or (self.code is None and self.through == "server")
