"""One tree of arguments to the specs of a step."""

from __future__ import annotations

import re
from typing import TypeVar

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.decorators.arguments.compute_arguments import ResourcesArguments
from flowc_compiler.frontend.decorators.pod_specs import check_limits, check_mounts, tolerations
from flowc_compiler.frontend.pipelines.settings import pod_settings, unsupported_settings
from flowc_compiler.frontend.pipelines.settings.layer_reader import LayerArguments, checked
from flowc_compiler.frontend.pipelines.settings.pod_settings import pod_volumes
from flowc_compiler.frontend.pipelines.settings.settings_models import (
    DockerFields,
    OrchestratorFields,
    OwnFields,
    PodFields,
    ResourceSettingsFields,
    RetryFields,
)
from flowc_compiler.frontend.pipelines.settings.settings_tree import Leaf, Tree, span_of
from flowc_compiler.ir import (
    AcceleratorSpec,
    CatchSpec,
    ContainerSpec,
    DependencySpec,
    EnvironmentSpec,
    Placement,
    ResourceSpec,
    RetryPolicy,
    SecretSource,
    SecretsSpec,
    StepSpecs,
    TimeoutSpec,
)
from flowc_compiler.source import Span

Model = TypeVar("Model", bound=Arguments)
_REFERENCE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
_BACKENDS = ("aws-secrets-manager", "gcp-secret-manager", "az-key-vault", "kubernetes")


