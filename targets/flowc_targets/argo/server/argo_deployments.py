"""Deployments on Argo: WorkflowTemplates, CronWorkflows and Sensors with flowc's labels, by the kubectl on the PATH.

Argo Server has no API for ConfigMaps, which hold the code; so that all is done by one program, and needs no server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.server.argo_client import SELECTOR, read_manifest
from flowc_targets.argo.server.object_validation import validate
from flowc_targets.argo.server.workflow_status import flow_of
from flowc_targets.base.deployments import Deployment
from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map, as_strings
from flowc_targets.kubernetes.kubectl import apply_text, delete_objects, list_objects, patch_object
from flowc_targets.kubernetes.labels import DEPLOYMENT, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowc_targets.base.engine import Address
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile

CRON, TEMPLATE, SENSOR, SOURCE = "CronWorkflow", "WorkflowTemplate", "Sensor", "EventSource"
_LISTED = {
    CRON: "cronworkflows.argoproj.io",
    SENSOR: "sensors.argoproj.io",
    SOURCE: "eventsources.argoproj.io",
    TEMPLATE: "workflowtemplates.argoproj.io",
}
"""What a deployment consists of. What starts runs is first, and is removed first."""


_Objects = dict[str, list[dict[str, Any]]]
"""The objects with flowc's labels, by kind."""


class ArgoDeployments:
    """The deployments in one namespace: a DeploymentClient."""

    def __init__(self, address: Address) -> None:
        if address.server is not None or address.user is not None:
            given = "--server" if address.server is not None else "--user"
            message = f"{given} has no effect on deployments, which kubectl lists and changes"
            raise EngineError("FC506", message, "leave it out; KUBECONFIG and -n say where they are")
        self._namespace = address.namespace

    def options(self, options: TargetOptions) -> TargetOptions:
        """A CronWorkflow with a schedule, and a WorkflowTemplate without, unless another kind is given."""
        argo = options if isinstance(options, ArgoOptions) else ArgoOptions.model_validate(options.model_dump())
        if argo.kind == "workflow":
            if "kind" in argo.model_fields_set:
                message = "option kind=workflow is a run, which is no deployment"
                raise EngineError("FC506", message, "`flowc submit` starts it; or leave the option out")
            argo = argo.model_copy(update={"kind": "deployment"})
        self._namespace = argo.namespace or self._namespace
        return argo

    def deploy(self, files: Sequence[EmittedFile]) -> Deployment:
        """Apply the manifests, the objects that they no longer have removed: a schedule that the flow had before."""
        manifest = read_manifest(files)
        for item in manifest:
            problems = validate(item) if item.get("kind") in (CRON, TEMPLATE) else ()
            if problems:
                message = f"this is no {item.get('kind')} as Argo knows it: {'; '.join(problems)}"
                raise EngineError.refused(message, "correct the option or the decorator that it is from")
        kinds = {str(item.get("kind")): str(_meta(item)["name"]) for item in manifest if item.get("kind") in _LISTED}
        name = kinds.get(CRON) or kinds[TEMPLATE]
        apply_text("".join(file.text for file in files), self._namespace)
        objects = self._objects()
        gone = {kind: item for kind, item in _parts(objects, name).items() if kind not in kinds}
        for kind, item in gone.items():
            delete_objects(_LISTED[kind], [_meta(item)["name"]], self._namespace)
        note = f"removed the {' and the '.join(gone)} of the version before" if gone else ""
        left = {kind: [] if kind in gone else items for kind, items in objects.items()}
        return replace(self._named(left, name), note=note)

    def deployments(self, flow: str | None) -> tuple[Deployment, ...]:
        """All of them, or those of a flow."""
        found = _found(self._objects())
        return tuple(item for item in found if flow is None or item.flow == flow)

    def remove(self, name: str, folder: Path | None) -> Deployment:
        """Delete the objects. ConfigMaps stay until `flowc prune`: runs under way may need them."""
        if folder is not None:
            message = "--dags-folder has no effect on Argo, whose deployments are objects of Kubernetes"
            raise EngineError("FC506", message, "leave it out")
        objects = self._objects()
        found = self._named(objects, name)
        for kind, item in _parts(objects, name).items():
            delete_objects(_LISTED[kind], [_meta(item)["name"]], self._namespace)
        return found

    def suspend(self, name: str, *, suspended: bool) -> Deployment:
        """Suspend its CronWorkflow. Raises EngineError FC501 for what has none: Sensors cannot be suspended."""
        objects = self._objects()
        found, parts = self._named(objects, name), _parts(objects, name)
        if CRON not in parts:
            if SENSOR in parts:
                message = f"{name} is started by events, and Argo Events cannot suspend a Sensor"
                help_ = f"`flowc undeploy {name}`, and deploy it again when it is to start runs"
                raise EngineError("FC501", message, help_)
            message = f"{name} has neither schedule nor events: nothing starts it by itself"
            raise EngineError("FC501", message, "to suspend a run, name it as Flow/argo-UID")
        patch_object(_LISTED[CRON], name, {"spec": {"suspend": suspended}}, self._namespace)
        note = f"its Sensor still starts runs of {found.flow} on events" if suspended and SENSOR in parts else ""
        return replace(found, suspended=suspended, note=note)

    def _named(self, objects: _Objects, name: str) -> Deployment:
        found = next((item for item in _found(objects) if item.name == name), None)
        if found is None:
            where = f" in namespace {self._namespace}" if self._namespace else ""
            message = f"flowc has deployed nothing named {name!r}{where}"
            raise EngineError.unknown(message, "`flowc deployments` lists what is deployed; -n names another namespace")
        return found

    def _objects(self) -> _Objects:
        return {kind: list_objects(listed, self._namespace, "-l", SELECTOR) for kind, listed in _LISTED.items()}


