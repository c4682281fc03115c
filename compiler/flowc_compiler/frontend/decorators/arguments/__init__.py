"""The arguments of each decorator, with Metaflow's names, units and defaults (FACTS of Metaflow 2.19)."""

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.decorators.arguments.compute_arguments import (
    BatchArguments,
    KubernetesArguments,
    ResourcesArguments,
)
from flowc_compiler.frontend.decorators.arguments.flow_arguments import (
    ExitHookArguments,
    NamespacedName,
    ProjectArguments,
    ScheduleArguments,
    TriggerArguments,
    TriggerOnFinishArguments,
)
from flowc_compiler.frontend.decorators.arguments.step_arguments import (
    CardArguments,
    CatchArguments,
    CondaArguments,
    EnvironmentArguments,
    ForeachOptionsArguments,
    LoopArguments,
    ParallelArguments,
    PypiArguments,
    RetryArguments,
    SecretsArguments,
    TimeoutArguments,
)

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
