"""Patches of a Workflow and of its templates, and where a pod's patch has its place in a template."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_compiler.ir.manifest_schema import MAIN, ManifestSchema, read_table
from flowc_compiler.ir.manifest_schema import TABLE as POD_TABLE
from flowc_targets.kubernetes.objects import to_manifest
from flowc_targets.kubernetes.pod_security import container_security

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir.manifest_schema import SchemaProblem
    from flowc_targets.argo.workflow_objects import Template
    from flowc_targets.base.options import TargetOptions

TABLE = Path(__file__).with_name("workflow_fields.json")
"""The types of a Workflow: those of Argo's client for Python (3.7), and what the CRDs of 4.1 have beside."""
_WORKFLOW = {"WorkflowPatch": {"metadata": "ObjectMeta", "spec": "WorkflowSpec"}}
_IN_TEMPLATES = frozenset(
    {
        "activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "hostAliases", "initContainers",
        "nodeSelector", "priorityClassName", "schedulerName", "securityContext", "serviceAccountName", "tolerations",
        "volumes",
    }
)  # fmt: skip
"""Fields of a pod that a template has by the same names. For all others it has `podSpecPatch`."""


@cache
def _schema() -> ManifestSchema:
    return ManifestSchema(read_table(POD_TABLE), read_table(TABLE), _WORKFLOW)


def workflow_problems(patch: Mapping[str, Any]) -> list[SchemaProblem]:
    """What does not fit into a Workflow."""
    return list(_schema().problems(patch, "WorkflowPatch"))


def template_problems(patch: Mapping[str, Any]) -> list[SchemaProblem]:
    """What does not fit into a template."""
    return list(_schema().problems(patch, "Template"))


def executor_patch(options: TargetOptions) -> str | None:
    """What gives the rights of the steps' containers to Argo's own, which have others unless the controller says so."""
    security = container_security(options)
    if security is None:
        return None
    own = {"securityContext": to_manifest(security)}
    patch = {"containers": [{"name": "wait", **own}], "initContainers": [{"name": "init", **own}]}
    return json.dumps(patch, sort_keys=True)


def rest_of_pod(patch: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a pod's patch that a template has no place for."""
    spec: Mapping[str, Any] = patch.get("spec") or {}
    return {key: value for key, value in spec.items() if key not in _IN_TEMPLATES and key != "containers"}


def with_pod_patch(template: Template, patch: Mapping[str, Any]) -> Template:
    """The template of a pod with a patch of this: its container `main` is the step's, and others run beside it."""
    spec: Mapping[str, Any] = patch.get("spec") or {}
    own: dict[str, Any] = {key: value for key, value in spec.items() if key in _IN_TEMPLATES}
    if patch.get("metadata"):
        own["metadata"] = patch["metadata"]
    for container in spec.get("containers") or ():
        if container.get("name") == MAIN:
            own["container"] = {key: value for key, value in container.items() if key != "name"}
        else:
            own.setdefault("sidecars", []).append(container)
    rest = rest_of_pod(patch)
    if rest:
        own["podSpecPatch"] = json.dumps(rest, sort_keys=True)
    return template.patched(own)
