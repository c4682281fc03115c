"""Packages that a flow names for all of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Step

if TYPE_CHECKING:
    from flowc_compiler.ir import DependencySpec


def add_base_packages(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Merge `base_packages` into the steps that run code; Conda's and PyPI's in one step are FC406."""
    if not flow.base_packages:
        return flow
    merged: list[Step] = []
    for step in flow.steps:
        if step.virtual:
            merged.append(step)
            continue
        spec = _merged(step.specs.dependencies, flow.base_packages, sink)
        merged.append(step.model_copy(update={"specs": step.specs.model_copy(update={"dependencies": spec})}))
    return flow.model_copy(update={"base_packages": (), "steps": tuple(merged)})


def _merged(own: DependencySpec | None, bases: tuple[DependencySpec, ...], sink: DiagnosticSink) -> DependencySpec:
    """Packages of both, the step's version first; Python and `disabled` of the step, where it says something."""
    from flowc_compiler.ir import DependencySpec

    asked = [spec for spec in (*bases, own) if spec is not None]
    with_packages = [spec for spec in asked if spec.packages]
    disabled = own.disabled if own is not None and own.disabled is not None else any(base.disabled for base in bases)
    if len({spec.manager for spec in with_packages}) > 1 and not disabled:
        sink.error(
            "FC406", "packages of Conda and of PyPI do not mix in one step", with_packages[-1].span,
            help="keep those of @conda_base and @conda, or those of @pypi_base and @pypi",
        )  # fmt: skip
    packages: dict[str, str] = {}
    python: str | None = None
    for spec in asked:
        packages.update(spec.packages)
        python = spec.python or python
    nearest = (with_packages or asked)[-1]
    return DependencySpec(
        span=(own or nearest).span,
        manager=nearest.manager,
        packages=packages,
        python=python,
        disabled=disabled or None,
    )
