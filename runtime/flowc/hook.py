"""Calling a function of `@exit_hook` when a run has ended."""

from __future__ import annotations

import os
import sys

from flowc.errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from flowc.plan import Plan


def run_hook(plan: Plan, name: str) -> int:
    """Call a function of the flow's file, or one that a dotted name imports; returns the exit code.

    It gets the run, as `run=`, when it has an argument of that name or takes any.
    """
    from flowc.report import failure_text
    from flowc.userfile import load_module

    try:
        function = _function(load_module(plan), name)
        if _takes_run(function):
            from flowc.client import Run

            run = Run(f"{plan.flow}/{os.environ['FLOWC_RUN_ID']}", root=os.environ["FLOWC_ROOT"])
            function(run=run)
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
        raise ProtocolError(f"there is no function {name!r} for the exit hook")
    return function  # type: ignore[no-any-return]


def _takes_run(function: Callable[..., Any]) -> bool:
    from inspect import Parameter, signature

    parameters = signature(function).parameters.values()
    return any(item.name == "run" or item.kind is Parameter.VAR_KEYWORD for item in parameters)
