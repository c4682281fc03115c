"""What is deployed on Argo Server: WorkflowTemplates and CronWorkflows, their parameters, and runs of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from flowc_targets.argo.argo_checks import ARGUMENT_BYTES
from flowc_targets.argo.manifest_text import SCHEDULED_ANNOTATION, SCHEDULED_TIME, TRIGGER, encode_value
from flowc_targets.argo.server.argo_server import ArgoServer
from flowc_targets.argo.server.workflow_status import flow_of
from flowc_targets.argo.target import TITLE
from flowc_targets.base.engine import ORIGIN, Deployed, DeployedParameter, EngineError
from flowc_targets.base.json_parts import as_map, as_maps
from flowc_targets.kubernetes.labels import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.argo.server.argo_server import Json

_OWN = frozenset({ORIGIN, TRIGGER})
"""Arguments that are flowc's own, and no parameters of the flow."""


class _Kind(NamedTuple):
    """A kind of object: its name, what the command line may call it, and how to get one."""

    name: str
    words: tuple[str, ...]
    service: str
    method: str
    namespaced: bool = True


KINDS = (
    _Kind(
        "WorkflowTemplate",
        ("workflowtemplate", "workflowtemplates", "wftmpl", "template"),
        "workflow_template",
        "get_workflow_template",
    ),
    _Kind(
        "CronWorkflow", ("cronworkflow", "cronworkflows", "cronwf", "cwf", "cron"), "cron_workflow", "get_cron_workflow"
    ),
    _Kind(
        "ClusterWorkflowTemplate",
        ("clusterworkflowtemplate", "clusterworkflowtemplates", "cwft"),
        "cluster_workflow_template",
        "get_cluster_workflow_template",
        namespaced=False,
    ),
)
"""In the order in which a bare name is looked for; a name of the cluster is only looked for when its kind is said."""


def find_deployed(server: ArgoServer, name: str) -> Deployed:
    """What is deployed as `NAME` or `kind/NAME`, the kinds being those of `argo submit --from`. Raises EngineError."""
    word, separator, bare = name.rpartition("/")
    kinds = [kind for kind in KINDS if word.lower() in kind.words] if separator else list(KINDS[:2])
    if not kinds:
        message = f"{word!r} is not a kind of object that runs can be submitted from"
        help_ = "write workflowtemplate/NAME, cronworkflow/NAME or clusterworkflowtemplate/NAME"
        raise EngineError("FC505", message, help_)
    namespace = server.access.namespace
    for kind in kinds:
        found = _find(server, kind, bare)
        if found is not None:
            specs = _specs(server, found)
            parameters = _parameters(specs)
            own = tuple(item for item in parameters if item.name not in _OWN)
            resumes = any(item.name == ORIGIN for item in parameters)
            takes_time = any(SCHEDULED_TIME in json.dumps(spec) for spec in specs)
            return Deployed(kind.name, bare, flow_of(as_map(found.get("metadata"))), own, resumes, takes_time)
    what = " or ".join(kind.name for kind in kinds)
    message = f"there is no {what} {bare!r} in namespace {namespace}"
    help_ = "`argo template list` and `argo cron list` list what is deployed; -n names another namespace"
    raise EngineError.unknown(message, help_)


def _find(server: ArgoServer, kind: _Kind, name: str) -> Json | None:
    where = (server.access.namespace, name) if kind.namespaced else (name,)
    try:
        return server.call(kind.service, kind.method, *where)
    except EngineError as error:
        if error.code == "FC602":
            return None
        raise


def _specs(server: ArgoServer, found: Json) -> list[Json]:
    """The spec of a template; that of a cron workflow behind that of the template that it refers to."""
    spec = as_map(found.get("spec"))
    spec = as_map(spec.get("workflowSpec")) or spec
    reference = as_map(spec.get("workflowTemplateRef"))
    if not reference.get("name"):
        return [spec]
    kind = KINDS[2] if reference.get("clusterScope") else KINDS[0]
    below = _find(server, kind, str(reference["name"])) or {}
    return [as_map(below.get("spec")), spec]


def _parameters(specs: list[Json]) -> tuple[DeployedParameter, ...]:
    """The arguments of specs, of which the later win."""
    arguments: dict[str, Json] = {}
    for spec in specs:
        arguments |= _arguments(spec)
    return tuple(_parameter(name, argument) for name, argument in arguments.items())


def _arguments(spec: Json) -> dict[str, Json]:
    return {str(item.get("name")): item for item in as_maps(as_map(spec.get("arguments")).get("parameters"))}


def _parameter(name: str, argument: Json) -> DeployedParameter:
    """A parameter without a value, without a default and without a source of one needs to be given."""
    required = all(argument.get(key) is None for key in ("value", "default", "valueFrom"))
    return DeployedParameter(name, required, tuple(str(item) for item in argument.get("enum") or ()))


def submission(
    deployed: Deployed, values: Mapping[str, str], origin: str | None, namespace: str, scheduled: str = ""
) -> Json:
    """The body of a submission. Raises EngineError FC503 for a value that no variable of a pod holds, and FC611."""
    encoded = {name: encode_value(value) for name, value in values.items()}
    if origin is not None:
        if not deployed.resumes:
            message = f"{deployed.kind} {deployed.name} cannot continue another run: it has no argument {ORIGIN}"
            raise EngineError.refused(message, "compile and deploy it with this version of flowc, or submit the file")
        encoded[ORIGIN] = origin
    if scheduled and not deployed.takes_time:
        message = f"{deployed.kind} {deployed.name} does not read the time that a run is scheduled for"
        raise EngineError.refused(message, "deploy it with @schedule, or with `{scheduled}` in a parameter's default")
    annotations = {TITLE: deployed.flow, **({SCHEDULED_ANNOTATION: scheduled} if scheduled else {})}
    for name, value in encoded.items():
        if len(value.encode()) > ARGUMENT_BYTES:
            message = f"the value of parameter {name!r} is longer than {ARGUMENT_BYTES} bytes"
            raise EngineError("FC503", message, "put it in the store and pass its URL")
    return {
        "namespace": namespace,
        "resourceKind": deployed.kind,
        "resourceName": deployed.name,
        "submitOptions": {
            "parameters": [f"{name}={value}" for name, value in encoded.items()],
            "labels": ",".join(f"{key}={value}" for key, value in LABELS.items()),
            "annotations": ",".join(f"{key}={value}" for key, value in annotations.items()),
        },
    }
