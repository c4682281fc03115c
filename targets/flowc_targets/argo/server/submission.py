"""What a run is submitted from: emitted files, or a template or cron workflow that is deployed, with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from flowc_targets.argo.argo_checks import ARGUMENT_BYTES
from flowc_targets.argo.manifest_text import LABELS, ORIGIN, TRIGGER, encode_value
from flowc_targets.argo.server.workflow_status import flow_of
from flowc_targets.argo.target import TITLE
from flowc_targets.base.engine import Deployed, DeployedParameter, EngineError
from flowc_targets.base.json_parts import as_map, as_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowc_targets.argo.server.argo_server import ArgoServer, Json
    from flowc_targets.base.target import EmittedFile


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
            parameters = _parameters(server, found)
            own = tuple(item for item in parameters if item.name not in _OWN)
            resumes = any(item.name == ORIGIN for item in parameters)
            return Deployed(kind.name, bare, flow_of(as_map(found.get("metadata"))), own, resumes)
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


def _parameters(server: ArgoServer, found: Json) -> tuple[DeployedParameter, ...]:
    """The arguments of a template; those of a cron workflow over those of the template that it refers to."""
    spec = as_map(found.get("spec"))
    spec = as_map(spec.get("workflowSpec")) or spec
    arguments: dict[str, Json] = {}
    reference = as_map(spec.get("workflowTemplateRef"))
    if reference.get("name"):
        kind = KINDS[2] if reference.get("clusterScope") else KINDS[0]
        below = _find(server, kind, str(reference["name"])) or {}
        arguments |= _arguments(as_map(below.get("spec")))
    arguments |= _arguments(spec)
    return tuple(_parameter(name, argument) for name, argument in arguments.items())


def _arguments(spec: Json) -> dict[str, Json]:
    return {str(item.get("name")): item for item in as_maps(as_map(spec.get("arguments")).get("parameters"))}


def _parameter(name: str, argument: Json) -> DeployedParameter:
    """A parameter without a value, without a default and without a source of one needs to be given."""
    required = all(argument.get(key) is None for key in ("value", "default", "valueFrom"))
    return DeployedParameter(name, required, tuple(str(item) for item in argument.get("enum") or ()))


def submission(deployed: Deployed, values: Mapping[str, str], origin: str | None, namespace: str) -> Json:
    """The body of a submission. Raises EngineError FC503 for a value that no variable of a pod holds, and FC611."""
    encoded = {name: encode_value(value) for name, value in values.items()}
    if origin is not None:
        if not deployed.resumes:
            message = f"{deployed.kind} {deployed.name} cannot continue another run: it has no argument {ORIGIN}"
            raise EngineError.refused(message, "compile and deploy it with this version of flowc, or submit the file")
        encoded[ORIGIN] = origin
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
            "annotations": f"{TITLE}={deployed.flow}",
        },
    }


def read_manifest(files: Sequence[EmittedFile]) -> list[Json]:
    """The objects in the text of the files that a target emitted, in their order."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = [item for file in files for item in cast("list[object]", list(yaml.load_all(file.text, Loader=loader)))]
    return [as_map(item) for item in found if item]