def _parts(objects: _Objects, name: str) -> dict[str, dict[str, Any]]:
    """The objects of a deployment by kind. All have its name; that of an EventSource has more behind it."""
    found = {kind: next((x for x in items if _meta(x)["name"] == name), None) for kind, items in objects.items()}
    first = found[TEMPLATE] or found[CRON]
    if first is not None:
        label = _labels(first).get(DEPLOYMENT)
        sources = (item for item in objects[SOURCE] if _labels(item).get(DEPLOYMENT) == label)
        found[SOURCE] = next((item for item in sources if str(_meta(item)["name"]).startswith(name)), None)
    return {kind: item for kind, item in found.items() if item is not None}


def _found(objects: _Objects) -> Iterator[Deployment]:
    names = {str(_meta(item)["name"]) for kind in (CRON, TEMPLATE) for item in objects[kind]}
    for name in sorted(names):
        parts = _parts(objects, name)
        first = parts.get(CRON) or parts[TEMPLATE]
        template = parts.get(TEMPLATE, first)
        spec = as_map(as_map(parts.get(CRON)).get("spec"))
        schedules = as_strings(spec.get("schedules")) or ([str(spec["schedule"])] if "schedule" in spec else [])
        yield Deployment(
            name,
            flow_of(_meta(template)) or flow_of(_meta(first)),
            tuple(kind for kind in _LISTED if kind in parts),
            "; ".join(schedules) + (f" ({spec['timezone']})" if schedules and spec.get("timezone") else ""),
            bool(spec.get("suspend")) if spec else False if SENSOR in parts else None,
            str(_labels(template).get(VERSION) or ""),
            str(_meta(first).get("namespace") or ""),
            str(_meta(first).get("creationTimestamp") or ""),
        )


def _meta(item: dict[str, Any]) -> dict[str, Any]:
    return as_map(item.get("metadata"))


def _labels(item: dict[str, Any]) -> dict[str, Any]:
    return as_map(_meta(item).get("labels"))
