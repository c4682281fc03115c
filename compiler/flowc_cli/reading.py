"""How commands read a flow's file: which flow, what its steps get besides, and values for configs and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowc_cli.configs import given_configs
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import NONE_GIVEN, Compilation, GivenParameters, compile_file, with_defaults
from flowc_compiler.ir import Flow


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
    given: GivenParameters = NONE_GIVEN
    """Values of parameters."""

    def compile(self, file: Path, sink: DiagnosticSink) -> Compilation:
        """Compile a file. Raises FlowcError."""
        configs = replace(given_configs(self.config, self.config_value, sink), kept=self.kept)
        found = compile_file(
            file, sink, flow_name=self.flow_name, attached=self.attached, configs=configs, given=self.given
        )
        if self.branch is None and not self.production:
            return found
        from flowc_targets.package.project_names import with_branch

        flow = with_branch(found.flow, self.branch, self.production, sink)
        sink.raise_if_failed()
        return replace(found, flow=flow)

    def compile_with_values(self, file: Path, sink: DiagnosticSink) -> Compilation:
        """Compile a file so that what is given for a parameter is its default in what comes out. Raises FlowcError."""
        found = self.compile(file, sink)
        if self.given == NONE_GIVEN:
            return found
        flow = with_defaults(found.flow, self.given.bind(found.flow, sink))
        _check_defaults(found.flow, flow, sink)
        sink.raise_if_failed()
        return replace(found, flow=flow)


def _check_defaults(before: Flow, flow: Flow, sink: DiagnosticSink) -> None:
    """Collect FC315 for a value that engines cannot hand on: a class flow's task would take the class's default."""
    if flow.frontend != "class":
        return
    from flowc_targets.base.parameter_defaults import literal_default

    for old, new in zip(before.parameters, flow.parameters, strict=True):
        shipped = new.source == "file" and "://" not in str(new.default)
        if new != old and not shipped and literal_default(new) is None:
            message = f"parameter `{new.name}` cannot be compiled with the value {new.default!r}"
            sink.error("FC315", message, new.span, help="write it in the file, or give it when the flow is run")
