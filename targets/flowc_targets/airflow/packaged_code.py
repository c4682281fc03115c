"""The code of a flow: in its DAG file, or in ConfigMaps if pods cannot carry it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_arguments import dag_id
from flowc_targets.airflow.dag_model import DagFile
from flowc_targets.airflow.options import AirflowOptions
from flowc_targets.base.target import EmittedFile
from flowc_targets.kubernetes.labels import ENGINE, run_labels
from flowc_targets.kubernetes.objects import ObjectMeta, to_manifest
from flowc_targets.kubernetes.package_maps import code_digest, package_maps, split_package
from flowc_targets.kubernetes.pod_checks import check_mounts
from flowc_targets.kubernetes.yaml_printer import documents
from flowc_targets.package.code_package import compressed_sizes, largest_files, zip_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_targets.kubernetes.objects import ConfigMap, Plain
    from flowc_targets.kubernetes.package_maps import PackageMaps

MOST_IN_FILE = 800_000
"""Characters of base64 that a DAG file may carry: they become part of pods, and etcd limits objects to 1.5 MiB."""
MOST_IN_CONFIG_MAP = 1024 * 1024
"""Bytes of a code package that a ConfigMap may carry: Kubernetes limits its values to that."""

_NAME_LENGTH = 63
_HASH_LENGTH = 10


@dataclass(frozen=True, slots=True)
class PackagedCode:
    """The code of a flow, as its DAG file has it, or as ConfigMaps do."""

    files: Mapping[str, bytes]
    """The flow's own files, by their place in the code package."""
    program: bytes
    """The zip with the shim."""
    digest: str
    """The hash of the files."""
    maps: PackageMaps | None
    """The ConfigMaps for pods without a namespace; `None` if the code is in the DAG file."""


def package_code(flow: Flow, files: Mapping[str, bytes], options: AirflowOptions, sink: DiagnosticSink) -> PackagedCode:
    """Return the code for the files of a package, and report what is too large, and what moved to a ConfigMap."""
    own, program = split_package(files)
    code = PackagedCode(own, zip_files(program), code_digest(files, {})[:_HASH_LENGTH], None)
    most = MOST_IN_FILE // 2 if any(step.specs.command is not None for step in flow.steps) else MOST_IN_FILE
    if not options.in_pods or (options.code != "configmap" and not _exceeds_file(files, options, sink, most)):
        return code
    name = config_map_name(dag_id(flow, options), code.digest)
    maps = package_maps(name, files, {}, ObjectMeta(labels={**run_labels(flow), ENGINE: "airflow"}))
    size = sum(maps.sizes.values())
    if size > MOST_IN_CONFIG_MAP:
        message = f"the code has {size:,} bytes, but a ConfigMap holds only {MOST_IN_CONFIG_MAP:,}"
        sink.unsupported("FC503", "airflow", message, flow.span, help=largest_files(maps.sizes))
    elif options.code is None:
        message = f"the code is in ConfigMaps: it has more than the {most:,} characters of base64 that a pod can"
        help_ = "apply the manifest beside the DAG file before Airflow reads the DAG file"
        sink.warning("FC503", f"{message} carry (target airflow)", None, help=help_)
    for step in flow.steps:
        check_mounts(step, "airflow", sink)
    return replace(code, maps=maps)


def _exceeds_file(files: Mapping[str, bytes], options: AirflowOptions, sink: DiagnosticSink, most: int) -> bool:
    """Whether no pod can carry the code in its environment; an error where that is requested."""
    # What is short enough uncompressed need not be compressed to know.
    if encoded_size(sum(map(len, files.values()))) <= most:
        return False
    package = zip_files(files)
    encoded = encoded_size(len(package))
    if encoded > most and options.code == "file":
        message = f"the code package has {encoded:,} characters of base64, but a pod can carry only {most:,}"
        help_ = f"compile with --code configmap; {largest_files(compressed_sizes(package))}"
        sink.unsupported("FC503", "airflow", message, None, help=help_)
    return encoded > most and options.code != "file"


def config_map_name(dag_id: str, digest: str) -> str:
    """Return the name of the ConfigMap with the code, by its content."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", dag_id).lower()
    name = re.sub(r"[^a-z0-9]+", "-", words)[: _NAME_LENGTH - _HASH_LENGTH - 1].strip("-")
    return f"{name or 'flow'}-{digest}"


def encoded_size(size: int) -> int:
    """Return the number of characters that so many bytes have in base64."""
    return 4 * -(-size // 3)


def config_map_files(flow: Flow, file: DagFile, code: PackagedCode, options: AirflowOptions) -> tuple[EmittedFile, ...]:
    """Return the manifest of the ConfigMaps, if any: one package's for each namespace that has pods of the flow."""
    if code.maps is None:
        return ()
    name = dag_id(flow, options)
    namespaces = tuple(dict.fromkeys(_namespaces(flow, options)))
    assert code.maps.code is not None
    runtime = documents([_manifest(item, namespace) for namespace in namespaces for item in code.maps.runtime])
    own = documents([_manifest(code.maps.code, namespace) for namespace in namespaces])
    first = "Before Airflow reads the DAG's file: kubectl apply --server-side -f <this file>"
    head = documents(
        [], f"Compiled by flowc {file.version} from {file.printable_source}: the code of DAG {name}.\n{first}"
    )
    shared = documents([], f"Compiled by flowc {file.version}: what the pods of all its flows run.\n{first}")
    places = "-".join(namespace for namespace in namespaces if namespace)
    runtime_name = "-".join(filter(None, (code.maps.runtime[0].metadata.name, places)))
    whole = f"{name}.configmap.yaml"
    apart = (EmittedFile(whole, head + own), EmittedFile(f"{runtime_name}.yaml", shared + runtime))
    return (EmittedFile(whole, f"{head}{runtime}---\n{own}", apart),)


def _manifest(config: ConfigMap, namespace: str | None) -> Plain:
    return to_manifest(config.replace(metadata=config.metadata.replace(namespace=namespace)))


def _namespaces(flow: Flow, options: AirflowOptions) -> Iterator[str | None]:
    """Yield the namespaces of pods; `None` is the default of kubectl and Airflow."""
    for step in flow.steps:
        if not step.virtual:
            own = step.specs.container.namespace if step.specs.container is not None else None
            yield own or options.namespace
    if flow.specs.hooks:
        yield options.namespace
