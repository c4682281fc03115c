"""Where the code package is: in the DAG file, from which it gets into pods by their environment, or in a ConfigMap."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from flowc_targets.base.target import EmittedFile
from flowc_targets.kubernetes.pod_checks import check_mounts
from flowc_targets.package.code_package import largest_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_targets.airflow.dag_model import DagFile
    from flowc_targets.airflow.options import AirflowOptions

NAME = "airflow"
MOST_IN_FILE = 800_000
"""Characters of base64: the code is in the pod's spec then, and etcd takes objects of up to 1.5 MiB."""
MOST_IN_CONFIG_MAP = 1024 * 1024
"""Bytes of the package: what Kubernetes takes as the values of a ConfigMap."""
PACKAGE_FILE = "flow.pyz"

_NAME_LENGTH = 63
_HASH_LENGTH = 10


def config_map_name(dag_id: str, code: bytes, options: AirflowOptions) -> str | None:
    """The name of the ConfigMap that has the code, by its content; `None` where the code stays in the file."""
    wanted = options.code == "configmap" or (options.code is None and encoded_size(code) > MOST_IN_FILE)
    if not options.in_pods or not wanted:
        return None
    digest = hashlib.sha256(code).hexdigest()[:_HASH_LENGTH]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", dag_id).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words)[: _NAME_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{name or 'flow'}-{digest}"


def encoded_size(code: bytes) -> int:
    """Characters of its base64."""
    return 4 * -(-len(code) // 3)


def config_map_file(flow: Flow, file: DagFile, options: AirflowOptions, dag_id: str) -> EmittedFile:
    """The manifest: an object for each namespace that the flow has pods in."""
    import yaml

    namespaces = dict.fromkeys(_namespaces(flow, options))
    objects = [_config_map(file, namespace) for namespace in namespaces]
    # Nearly all of it is one string, which the printer in C passes on many times faster.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = str(yaml.dump_all(objects, Dumper=dumper, sort_keys=False, width=10**9))
    head = (
        f"# Compiled by flowc {file.version} from {file.printable_source}: the code of DAG {dag_id}.\n"
        "# Before Airflow reads the DAG's file: kubectl apply --server-side -f <this file>\n"
    )
    return EmittedFile(f"{dag_id}.configmap.yaml", head + text)


def check_code(flow: Flow, file: DagFile, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report a code package that fits nowhere, one that was moved to a ConfigMap, and a volume in the code's place."""
    size, encoded = len(file.code), encoded_size(file.code)
    if file.config_map is None:
        if options.in_pods and encoded > MOST_IN_FILE:
            message = f"the code package has {encoded:,} characters of base64; a pod can carry {MOST_IN_FILE:,}"
            sink.unsupported("FC503", NAME, message, None, help=f"say --code configmap; {largest_files(file.code)}")
        return
    if size > MOST_IN_CONFIG_MAP:
        message = f"the code package has {size:,} bytes, and a ConfigMap holds {MOST_IN_CONFIG_MAP:,}"
        sink.unsupported("FC503", NAME, message, None, help=largest_files(file.code))
        return
    if options.code is None:
        sink.warning(
            "FC503",
            f"the code package has {encoded:,} characters of base64, and a pod can carry {MOST_IN_FILE:,}: it is in "
            f"the ConfigMap {file.config_map} (target {NAME})",
            None,
            help="apply the manifest that is written beside the DAG file, before Airflow reads that",
        )
    for step in flow.steps:
        check_mounts(step, NAME, sink)


def _namespaces(flow: Flow, options: AirflowOptions) -> Iterator[str | None]:
    """Where pods run; `None` is for kubectl and Airflow to know."""
    for step in flow.steps:
        if not step.virtual:
            own = step.specs.container.namespace if step.specs.container is not None else None
            yield own or options.namespace
    if flow.specs.exit_hooks:
        yield options.namespace


def _config_map(file: DagFile, namespace: str | None) -> dict[str, object]:
    metadata = {"name": file.config_map, **({"namespace": namespace} if namespace else {})}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, "labels": {"app.kubernetes.io/managed-by": "flowc"}},
        "immutable": True,
        "binaryData": {PACKAGE_FILE: base64.b64encode(file.code).decode()},
    }
