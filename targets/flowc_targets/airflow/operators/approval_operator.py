"""The operator that asks a person: Airflow's own from 3.1 on, and a sensor that looks into the store before."""
# pyright: standard, reportMissingImports=false, reportAttributeAccessIssue=false, reportOptionalCall=false, reportGeneralTypeIssues=false

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow import exceptions

from flowc_targets.airflow.operators.shim_task import ShimTask
from flowc_targets.airflow.operators.wait_sensor import WaitSensor

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage

try:
    from airflow.providers.standard.operators.hitl import HITLOperator
    from airflow.sdk import Param
except (ImportError, exceptions.AirflowException):  # the provider's, before Airflow 3.1
    HITLOperator, Param = object, None

TEXT = "text"
"""The param that a person fills in where there is nothing to choose from."""
OF_QUESTIONS = ("choices", "message", "response_seconds", "waited")
"""Arguments that only the operator which asks itself needs."""


class StoredApproval(WaitSensor):
    """Waits until `flowc approve` has written down what a person has chosen. `look` are
    arguments of the operator that looks.
    """

    def __init__(
        self,
        *,
        flow: FlowPackage,
        look: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        for name in OF_QUESTIONS:
            kwargs.pop(name, None)
        options = {**(look or {}), **kwargs}
        super().__init__(flow=flow, answered=True, every=30, **options)


class AskingOperator(ShimTask, HITLOperator):
    """Asks a person, and publishes who has chosen what.

    `waited` is the task before this one, which says whether it is all done already.
    """

    def __init__(
        self,
        *,
        flow: FlowPackage,
        choices: list[str] | None = None,
        message: str = "",
        response_seconds: float | None = None,
        look: dict[str, Any] | None = None,
        waited: str | None = None,
        params: Any = None,
        **kwargs: Any,
    ) -> None:
        # Those of the whole flow, which Airflow adds to the ones below as well.
        del params
        limit = response_seconds
        text = {TEXT: Param("", type="string", description=message)}
        super().__init__(
            flow=flow,
            subject=message or kwargs.get("step") or kwargs["task_id"],
            options=choices or ["OK"],
            params={} if choices else text,
            response_timeout=None if limit is None else timedelta(seconds=limit),
            **kwargs,
        )
        self.waited = waited

    def execute(self, context: Any) -> Any:
        """Ask, unless a run that this one resumes has done the step."""
        ti = context["ti"]
        place = {"task_ids": self.waited, "map_indexes": ti.map_index}
        if self.waited and ti.xcom_pull(key="choice", **place) == "taken":
            return None
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Publish the choice; where nobody has chosen in time, the step says so."""
        answer: dict[str, Any] = {"choice": "flowc:timeout"}
        found = None
        if event.get("error_type") != "timeout":
            found = super().execute_complete(context, event)
            user = event.get("responded_by_user") or {}
            chosen, given = event["chosen_options"], event.get("params_input") or {}
            answer = {
                "choice": given[TEXT] if TEXT in given else chosen[0],
                "by": user.get("name") or user.get("id"),
                "via": "airflow",
            }
        context["ti"].xcom_push(key="answer", value=answer)
        return found


ApprovalOperator = StoredApproval if HITLOperator is object else AskingOperator
