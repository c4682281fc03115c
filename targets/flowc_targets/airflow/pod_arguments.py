"""Prints a step's pod as arguments of the KubernetesPodOperator, which takes objects of Kubernetes' Python client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from flowc_targets.airflow.dag_model import Call
from flowc_targets.kubernetes.objects import LocalObjectReference, ManifestObject
from flowc_targets.kubernetes.pod import env_from

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs
    from flowc_targets.airflow.dag_model import Expression
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.kubernetes.pod import StepPod

_CLIENT = {"PodSecurity": "PodSecurityContext"}
"""Classes of the client whose names differ from those of the models."""


def pod_defaults(options: AirflowOptions) -> dict[str, Expression]:
    """Return what all pods share: entries of `default_args`."""
    return _printed(
        {
            "image": options.image,
            "image_pull_policy": options.image_pull_policy,
            "image_pull_secrets": tuple(LocalObjectReference(name=name) for name in options.image_pull_secrets),
            "namespace": options.namespace,
            "service_account_name": options.service_account,
            "env_from": env_from(options.env_from_secrets),
            # The spec contains the code package; a failed pod would print all of it into its log.
            "log_pod_spec_on_failure": False,
            "startup_timeout_seconds": options.startup_timeout_seconds,
            "schedule_timeout_seconds": options.schedule_timeout_seconds,
            "kubernetes_conn_id": options.kubernetes_conn_id,
            "config_file": options.config_file,
            "in_cluster": options.in_cluster,
        }
    )


def _node_seconds(specs: StepSpecs, options: AirflowOptions) -> int | None:
    """Return the time for a step's pods to wait for a node, if it is not the time for all pods."""
    if specs.accelerator is None or options.schedule_timeout_seconds is not None:
        return None
    return options.waits_for_node(gpu=True)


def pod_arguments(pod: StepPod, specs: StepSpecs, options: AirflowOptions) -> dict[str, Expression]:
    """Return the arguments for the pods of one step."""
    return _printed(
        {
            "container_resources": pod.resources,
            "node_selector": pod.node_selector,
            "tolerations": pod.tolerations,
            "affinity": pod.affinity,
            "schedule_timeout_seconds": _node_seconds(specs, options),
            "active_deadline_seconds": pod.active_deadline_seconds,
            "image": pod.image,
            "python": pod.python,
            "image_pull_policy": pod.image_pull_policy,
            "image_pull_secrets": pod.image_pull_secrets,
            "namespace": pod.namespace,
            "service_account_name": pod.service_account_name,
            "labels": pod.labels,
            "annotations": pod.annotations,
            "ports": pod.ports,
            "container_security_context": pod.security_context,
            "security_context": pod.pod_security_context,
            "priority_class_name": pod.priority_class_name,
            "schedulername": pod.scheduler_name,
            "env_from": pod.env_from,
            "volumes": pod.volumes,
            "volume_mounts": pod.volume_mounts,
        }
    )


def _printed(values: dict[str, object]) -> dict[str, Expression]:
    return {name: client_object(value) for name, value in values.items() if value is not None and value not in ((), {})}


def client_object(value: Any) -> Expression:
    """Return an object as a call of the client's class: `V1` and the object's name, with its fields as keywords."""
    match value:
        case tuple():
            return tuple(client_object(item) for item in cast("tuple[object, ...]", value))
        case BaseModel():
            names: list[str] = list(type(value).model_fields)
        case ManifestObject():
            names = list(value.field_names)
        case _:
            return cast("Expression", value)
    name: str = type(value).__name__
    members = {name: getattr(value, name) for name in names}
    return Call(f"k8s.V1{_CLIENT.get(name, name)}", kwargs=_printed(members))
