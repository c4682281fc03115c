"""The operators of a call of a deployed flow: one starts its run and waits, and one takes what that returns."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.operators.pod_operator import StepOperator
from flowc_targets.airflow.operators.shim_task import stored_id

try:
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
except ImportError:  # Airflow 2
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class CallOperator(TriggerDagRunOperator):
    """Starts a run of a deployed flow, and waits for its end; each try is a run.

    The task `calling` says with which parameters, or that it is done already, in a run
    that this one resumes.
    """

    template_fields = ()

    def __init__(self, *, calling: str, **kwargs: Any) -> None:
        common = {"wait_for_completion": True, "poke_interval": 10}
        super().__init__(**{**common, **kwargs})
        self.calling = calling

    def execute(self, context: Any) -> None:
        """Start the run, unless it is done already."""
        ti = context["ti"]
        place = {"task_ids": self.calling, "map_indexes": ti.map_index}
        said = ti.xcom_pull(key="choice", **place)
        if said == "taken":
            return
        self.conf = json.loads(said)
        mapped = [ti.map_index] if ti.map_index >= 0 else []
        parts = [context["run_id"], self.calling, *mapped, ti.try_number]
        self.trigger_run_id = "-".join(map(str, parts))
        super().execute(context)


class CalledOperator(StepOperator):
    """Takes what the run returns that the task `called` has started."""

    def __init__(self, *, flow: FlowPackage, called: str, **kwargs: Any) -> None:
        super().__init__(flow=flow, **kwargs)
        self.called = called

    def shim_environment(self, context: Any) -> dict[str, str]:
        """Return the task's variables, and the run's id."""
        ti = context["ti"]
        place = {"task_ids": self.called, "map_indexes": ti.map_index}
        run = ti.xcom_pull(key="trigger_run_id", **place)
        found = {"FLOWC_CALLED_RUN": stored_id(run)} if run else {}
        return {**super().shim_environment(context), **found}
