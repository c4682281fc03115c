"""The local engine: runs a flow on this machine, each task a process, with the store layout of every other target."""

from flowc_targets.local.console_report import ConsoleReporter
from flowc_targets.local.local_engine import run_flow
from flowc_targets.local.options import DEFAULT_START, ResumeOptions, RunOptions
from flowc_targets.local.resumption import origin_configs, origin_parameters
from flowc_targets.local.run_report import FailedTask, Reporter, RunResult
from flowc_targets.local.task_environment import check_params

__all__ = [
    "DEFAULT_START",
    "ConsoleReporter",
    "FailedTask",
    "Reporter",
    "ResumeOptions",
    "RunOptions",
    "RunResult",
    "check_params",
    "origin_configs",
    "origin_parameters",
    "run_flow",
]
