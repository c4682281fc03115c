"""The arguments of each decorator, with Metaflow's names, units and defaults (FACTS of Metaflow 2.19).

A model takes a while to build, and most flows have few decorators: each is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments


class ArgumentModels(Mapping[str, "type[Arguments]"]):
    """The models of arguments by the name of their decorator."""

    def __init__(self, models: Mapping[str, str]) -> None:
        self._models = models
        """By decorator, the module and the class."""
        self._imported: dict[str, type[Arguments]] = {}

    def __getitem__(self, name: str) -> type[Arguments]:
        if name not in self._imported:
            module, _, model = self._models[name].partition(".")
            self._imported[name] = cast("type[Arguments]", getattr(import_module(f"{__name__}.{module}"), model))
        return self._imported[name]

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)


ARGUMENTS = ArgumentModels(
    {
        **dict.fromkeys(("metaflow_ray", "ray_parallel"), "gang_arguments.RayArguments"),
        **dict.fromkeys(("torchrun", "torchrun_parallel"), "gang_arguments.TorchrunArguments"),
        "airflow_options": "step_arguments.AirflowArguments",
        "approval": "wait_arguments.ApprovalArguments",
        "batch": "compute_arguments.BatchArguments",
        "cache": "step_arguments.CacheArguments",
        "call_flow": "call_arguments.CallFlowArguments",
        "card": "step_arguments.CardArguments",
        "catch": "step_arguments.CatchArguments",
        "checkpoint": "step_arguments.CheckpointArguments",
        "concurrency": "lock_arguments.ConcurrencyArguments",
        "conda": "step_arguments.CondaArguments",
        "container": "container_arguments.ContainerArguments",
        "environment": "step_arguments.EnvironmentArguments",
        "foreach_options": "step_arguments.ForeachOptionsArguments",
        "fuse": "step_arguments.FuseArguments",
        "gpu_profile": "step_arguments.GpuProfileArguments",
        "kubernetes": "compute_arguments.KubernetesArguments",
        "loop": "step_arguments.LoopArguments",
        "parallel": "gang_arguments.ParallelArguments",
        "pypi": "step_arguments.PypiArguments",
        "pytorch_parallel": "gang_arguments.PytorchArguments",
        "resources": "compute_arguments.ResourcesArguments",
        "retry": "retry_arguments.RetryArguments",
        "secrets": "secret_arguments.SecretsArguments",
        "timeout": "step_arguments.TimeoutArguments",
        "wait_for": "wait_arguments.WaitForArguments",
    }
)
"""Decorators of steps."""

FLOW_ARGUMENTS = ArgumentModels(
    {
        "airflow_external_task_sensor": "wait_arguments.ExternalTaskSensorArguments",
        "airflow_s3_key_sensor": "wait_arguments.S3KeySensorArguments",
        "concurrency": "lock_arguments.ConcurrencyArguments",
        "conda_base": "step_arguments.CondaArguments",
        "deadline": "notice_arguments.DeadlineArguments",
        "exit_hook": "flow_arguments.ExitHookArguments",
        "notify": "notice_arguments.NotifyArguments",
        "project": "flow_arguments.ProjectArguments",
        "pypi_base": "step_arguments.PypiArguments",
        "schedule": "flow_arguments.ScheduleArguments",
        "trigger": "flow_arguments.TriggerArguments",
        "trigger_on_finish": "flow_arguments.TriggerOnFinishArguments",
        "wait_for": "wait_arguments.WaitForArguments",
    }
)
"""Decorators of the flow's class."""

REPEATABLE = frozenset(
    {
        "airflow_external_task_sensor",
        "airflow_s3_key_sensor",
        "card",
        "concurrency",
        "exit_hook",
        "notify",
        "schedule",
        "wait_for",
    }
)
"""Decorators that may be given several times."""

PROBLEMS = "problems"
"""The entry of a validator's error that has all problems of an argument, each with its path in that."""
