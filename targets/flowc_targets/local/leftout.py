"""What decorators ask for that a local run does not give, in words for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow


def left_out(flow: Flow) -> list[str]:
    """One line for each kind. Resources, placement and images are for other machines: that goes without saying."""
    notes: list[str] = []
    packages = [step.name for step in flow.steps if (spec := step.specs.dependencies) and not spec.disabled]
    if packages:
        notes.append(f"packages of @conda and @pypi are not installed: {_steps(packages)} in the Python of this run")
    secrets = [
        step.name
        for step in flow.steps
        if step.specs.secrets and any(source.type == "kubernetes" for source in step.specs.secrets.sources)
    ]
    if secrets:
        notes.append(f"Kubernetes Secrets are not read: {_steps(secrets)} with the variables of this shell")
    return notes


def _steps(names: list[str]) -> str:
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{listed} {'runs' if len(names) == 1 else 'run'}"
