"""Calling a function of `@exit_hook`, or a pipeline's hook, when a run has ended."""

from __future__ import annotations

import os
import sys

from flowc.errors import ProtocolError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from flowc.client import Run
    from flowc.protocol.plan import Plan


def run_hook(plan: Plan, name: str) -> int:
    """Call a function of the flow's file, or one that a dotted name imports; returns the exit code.

    It gets the run, as `run=`, when it has an argument of that name or takes any; and what failed, `None` where nothing
    did, when it takes another one, as ZenML's hooks do: without a default, or named or annotated as an exception.
    """
    from flowc.shim.failure_report import failure_text
    from flowc.shim.user_code import load_module

    try:
        function = _function(load_module(plan), name)
        if _takes_run(function):
            function(run=_run(plan))
        elif _takes_failure(function):
            function(_failure(_run(plan)))
        else:
            function()
    except (Exception, SystemExit) as error:
        sys.stderr.write(failure_text(error))
        return 1
    return 0


def _function(module: Any, name: str) -> Callable[..., Any]:
    if "." in name:
        from importlib import import_module

        home, _, attribute = name.rpartition(".")
        function = getattr(import_module(home), attribute, None)
    else:
        function = getattr(module, name, None)
    if not callable(function):
        raise ProtocolError(f"the exit hook {name!r} is not a function of the flow's file, nor of a module")
    return function  # type: ignore[no-any-return]


def _run(plan: Plan) -> Run:
    from flowc.client import Run

    return Run(f"{plan.flow}/{os.environ[env_names.RUN_ID]}", root=os.environ[env_names.ROOT])


def _failure(run: Run) -> BaseException | None:
    """The first failure of a task that is on record. A process that was killed leaves none."""
    from flowc.errors import FlowError

    for step in run:
        for task in step:
            if (failure := task.exception) is not None:
                return failure
    return None if run.successful else FlowError(f"the run {run.id} failed")


def _takes_failure(function: Callable[..., Any]) -> bool:
    from inspect import Parameter, signature

    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return any(
        item.kind in kinds
        and (item.default is item.empty or item.name == "exception" or "Exception" in str(item.annotation))
        for item in signature(function).parameters.values()
    )


def _takes_run(function: Callable[..., Any]) -> bool:
    from inspect import Parameter, signature

    parameters = signature(function).parameters.values()
    return any(item.name == "run" or item.kind is Parameter.VAR_KEYWORD for item in parameters)
