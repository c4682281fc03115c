"""The sensor that looks for what a step waits for, on top of whichever operator a DAG file has for its steps."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.operators.pod_operator import StepOperator

try:
    from airflow.sdk import BaseSensorOperator
except ImportError:  # Airflow 2
    from airflow.sensors.base import BaseSensorOperator

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # before Airflow 3.1
    from airflow.exceptions import AirflowFailException

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class NotYetError(Exception):
    """What is waited for is not there yet."""


class WaitSensor(StepOperator, BaseSensorOperator):
    """Looks for what a step waits for, by the shim, and gives its slot back.

    With `answered`, for what a person has chosen. The shim itself says when it has
    waited too long.
    """

    def __init__(
        self,
        *,
        flow: FlowPackage,
        every: float = 60,
        answered: bool = False,
        **kwargs: Any,
    ) -> None:
        # What fails has waited too long; Airflow's own limit of time is out of the way.
        common = {"mode": "reschedule", "poke_interval": every, "timeout": 10**9}
        super().__init__(flow=flow, **{"retries": 3, **common, **kwargs})
        self.answered = answered

    def shim_arguments(self, context: Any) -> list[str]:
        """Return the shim's command: what it looks for."""
        place = ["--step", self.step, "--index", self.index_path()]
        return ["wait", *place, *(["--approval"] if self.answered else [])]

    def fail_for_good(
        self,
        code: int | None,
        error: Any = None,
        said: str = "",
    ) -> None:
        """Wait on where something is not there yet; else it waited too long."""
        if code == 75:
            raise NotYetError from error
        if code and code < 128:
            text = f"step {self.step} cannot begin (exit code {code})"
            raise AirflowFailException(text) from error

    def execute(self, context: Any) -> None:
        """Look once, and be called again unless all is there."""
        BaseSensorOperator.execute(self, context)

    def poke(self, context: Any) -> bool:
        """Return whether all is there."""
        try:
            self.run_shim(context)
        except NotYetError:
            return False
        return True
