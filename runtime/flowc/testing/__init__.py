"""Testing flows: one step in the test's process, whole runs with faults, and what is compiled. See docs/testing.md.

    from flowc.testing import run_step

    result = run_step(WeatherFlow, "measure", input="Oslo", parameters={"days": 1})
    assert result.artifacts["mean"] == 11.4
    assert result.next.steps == ["compare"]

It needs the `flowc` command, and is not in the containers of tasks. The compiler is imported when a function is called.
"""

from __future__ import annotations

from flowc.testing.compiled_flow import CompiledFlow, PodTemplate, compiled
from flowc.testing.engine_runs import RunFlow, run_flow, simulate_flow
from flowc.testing.faults import UnusedFault
from flowc.testing.step_run import StepResult, Transition, run_step
from flowc.testing.tested_flow import CompileFailed, UsageError, load, serve

__all__ = [
    "CompileFailed", "CompiledFlow", "PodTemplate", "RunFlow", "StepResult", "Transition", "UnusedFault", "UsageError",
    "compiled", "load", "run_flow", "run_step", "serve", "simulate_flow",
]  # fmt: skip
