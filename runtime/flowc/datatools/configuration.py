"""`metaflow.metaflow_config`: the names of Metaflow's configuration, with flowc's values or those of METAFLOW_<NAME>.

A value has the type of its default, as in Metaflow. Files of configuration (METAFLOW_HOME, METAFLOW_PROFILE) are not
read.
"""

from __future__ import annotations

import json
import os

from flowc.errors import FlowError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

OWN_SUFFIX = ".data"
"""The folder beside the flows of a store: no flow can have this name, as one could be called `data`."""

DEFAULTS: Dict[str, Any] = {
    "ARGO_EVENTS_WEBHOOK_AUTH": "none",
    "DEFAULT_AWS_CLIENT_PROVIDER": "boto3",
    "DEFAULT_AZURE_CLIENT_PROVIDER": "azure-default",
    "DEFAULT_DECOSPECS": "",
    "DEFAULT_ENVIRONMENT": "local",
    "DEFAULT_EVENT_LOGGER": "nullSidecarLogger",
    "DEFAULT_FROM_DEPLOYMENT_IMPL": "argo-workflows",
    "DEFAULT_GCP_CLIENT_PROVIDER": "gcp-default",
    "DEFAULT_METADATA": "local",
    "DEFAULT_MONITOR": "nullSidecarMonitor",
    "DEFAULT_PACKAGE_SUFFIXES": ".py,.R,.RDS",
    "DEFAULT_RUNTIME_LIMIT": 5 * 24 * 60 * 60,
    "CARD_SUFFIX": "mf.cards",
    "DATASTORE_LOCAL_DIR": ".metaflow",
    "KUBERNETES_ANNOTATIONS": "",
    "KUBERNETES_FETCH_EC2_METADATA": False,
    "KUBERNETES_GPU_VENDOR": "nvidia",
    "KUBERNETES_IMAGE_PULL_SECRETS": "",
    "KUBERNETES_JOBSET_GROUP": "jobset.x-k8s.io",
    "KUBERNETES_JOBSET_VERSION": "v1alpha2",
    "KUBERNETES_JOB_TERMINATE_MODE": "stop",
    "KUBERNETES_JOB_TTL_SECONDS_AFTER_FINISHED": 7 * 24 * 60 * 60,
    "KUBERNETES_LABELS": "",
    "KUBERNETES_NAMESPACE": "default",
    "KUBERNETES_NODE_SELECTOR": "",
    "KUBERNETES_PERSISTENT_VOLUME_CLAIMS": "",
    "KUBERNETES_QOS": "burstable",
    "KUBERNETES_SECRETS": "",
    "KUBERNETES_TOLERATIONS": "",
    "MAX_ATTEMPTS": 6,
    "S3_CLIENT_RETRY_CONFIG": {"max_attempts": 10, "mode": "adaptive"},
    "S3_LOG_TRANSIENT_RETRIES": False,
    "S3_RETRY_COUNT": 7,
    "S3_TRANSIENT_RETRY_COUNT": 20,
    "S3_WORKER_COUNT": 16,
    "SERVICE_HEADERS": {},
    "SERVICE_RETRY_COUNT": 5,
    "SERVICE_VERSION_CHECK": True,
    "TEMPDIR": ".",
}
"""Names with a default. Others that are served are `None` unless the environment has them."""
_OBJECTS = ("DATATOOLS_CLIENT_PARAMS", "DATATOOLS_SESSION_VARS")
"""JSON objects with computed defaults."""
_FIXED = ("CARD_SUFFIX", "DATASTORE_LOCAL_DIR", "MAX_ATTEMPTS")
"""Constants, which no variable changes."""


def __getattr__(name: str) -> Any:
    from flowc.protocol.metaflow_names import CONFIGURATION

    if name not in CONFIGURATION:
        raise AttributeError(f"flowc does not serve metaflow.metaflow_config.{name}")
    return value(name)


def value(name: str) -> Any:
    """The value of a name, from METAFLOW_<NAME>, else flowc's. Raises FlowError for a text that does not fit."""
    text = None if name in _FIXED else os.environ.get(f"METAFLOW_{name}")
    if text is None:
        computed = _COMPUTED.get(name)
        return computed() if computed is not None else DEFAULTS.get(name)
    default: Any = {} if name in _OBJECTS else DEFAULTS.get(name)
    if default is None or isinstance(default, str):
        return text
    if isinstance(default, bool):
        return text.lower() not in ("0", "false", "")
    kind: Any = default.__class__
    try:
        found: Any = json.loads(text) if kind is dict else kind(text)
    except ValueError:
        found = None
    if type(found) is not kind:
        raise FlowError(f"METAFLOW_{name} is {text!r}, and not a {kind.__name__}")
    return {**_endpoint(), **found} if name == "DATATOOLS_CLIENT_PARAMS" else found


