"""The optional part of a target: a client of its engine, which starts runs, shows them and stops them.

A target that has one gives it by a method `client`; the commands `flowc submit`, `status`, `logs` and `stop` need no
more than what is here. The library that a client needs is imported when the client is created, not before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile, Target

Phase = Literal["pending", "running", "succeeded", "failed", "skipped"]
"""The state of a run or a task. What else an engine reports goes into the message."""

ORIGIN = "flowc-origin-run"
"""The argument of a WorkflowTemplate, and the key in the conf of a DAG's run, that names the run to resume."""
ORIGIN_PATTERN = "[A-Za-z0-9._=/,-]+"
"""What it matches; the ids of Airflow's runs have `=3A` and the like in the store."""

ENDED: frozenset[Phase] = frozenset({"succeeded", "failed", "skipped"})
"""The phases that do not change any more."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine is, from the command line. The engine's own environment variables provide what is missing."""

    server: str | None = None
    """`host:port` or a URL."""
    namespace: str | None = None
    user: str | None = None
    """The user name, for an engine that takes a password. The password is in the environment only."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """One task of a run, as its engine sees it."""

    step: str
    index: str | None
    """The index path, such as `3.0`; `None` outside of every foreach."""
    phase: Phase
    name: str
    """The engine's name for it: on Kubernetes the name of its latest pod."""
    kind: str = "pod"
    """What kind of thing has this name."""
    attempts: int = 1
    started: str = ""
    """A time in ISO 8601; empty if unknown."""
    message: str = ""
    exit_code: int | None = None
    """Of the latest attempt, if it ended by itself."""

    @property
    def id(self) -> str:
        """`step` or `step/index`, as in `flowc logs`."""
        return self.step if self.index is None else f"{self.step}/{self.index}"


@dataclass(frozen=True, slots=True)
class RunState:
    """A run, as its engine sees it."""

    name: str
    """The engine's name for it, which `status`, `logs` and `stop` take."""
    flow: str
    run_id: str
    """Its id in the artifact store."""
    phase: Phase
    namespace: str = ""
    root: str | None = None
    """The artifact store, where the engine knows."""
    message: str = ""
    created: str = ""
    """A time in ISO 8601; empty if the engine does not report it."""
    finished: str = ""
    done: int = 0
    """How many tasks have succeeded."""
    total: int = 0
    """How many tasks there are so far: a foreach adds its own when it begins."""
    tasks: tuple[TaskState, ...] = ()

    @property
    def pathspec(self) -> str:
        """What `flowc show` takes."""
        return f"{self.flow}/{self.run_id}"

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.phase in ENDED


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a task has printed."""

    task: str
    """`step/index`, or the engine's name of something that is not a step."""
    text: str


@dataclass(frozen=True, slots=True)
class DeployedParameter:
    """A parameter of something deployed."""

    name: str
    required: bool
    """Whether a run needs a value for it."""
    choices: tuple[str, ...] = ()
    """The allowed values, if they are listed."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Something deployed that runs can be started from: a template, a cron workflow, a DAG."""

    kind: str
    name: str
    flow: str
    parameters: tuple[DeployedParameter, ...] = field(default=())
    resumes: bool = False
    """Whether a run of it can resume another run."""
    takes_time: bool = True
    """Whether a run of it can be told which time it is scheduled for."""


class EngineError(Exception):
    """Something that an engine could not do, with what a diagnostic needs: code, message and help."""

    def __init__(self, code: str, message: str, help: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help

    @classmethod
    def unusable(cls, message: str, help: str) -> EngineError:
        """FC610: the engine does not answer, what answers is not the engine, or the caller has no access."""
        return cls("FC610", message, help)

    @classmethod
    def refused(cls, message: str, help: str) -> EngineError:
        """FC611: the engine rejects the request, or does not carry it out."""
        return cls("FC611", message, help)

    @classmethod
    def unknown(cls, message: str, help: str) -> EngineError:
        """FC602: there is no such run."""
        return cls("FC602", message, help)


class EngineClient(Protocol):
    """A connection to an engine. Every method may raise EngineError."""

    def options(
        self, options: TargetOptions, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> TargetOptions:
        """The target's options for what `submit` takes: with these texts for the flow's parameters.

        `origin` is the id of a run to go on from, and `scheduled` the time that the run is for, in ISO 8601.
        """
        ...

    def check(self, files: Sequence[EmittedFile]) -> tuple[str, ...]:
        """The engine's objections to the files that the target emitted. Starts nothing."""
        ...

    def submit(self, files: Sequence[EmittedFile]) -> RunState:
        """Start a run of what the target emitted."""
        ...

    def deployed(self, name: str) -> Deployed:
        """The thing deployed under a name."""
        ...

    def start(
        self, deployed: Deployed, values: Mapping[str, str], origin: str | None = None, scheduled: str = ""
    ) -> RunState:
        """Start a run of what is deployed, with these texts for its parameters, which arrive exact.

        `origin` is the id of a run to go on from, and `scheduled` the time that the run is for, in ISO 8601.
        """
        ...

    def runs(self, limit: int) -> tuple[RunState, ...]:
        """The latest runs of flows compiled by flowc, the newest first, without their tasks."""
        ...

    def status(self, name: str) -> RunState:
        """A run with its tasks, by the engine's name for it, by its id or by `Flow/id`."""
        ...

    def follow(self, name: str) -> Iterator[RunState]:
        """The state of a run now and after each change; the last one is the state in which it ended."""
        ...

    def logs(self, name: str, step: str | None, *, follow: bool) -> Iterator[LogLine]:
        """The output of the tasks of a run, or of one step; with `follow` until the run has ended."""
        ...

    def stop(self, name: str, *, terminate: bool) -> RunState:
        """End a run; `terminate` skips its exit handlers."""
        ...


class ServedTarget(Protocol):
    """A target that has a client."""

    def client(self, address: Address) -> EngineClient:
        """A client of the engine at an address. Raises EngineError: FC502 for no address, FC610 for no library."""
        ...


def client_of(target: Target, address: Address) -> EngineClient | None:
    """The client of a target's engine, `None` for a target without one. Raises EngineError."""
    return cast("ServedTarget", target).client(address) if hasattr(target, "client") else None


def checked_origin(origin: str | None) -> str | None:
    """The id of a run to resume, as it may stand in a manifest. Raises EngineError FC505."""
    if origin is not None and not re.fullmatch(ORIGIN_PATTERN, origin):
        help_ = "name it as ID or Flow/ID, as `flowc runs` prints it; with /STEP,STEP behind it, these run again"
        raise EngineError("FC505", f"{origin!r} is not the id of a run", help_)
    return origin


@dataclass(frozen=True, slots=True)
class WaitingTask:
    """A task that waits for a person, who has chosen."""

    run: str
    """`Flow/id`, with the id in the store."""
    step: str
    index: str
    """Its index path; `-` outside of every foreach."""
    choice: str
    note: str


Release = Callable[[Address, WaitingTask], str]
"""Lets an engine go on with a task, and returns what is to be said about it. Raises EngineError."""


def release_of(target: Target) -> Release | None:
    """What releases tasks of a target's engine; `None` for a target whose engine looks by itself."""
    release: Release | None = getattr(target, "release", None)
    return release


def stored_id(run_id: str) -> str:
    """Return the id of an engine's run in the artifact store, as operators write it: stores dislike `:` and `+`."""
    return quote(run_id, safe="").replace("%", "=")


def namespace_of(client: EngineClient) -> str:
    """The namespace in which a client looks for runs; empty for an engine without namespaces."""
    return str(getattr(client, "namespace", ""))
