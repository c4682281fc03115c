"""What a flow is compiled to, for tests of a policy: the pods of its steps as the manifest or the DAG file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Sequence, Union

from flowc.testing.tested_flow import UsageError, compile_tested, names_a_step, short_traceback, tested_flow

if TYPE_CHECKING:
    from flowc.testing.tested_flow import AnyFlow

ROOT = "s3://bucket/prefix"
"""The root of the artifacts where neither the project nor the test names one: nothing connects to it."""


@dataclass(frozen=True)
class PodTemplate:
    """The pod of a step, with what holds for all pods of its flow. Values are as in Kubernetes' own objects."""

    step: str
    image: Union[str, None] = None
    limits: Dict[str, str] = field(default_factory=dict[str, str])
    """Resource to quantity."""
    requests: Dict[str, str] = field(default_factory=dict[str, str])
    env: Dict[str, Any] = field(default_factory=dict[str, Any])
    """Variable to text; to its `valueFrom` where it has none."""
    env_from: List[Dict[str, Any]] = field(default_factory=list[Dict[str, Any]])
    """Secrets and ConfigMaps whose keys are variables."""
    node_selector: Dict[str, str] = field(default_factory=dict[str, str])
    tolerations: List[Dict[str, Any]] = field(default_factory=list[Dict[str, Any]])
    affinity: Dict[str, Any] = field(default_factory=dict[str, Any])
    service_account: Union[str, None] = None
    labels: Dict[str, str] = field(default_factory=dict[str, str])
    annotations: Dict[str, str] = field(default_factory=dict[str, str])
    volumes: List[Dict[str, Any]] = field(default_factory=list[Dict[str, Any]])
    volume_mounts: List[Dict[str, Any]] = field(default_factory=list[Dict[str, Any]])
    security_context: Dict[str, Any] = field(default_factory=dict[str, Any])
    """The container's."""
    pod_security_context: Dict[str, Any] = field(default_factory=dict[str, Any])
    image_pull_policy: Union[str, None] = None
    retries: int = 0
    """How many further attempts the engine makes."""
    active_deadline_seconds: Union[int, None] = None
    raw: Dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """All of it: Argo's template, or the arguments of Airflow's operator."""


@dataclass(frozen=True)
class CompiledFlow:
    """What a target makes of a flow."""

    flow: str
    target: str
    files: Dict[str, str]
    """The files by name, as `flowc compile -o FOLDER/` writes them."""
    templates: List[PodTemplate]
    """The pods of all steps, in the order of the flow."""
    warnings: List[str]
    """The codes of the warnings."""

    @property
    def text(self) -> str:
        """All files, one after another."""
        return "".join(self.files.values())

    def template(self, step: str) -> PodTemplate:
        """The pod of a step. Raises UsageError."""
        for template in self.templates:
            if template.step == step:
                return template
        known = ", ".join(template.step for template in self.templates)
        raise UsageError(f"{self.flow} has no step {step!r}; it has {known}")


@short_traceback
def compiled(
    flow: AnyFlow,
    parameters: Union[Mapping[str, Any], None] = None,
    *,
    target: str = "argo",
    options: Union[Mapping[str, Any], None] = None,
    configs: Union[Mapping[str, Any], None] = None,
    decorators: Sequence[str] = (),
) -> CompiledFlow:
    """Compile a flow or a pipeline as `flowc compile` does, with the settings of its project and these `options`.

    Raises CompileFailed.
    """
    from flowc.testing.engine_runs import emitted_files
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.driver import with_defaults

    tested = tested_flow(flow)
    if names_a_step(tested):
        raise UsageError(f"{tested.name} is a step: compile a pipeline that calls it")
    sink = DiagnosticSink()
    compilation, inputs = compile_tested(tested, parameters or {}, configs or {}, tuple(decorators))
    given = dict(options or {})
    found = with_defaults(compilation.flow, inputs.bind(compilation.flow, sink))
    emitted = emitted_files(compilation, found, target, given, sink, default_root=ROOT)
    parts = [part for file in emitted for part in (file.apart or (file,))]
    steps = [step.name for step in compilation.flow.steps if not step.virtual]
    warnings = [item.code for item in sink.diagnostics if item.severity == "warning"]
    files = {part.name: part.text for part in parts}
    return CompiledFlow(found.name, target, files, _templates(target, list(files.values()), steps), warnings)


def with_members(found: Dict[str, Dict[str, Any]], plans: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    """The pods by step, with those of steps whose tasks run in the pod of another step, as the flow's plan says."""
    import json

    groups: Dict[str, Any] = {
        name: group for plan in plans for name, group in json.loads(plan).get("groups", {}).items()
    }
    return {**found, **{step: found[name] for name in groups if name in found for step in groups[name]["steps"]}}


def _templates(target: str, texts: List[str], steps: List[str]) -> List[PodTemplate]:
    """The pods of steps. Those of a target of somebody else are not known."""
    if target == "argo":
        from flowc.testing.argo_templates import argo_templates

        return argo_templates(texts, steps)
    if target == "airflow":
        from flowc.testing.dag_templates import dag_templates

        return dag_templates(texts, steps)
    return []
