"""The arguments of each decorator, with Metaflow's names, units and defaults (FACTS of Metaflow 2.19)."""

from flowc_compiler.frontend.decorators.arguments.behaviour import (
    CardArguments,
    CatchArguments,
    EnvironmentArguments,
    ForeachOptionsArguments,
    LoopArguments,
    ParallelArguments,
    RetryArguments,
    SecretsArguments,
    TimeoutArguments,
)
from flowc_compiler.frontend.decorators.arguments.compute import BatchArguments, KubernetesArguments, ResourcesArguments
from flowc_compiler.frontend.decorators.arguments.flow import (
    ExitHookArguments,
    NamespacedName,
    ProjectArguments,
    ScheduleArguments,
    TriggerArguments,
    TriggerOnFinishArguments,
)
from flowc_compiler.frontend.decorators.arguments.packages import CondaArguments, PypiArguments
from flowc_compiler.frontend.decorators.arguments.values import Arguments

ARGUMENTS: dict[str, type[Arguments]] = {
    "batch": BatchArguments,
    "card": CardArguments,
    "catch": CatchArguments,
    "conda": CondaArguments,
    "environment": EnvironmentArguments,
    "foreach_options": ForeachOptionsArguments,
    "kubernetes": KubernetesArguments,
    "loop": LoopArguments,
    "parallel": ParallelArguments,
    "pypi": PypiArguments,
    "resources": ResourcesArguments,
    "retry": RetryArguments,
    "secrets": SecretsArguments,
    "timeout": TimeoutArguments,
}
"""Decorators of steps."""

FLOW_ARGUMENTS: dict[str, type[Arguments]] = {
    "conda_base": CondaArguments,
    "exit_hook": ExitHookArguments,
    "project": ProjectArguments,
    "pypi_base": PypiArguments,
    "schedule": ScheduleArguments,
    "trigger": TriggerArguments,
    "trigger_on_finish": TriggerOnFinishArguments,
}
"""Decorators of the flow's class."""

REPEATABLE = frozenset({"card", "exit_hook"})
"""Decorators that may be given several times."""

__all__ = [
    "ARGUMENTS",
    "FLOW_ARGUMENTS",
    "REPEATABLE",
    "Arguments",
    "BatchArguments",
    "CardArguments",
    "CatchArguments",
    "CondaArguments",
    "EnvironmentArguments",
    "ExitHookArguments",
    "ForeachOptionsArguments",
    "KubernetesArguments",
    "LoopArguments",
    "NamespacedName",
    "ParallelArguments",
    "ProjectArguments",
    "PypiArguments",
    "ResourcesArguments",
    "RetryArguments",
    "ScheduleArguments",
    "SecretsArguments",
    "TimeoutArguments",
    "TriggerArguments",
    "TriggerOnFinishArguments",
]
