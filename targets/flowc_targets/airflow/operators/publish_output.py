"""How a count or a choice leaves its pod without a sidecar: as the termination message.

A count is a number, and a choice is the name of a step, which is never one.
"""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator


class PublishOutput(KubernetesPodOperatorCallback):
    """Publishes a foreach's count or a switch's choice, from how its pod ended."""

    @staticmethod
    def on_pod_completion(*, pod: Any, context: Any, **_kwargs: Any) -> None:
        """Push the termination message of the step's container, if it succeeded."""
        for status in pod.status.container_statuses or []:
            base = status.name == KubernetesPodOperator.BASE_CONTAINER_NAME
            ended = status.state.terminated if base else None
            if ended and ended.exit_code == 0 and ended.message:
                if ended.message.isdigit():
                    context["ti"].xcom_push(key="count", value=int(ended.message))
                else:
                    context["ti"].xcom_push(key="choice", value=ended.message)
