"""Patches of a Workflow and of its templates, and where a pod's patch has its place in a template."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_compiler.ir.manifest_schema import (
    MAIN,
    ManifestSchema,
    SchemaProblem,
    main_container_problems,
    read_table,
    volume_problems,
)
from flowc_compiler.ir.manifest_schema import TABLE as POD_TABLE
from flowc_targets.argo.container_sets import patch_of_set
from flowc_targets.argo.workflow_objects import ENTRYPOINT
from flowc_targets.base.json_parts import as_map, as_maps
from flowc_targets.kubernetes.objects import to_manifest
from flowc_targets.kubernetes.pod_security import container_security

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.argo.options import ArgoOptions
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
_OF_WORKFLOWS = frozenset({"hostNetwork"})
"""Fields of a pod that only a Workflow's spec has."""
_NO_POD = frozenset({"name", "dag", "steps", "script", "resource", "suspend", "http", "plugin", "data", "containerSet"})
"""Fields that make a template another than that of the step's pod."""
_EXECUTORS = frozenset({"init", "wait"})
"""Argo's own containers in a pod; names are unique in it, those of init containers included."""


@cache
def _schema() -> ManifestSchema:
    return ManifestSchema(read_table(POD_TABLE), read_table(TABLE), _WORKFLOW)


def workflow_problems(patch: Mapping[str, Any]) -> list[SchemaProblem]:
    """What does not fit into a Workflow, or would keep it from running."""
    found = list(_schema().problems(patch, "WorkflowPatch"))
    spec = as_map(patch.get("spec"))
    templates = {ENTRYPOINT, *(item.get("name") for item in as_maps(spec.get("templates")))}
    for key, name in ((key, spec[key]) for key in ("entrypoint", "onExit") if key in spec):
        if name not in templates and (name is not None or key == "entrypoint"):
            message = f"there is no template {name!r}" if name is not None else "a Workflow needs it"
            help_ = "add the template to `templates` of the patch, or leave it out"
            found.append(SchemaProblem(("spec", key), message, help_))
    return [*found, *volume_problems(spec.get("volumes"), ("spec", "volumes"))]


def template_problems(patch: Mapping[str, Any]) -> list[SchemaProblem]:
    """What does not fit into the template of a pod, or would keep it from running."""
    found = list(_schema().problems(patch, "Template"))
    message, help_ = "flowc gives each template its name, and the container that it runs", "leave it out"
    found += [SchemaProblem((key,), message, help_) for key in sorted(_NO_POD & patch.keys())]
    found += main_container_problems(as_map(patch.get("container")), ("container",))
    for key in ("sidecars", "initContainers"):
        for number, name in executors_in(patch.get(key)):
            found.append(
                SchemaProblem((key, number), f"Argo has a container {name!r} of its own", "call it another name")
            )
    return [*found, *volume_problems(patch.get("volumes"), ("volumes",))]


def executors_in(containers: object) -> list[tuple[int, str]]:
    """The containers that have the name of one that Argo puts into each pod, with their places in the list."""
    names = [str(item.get("name")) for item in as_maps(containers)]
    return [(number, name) for number, name in enumerate(names) if name in _EXECUTORS]


def pod_parts(options: ArgoOptions) -> list[tuple[str, dict[str, Any]]]:
    """What the patches of options say of pods, each as a pod's spec, with the option's name."""
    workflow = as_map(options.workflow_patch.get("spec"))
    of_workflow = [workflow, *as_maps(workflow.get("templates"))]
    return [
        ("template_patch", _pod_part(options.template_patch)),
        *(("workflow_patch", _pod_part(patch)) for patch in of_workflow),
    ]


def _pod_part(patch: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a pod that a patch of a template, or of a Workflow, makes."""
    spec = _read_patch(patch.get("podSpecPatch"))
    own = {key: value for key, value in patch.items() if key in _IN_TEMPLATES | _OF_WORKFLOWS}
    main = [{**as_map(patch["container"]), "name": MAIN}] if "container" in patch else []
    containers = [*main, *as_maps(patch.get("sidecars")), *as_maps(spec.get("containers"))]
    init = [*as_maps(patch.get("initContainers")), *as_maps(spec.get("initContainers"))]
    return {**spec, **own, "containers": containers, "initContainers": init}


def _read_patch(text: object) -> dict[str, Any]:
    """A podSpecPatch, in JSON or YAML; empty where Argo's expressions keep it from being either."""
    import yaml

    try:
        return as_map(yaml.safe_load(text)) if isinstance(text, str) else {}
    except (yaml.YAMLError, RecursionError):
        return {}


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
    return template.patched(own if template.container_set is None else patch_of_set(own))
