"""Connections to engines' servers: the client of a target, errors of a server as diagnostics, and exit codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from flowc_cli.output import INPUT_ERROR, Form, report, write_error
from flowc_cli.project_config import read_settings
from flowc_cli.run_watching import RunWatch
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.base.deployments import DeploymentClient, deployments_of
from flowc_targets.base.engine import Address, EngineClient, EngineError, RunState, client_of, namespace_of
from flowc_targets.base.target import EmittedFile, Target, UnknownTargetError, load_target

C = TypeVar("C")
"""A kind of client."""

NO_ENGINE = 3
"""The exit code where an engine's server cannot be used."""
RUN_FAILED = 1
"""The exit code of a wait for a run that does not succeed."""


@dataclass(frozen=True, slots=True)
class Place:
    """An engine and its server, as the command line names them."""

    target: str
    server: str | None
    namespace: str | None
    user: str | None = None

    @classmethod
    def here(cls, target: str, server: str | None, namespace: str | None, user: str | None = None) -> Place:
        """The place of a command that names no file: without a namespace, in that of the folder's project."""
        return cls(target, server, namespace or project_namespace(target), user)

    def client(self) -> EngineClient:
        """The engine's client. Raises EngineError: FC504 for an unknown target, FC501 for a target without a client."""
        return self._opened(client_of, "client for")

    def deployments(self) -> DeploymentClient:
        """The engine's deployments. Raises EngineError: FC504 for an unknown target, FC501 for one without any."""
        return self._opened(deployments_of, "client for deployments of")

    def _opened(self, open_: Callable[[Target, Address], C | None], what: str) -> C:
        try:
            found = open_(load_target(self.target), Address(self.server, self.namespace, self.user))
        except UnknownTargetError as error:
            help_ = f"targets are {', '.join(error.known)}"
            raise EngineError("FC504", f"there is no target `{self.target}`", help_) from None
        if found is None:
            help_ = f"compile for it, and use the tools of {self.target} itself"
            raise EngineError("FC501", f"flowc has no {what} target {self.target}", help_)
        return found


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """`--check-server`: the server that checks what is compiled."""

    server: str | None
    namespace: str | None

    def check(self, target: str, files: Sequence[EmittedFile], sink: DiagnosticSink) -> None:
        """Collect why the server of a target refuses emitted files (FC611), or cannot be used (FC610)."""
        try:
            problems = Place(target, self.server, self.namespace).client().check(files)
        except EngineError as error:
            add_error(error, sink)
            return
        for problem in problems:
            sink.error("FC611", problem, None, help="correct the option or the decorator that sets it")


def project_namespace(target: str) -> str | None:
    """The `namespace` of the settings that count in the current folder, where flows that it has are submitted to."""
    table = read_settings(Path.cwd(), DiagnosticSink()).table  # a command with a file says what is wrong with them
    own: Any = table.get(target)
    tables = [cast("Mapping[str, object]", own)] if isinstance(own, Mapping) else []
    for each in (*tables, table):
        found = each.get("namespace")
        if isinstance(found, str) and found:
            return found
    return None


def exit_code(sink: DiagnosticSink) -> int:
    """The exit code for the collected diagnostics: NO_ENGINE for an unusable server, INPUT_ERROR for other errors."""
    if not sink.failed:
        return 0
    return NO_ENGINE if any(item.code == "FC610" for item in sink.diagnostics) else INPUT_ERROR


def fail(error: EngineError, form: Form = "text") -> int:
    """Print why an engine, or the command, cannot do something. Returns the exit code."""
    sink = DiagnosticSink()
    add_error(error, sink)
    report(sink.diagnostics, form=form)
    return exit_code(sink)


def with_client(place: Place, run: Callable[[EngineClient], int]) -> int:
    """Call `run` with the engine's client. Returns its exit code, or that of an EngineError, which is printed."""
    try:
        return run(place.client())
    except EngineError as error:
        return fail(error)


def follow_run(client: EngineClient, target: str, name: str, *, watch: RunWatch | None) -> RunState:
    """The state of a run at its end; `watch` shows what happens until then.

    An interrupt ends the wait but not the run, and a line says so.
    """
    before: RunState | None = None
    try:
        for state in client.follow(name):
            if watch is not None:
                watch.show(state)
            before = state
    except KeyboardInterrupt:
        where = f" --target {target}" if target != "argo" else ""
        where += f" -n {namespace}" if (namespace := namespace_of(client)) else ""
        write_error(f"the run continues: `flowc status {name}{where}` shows it, `flowc stop {name}{where}` ends it\n")
        raise
    finally:
        if watch is not None:
            watch.close()
    assert before is not None, "a run that is followed has a state"
    (watch or RunWatch()).ended(before)
    return before


def add_error(error: EngineError, sink: DiagnosticSink) -> None:
    """Collect why an engine, or the command, cannot do something."""
    sink.error(error.code, error.message, None, help=error.help)
