"""The Argo target: check, lower, check what came out, print."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_checks import TARGET_NAME, check_flow, check_objects
from flowc_targets.argo.embedded_code import with_embedded_code
from flowc_targets.argo.object_names import LABELS, object_name
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.argo.pod_templates import PACKAGE_FILE, configmap_env
from flowc_targets.argo.workflow import build_workflow, deployed_objects
from flowc_targets.argo.yaml_printer import documents
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions
from flowc_targets.kubernetes.objects import ConfigMap, ObjectMeta, to_manifest
from flowc_targets.package.code_package import content_hash, package_files, zip_files
from flowc_targets.package.project_names import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.argo.events.sensor_model import EventSource, Sensor
    from flowc_targets.argo.workflow_objects import CronWorkflow, Workflow
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
        from flowc_targets.argo.server.argo_client import ArgoClient

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
) -> tuple[ConfigMap | Workflow | CronWorkflow | EventSource | Sensor, ...]:
    """The ConfigMap with the code, where there is one, and the Workflow or what deploys the flow."""
    values = configmap_env(flow, options)
    seed = {"carried": b""} if options.embeds_code else {}
    digest = content_hash({**files, **seed, **{key: value.encode() for key, value in values.items()}})
    name = object_name(deployment_name(flow), digest)
    workflow = build_workflow(flow, options, TARGET_NAME, sink, name)
    if options.embeds_code:
        workflow = with_embedded_code(flow, workflow, files, values, sink)
        check_objects(flow, workflow, b"", {}, options, sink)
        return deployed_objects(flow, options, workflow)
    package = zip_files(files)
    check_objects(flow, workflow, package, values, options, sink)
    code = ConfigMap(
        metadata=ObjectMeta(name=name, namespace=options.namespace, labels=LABELS),
        data=values,
        binary_data={PACKAGE_FILE: base64.b64encode(package).decode()},
    )
    return (code, *deployed_objects(flow, options, workflow))


TARGET = ArgoTarget()
"""What the entry point names."""
