"""Engines' servers: a target's client, what one says of emitted files, and the exit code for one that is of no use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowc_cli.report import INPUT_ERROR
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.base.engine import Address, EngineClient, EngineError, client_of
from flowc_targets.base.registry import UnknownTargetError, load_target
from flowc_targets.base.target import EmittedFile

NO_ENGINE = 3
"""The exit code where an engine's server cannot be used."""


def connect(target: str, server: str | None, namespace: str | None, user: str | None = None) -> EngineClient:
    """The client of a target's engine. Raises EngineError: FC504 for an unknown target, FC501 for one without."""
    try:
        client = client_of(load_target(target), Address(server, namespace, user))
    except UnknownTargetError as error:
        help_ = f"targets are {', '.join(error.known)}"
        raise EngineError("FC504", f"there is no target `{target}`", help_) from None
    if client is None:
        help_ = f"compile for it, and use the tools of {target} itself"
        raise EngineError("FC501", f"flowc has no client for target {target}", help_)
    return client


def add_errors(errors: Iterable[EngineError], sink: DiagnosticSink) -> None:
    """What an engine, or the command, could not do, as diagnostics."""
    for error in errors:
        sink.error(error.code, error.message, None, help=error.help)


def exit_code(sink: DiagnosticSink) -> int:
    """The exit code for what was collected: whether anything is wrong, and if it is with the input."""
    if not sink.failed:
        return 0
    return NO_ENGINE if any(item.code == "FC610" for item in sink.diagnostics) else INPUT_ERROR


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """`--check-server`: which server is asked about what is compiled."""

    server: str | None
    namespace: str | None

    def check(self, target: str, files: Sequence[EmittedFile], sink: DiagnosticSink) -> None:
        """Collect what the server of a target has against emitted files (FC611), or against being asked (FC610)."""
        try:
            problems = connect(target, self.server, self.namespace).check(files)
        except EngineError as error:
            add_errors([error], sink)
            return
        for problem in problems:
            sink.error("FC611", problem, None, help="correct the option or the decorator that it comes from")
