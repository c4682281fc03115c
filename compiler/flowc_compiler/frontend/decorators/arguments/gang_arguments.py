"""What marks a step that runs as a gang: `@parallel`, and what builds on it: PyTorch, torchrun and Ray.

Names, arguments and defaults are those of Metaflow and of its extensions metaflow-torchrun and metaflow-ray.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import ParallelSpec, StepSpecs

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1)]


class ParallelArguments(Arguments):
    """`@parallel`, which takes none."""

    NAME: ClassVar[str] = "parallel"
    FRAMEWORK: ClassVar[Literal["pytorch", "torchrun", "ray"] | None] = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        options = {name: value for name, value in self._options().items() if value is not None}
        spec = ParallelSpec(
            span=at.span,
            decorator=self.NAME,
            framework=self.FRAMEWORK,
            port=getattr(self, "master_port", None) or getattr(self, "main_port", None),
            timeout=getattr(self, "all_nodes_started_timeout", None),
            options=options,
        )
        return some_specs(parallel=spec)

    def _options(self) -> Mapping[str, int | str | None]:
        return {}


class PytorchArguments(ParallelArguments):
    """`@pytorch_parallel`."""

    NAME = "pytorch_parallel"
    FRAMEWORK = "pytorch"

    master_port: Port | None = None


class TorchrunArguments(ParallelArguments):
    """`@torchrun`, once `@torchrun_parallel`."""

    NAME = "torchrun"
    FRAMEWORK = "torchrun"

    master_port: Port | None = None
    all_nodes_started_timeout: Seconds | None = None
    nproc_per_node: Annotated[int, Field(ge=1)] | Literal["auto", "cpu", "gpu"] = 1

    def _options(self) -> Mapping[str, int | str | None]:
        return {"nproc_per_node": self.nproc_per_node}


class RayArguments(ParallelArguments):
    """`@metaflow_ray`, once `@ray_parallel`."""

    NAME = "metaflow_ray"
    FRAMEWORK = "ray"

    main_port: Port | None = None
    all_nodes_started_timeout: Seconds | None = None
    worker_polling_freq: Annotated[float, Field(ge=0)] = 10
    heartbeat_timeout: Seconds = 600
    unreachable_timeout: Seconds = 600
    enable_worker_logs: bool = False
    logging_level: str | None = None
    log_style: Literal["pretty", "record", "auto"] | None = None
    enable_dashboard: bool = False
    dashboard_port: Port = 8265

    def _specs(self, at: Origin, /) -> StepSpecs:
        timeouts = ("worker_polling_freq", "heartbeat_timeout", "unreachable_timeout")
        why = "here: the members of a gang watch each other"
        self._without_effect(at, timeouts, why, "leave it out; FLOWC_GANG_SILENCE and FLOWC_GANG_INTERVAL set this")
        why = "here: Ray sends what its workers print to member 0"
        self._without_effect(at, ("enable_worker_logs",), why, "leave it out, and read the log of member 0")
        if not self.enable_dashboard:
            self._without_effect(at, ("dashboard_port",), "without a dashboard", "give `enable_dashboard=True`")
        return super()._specs(at)

    def _options(self) -> Mapping[str, int | str | None]:
        return {
            "logging_level": self.logging_level,
            "log_style": self.log_style,
            "dashboard_port": self.dashboard_port if self.enable_dashboard else None,
        }
