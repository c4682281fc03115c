"""The Argo target: check, lower, check what came out, print."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_checks import TARGET_NAME, check_flow, check_objects
from flowc_targets.argo.dag_templates import lower
from flowc_targets.argo.deployment import Deployed, deployed
from flowc_targets.argo.embedded_code import carried
from flowc_targets.argo.labels import LABELS
from flowc_targets.argo.object_names import object_name
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.pod_templates import PACKAGE_FILE, hidden_values
from flowc_targets.argo.yaml_printer import documents
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.objects import ConfigMap, ObjectMeta, to_manifest
from flowc_targets.package.code_package import content_hash, package_files, zip_files
from flowc_targets.package.project import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.base.engine import Address, EngineClient

CAPABILITIES = Capabilities(
    step_kinds=frozenset({"linear", "branch", "foreach", "join", "parallel", "switch"}),
    kinds_of_output=("workflow", "template", "cron"),
)
"""What the Argo target can express."""


@dataclass(frozen=True, slots=True)
class ArgoTarget:
    """Argo Workflows 3.5 to 4.1."""

    name: str = TARGET_NAME
    capabilities: Capabilities = CAPABILITIES
    options_model: type[TargetOptions] = ArgoOptions

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """One YAML text: the ConfigMap with the code, then the Workflow, or what deploys the flow."""
        argo = options if isinstance(options, ArgoOptions) else ArgoOptions.model_validate(options.model_dump())
        check_flow(flow, argo, sink)
        if sink.failed:
            return ()
        return emit_package(flow, package_files(flow, source, argo.include, sink), argo, sink)

    def client(self, address: Address) -> EngineClient:
        """A client of Argo Server: see EngineClient."""
        from flowc_targets.argo.server.client import ArgoClient

        return ArgoClient(address)


def emit_package(
    flow: Flow, files: dict[str, bytes], options: ArgoOptions, sink: DiagnosticSink
) -> tuple[EmittedFile, ...]:
    """The output for a checked flow and the given code: a pure function, so that tests can hold the code still."""
    header = f"Made by flowc from {PurePath(flow.file).name}, flow {flow.name}. Change that file, not this one."
    text = documents([to_manifest(item) for item in _objects(flow, files, options, sink)], header)
    return (EmittedFile(f"{object_name(deployment_name(flow))}.yaml", text),)


def _objects(
    flow: Flow, files: dict[str, bytes], options: ArgoOptions, sink: DiagnosticSink
) -> tuple[ConfigMap | Deployed, ...]:
    """The ConfigMap with the code, where it has one, and the Workflow or what deploys the flow."""
    hidden = hidden_values(flow, options)
    seed = {"carried": b""} if options.carries_code else {}
    digest = content_hash({**files, **seed, **{key: value.encode() for key, value in hidden.items()}})
    meta = ObjectMeta(name=object_name(deployment_name(flow), digest), namespace=options.namespace, labels=LABELS)
    assert meta.name is not None
    workflow = lower(flow, options, TARGET_NAME, sink, meta.name)
    if options.carries_code:
        workflow = carried(flow, workflow, files, hidden, sink)
        check_objects(flow, workflow, b"", {}, options, sink)
        return deployed(flow, options, workflow)
    package = zip_files(files)
    code = ConfigMap(metadata=meta, data=hidden, binary_data={PACKAGE_FILE: base64.b64encode(package).decode()})
    check_objects(flow, workflow, package, hidden, options, sink)
    return (code, *deployed(flow, options, workflow))


TARGET = ArgoTarget()
"""What the entry point names."""
