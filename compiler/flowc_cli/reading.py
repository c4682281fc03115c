"""How commands read a flow's file: which flow, what is attached to its steps, and what is given to its configs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowc_cli.configs import given_configs
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation, compile_file


@dataclass(frozen=True)
class Reading:
    """The options that every command has which reads a flow."""

    flow_name: str | None = None
    attached: tuple[str, ...] = ()
    """Decorators for every step, from `--with`."""
    config: tuple[str, ...] = ()
    """`NAME=PATH` of `--config`."""
    config_value: tuple[str, ...] = ()
    """`NAME=VALUE` of `--config-value`."""
    branch: str | None = None
    """The branch of a flow with `@project`."""
    production: bool = False
    kept: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """The configs of the run that is resumed."""

    def compile(self, file: Path, sink: DiagnosticSink) -> Compilation:
        """Compile a file. Raises FlowcError."""
        configs = replace(given_configs(self.config, self.config_value, sink), kept=self.kept)
        found = compile_file(file, sink, flow_name=self.flow_name, attached=self.attached, configs=configs)
        if self.branch is None and not self.production:
            return found
        from flowc_targets.base.project import with_branch

        flow = with_branch(found.flow, self.branch, self.production, sink)
        sink.raise_if_failed()
        return replace(found, flow=flow)
