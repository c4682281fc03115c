"""The operator that runs a step in a pod."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

from flowc_targets.airflow.operators.code_in_pods import BOOTSTRAP, attach_code
from flowc_targets.airflow.operators.shim_task import ShimTask

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class StepOperator(ShimTask, KubernetesPodOperator):
    """Runs a step in a pod."""

    def __init__(
        self,
        *,
        flow: FlowPackage,
        python: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(flow=flow, **kwargs)
        self.python = python or flow.python

    def build_pod_request_obj(self, context: Any = None, **kwargs: Any) -> Any:
        """Build the pod, with the shim's command, variables and code in it."""
        pod = super().build_pod_request_obj(context, **kwargs)
        if context is None:  # a dry run
            return pod
        container = pod.spec.containers[0]
        variables = self.shim_environment(context)
        attach_code(pod, self.flow, variables)
        container.command = [self.python, "-c", BOOTSTRAP]
        container.args = self.shim_arguments(context)
        container.env = container.env or []
        for name, value in variables.items():
            # Kubernetes expands `$(...)` in values, and reads `$$` as `$`.
            exact = value.replace("$", "$$")
            container.env.append(k8s.V1EnvVar(name=name, value=exact))
        return pod
