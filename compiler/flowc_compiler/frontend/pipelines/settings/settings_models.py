"""The fields of settings that flowc expresses: their types, units and defaults, which are those of ZenML 0.98."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from flowc.protocol import env_names
from flowc_compiler.frontend.decorators.arguments.argument_types import (
    Arguments,
    Dicts,
    Mebibytes,
    Names,
    Options,
    Strings,
    as_dict,
    seconds,
)
from flowc_compiler.frontend.decorators.arguments.compute_arguments import Annotations, Image, Labels
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import ObjectName, ObjectNames, reading
from flowc_compiler.frontend.decorators.arguments.retry_arguments import Exceptions, Kinds
from flowc_compiler.frontend.decorators.arguments.secret_arguments import named_secret
from flowc_compiler.frontend.decorators.arguments.step_arguments import check_artifact
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import (
    NO_SPECS,
    AcceleratorSpec,
    Affinity,
    ContainerSpec,
    DependencySpec,
    EnvironmentSpec,
    ResourceSpec,
    RetryPolicy,
    SecurityContext,
    StepSpecs,
    TaskVariable,
)

_REFERENCE = re.compile(r"\s*\{\{.*\}\}\s*", re.DOTALL)
Wait = Annotated[float, BeforeValidator(seconds), Field(ge=0)]
Time = Annotated[
    Annotated[float, Field(gt=0)] | None,
    BeforeValidator(seconds),
    AfterValidator(lambda value: None if value is None else math.ceil(value)),
]


def _variables(value: object) -> object:
    """Texts; numbers and truth values are written out, as Python writes them."""
    fields = as_dict({} if value is None else value)
    if fields is None:
        raise ValueError("variables are a dict of texts")
    for key, item in fields.items():
        if not isinstance(item, (str, int, float, TaskVariable)):
            raise ValueError(f"the value of {key!r} is not a text")
    return {key: item if isinstance(item, TaskVariable) else str(item) for key, item in fields.items()}


def _some(model: type[BaseModel]) -> BeforeValidator:
    """What makes the model of a dict, and nothing of an empty one."""
    read = reading(model)
    return BeforeValidator(lambda value: read(value) if value else None)


Variables = Annotated[dict[str, str | TaskVariable], BeforeValidator(_variables)]


def variables_spec(variables: dict[str, str | TaskVariable], origin: Origin) -> EnvironmentSpec:
    """Variables that a pipeline's file gives. References to secrets of ZenML's server are FC411."""
    for name, value in variables.items():
        if isinstance(value, str) and _REFERENCE.fullmatch(value):
            origin.error(
                "FC411", f"the variable {name!r} is a reference to a secret of ZenML's server",
                help="put the secret into a Kubernetes Secret and give secrets=['its-name']",
            )  # fmt: skip
    return EnvironmentSpec(span=origin.span, variables=variables)


def _check_secrets(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        named_secret(name)
    return names


class OwnFields(Arguments):
    """Arguments of flowc's own `@step`; most of `@pipeline`, too."""

    timeout: Time = None
    image: Image = None
    catch: bool | Annotated[str, AfterValidator(check_artifact)] = False
    environment: Variables = Field(default_factory=dict)
    secrets: Annotated[Names, AfterValidator(_check_secrets)] = ()
    node_selector: Labels = Field(default_factory=dict)
    tolerations: Dicts = ()
    enable_cache: bool | None = None
    on_start: str | None = None
    on_end: str | None = None
    on_failure: str | None = None
    on_success: str | None = None


class RetryFields(Arguments):
    """`Retry(limit=3, backoff="10s", factor=2, max_wait="5m", on=["lost"], never=["ValueError"])`.

    ZenML's `StepRetryConfig` comes here in these words.
    """

    limit: Annotated[int, Field(ge=0, le=100)] = 3
    backoff: Wait = 0.0
    factor: Annotated[int, Field(ge=0)] = 1
    max_wait: Wait = 0.0
    on: Kinds = ()
    never: Exceptions = ()

    def _specs(self, at: Origin, /) -> StepSpecs:
        if not self.limit:
            return NO_SPECS
        return some_specs(
            retry=RetryPolicy(
                span=at.span,
                limit=self.limit,
                backoff_seconds=self.backoff,
                backoff_factor=max(self.factor, 1),
                max_wait_seconds=self.max_wait or None,
                on=self.on,
                never=self.never,
            )
        )


