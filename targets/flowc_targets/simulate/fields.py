"""Every field that the simulator knows: what it executes, and what only a cluster can give a meaning to.

The second kind is listed by name under `ignored`, and its types are checked. Any other field is refused.
"""

from __future__ import annotations

from flowc_targets.simulate.shapes import (
    Shape,
    anything,
    boolean,
    listing,
    mapping,
    number,
    one_of,
    record,
    scalar,
    text,
    text_or_number,
)

POD_LOSS = (
    'lastRetry.status == "Error" || '
    '(lastRetry.exitCode == "143" && !(lastRetry.message matches "deadline|exceed")) || '
    'lastRetry.message matches "was low on resource|node shutdown|neither main nor wait"'
)
"""The one `expression` of a retryStrategy that the simulator understands: another attempt for a lost pod only."""

_QUANTITIES = mapping(text_or_number)
_NAME_REF = record({"name": text}, needs=("name",))
_TEXTS = mapping(text)

METADATA = record(
    {"name": text, "generateName": text, "namespace": text, "labels": _TEXTS, "annotations": _TEXTS},
)
"""metav1.ObjectMeta, of an object to apply."""

_POD_METADATA = record({"labels": _TEXTS, "annotations": _TEXTS})

_KEY_REF = record({"name": text, "key": text, "optional": boolean}, needs=("name", "key"))
_FIELD_REF = record({"fieldPath": text}, ignored={"apiVersion": text}, needs=("fieldPath",))
_ENV = record(
    {
        "name": text,
        "value": text,
        "valueFrom": record({"configMapKeyRef": _KEY_REF, "secretKeyRef": _KEY_REF, "fieldRef": _FIELD_REF}),
    },
    needs=("name",),
)
_ENV_FROM = record(
    {
        "secretRef": record({"name": text, "optional": boolean}, needs=("name",)),
        "configMapRef": record({"name": text, "optional": boolean}, needs=("name",)),
    }
)
_MOUNT = record(
    {"name": text, "mountPath": text, "subPath": text},
    ignored={"readOnly": boolean, "mountPropagation": text},
    needs=("name", "mountPath"),
)
_CONTAINER_SECURITY = record(
    {},
    ignored={
        "privileged": boolean,
        "allowPrivilegeEscalation": boolean,
        "runAsUser": number,
        "runAsGroup": number,
        "runAsNonRoot": boolean,
        "readOnlyRootFilesystem": boolean,
        "capabilities": anything,
        "seccompProfile": anything,
        "seLinuxOptions": anything,
    },
)
CONTAINER = record(
    {
        "command": listing(text),
        "args": listing(text),
        "env": listing(_ENV),
        "envFrom": listing(_ENV_FROM),
        "volumeMounts": listing(_MOUNT),
    },
    ignored={
        "image": text,
        "imagePullPolicy": one_of("Always", "IfNotPresent", "Never"),
        "resources": record({}, ignored={"requests": _QUANTITIES, "limits": _QUANTITIES}),
        "ports": listing(anything),
        "securityContext": _CONTAINER_SECURITY,
        "name": text,
    },
    needs=("command",),
)
"""corev1.Container."""

_DOWNWARD = record({"path": text, "fieldRef": _FIELD_REF}, needs=("path", "fieldRef"))
VOLUME = record(
    {
        "name": text,
        "configMap": record({"name": text}, ignored={"defaultMode": number}, needs=("name",)),
        "emptyDir": record({}, ignored={"medium": text, "sizeLimit": text_or_number}),
        "downwardAPI": record({"items": listing(_DOWNWARD)}, ignored={"defaultMode": number}, needs=("items",)),
    },
    ignored={
        "persistentVolumeClaim": anything,
        "hostPath": anything,
        "secret": anything,
        "csi": anything,
        "ephemeral": anything,
        "nfs": anything,
        "projected": anything,
    },
    needs=("name",),
)
"""corev1.Volume. What is neither code nor an empty folder is not there when the step looks for it."""

_ARGUMENT = record(
    {"name": text, "value": scalar},
    ignored={"description": text, "enum": listing(scalar)},
    needs=("name",),
)
_INPUT = record(
    {"name": text, "value": scalar, "default": scalar},
    ignored={"description": text, "enum": listing(scalar)},
    needs=("name",),
)
_OUTPUT = record(
    {"name": text, "valueFrom": record({"path": text, "default": scalar, "parameter": text})},
    ignored={"description": text},
    needs=("name", "valueFrom"),
)
ARGUMENTS = record({"parameters": listing(_ARGUMENT)})
"""wfv1.Arguments."""

