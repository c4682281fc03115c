"""The operator of exit hooks, on top of whichever operator a DAG file has for its steps."""

from __future__ import annotations

from typing import Any

from flowc_targets.airflow.operators.pod_operator import StepOperator


class HookOperator(StepOperator):
    """Calls a function of the flow when its run has ended, and changes nothing."""

    def __init__(self, *, function: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function = function

    def shim_arguments(self, context: Any) -> list[str]:
        """Return the shim's command for the hook."""
        return ["hook", self.function, "--forgive"]