class SpecBuilder:
    """The specs that arguments add up to; what is wrong with them is collected."""

    def __init__(self, asked: LayerArguments, sink: DiagnosticSink) -> None:
        tree, self._spans = asked
        self._tree = tree
        self._sink = sink
        own = {name: item for name, item in tree.items() if name in OwnFields.model_fields}
        settings = tree.get("settings", {})
        below = {} if isinstance(settings, Leaf) else settings
        orchestrator = below.get("orchestrator", {})
        pod: Tree | Leaf = {} if isinstance(orchestrator, Leaf) else orchestrator.get("pod_settings", {})
        self._below = {**below, "pod": pod}
        self.own = self._read(OwnFields, own, "`@step`")
        self.retry = self._read(RetryFields, tree.get("retry", {}), "`retry`")
        self.resources = self._read(ResourcesArguments, tree.get("resources", {}), "`resources`")
        self.amounts = self._read(
            ResourceSettingsFields, below.get("resources", {}), "ResourceSettings", unsupported_settings.RESOURCES
        )
        self.docker = self._read(DockerFields, below.get("docker", {}), "DockerSettings", unsupported_settings.DOCKER)
        self.orchestrator = self._read(
            OrchestratorFields, orchestrator, "KubernetesOrchestratorSettings", unsupported_settings.ORCHESTRATOR
        )
        self.pod = self._read(PodFields, pod, "KubernetesPodSettings", unsupported_settings.POD)
        self.requests = pod_settings.pod_requests(self.pod, self._span("pod"), sink)
        self.environment = pod_settings.pod_environment(self.pod, self._span("pod"), sink)
        self.more = pod_settings.pod_more(self.pod, self._span("pod"), sink)
        self.volumes = pod_volumes(self.pod, self._span("pod"), sink)

    def specs(self) -> StepSpecs:
        """The specs."""
        specs = StepSpecs.model_construct(
            resources=self._resources(),
            accelerator=self._accelerator(),
            placement=self._placement(),
            retry=self._retry(),
            timeout=self._timeout(),
            catch=self._catch(),
            environment=self._environment(),
            secrets=self._secrets(),
            container=self._container(),
            dependencies=self._dependencies(),
        )
        check_mounts(specs, self._sink)
        return specs

    def _resources(self) -> ResourceSpec | None:
        own, asked = self.resources, self.requests
        spec = ResourceSpec(
            cpu=pod_settings.first(own.cpu, asked.cpu, self.amounts.cpu_count),
            memory_mb=pod_settings.first(own.memory, asked.memory_mb, self.amounts.memory),
            disk_mb=pod_settings.first(own.disk, asked.disk_mb),
            shared_memory_mb=pod_settings.first(own.shared_memory, self.volumes.shared_memory_mb),
            extended=asked.extended,
            cpu_limit=asked.cpu_limit,
            memory_limit_mb=asked.memory_limit_mb,
            disk_limit_mb=asked.disk_limit_mb,
        )
        if spec == ResourceSpec():
            return None
        span = self._span("resources", "pod")
        check_limits(spec, None, span, self._sink)
        return spec.model_copy(update={"span": span})

    def _accelerator(self) -> AcceleratorSpec | None:
        own = self.resources.gpu
        count = pod_settings.first(own[0] if own is not None else None, self.requests.gpus, self.amounts.gpu_count)
        if not count:
            return None
        vendor = self.requests.vendor if own is None else "nvidia"
        span = self._span("resources", "pod")
        return AcceleratorSpec(span=span, count=count, vendor=vendor, type=own[1] if own is not None else None)

    def _placement(self) -> Placement | None:
        span = self._span("node_selector", "tolerations", "pod")
        items = self.own.tolerations or self.pod.tolerations
        selector = pod_settings.joined(self.pod.node_selectors, self.own.node_selector)
        affinity = self.pod.affinity
        if span is None or not (selector or items or affinity):
            return None
        asked = tolerations(items, span, self._sink)
        return Placement(span=span, node_selector=selector, tolerations=asked, affinity=affinity)

    def _retry(self) -> RetryPolicy | None:
        if "retry" not in self._tree or not self.retry.limit:
            return None
        return RetryPolicy(
            span=self._span("retry"),
            limit=self.retry.limit,
            backoff_seconds=self.retry.backoff,
            backoff_factor=max(self.retry.factor, 1),
        )

    def _timeout(self) -> TimeoutSpec | None:
        seconds = self.own.timeout
        return None if seconds is None else TimeoutSpec(span=self._span("timeout"), seconds=int(seconds))

    def _catch(self) -> CatchSpec | None:
        given = self.own.catch
        if not given:
            return None
        return CatchSpec(span=self._span("catch"), variable=given if isinstance(given, str) else None)

    def _environment(self) -> EnvironmentSpec | None:
        docker = self.docker
        variables = pod_settings.joined(
            docker.environment, docker.runtime_environment, self.environment.variables, self.own.environment
        )
        if not variables:
            return None
        span = self._span("environment", "pod", "docker")
        for name, value in variables.items():
            if _REFERENCE.fullmatch(value):
                self._sink.error(
                    "FC411", f"the variable {name!r} is a reference to a secret of ZenML's server", span,
                    help="put the secret into a Kubernetes Secret and give secrets=['its-name']",
                )  # fmt: skip
        return EnvironmentSpec(span=span, variables=variables)

    def _secrets(self) -> SecretsSpec | None:
        if not self.own.secrets:
            return None
        return SecretsSpec(span=self._span("secrets"), sources=tuple(_source(name) for name in self.own.secrets))

    def _container(self) -> ContainerSpec | None:
        pod, volumes, more = self.pod, self.volumes, self.more
        span = self._span("image", "orchestrator", "docker")
        spec = ContainerSpec(
            span=span,
            image=self.own.image or self.docker.parent_image,
            image_pull_secrets=pod.image_pull_secrets,
            service_account=self.orchestrator.step_pod_service_account_name,
            secrets=self.environment.secrets,
            config_maps=self.environment.config_maps,
            labels=pod.labels,
            annotations=pod.annotations,
            qos="guaranteed" if self.requests.guaranteed else None,
            security_context=pod_settings.security_context(pod, more, self.orchestrator),
            pod_security=more.security.pod() if more.security else None,
            priority_class=more.priority_class,
            scheduler=pod.scheduler_name,
            persistent_volume_claims=volumes.claims,
            secret_volumes=volumes.secrets,
            config_map_volumes=volumes.config_maps,
            host_volumes=volumes.hosts,
            tmpfs=volumes.tmpfs,
        )
        return None if spec == ContainerSpec(span=span) else spec

    def _dependencies(self) -> DependencySpec | None:
        """What ZenML would install into the image that it builds; FC410 for what only ZenML knows."""
        docker = self.docker
        span = self._span("docker")
        if docker.required_integrations:
            names = ", ".join(docker.required_integrations)
            self._sink.warning(
                "FC410", f"flowc does not know what the integrations of ZenML need: {names}", span,
                help="name their packages: requirements=[...]",
            )  # fmt: skip
        file = docker.requirements if isinstance(docker.requirements, str) else None
        spec = DependencySpec(
            span=span,
            manager="pypi",
            requirements=docker.requirements if isinstance(docker.requirements, tuple) else (),
            requirements_file=file,
            system=docker.apt_packages,
            base=None if self.own.image else docker.parent_image,
        )
        return spec if spec.needed else None

    def _read(
        self, model: type[Model], tree: Tree | Leaf, owner: str, unread: unsupported_settings.Unread | None = None
    ) -> Model:
        return checked(model, tree, owner, self._sink, unread) or model()

    def _span(self, *names: str) -> Span | None:
        """Where the first of some arguments that is given stands; else where any is."""
        found = (self._spans.get(name) or span_of(self._below.get(name, {})) for name in names)
        return next((span for span in found if span is not None), None) or span_of(self._tree)


def _source(name: str) -> SecretSource:
    """A secret by its name: a Kubernetes Secret, or `aws-secrets-manager.id` and the like as in `@secrets`."""
    kind, dot, identifier = name.partition(".")
    if dot and kind in _BACKENDS:
        return SecretSource.model_validate({"type": kind, "id": identifier})
    return SecretSource(type="kubernetes", id=name)
