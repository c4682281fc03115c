"""The optional part of a target: what of its engine starts runs later, is listed, suspended and removed.

A target that has one gives it by a method `deployments`; `flowc deploy`, `deployments`, `undeploy`, `suspend` and
`unsuspend` need no more than what is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowc_targets.base.engine import Address
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile, Target


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed flow."""

    name: str
    """What `flowc submit --from` takes."""
    flow: str
    kinds: tuple[str, ...]
    """What it consists of: the engine's names."""
    schedule: str = ""
    """As the engine has it; empty where no schedule starts it."""
    suspended: bool | None = None
    """Whether it starts no runs by itself for now; `None` where nothing but a person does."""
    version: str = ""
    """The hash of its code, where the engine knows."""
    namespace: str = ""
    created: str = ""
    """A time in ISO 8601; empty if the engine does not report it."""
    note: str = ""
    """What remains to be done by hand."""


class DeploymentClient(Protocol):
    """A connection to the place where an engine's deployments are. Every method may raise EngineError."""

    def options(self, options: TargetOptions) -> TargetOptions:
        """The target's options for what is deployed."""
        ...

    def deploy(self, files: Sequence[EmittedFile]) -> Deployment:
        """Put what the target emitted in the place of the version before."""
        ...

    def deployments(self, flow: str | None) -> tuple[Deployment, ...]:
        """The deployed flows, or those of one flow, by name."""
        ...

    def remove(self, name: str, folder: Path | None) -> Deployment:
        """Remove a deployment. `folder` is the one whose files are the deployments of some engines."""
        ...

    def suspend(self, name: str, *, suspended: bool) -> Deployment:
        """Let a deployment start no more runs by itself, or let it start some again."""
        ...


class DeployedTarget(Protocol):
    """A target that has one."""

    def deployments(self, address: Address) -> DeploymentClient:
        """The connection. Raises EngineError."""
        ...


def deployments_of(target: Target, address: Address) -> DeploymentClient | None:
    """The deployments of a target's engine; `None` for a target without any. Raises EngineError."""
    return cast("DeployedTarget", target).deployments(address) if hasattr(target, "deployments") else None
