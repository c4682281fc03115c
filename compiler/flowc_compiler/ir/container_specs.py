"""What is in the container that a step runs in: variables, secrets, packages, volumes, and the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from flowc.protocol.container import VALUES, placeholders
from flowc_compiler.ir.base import Model, TaskVariable
from flowc_compiler.ir.specs import Spec

if TYPE_CHECKING:
    from flowc_compiler.ir.kubernetes import PodSecurity, SecurityContext


class EnvironmentSpec(Spec):
    """`@environment`: variables of the task's process."""

    variables: dict[str, str | TaskVariable] = {}

    @property
    def known(self) -> dict[str, str]:
        """The variables whose values are compiled."""
        return {name: value for name, value in self.variables.items() if isinstance(value, str)}

    @property
    def written(self) -> dict[str, str]:
        """The values of variables that stand in the file, defaults among them."""
        defaults = {name: item.default for name, item in self.from_task.items() if item.default is not None}
        return {**self.known, **defaults}

    @property
    def from_task(self) -> dict[str, TaskVariable]:
        """The variables whose values the task has."""
        return {name: value for name, value in self.variables.items() if isinstance(value, TaskVariable)}


class SecretSource(Model):
    """One source of `@secrets`. `kubernetes` and `vault` are flowc's own: keys become variables."""

    type: Literal["inline", "kubernetes", "aws-secrets-manager", "gcp-secret-manager", "az-key-vault", "vault"]
    id: str
    options: dict[str, Any] = {}
    """Options of the source besides the id; for `inline` the variables themselves, as `env_vars`."""
    role: str | None = None


class SecretsSpec(Spec):
    """`@secrets`: variables that come from secrets."""

    sources: tuple[SecretSource, ...]
    allow_override: bool = False
    """Whether a secret may replace a variable that is there already."""


class LockedPackages(Model):
    """The packages that a pod installs when it starts."""

    name: str
    """A hash of the files."""
    files: dict[str, str]
    """The texts of files in the format of pip's requirements, by name."""
    oldest_python: str
    """They were resolved for this Python and all newer ones."""
    python: str | None = None
    """The version that the step requests."""


class DependencySpec(Spec):
    """`@conda` and `@pypi`, with what the flow's `@conda_base` and `@pypi_base` add."""

    manager: Literal["conda", "pypi"]
    packages: dict[str, str] = {}
    """Package name to version."""
    requirements: tuple[str, ...] = ()
    """Further packages of PyPI, as lines of a requirements file."""
    requirements_file: str | None = None
    """A file of such lines, from the folder of the flow's file."""
    system: tuple[str, ...] = ()
    """Debian packages."""
    base: str | None = None
    """The image to install them in, where the step names one; the step's own image is the same then."""
    python: str | None = None
    lock: LockedPackages | None = None
    """What the step's pod installs itself. The option `install_at_start` sets it, and the front ends never do."""
    disabled: bool | None = None
    """True: the step runs in the Python that is there, whatever packages are named. None: the flow's base decides."""

    @property
    def needed(self) -> bool:
        """Whether the step's image has to hold more than any Python."""
        asked = (self.packages, self.requirements, self.requirements_file, self.system, self.python)
        return not self.disabled and any(asked)

    @property
    def listed(self) -> tuple[str, ...]:
        """The request, in words."""
        words = [f"{name} {version}".strip() for name, version in self.packages.items()]
        words += [*self.requirements, *self.system]
        if self.requirements_file is not None:
            words.append(f"the packages of {self.requirements_file}")
        if self.python is not None:
            words.append(f"Python {self.python}")
        return tuple(words)


class TmpfsSpec(Model):
    """A file system in memory."""

    size_mb: int
    path: str = "/metaflow_temp"
    tempdir: bool = True
    """Whether temporary files of the task go there."""


class ContainerSpec(Spec):
    """`@kubernetes` and `@batch`: what is not resources or placement. `None` means that the target's option decides."""

    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str | None = None
    namespace: str | None = None
    secrets: tuple[str, ...] = ()
    """Kubernetes Secrets whose keys become environment variables."""
    config_maps: tuple[str, ...] = ()
    """ConfigMaps whose keys become environment variables."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    persistent_volume_claims: dict[str, str] = {}
    """Claim name to mount path."""
    secret_volumes: dict[str, str] = {}
    """Name of a Secret to the folder in which its keys are files."""
    config_map_volumes: dict[str, str] = {}
    """Name of a ConfigMap to the folder in which its keys are files."""
    host_volumes: dict[str, str] = {}
    """Path on the node to mount path."""
    tmpfs: TmpfsSpec | None = None
    port: int | None = None
    """A port that the container names."""
    qos: Literal["burstable", "guaranteed"] | None = None
    """`guaranteed` makes limits of the requests; `None` means that the target's option decides."""
    executable: str | None = None
    """The Python to call in the image."""
    security_context: SecurityContext | None = None
    pod_security: PodSecurity | None = None
    priority_class: str | None = None
    """The PriorityClass of the pod."""
    scheduler: str | None = None
    """The scheduler that places the pod, where it is not the cluster's own."""
    hostname_resolution_timeout: int | None = None
    """Seconds that the members of a gang may take to find each other."""
    patch: dict[str, Any] = {}
    """A part of a pod, `metadata` and `spec` in Kubernetes' words, that is merged into it."""


class CommandSpec(Spec):
    """`@container`, flowc's own: the command that the step runs in an image of its own, instead of Python.

    Words and variables may have the placeholders of `flowc.protocol.container` in them, and files are named as there.
    """

    image: str | None = None
    """The image of the command; by default that of the step, as in ZenML."""
    command: tuple[str, ...]
    """The program and its arguments."""
    env: dict[str, str] = {}
    inputs: dict[str, str] = {}
    """Name of an artifact, a parameter or an argument to the file that the command finds it in."""
    outputs: dict[str, str] = {}
    """Name of an artifact or output to the file that the command leaves it in."""

    @property
    def planned(self) -> dict[str, Any]:
        """The spec as the run plan has it."""
        return self.model_dump(mode="json", exclude={"span"})

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the values that the command gets."""
        named = (name for kind, name in placeholders(self.planned) if kind == VALUES)
        return tuple(dict.fromkeys((*self.inputs, *named)))