_TASK = record(
    {
        "name": text,
        "template": text,
        "depends": text,
        "when": text,
        "arguments": ARGUMENTS,
        "withSequence": record(
            {"count": text_or_number, "start": text_or_number, "end": text_or_number, "format": text}
        ),
    },
    needs=("name", "template"),
)
_RETRY = record(
    {
        "limit": text_or_number,
        "retryPolicy": one_of("Always", "OnFailure", "OnError", "OnTransientError"),
        "expression": one_of(POD_LOSS),
        "backoff": record(
            {"duration": text_or_number, "factor": text_or_number, "cap": text_or_number, "maxDuration": text}
        ),
    }
)

_SCHEDULING: dict[str, Shape] = {
    "nodeSelector": _TEXTS,
    "tolerations": listing(anything),
    "affinity": anything,
    "securityContext": anything,
    "serviceAccountName": text,
    "automountServiceAccountToken": boolean,
    "schedulerName": text,
    "hostAliases": listing(anything),
    "executor": anything,
}
"""What both a template and a whole spec say of where pods run and as whom."""

TEMPLATE = record(
    {
        "name": text,
        "inputs": record({"parameters": listing(_INPUT)}),
        "outputs": record({"parameters": listing(_OUTPUT)}),
        "dag": record({"tasks": listing(_TASK), "failFast": boolean}, needs=("tasks",)),
        "container": CONTAINER,
        "suspend": record({"duration": text_or_number}, needs=("duration",)),
        "retryStrategy": _RETRY,
        "parallelism": number,
        "activeDeadlineSeconds": text_or_number,
        "volumes": listing(VOLUME),
    },
    ignored={**_SCHEDULING, "metadata": _POD_METADATA, "priorityClassName": text, "podSpecPatch": text},
    needs=("name",),
)
"""wfv1.Template."""

SPEC = record(
    {
        "entrypoint": text,
        "onExit": text,
        "arguments": ARGUMENTS,
        "parallelism": number,
        "activeDeadlineSeconds": number,
        "templates": listing(TEMPLATE),
        "volumes": listing(VOLUME),
        "workflowTemplateRef": _NAME_REF,
    },
    ignored={
        **_SCHEDULING,
        "imagePullSecrets": listing(_NAME_REF),
        "podGC": record(
            {}, ignored={"strategy": text, "deleteDelayDuration": text_or_number, "labelSelector": anything}
        ),
        "ttlStrategy": record(
            {},
            ignored={
                "secondsAfterCompletion": number,
                "secondsAfterSuccess": number,
                "secondsAfterFailure": number,
            },
        ),
        "podPriorityClassName": text,
        "priority": number,
        "podMetadata": _POD_METADATA,
        "workflowMetadata": _POD_METADATA,
        "podDisruptionBudget": anything,
        "podSpecPatch": text,
        "archiveLogs": boolean,
        "hostNetwork": boolean,
        "dnsPolicy": text,
        "dnsConfig": anything,
    },
)
"""wfv1.WorkflowSpec."""

WORKFLOW = record({"apiVersion": text, "kind": text, "metadata": METADATA, "spec": SPEC}, needs=("metadata", "spec"))
"""A Workflow or a WorkflowTemplate."""

CRON_WORKFLOW = record(
    {
        "apiVersion": text,
        "kind": text,
        "metadata": METADATA,
        "spec": record(
            {"workflowSpec": SPEC},
            ignored={
                "schedule": text,
                "schedules": listing(text),
                "timezone": text,
                "suspend": boolean,
                "concurrencyPolicy": one_of("Allow", "Forbid", "Replace"),
                "startingDeadlineSeconds": number,
                "successfulJobsHistoryLimit": number,
                "failedJobsHistoryLimit": number,
                "workflowMetadata": _POD_METADATA,
                "when": text,
                "stopStrategy": anything,
            },
            needs=("workflowSpec",),
        ),
    },
    needs=("metadata", "spec"),
)
"""A CronWorkflow: when it runs means nothing here."""

CONFIG_MAP = record(
    {
        "apiVersion": text,
        "kind": text,
        "metadata": METADATA,
        "data": _TEXTS,
        "binaryData": _TEXTS,
    },
    ignored={"immutable": boolean},
    needs=("metadata",),
)
"""A ConfigMap."""
