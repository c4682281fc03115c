"""The options of the Airflow target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, JsonValue, PrivateAttr

from flowc_compiler.diagnostics.validation_messages import DOTTED_NAME
from flowc_targets.base.options import TargetOptions, Unused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.ir import Flow, Step
    from flowc_compiler.ir.manifest_schema import SchemaProblem

DEFAULT_MAP_LENGTH = 1024
"""core.max_map_length of Airflow by default."""
LONGEST_PARAMETER = 90_000
"""Bytes of the longest value: in base64 it is an environment variable of the first task, and Linux allows 128 KiB."""
GPU_NODE_SECONDS = 3600
"""Time for pods with GPUs to wait for a node by default."""


_OF_PODS = (
    "deferrable", "startup_timeout_seconds", "schedule_timeout_seconds", "kubernetes_conn_id", "config_file",
    "in_cluster", "pod_override",
)  # fmt: skip


class AirflowOptions(TargetOptions):
    """Options from `[tool.flowc]`, `[tool.flowc.airflow]` and the command line.

    With the local operator, `python` is the interpreter that runs the steps, by default the worker's own.
    """

    operator: Literal["kubernetes", "local"] = Field(
        "kubernetes", description="run steps in pods (KubernetesPodOperator), or as processes of the Airflow worker"
    )
    code: Literal["file", "configmap"] | None = Field(
        None,
        description="put the code into the DAG file, or into a ConfigMap that pods mount, whose manifest is written "
        "beside the DAG file; by default into the file if it fits",
    )
    dag_id: str | None = Field(None, description="id of the DAG instead of the flow's name")
    pool: str | None = Field(None, description="Airflow pool of every task; it must exist, or tasks wait forever")
    max_active_tasks: int | None = Field(None, ge=1, description="most tasks of one run at a time")
    max_map_length: int = Field(
        DEFAULT_MAP_LENGTH, ge=1, description="core.max_map_length of Airflow: the most items of a foreach"
    )
    startup_timeout_seconds: int = Field(
        600, ge=1, description="how long a pod may take to start once it has a node, before the attempt fails"
    )
    schedule_timeout_seconds: int | None = Field(
        None,
        ge=1,
        description="how long a pod may wait for a node: by default an hour with GPUs, otherwise as long as to start",
    )
    kubernetes_conn_id: str | None = Field(None, description="Airflow connection of the cluster")
    config_file: str | None = Field(None, description="kubeconfig on the worker, if there is no connection")
    in_cluster: bool | None = Field(None, description="whether Airflow itself runs in the cluster of the pods")

    pod_override: dict[str, Any] = Field(
        {}, description="`metadata` and `spec` of a pod, merged into all pods; the steps' own container is `main`"
    )
    owner: str | None = Field(None, min_length=1, description="who Airflow shows as the owner of the tasks")
    max_active_runs: int | None = Field(None, ge=1, description="most runs of the DAG at a time")
    dagrun_timeout: int | None = Field(None, ge=1, description="seconds after which a run fails")
    retries: int = Field(0, ge=0, description="further attempts of steps without @retry, and of flowc's own tasks")
    priority_weight: int | None = Field(None, description="how tasks are preferred to others of their pool")
    queue: str | None = Field(None, min_length=1, description="queue of the executor's workers")
    executor_config: dict[str, JsonValue] = Field({}, description="what the executor gets beside each task")
    deferrable: bool | None = Field(None, description="have Airflow's triggerer wait for pods, and not workers")
    on_failure_callback: str | None = Field(
        None, pattern=DOTTED_NAME, description="dotted name of what Airflow calls when a run has failed"
    )
    on_success_callback: str | None = Field(
        None, pattern=DOTTED_NAME, description="dotted name of what Airflow calls when a run has succeeded"
    )
    deadline_alerts: bool = Field(
        default=False,
        description="notify of a missed deadline by a deadline alert of Airflow, from 3.3 on, with an executor that "
        "runs callbacks: the LocalExecutor or the CeleryExecutor",
    )
    dags_folder: str | None = Field(
        None, description="`flowc submit`: Airflow's dags folder, to put the DAG file into before the run"
    )

    _is_submitted: bool = PrivateAttr(default=False)
    """Whether the output goes to an Airflow, and not only into a file."""

    def manifest_problems(self) -> Iterator[SchemaProblem]:
        """What of `pod_override` does not fit into a pod."""
        from flowc_compiler.ir.manifest_schema import pod_patch_problems

        found = pod_patch_problems(self.pod_override) if self.pod_override else ()
        yield from (item._replace(path=("pod_override", *item.path)) for item in found)

    def unused(self, flow: Flow) -> Iterator[Unused]:
        """The options that have no effect on what is emitted for a flow."""
        yield from super().unused(flow)
        if not self.in_pods:
            yield Unused(_OF_PODS, "with operator=local", "compile with --operator kubernetes")
        if not any(step.kind == "foreach" for step in flow.steps):
            yield Unused(("max_map_length",), "on a flow without a foreach", "leave it out", True)
        if not self.notifies_late(flow):
            no_late = "on a flow without a deadline and notifications on `late`"
            yield Unused(("deadline_alerts",), no_late, "leave it out", True)
        if not flow.specs.hooks and all(map(_has_own_retries, flow.steps)):
            yield Unused(("retries",), "on a flow whose steps all have @retry or @catch", "leave it out", True)
        if not self._is_submitted:
            yield Unused(
                ("dags_folder",), "on what is compiled", "give it to `flowc submit`, or write there with -o", True
            )

    def submitted(self) -> AirflowOptions:
        """These options, for a DAG file that goes to an Airflow at once."""
        options = self.model_copy()
        options._is_submitted = True
        return options

    def run_seconds(self, flow: Flow) -> int | None:
        """Return the most seconds that a run may take: the option's, or those of `@deadline`."""
        deadline = flow.specs.deadline
        return self.dagrun_timeout if deadline is None or self.dagrun_timeout is not None else deadline.seconds

    def notifies_late(self, flow: Flow) -> bool:
        """Return whether people are notified of a missed deadline."""
        return flow.specs.deadline is not None and any("late" in spec.on for spec in flow.specs.notifications)

    def waits_for_node(self, *, gpu: bool) -> int:
        """Return the seconds that a pod may wait for a node: a cloud may have to boot one with GPUs first."""
        if self.schedule_timeout_seconds is not None:
            return self.schedule_timeout_seconds
        return GPU_NODE_SECONDS if gpu else self.startup_timeout_seconds

    def most_startup_seconds(self, *, gpu: bool) -> int:
        """Return the seconds that may pass before a pod's step begins."""
        return self.waits_for_node(gpu=gpu) + self.startup_timeout_seconds

    @property
    def callbacks(self) -> dict[str, str]:
        """The dotted names of what Airflow calls at the end of a run, by the DAG's argument."""
        given = {"on_failure_callback": self.on_failure_callback, "on_success_callback": self.on_success_callback}
        return {name: dotted for name, dotted in given.items() if dotted is not None}

    @property
    def in_pods(self) -> bool:
        """Whether tasks are pods."""
        return self.operator == "kubernetes"


def _has_own_retries(step: Step) -> bool:
    """Whether no task that a step becomes has the attempts of the DAG: one of flowc's own counts what runs next."""
    specs = step.specs
    return step.virtual or ((specs.retry is not None or specs.retries > 0) and step.kind not in {"foreach", "parallel"})
