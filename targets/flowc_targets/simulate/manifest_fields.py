"""Every field of a manifest that the simulator accepts, with its type. Any other field is refused.

Fields under `ignored` mean something to a cluster only. Their types are checked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from flowc_targets.simulate.retry_expressions import parse_retry

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(Protocol):
    """Checks a value, and adds its problems to `problems`."""

    def __call__(self, value: object, path: str, problems: list[str]) -> None:
        """`path` is the value's, as in `spec.templates[0].dag`."""
        ...


def _typed(what: str, *types: type) -> Shape:
    """A value of one of some types. A boolean is not an integer."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            problems.append(f"{path}: is {_kind(value)}, not {what}")

    return check


def one_of(*choices: str) -> Shape:
    """One of some strings."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if value not in choices:
            problems.append(f"{path}: is {value!r}, not one of {', '.join(choices)}")

    return check


def listing(item: Shape) -> Shape:
    """A list of items of one shape."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, list):
            problems.append(f"{path}: is {_kind(value)}, not a list")
            return
        for index, one in enumerate(cast("list[object]", value)):
            item(one, f"{path}[{index}]", problems)

    return check


def mapping(item: Shape) -> Shape:
    """A map with any string keys to values of one shape."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            problems.append(f"{path}: is {_kind(value)}, not a map")
            return
        for key, one in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                problems.append(f"{path}: has the key {key!r}, which is not a string")
            item(one, f"{path}.{key}", problems)

    return check


def record(
    known: Mapping[str, Shape], ignored: Mapping[str, Shape] | None = None, needs: tuple[str, ...] = ()
) -> Shape:
    """An object with these fields, of which those in `needs` are required."""
    fields = {**known, **(ignored or {})}

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            problems.append(f"{path or 'the document'}: is {_kind(value)}, not a map")
            return
        for key, one in cast("dict[str, object]", value).items():
            here = f"{path}.{key}" if path else str(key)
            if key in fields:
                fields[key](one, here, problems)
            else:
                problems.append(f"{here}: the simulator does not know this field")
        for key in needs:
            if key not in value:
                problems.append(f"{path}.{key}: is missing" if path else f"{key}: is missing")

    return check


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a map"
        case _:
            return f"a {type(value).__name__}"


def _each(names: str, shape: Shape) -> dict[str, Shape]:
    """Fields of one shape, by their names with spaces between."""
    return dict.fromkeys(names.split(), shape)


text = _typed("a string", str)
"""A string. The API server refuses a number or a boolean without quotes, too."""
number = _typed("an integer", int)
boolean = _typed("a boolean", bool)
text_or_number = _typed("a string or an integer", str, int)
"""Kubernetes' IntOrString."""
scalar = _typed("a string, a number or a boolean", str, int, float, bool)
"""Argo's AnyString."""
anything = _typed("a map or a list", dict, list)
_TEXTS = mapping(text)
_NAME_REF = record({"name": text}, needs=("name",))

METADATA = record({**_each("name generateName namespace", text), **_each("labels annotations", _TEXTS)})
"""metav1.ObjectMeta, of an object to apply."""
_POD_METADATA = record(_each("labels annotations", _TEXTS))