def datatools_root(store: str | None = None) -> str:
    """What the objects of all runs are below: METAFLOW_DATATOOLS_S3ROOT, else a folder of the store."""
    root = os.environ.get("METAFLOW_DATATOOLS_S3ROOT")
    if root:
        return root
    system = os.environ.get("METAFLOW_DATASTORE_SYSROOT_S3") or _as_url(store or _root())
    return os.path.join(system, value("DATATOOLS_SUFFIX"))


def _root() -> str:
    """The root of the store, as `flowc` finds it."""
    from flowc.client.namespaces import chosen_root

    return chosen_root()


def _as_url(root: str) -> str:
    """A root as a URL without escapes."""
    if root.startswith("file://"):
        from flowc.store import split_url

        root = f"/{split_url(root)[2]}"
    elif "://" in root:
        scheme, _, rest = root.rstrip("/").partition("://")
        return f"{'s3' if scheme == 's3a' else scheme}://{rest}"
    return f"file://{os.path.abspath(os.path.expanduser(root))}"


def _root_of(*schemes: str) -> str | None:
    """The root of the store, where it has such a scheme."""
    root = _as_url(_root())
    return root if root.partition("://")[0] in schemes else None


def _local_root() -> str | None:
    root = _root_of("file")
    return root[len("file://") :] if root else None


def _below(name: str, suffix: str) -> str | None:
    root: str | None = value(name)
    return os.path.join(root, value(suffix)) if root else None


def _suffix() -> str:
    return "data" if os.environ.get("METAFLOW_DATASTORE_SYSROOT_S3") else OWN_SUFFIX


def _endpoint() -> Dict[str, Any]:
    """The parameters of S3's client that have variables of their own."""
    found = {"endpoint_url": value("S3_ENDPOINT_URL"), "verify": value("S3_VERIFY_CERTIFICATE")}
    return {name: item for name, item in found.items() if item}


def _datastore() -> str:
    scheme = _as_url(_root()).partition("://")[0]
    return {"file": "local", "gcs": "gs"}.get(scheme, "azure" if scheme.startswith("a") else scheme)


_COMPUTED: Dict[str, Callable[[], Any]] = {
    "ARTIFACT_LOCALROOT": os.getcwd,
    "BATCH_CONTAINER_IMAGE": lambda: value("DEFAULT_CONTAINER_IMAGE"),
    "BATCH_CONTAINER_REGISTRY": lambda: value("DEFAULT_CONTAINER_REGISTRY"),
    "CARD_S3ROOT": lambda: _below("DATASTORE_SYSROOT_S3", "CARD_SUFFIX"),
    "DATASTORE_SYSROOT_AZURE": lambda: _root_of("az", "azure", "abfs", "abfss"),
    "DATASTORE_SYSROOT_GS": lambda: _root_of("gs", "gcs"),
    "DATASTORE_SYSROOT_LOCAL": _local_root,
    "DATASTORE_SYSROOT_S3": lambda: _root_of("s3"),
    "DATATOOLS_AZUREROOT": lambda: _below("DATASTORE_SYSROOT_AZURE", "DATATOOLS_SUFFIX"),
    "DATATOOLS_CLIENT_PARAMS": _endpoint,
    "DATATOOLS_GSROOT": lambda: _below("DATASTORE_SYSROOT_GS", "DATATOOLS_SUFFIX"),
    "DATATOOLS_LOCALROOT": lambda: _below("DATASTORE_SYSROOT_LOCAL", "DATATOOLS_SUFFIX"),
    "DATATOOLS_S3ROOT": datatools_root,
    "DATATOOLS_SESSION_VARS": dict,
    "DATATOOLS_SUFFIX": _suffix,
    "DEFAULT_DATASTORE": _datastore,
    "KUBERNETES_CONTAINER_IMAGE": lambda: value("DEFAULT_CONTAINER_IMAGE"),
    "KUBERNETES_CONTAINER_REGISTRY": lambda: value("DEFAULT_CONTAINER_REGISTRY"),
    "SERVICE_INTERNAL_URL": lambda: value("SERVICE_URL"),
}
