"""The commands that look at runs on an engine, and stop them. Each returns its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from flowc_cli.report import Form, report
from flowc_cli.servers import add_errors, connect, exit_code
from flowc_cli.states import document, ended_text, listing, state_text, transitions
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.base.engine import EngineClient, EngineError, RunState, namespace_of

RUN_FAILED = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Which engine, and where it is, as the command line has it."""

    target: str
    server: str | None
    namespace: str | None
    user: str | None = None

    def client(self) -> EngineClient:
        """The engine's client: see connect."""
        return connect(self.target, self.server, self.namespace, self.user)


def list_runs(place: Place, limit: int, *, as_json: bool) -> int:
    """`flowc status`: one line a run, the newest first."""

    def run(client: EngineClient) -> int:
        states = client.runs(limit)
        if as_json:
            sys.stdout.write(json.dumps([document(state, tasks=False) for state in states], indent=2) + "\n")
        elif states:
            sys.stdout.write(listing(states))
        else:
            namespace = namespace_of(client)
            elsewhere = f" in namespace {namespace}; -n names another" if namespace else ""
            sys.stderr.write(f"there are no runs of flowc{elsewhere}\n")
        return 0

    return _with_client(place, run)


def show_status(place: Place, name: str, *, wait: bool, watch: bool, as_json: bool) -> int:
    """`flowc status NAME`: a run and its tasks, at once or when it has ended."""

    def run(client: EngineClient) -> int:
        state = followed(client, place.target, name, watch=watch) if wait or watch else client.status(name)
        sys.stdout.write(json.dumps(document(state), indent=2) + "\n" if as_json else state_text(state))
        return RUN_FAILED if (wait or watch) and state.phase != "succeeded" else 0

    return _with_client(place, run)


def print_engine_logs(place: Place, name: str, step: str | None, *, follow: bool) -> int:
    """`flowc logs NAME --target T`: what the tasks of a run print, each line behind its task's name."""

    def run(client: EngineClient) -> int:
        for line in client.logs(name, step, follow=follow):
            sys.stdout.write(f"[{line.task}] {line.text}\n")
            sys.stdout.flush()
        return 0

    return _with_client(place, run)


def refuse_mixed_logs(target: str | None) -> int:
    """FC504 for options of `flowc logs` that are about the store and the engine at once."""
    if target is None:
        message = "STEP, --follow, --server and --namespace are about an engine, and no --target names one"
        help_ = "add --target argo; the store's logs of a step are those of Flow/run-id/step"
    else:
        message = "--root, --stdout and --stderr are about the store, and --target asks an engine"
        help_ = "leave out --target, or the others: an engine does not tell the streams apart"
    return fail([EngineError("FC504", message, help_)])


def stop_run(place: Place, name: str, *, terminate: bool) -> int:
    """`flowc stop NAME`."""

    def run(client: EngineClient) -> int:
        state = client.stop(name, terminate=terminate)
        sys.stderr.write(f"{state.pathspec} ({state.name}) is told to {'end at once' if terminate else 'stop'}\n")
        return 0

    return _with_client(place, run)


def followed(client: EngineClient, target: str, name: str, *, watch: bool) -> RunState:
    """The state of a run at its end; with `watch`, what becomes of each task is printed on the way.

    An interrupt ends the wait and not the run, and that is said.
    """
    before: RunState | None = None
    try:
        for state in client.follow(name):
            if watch:
                for line in transitions(before, state):
                    sys.stderr.write(f"{line}\n")
                sys.stderr.flush()
            before = state
    except KeyboardInterrupt:
        where = "".join(f" {option}" for option in _options_of(target, namespace_of(client)))
        sys.stderr.write(
            f"the run goes on: `flowc status {name}{where}` looks at it, `flowc stop {name}{where}` ends it\n"
        )
        raise
    assert before is not None, "a run that is followed has a state"
    sys.stderr.write(ended_text(before))
    return before


def _options_of(target: str, namespace: str) -> Iterator[str]:
    """What has to be said on the command line to find a run of this target there."""
    if target != "argo":
        yield f"--target {target}"
    if namespace:
        yield f"-n {namespace}"


def fail(errors: Iterable[EngineError], form: Form = "text") -> int:
    """Print what an engine, or the command, could not do. Returns the exit code."""
    sink = DiagnosticSink()
    add_errors(errors, sink)
    report(sink.diagnostics, sink.sources, form)
    return exit_code(sink)


def _with_client(place: Place, run: Callable[[EngineClient], int]) -> int:
    try:
        return run(place.client())
    except EngineError as error:
        return fail([error])
