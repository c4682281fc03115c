"""How a count, a choice or a label leaves its pod without a sidecar: as the termination message."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

from airflow.providers.cncf.kubernetes.callbacks import KubernetesPodOperatorCallback
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from flowc_targets.airflow.operators.shim_task import publish


class PublishOutput(KubernetesPodOperatorCallback):
    """Publishes a foreach's count, a switch's choice or a label, as a pod left it."""

    @staticmethod
    def on_pod_completion(*, pod: Any, context: Any, **_kwargs: Any) -> None:
        """Push the termination message of the step's container, if it succeeded."""
        for status in pod.status.container_statuses or []:
            base = status.name == KubernetesPodOperator.BASE_CONTAINER_NAME
            ended = status.state.terminated if base else None
            if ended and ended.exit_code == 0 and ended.message:
                publish(context, ended.message)