class ResourceSettingsFields(Arguments):
    """ZenML's `ResourceSettings`."""

    cpu_count: Annotated[float | None, Field(gt=0)] = None
    gpu_count: Annotated[int | None, Field(ge=0)] = None
    memory: Mebibytes = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        gpus = None if self.gpu_count is None else AcceleratorSpec(span=at.span, count=self.gpu_count)
        resources = ResourceSpec(span=at.span, cpu=self.cpu_count, memory_mb=self.memory)
        return some_specs(resources=resources, accelerator=gpus)


PACKAGE_ARGUMENTS = ("requirements", "apt_packages")
"""The arguments of `DockerSettings` that name packages."""


class DockerFields(Arguments):
    """ZenML's `DockerSettings`: what says something of the image that a step needs."""

    parent_image: Image = None
    requirements: str | tuple[str, ...] | None = None
    required_integrations: Strings = ()
    apt_packages: Strings = ()
    environment: Variables = Field(default_factory=dict)
    runtime_environment: Variables = Field(default_factory=dict)

    def _specs(self, at: Origin, /) -> StepSpecs:
        """FC410 for packages that only ZenML knows; the others are what ZenML would install into the image."""
        if self.required_integrations:
            names = ", ".join(self.required_integrations)
            at.sink.warning(
                "FC410", f"flowc does not know what the integrations of ZenML need: {names}", at.span,
                help="name their packages: requirements=[...]",
            )  # fmt: skip
        file = self.requirements if isinstance(self.requirements, str) else None
        dependencies = DependencySpec(
            span=at.span,
            manager="pypi",
            requirements=self.requirements if isinstance(self.requirements, tuple) else (),
            requirements_file=file,
            system=self.apt_packages,
            base=self.parent_image,
        )
        return some_specs(
            environment=variables_spec({**self.environment, **self.runtime_environment}, at),
            container=ContainerSpec(span=at.span, image=self.parent_image),
            dependencies=dependencies if dependencies.needed else None,
        )


class PodFields(Arguments):
    """ZenML's `KubernetesPodSettings`."""

    node_selectors: Labels = Field(default_factory=dict)
    tolerations: Dicts = ()
    resources: Annotated[dict[str, dict[str, str | int | float]], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict
    )
    annotations: Annotations = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    env: Dicts = ()
    env_from: Dicts = ()
    image_pull_secrets: ObjectNames = ()
    container_security_context: Annotated[SecurityContext | None, _some(SecurityContext)] = None
    affinity: Annotated[Affinity | None, _some(Affinity)] = None
    volumes: Dicts = ()
    volume_mounts: Dicts = ()
    scheduler_name: ObjectName = None
    additional_pod_spec_args: Options = Field(default_factory=dict)


class OrchestratorFields(Arguments):
    """ZenML's `KubernetesOrchestratorSettings`."""

    pod_settings: Options = Field(default_factory=dict)
    step_pod_service_account_name: ObjectName = None
    privileged: bool = False


class ModelFields(Arguments):
    """ZenML's `Model`: the name, and the version or stage, of what a step gets by `get_step_context().model`."""

    name: str
    version: str | int | None = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        given = {"name": self.name, **({} if self.version is None else {"version": str(self.version)})}
        return some_specs(environment=EnvironmentSpec(span=at.span, variables={env_names.MODEL: json.dumps(given)}))


class ScheduleFields(Arguments):
    """ZenML's `Schedule`, with a time zone for flowc's own."""

    cron_expression: str
    timezone: str | None = None
