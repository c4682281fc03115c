"""What a local run returns, the interface of its reporters, and the notes before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from flowc_compiler.ir.manifest_schema import MAIN
from flowc_targets.kubernetes.pod import secret_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowc_compiler.ir import ContainerSpec, Flow
    from flowc_targets.base.live_table import StepProgress

Stream = Literal["stdout", "stderr"]
Status = Literal["successful", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class FailedTask:
    """The task whose failure stopped the run."""

    step: str
    index: str
    """Its index path; `-` outside of every foreach."""
    attempt: int
    message: str
    """One line: the exception, or how the process ended."""
    traceback: str
    log: str
    """Where its output is stored; empty where it has printed nothing."""
    which: str = ""
    """Which attempt it was, in words; empty where there is but one."""

    @property
    def name(self) -> str:
        """The task as messages and commands name it."""
        return self.step if self.index == "-" else f"{self.step}/{self.index}"


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, and where its artifacts are."""

    run_id: str
    status: Status
    root: str
    tasks: int
    """Tasks that finished."""
    seconds: float
    failed: FailedTask | None = None
    reused: int = 0
    """How many of the tasks were taken over from an earlier run."""
    error: str = ""
    """What stopped the run when it was no task."""

    again: tuple[str, ...] = ()
    """The file and the options by which `flowc resume` finds the flow and its root; empty where nobody said."""

    @property
    def ok(self) -> bool:
        """Whether the end step finished."""
        return self.status == "successful"

    @property
    def exit_code(self) -> int:
        """0, 1 for a failure, 130 for an interruption."""
        return {"successful": 0, "failed": 1, "interrupted": 130}[self.status]


class Reporter(Protocol):
    """Shows what happens in a run."""

    def started(self, flow: str, run_id: str, root: str) -> None:
        """The run has begun."""
        ...

    def lines(self, stream: Stream, prefix: str, lines: list[str]) -> None:
        """A task wrote lines; they come without their ends."""
        ...

    def note(self, text: str) -> None:
        """Something a person should know: a retry, a fallback."""
        ...

    def warn(self, text: str) -> None:
        """Something that may be wrong, which is said to everybody."""
        ...

    def progress(self, done: int, running: int, known: int) -> None:
        """Tasks that finished, that run, and that the run has as far as is known."""
        ...

    def finished(self, result: RunResult) -> None:
        """The run is over."""
        ...


@runtime_checkable
class LiveReporter(Reporter, Protocol):
    """Shows what happens while it happens, and so wants to be called again in time."""

    def watch(self, steps: Callable[[], Sequence[StepProgress]]) -> None:
        """Called first. `steps` says at any time how far each step is."""
        ...

    def wait(self) -> float:
        """In how many seconds, at most, `progress` is to be called again."""
        ...

    def prompt(self, stream: Stream, text: str) -> None:
        """A task that has the terminal wrote text, which is shown as it is and may have no end of a line."""
        ...

    def prompts_are_over(self) -> None:
        """That task has ended."""
        ...


def unsupported_locally(flow: Flow) -> list[str]:
    """What decorators request and a local run does not provide, in one line for each kind.

    Resources, placement and images are for other machines: nobody expects them here.
    """
    containers = {step.name: step.specs.container for step in flow.steps if step.specs.container is not None}
    kinds = (
        (
            "packages of @conda and @pypi are not installed: {} in the Python of this run",
            [step.name for step in flow.steps if (spec := step.specs.dependencies) and spec.needed],
        ),
        (
            "Kubernetes Secrets are not read: {} with the variables of this shell",
            [step.name for step in flow.steps if secret_names(step.specs)],
        ),
        (
            "ConfigMaps are not read: {} with the variables of this shell",
            [name for name, container in containers.items() if container.config_maps],
        ),
        (
            "claims, Secrets and ConfigMaps are not mounted: {} with the files that are here",
            [name for name, container in containers.items() if _mounts(container)],
        ),
        (
            "sidecars and init containers are not started: {} without",
            [name for name, container in containers.items() if _has_containers(container)],
        ),
        (
            "a local run has no pods that items could share: {} as without items_per_task",
            [step.name for step in flow.steps if (foreach := step.specs.foreach) and foreach.items_per_task],
        ),
        (
            "a local run has no pods that steps could share: {} as without @fuse",
            [step.name for step in flow.steps if (fuse := step.specs.fuse) and not fuse.disabled and not step.virtual],
        ),
        (
            "callbacks of Airflow are not called: {} without",
            [step.name for step in flow.steps if step.specs.airflow is not None and step.specs.airflow.callbacks],
        ),
    )
    notes = [text.format(_subject(steps)) for text, steps in kinds if steps]
    if flow.specs.run_limits:
        notes.append("@concurrency(runs=) bounds the runs of a deployment, and a local run is none")
    return notes


def _mounts(container: ContainerSpec) -> bool:
    """Whether a step would find files of others in its pod."""
    return bool(
        container.persistent_volume_claims
        or container.secret_volumes
        or container.config_map_volumes
        or container.host_volumes
    )


def _has_containers(container: ContainerSpec) -> bool:
    """Whether other containers run in a step's pod."""
    spec: dict[str, Any] = container.patch.get("spec") or {}
    others = (item for item in spec.get("containers") or () if item.get("name") != MAIN)
    return bool(spec.get("initContainers") or any(others))


def _subject(names: list[str]) -> str:
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{listed} {'runs' if len(names) == 1 else 'run'}"
