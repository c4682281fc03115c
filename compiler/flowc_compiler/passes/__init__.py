"""Passes: plain functions from flow to flow, each in a file of its own, run in the order of PASSES."""

from collections.abc import Callable

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow
from flowc_compiler.passes.gangs import check_gangs
from flowc_compiler.passes.order import order_steps
from flowc_compiler.passes.scopes import build_scopes
from flowc_compiler.passes.together import check_together

Pass = Callable[[Flow, DiagnosticSink], Flow | None]
"""A pass returns the new flow, or `None` with errors collected when the passes behind it could not make sense of it."""

PASSES: tuple[Pass, ...] = (order_steps, check_gangs, build_scopes, check_together)
"""Every pass, in order."""

__all__ = ["PASSES", "Pass", "build_scopes", "check_gangs", "check_together", "order_steps"]
