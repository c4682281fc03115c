"""The operator that runs a step in a pod."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from flowc_targets.airflow.operators.code_in_pods import BOOTSTRAP, attach_code
from flowc_targets.airflow.operators.shim_task import ShimTask

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class StepOperator(ShimTask, KubernetesPodOperator):
    """Runs a step in a pod; `pod_patch` is merged, with the container as `main`.
    `attempts` has what the second try needs, and each one after it.
    """

    def __init__(
        self,
        *,
        flow: FlowPackage,
        python: str | None = None,
        pod_patch: dict[str, Any] | None = None,
        attempts: list[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(flow=flow, **kwargs)
        self.python = python or flow.python
        self.pod_patch = pod_patch
        self.attempts = attempts

    def run_shim(self, context: Any) -> None:
        """Run the pod to its end."""
        self.name: Any = self._set_name(self.name)
        self.pod_request_obj = None
        self.execute_sync(context)

    def build_pod_request_obj(self, context: Any = None, **kwargs: Any) -> Any:
        """Build the pod, with the shim's command, variables and code in it."""
        if self.attempts and context is not None:
            attempt, first = self.attempt_numbers(context)
            further = self.attempts[: attempt - first][-1:]
            for name, value in further[0].items() if further else ():
                setattr(self, name, value)
        pod = super().build_pod_request_obj(context, **kwargs)
        if self.pod_patch:
            pod = patched_pod(pod, self.pod_patch)
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

    def cleanup(self, pod: Any, remote_pod: Any, *args: Any, **kwargs: Any) -> None:
        """Clean up after a pod; what it says counts for the task."""
        try:
            super().cleanup(pod, remote_pod, *args, **kwargs)
        except Exception as error:
            status = getattr(remote_pod, "status", None)
            said = [getattr(status, name, None) for name in ("reason", "message")]
            code, reason = self.ended(status)
            self.fail_for_good(code, error, " ".join(filter(None, [*said, reason])))
            raise

    def ended(self, status: Any) -> tuple[int | None, str | None]:
        """Return the exit code of the step's container, and the reason, if known."""
        for item in getattr(status, "container_statuses", None) or []:
            ended = item.state.terminated if item.state else None
            if item.name == self.base_container_name and ended:
                return ended.exit_code, getattr(ended, "reason", None)
        return None, None


def patched_pod(pod: Any, patch: dict[str, Any]) -> Any:
    """Return a pod with a patch merged into it: maps by key, and lists by `name`."""
    tree = ApiClient().sanitize_for_serialization(pod)
    tree["spec"]["containers"][0]["name"] = "main"
    tree = merge_patch(tree, patch)
    tree["spec"]["containers"][0]["name"] = pod.spec.containers[0].name
    return PodGenerator.deserialize_model_dict(tree)


def merge_patch(base: Any, patch: Any) -> Any:
    """Return a part of a manifest with a patch merged in; `None` removes a field."""
    if isinstance(patch, dict):
        old = base if isinstance(base, dict) else {}
        new = {key: merge_patch(old.get(key), value) for key, value in patch.items()}
        merged = {**old, **new}
        return {key: value for key, value in merged.items() if value is not None}
    if not isinstance(patch, list):
        return patch
    items = base if isinstance(base, list) else []
    old = {item.get("name"): item for item in items if isinstance(item, dict)}
    new = {item.get("name"): item for item in patch if isinstance(item, dict)}
    if None in {*old, *new} or len(old) < len(items) or len(new) < len(patch):
        return [merge_patch(None, item) for item in patch]
    new = {name: merge_patch(old.get(name), item) for name, item in new.items()}
    return list({**old, **new}.values())
