"""How a local run ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    """Where its stderr is stored."""

    @property
    def name(self) -> str:
        """The task as messages call it."""
        return self.step if self.index == "-" else f"{self.step}[{self.index}]"


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
    """How many of the tasks an earlier run did."""
    error: str = ""
    """What stopped the run when it was no task."""

    @property
    def ok(self) -> bool:
        """Whether the end step finished."""
        return self.status == "successful"

    @property
    def exit_code(self) -> int:
        """0, 1 for a failure, 130 for an interruption."""
        return {"successful": 0, "failed": 1, "interrupted": 130}[self.status]