_KEY_REF = record({**_each("name key", text), "optional": boolean}, needs=("name", "key"))
_FIELD_REF = record({"fieldPath": text}, ignored={"apiVersion": text}, needs=("fieldPath",))
_ENV_SOURCE = record({**_each("configMapKeyRef secretKeyRef", _KEY_REF), "fieldRef": _FIELD_REF})
_ENV = record({**_each("name value", text), "valueFrom": _ENV_SOURCE}, needs=("name",))
_ENV_FROM = record(
    _each("secretRef configMapRef", record({"name": text, "optional": boolean}, needs=("name",))),
)
_MOUNT = record(
    _each("name mountPath subPath", text),
    ignored={"readOnly": boolean, "mountPropagation": text},
    needs=("name", "mountPath"),
)
_CONTAINER_SECURITY = record(
    {},
    ignored={
        **_each("privileged allowPrivilegeEscalation runAsNonRoot readOnlyRootFilesystem", boolean),
        **_each("runAsUser runAsGroup", number),
        **_each("capabilities seccompProfile seLinuxOptions", anything),
    },
)
_IN_CONTAINER = {
    **_each("command args", listing(text)),
    "env": listing(_ENV),
    "envFrom": listing(_ENV_FROM),
    "volumeMounts": listing(_MOUNT),
}
_IGNORED_IN_CONTAINER = {
    **_each("image name", text),
    "imagePullPolicy": one_of("Always", "IfNotPresent", "Never"),
    "resources": record({}, ignored=_each("requests limits", mapping(text_or_number))),
    **_each("ports resizePolicy", listing(anything)),
    "securityContext": _CONTAINER_SECURITY,
    "readinessProbe": anything,
    **_each("terminationMessagePath terminationMessagePolicy", text),
}
_CONTAINER = record(_IN_CONTAINER, _IGNORED_IN_CONTAINER, needs=("command",))
"""corev1.Container. Hooks and probes that run commands in it or end it are refused, and so are an open standard input
and a terminal."""

_CONTAINER_OF_SET = record(
    {**_IN_CONTAINER, "dependencies": listing(text)}, _IGNORED_IN_CONTAINER, needs=("name", "command")
)
_CONTAINER_SET = record(
    {"containers": listing(_CONTAINER_OF_SET), "volumeMounts": listing(_MOUNT)}, needs=("containers",)
)
"""wfv1.ContainerSetTemplate."""

_DOWNWARD = record({"path": text, "fieldRef": _FIELD_REF}, needs=("path", "fieldRef"))
_KEY_PATH = record(_each("key path", text), ignored={"mode": number}, needs=("key", "path"))
_PROJECTED = record(
    {"configMap": record({"name": text, "items": listing(_KEY_PATH)}, ignored={"optional": boolean}, needs=("name",))},
    ignored=_each("secret downwardAPI serviceAccountToken clusterTrustBundle", anything),
)
_VOLUME = record(
    {
        "name": text,
        "configMap": record({"name": text}, ignored={"defaultMode": number}, needs=("name",)),
        "projected": record({"sources": listing(_PROJECTED)}, ignored={"defaultMode": number}),
        "emptyDir": record({}, ignored={"medium": text, "sizeLimit": text_or_number}),
        "downwardAPI": record({"items": listing(_DOWNWARD)}, ignored={"defaultMode": number}, needs=("items",)),
    },
    ignored=_each("persistentVolumeClaim hostPath secret csi ephemeral nfs", anything),
    needs=("name",),
)
"""corev1.Volume. What is neither code nor an empty folder is not there when the step looks for it."""

_DESCRIBED = {"description": text, "enum": listing(scalar)}
_ARGUMENTS = record(
    {"parameters": listing(record({"name": text, "value": scalar}, ignored=_DESCRIBED, needs=("name",)))}
)
"""wfv1.Arguments."""
_INPUT = record({"name": text, **_each("value default", scalar)}, ignored=_DESCRIBED, needs=("name",))
_OUTPUT = record(
    {"name": text, "valueFrom": record({**_each("path parameter", text), "default": scalar, "supplied": anything})},
    ignored={"description": text},
    needs=("name", "valueFrom"),
)

_TASK = record(
    {
        **_each("name template depends when", text),
        "arguments": _ARGUMENTS,
        "continueOn": record(_each("error failed", boolean)),
        "withSequence": record({**_each("count start end", text_or_number), "format": text}),
    },
    needs=("name", "template"),
)


def _retry_expression(value: object, path: str, problems: list[str]) -> None:
    """An expression that the simulator understands."""
    try:
        parse_retry(value if isinstance(value, str) else "")
    except ValueError as error:
        problems.append(f"{path}: {error}")


_RETRY = record(
    {
        "limit": text_or_number,
        "retryPolicy": one_of("Always", "OnFailure", "OnError", "OnTransientError"),
        "expression": _retry_expression,
        "backoff": record({**_each("duration factor cap", text_or_number), "maxDuration": text}),
    }
)

