"""The options that every target understands, from `[tool.flowc]`, `[tool.flowc.<target>]` and the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator

from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.encodings import tag_problem
from flowc_compiler.ir import Toleration

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, Flow
    from flowc_compiler.ir.manifest_schema import SchemaProblem


class Unused(NamedTuple):
    """Options that have no effect."""

    names: tuple[str, ...]
    why: str
    """The end of a message: "has no effect" and this."""
    help: str
    by_flow: bool = False
    """Whether it is the flow that does not need them, so that a setting for all flows of a project is no mistake."""


class GpuProfile(BaseModel):
    """`[tool.flowc.gpu.<type>]`: how this cluster labels, taints and counts one type of GPU."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    selector: dict[str, str | tuple[str, ...]] = {}
    """Node labels of the nodes that have it; of several values one must match."""
    tolerations: tuple[Toleration, ...] = ()
    """For the taints of those nodes, beside the one named like the GPU's resource."""
    resource: str | None = None
    """The extended resource that counts it, such as `nvidia.com/mig-1g.5gb`; by default `<vendor>.com/gpu`."""


class TargetOptions(BaseModel):
    """Options common to all targets. A target adds its own in a subclass, named by its `options_model`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    root: str | None = Field(
        default=None, description="URL of the artifact store: s3://, gs://, az://, file:// or a path"
    )
    image: str = Field(default="python:3.11-slim", description="image of steps that name none; any with Python 3.9+")
    images: str | None = Field(
        default=None, description="images.json of `flowc image`: the images of steps that need packages"
    )
    install_at_start: bool = Field(
        default=False, description="PyPI's packages of steps are installed when a pod starts, from the lock of `images`"
    )
    image_digests: dict[str, str] = Field(
        default={}, description="the digest that pods pull of an image, by the image's name or by a step's"
    )
    image_pull_policy: str | None = Field(default=None, pattern="^(Always|IfNotPresent|Never)$")
    image_pull_secrets: tuple[str, ...] = ()
    namespace: str | None = Field(default=None, description="Kubernetes namespace")
    service_account: str | None = Field(default=None, description="Kubernetes service account of the pods")
    labels: dict[str, str] = Field(default={}, description="labels of all pods, such as a cost center")
    annotations: dict[str, str] = Field(default={}, description="annotations of all pods")
    restricted: bool = Field(
        default=False, description="pods pass the level `restricted` of Kubernetes' Pod Security Standards"
    )
    run_as_user: int | None = Field(
        default=None, ge=0, description="the user id of pods, such as 1000 where the image's own user is root"
    )
    env: dict[str, str] = Field(default={}, description="environment variables of every task")
    env_from_secrets: tuple[str, ...] = Field(
        default=(), description="Secrets whose keys are in the environment of every task"
    )
    include: tuple[str, ...] = Field(
        default=(), description="files, folders and globs from the flow's folder that tasks get beside its code"
    )
    batch: dict[str, int | str] = Field(
        default={},
        description="how many items of a foreach a pod works on, by the step that opens it or one in it: 50, or 50x4 "
        "for four of these at a time",
    )
    fuse: bool = Field(
        default=False,
        description="steps that follow each other share a pod where their pods are alike",
    )
    timeout_grace: int = Field(
        default=TIMEOUT_GRACE_SECONDS,
        ge=1,
        description="how many seconds a pod may live beyond its @timeout, when TimeoutException ends the step: its "
        "time begins with the pull of its image",
    )
    python: str = Field(default="python3", description="the Python to call in the image")
    tags: tuple[str, ...] = Field(default=(), description="tags of the runs")
    sse: str | None = Field(
        default=None, description="how S3 encrypts what the runs write: AES256, aws:kms or aws:kms:dsse"
    )
    kms_key: str | None = Field(default=None, description="the KMS key to encrypt with, by ARN, id or alias")
    gpu: dict[str, GpuProfile] = Field(default={}, description="GPU types of this cluster, by the name that steps use")
    gpu_cloud: Literal["gke", "eks", "eks-auto", "karpenter", "aks", "gfd"] = Field(
        default="gke", description="whose labels the built-in GPU types have; gfd is NVIDIA's GPU feature discovery"
    )

    _configured: frozenset[str] = PrivateAttr(default=frozenset())
    """Those that pyproject.toml gives for this target, and the command line does not."""
    _profiles_with_root: tuple[str, ...] = PrivateAttr(default=())
    """The profiles of the project that have a root, and are not chosen."""
    _shared: frozenset[str] = PrivateAttr(default=frozenset())
    """Those that pyproject.toml gives for all targets, and nothing else does."""

    @property
    def root_help(self) -> str:
        """The help for a root that is missing, where profiles have one; empty where none has."""
        names = self._profiles_with_root
        if not names:
            return ""
        which = f"profile {names[0]} has one" if len(names) == 1 else f"profiles {' and '.join(names)} have one"
        return f"{which}: --profile {names[0]}; or "

    def manifest_problems(self) -> Iterator[SchemaProblem]:
        """What does not fit into the engine's objects, of options that are merged into them; paths begin with these."""
        yield from ()

    def report_manifest_problems(self, sink: DiagnosticSink) -> None:
        """Collect FC505 for those, where the options come from no command line and no settings, which report them."""
        for problem in self.manifest_problems():
            inner = problem._replace(path=problem.path[1:])
            sink.error("FC505", f"option {problem.path[0]}: {inner.text()}", None, help=problem.help)

    def unused(self, flow: Flow) -> Iterator[Unused]:
        """The options that have no effect on what is emitted for a flow, whether or not they are given."""
        if not self.in_pods:
            yield Unused(
                POD_OPTIONS, "where tasks are processes of the worker", "leave it out, or run the steps in pods"
            )
            yield from self._unused_times(flow)
            return
        steps = [step for step in flow.steps if not step.virtual]
        for name, field in (("image", "image"), ("image_pull_policy", "image_pull_policy"), ("python", "executable")):
            containers = [step.specs.container for step in steps]
            if not flow.specs.hooks and all(_has(container, field) for container in containers):
                yield Unused((name,), f"on a flow whose steps all have `{field}` themselves", "leave it out", True)
        gpus = [step.specs.accelerator for step in steps if step.specs.accelerator is not None]
        if not any(gpu.type for gpu in gpus):
            names = ("gpu",) if gpus and self.gpu_cloud == "aks" else ("gpu", "gpu_cloud")  # which taints all its GPUs
            yield Unused(names, "on a flow without a GPU type", "give a step one: @kubernetes(gpu_type=...)", True)
        needs = [step.specs.dependencies for step in steps if step.specs.dependencies is not None]
        if not any(spec.needed and spec.manager == "pypi" for spec in needs):
            yield Unused(("install_at_start",), "on a flow whose steps need no packages of PyPI", "leave it out", True)
        if not any(spec.needed for spec in needs):
            yield Unused(("images",), "on a flow whose steps need no packages", "leave it out", True)
        yield from self._unused_times(flow)

    def _unused_times(self, flow: Flow) -> Iterator[Unused]:
        if not any(step.specs.timeout for step in flow.steps):
            yield Unused(("timeout_grace",), "on a flow without @timeout", "leave it out", True)

    def for_flow(self, flow: Flow) -> TargetOptions:
        """These options as they are for one flow, of several that are compiled with them."""
        del flow
        return self

    def report_unused(self, flow: Flow, sink: DiagnosticSink) -> None:
        """Warn (FC506) of each option that is given for this target and has no effect on what is emitted for a flow."""
        for group in self.unused(flow):
            for name in group.names:
                if self.is_given(name, by_flow=group.by_flow):
                    sink.warning("FC506", f"option {name} has no effect {group.why}", None, help=group.help)

    def is_given(self, name: str, *, by_flow: bool = False) -> bool:
        """Whether an option is given for this target, or with `by_flow` on the command line, and is not the default."""
        elsewhere = self._shared | (self._configured if by_flow else frozenset[str]())
        given = name in self.model_fields_set and name not in elsewhere
        return given and getattr(self, name) != type(self).model_fields[name].default

    def with_profiles(self, profiles_with_root: Iterable[str]) -> TargetOptions:
        """These options, where profiles that are not chosen have a root."""
        options = self.model_copy()
        options._profiles_with_root = tuple(profiles_with_root)
        return options

    def with_origins(self, configured: frozenset[str], shared: frozenset[str]) -> TargetOptions:
        """These options, of which pyproject.toml gives some for this target, and some for all."""
        options = self.model_copy()
        options._configured, options._shared = configured, shared
        return options

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        problem = next((problem for tag in tags if (problem := tag_problem(tag)) is not None), None)
        if problem is not None:
            raise ValueError(problem)
        return tags

    @field_validator("batch")
    @classmethod
    def _check_batch(cls, batch: dict[str, int | str]) -> dict[str, int | str]:
        for step, size in batch.items():
            if not _BATCH.fullmatch(str(size)):
                problem = "is not a number of items, such as 50, nor one with workers, 50x4"
                raise ValueError(f"{size!r}, of {step}, {problem}")
        return batch

    @property
    def batches(self) -> dict[str, tuple[int, int | None]]:
        """What `batch` says: by step, how many items a pod works on, and how many of them at a time."""
        found: dict[str, tuple[int, int | None]] = {}
        for step, size in self.batch.items():
            items, _, workers = str(size).partition("x")
            found[step] = int(items), int(workers) if workers else None
        return found

    @field_validator("image_digests")
    @classmethod
    def _check_digests(cls, digests: dict[str, str]) -> dict[str, str]:
        for name, digest in digests.items():
            if not _DIGEST.fullmatch(digest):
                raise ValueError(f"{digest!r}, of {name}, is not 'sha256:' and 64 hexadecimal digits")
        return digests

    @property
    def store_env(self) -> dict[str, str]:
        """Variables of every task that say how its store is used, beside the root."""
        variables = {env_names.S3_SSE: self.sse, env_names.S3_KMS_KEY: self.kms_key}
        return {name: value for name, value in variables.items() if value}

    @property
    def in_pods(self) -> bool:
        """Whether tasks run in containers, which have images."""
        return True


POD_OPTIONS = (
    "image", "images", "install_at_start", "image_digests", "image_pull_policy", "image_pull_secrets", "namespace",
    "service_account", "env_from_secrets", "gpu", "gpu_cloud", "labels", "annotations", "restricted", "run_as_user",
)  # fmt: skip
"""Options that only pods have a use for."""


_BATCH = re.compile(r"0*[1-9][0-9]{0,8}(x0*[1-9][0-9]{0,3})?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def _has(container: ContainerSpec | None, field: str) -> bool:
    return container is not None and getattr(container, field) is not None
