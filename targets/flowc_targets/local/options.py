"""The options of a local run."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.store import DEFAULT_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowc_targets.base.json_events import LogFormat

StartMethod = Literal["fork", "spawn"]
DEFAULT_START: StartMethod = "spawn" if sys.platform == "darwin" else "fork"
"""On macOS libraries such as Accelerate crash in a forked process."""


@dataclass(frozen=True, slots=True)
class ResumeOptions:
    """What `flowc resume` adds."""

    origin_run_id: str | None = None
    """The run that is resumed; by default the latest of the flow."""
    flow: str | None = None
    """The flow that it is a run of, where that has another name."""
    step: str | None = None
    """A step that runs again, with all that follows it, whether or not it succeeded."""
    changed: frozenset[str] = frozenset()
    """Steps that run again because their code has changed."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of one run."""

    root: str = field(default_factory=lambda: os.environ.get(env_names.ROOT) or DEFAULT_ROOT)
    """Where artifacts go: a path, or a URL of file://, s3://, gs:// or az://. Commands add what the project says."""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    """Parameter name to the text of its value."""
    max_workers: int = 16
    """How many tasks run at once, at most."""
    max_num_splits: int = 100
    """The widest foreach that is allowed; a wider one is probably a mistake."""
    tags: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    """Files that ship beside the code: paths, folders and globs from the flow's folder."""
    run_id_file: Path | None = None
    """A file that gets the run's id as soon as it has one."""
    run_id: str | None = None
    """The run's id; by default one that sorts by time."""
    start_method: StartMethod = DEFAULT_START
    """`fork` from a process that has imported the libraries, or a fresh Python for each task."""
    python: str = sys.executable
    """The interpreter that runs the tasks."""
    grace_seconds: float = 5.0
    """How long a task may take to end after SIGTERM before it is killed."""
    timeout_grace: float = TIMEOUT_GRACE_SECONDS
    """How much longer than its `@timeout` a task may run: it ends itself in a fifth of that."""
    container: Literal["docker", "podman", "local"] | None = None
    """What runs steps with `@container`; by default the first of docker and podman that is installed."""
    retry_wait: bool = False
    """Whether attempts are as far apart as `@retry` says, as they are on an engine."""
    quiet: bool = False
    """Whether nothing is printed but the output of tasks, and failures."""
    log_format: LogFormat = "text"
    """Whether a run's messages are for people or, a JSON object a line, for programs."""
    again: tuple[str, ...] = ()
    """The file and the options by which `flowc resume` finds the flow and its root; for a message."""
    terminal: bool = False
    """Whether tasks have this process's standard input, for prompts and debuggers; for one task at a time."""
    post_mortem: bool = False
    """Whether the debugger begins in a task that fails, if it has a terminal."""
    approvals: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is chosen for steps with `@approval`, by step, where no person is asked."""
    ask: bool = False
    """Whether a person is asked at this process's standard input, too."""
    trigger: str = ""
    """What `current.trigger` shows, as FLOWC_TRIGGER has it; empty for a run that no event has started."""
    scheduled: str = ""
    """The time that the run is scheduled for, in ISO 8601; empty for none."""
    resume: ResumeOptions | None = None
    """Resume an earlier run, with its parameters; `params` must be empty."""