_SCHEDULING = {
    "nodeSelector": _TEXTS,
    **_each("affinity securityContext executor", anything),
    **_each("serviceAccountName schedulerName podSpecPatch", text),
    **_each("tolerations hostAliases", listing(anything)),
    "automountServiceAccountToken": boolean,
}
"""What both a template and a whole spec have about where pods run and as whom."""

_MUTEX = record({"name": text}, needs=("name",))
_SEMAPHORE = record({"configMapKeyRef": _KEY_REF}, needs=("configMapKeyRef",))
_SYNCHRONIZATION = record(
    {"mutex": _MUTEX, "mutexes": listing(_MUTEX), "semaphore": _SEMAPHORE, "semaphores": listing(_SEMAPHORE)}
)
"""wfv1.Synchronization, without locks of other namespaces and in databases."""

_TEMPLATE = record(
    {
        "name": text,
        "inputs": record({"parameters": listing(_INPUT)}),
        "outputs": record({"parameters": listing(_OUTPUT)}),
        "dag": record({"tasks": listing(_TASK), "failFast": boolean}, needs=("tasks",)),
        "container": _CONTAINER,
        "containerSet": _CONTAINER_SET,
        **_each("initContainers sidecars", listing(anything)),
        "suspend": record({"duration": text_or_number}),
        "retryStrategy": _RETRY,
        "synchronization": _SYNCHRONIZATION,
        "parallelism": number,
        "activeDeadlineSeconds": text_or_number,
        "volumes": listing(_VOLUME),
    },
    ignored={
        **_SCHEDULING,
        "metadata": _POD_METADATA,
        "priorityClassName": text,
        "metrics": anything,
    },
    needs=("name",),
)
"""wfv1.Template. A limit of a template's own, `timeout`, is refused: it ends nodes of this very run."""

_POD_GC = record({}, ignored={"strategy": text, "deleteDelayDuration": text_or_number, "labelSelector": anything})
_SPEC = record(
    {
        **_each("entrypoint onExit", text),
        "arguments": _ARGUMENTS,
        **_each("parallelism activeDeadlineSeconds", number),
        "templates": listing(_TEMPLATE),
        "volumes": listing(_VOLUME),
        "workflowTemplateRef": _NAME_REF,
        "synchronization": _SYNCHRONIZATION,
    },
    ignored={
        **_SCHEDULING,
        "imagePullSecrets": listing(_NAME_REF),
        "podGC": _POD_GC,
        "ttlStrategy": record(
            {}, ignored=_each("secondsAfterCompletion secondsAfterSuccess secondsAfterFailure", number)
        ),
        **_each("podPriorityClassName dnsPolicy", text),
        "priority": number,
        **_each("podMetadata workflowMetadata", _POD_METADATA),
        **_each("podDisruptionBudget dnsConfig metrics volumeClaimGC artifactGC", anything),
        **_each("archiveLogs hostNetwork", boolean),
    },
)
"""wfv1.WorkflowSpec."""

_OBJECT = {**_each("apiVersion kind", text), "metadata": METADATA}
WORKFLOW = record({**_OBJECT, "spec": _SPEC}, needs=("metadata", "spec"))
"""A Workflow or a WorkflowTemplate."""

_CRON_SPEC = record(
    {"workflowSpec": _SPEC},
    ignored={
        **_each("schedule timezone when", text),
        "schedules": listing(text),
        "suspend": boolean,
        "concurrencyPolicy": one_of("Allow", "Forbid", "Replace"),
        **_each("startingDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit", number),
        "workflowMetadata": _POD_METADATA,
        "stopStrategy": anything,
    },
    needs=("workflowSpec",),
)
CRON_WORKFLOW = record({**_OBJECT, "spec": _CRON_SPEC}, needs=("metadata", "spec"))
"""A CronWorkflow. Its schedule means nothing here."""

CONFIG_MAP = record(
    {**_OBJECT, **_each("data binaryData", _TEXTS)},
    ignored={"immutable": boolean},
    needs=("metadata",),
)
"""A ConfigMap."""
