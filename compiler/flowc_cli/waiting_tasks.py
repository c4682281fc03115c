"""The tasks of a run that wait before they begin: for files and objects, and for what a person chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowc.errors import FlowError
from flowc.store import approvals
from flowc.store.documents import WAITING
from flowc.store.run_layout import parse_index, place_text

if TYPE_CHECKING:
    from collections.abc import Container

    from flowc.client import Run
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path


class WaitingRecord(NamedTuple):
    """A task that waits. Times are in seconds since 1970."""

    step: str
    path: Path
    since: float
    waits: tuple[str, ...]
    """What is not there yet; nothing where only a person is waited for."""
    question: Document | None
    """What a person is asked: `choices`, `message`, `timeout`, `default`."""

    @property
    def place(self) -> str:
        """The task as commands name it."""
        return place_text(self.step, self.path)

    @property
    def text(self) -> str:
        """What it waits for, in words."""
        if self.question is None:
            return f"for {', '.join(self.waits)}"
        about = self.question.get("message")
        choices = ", ".join(self.question.get("choices", ()))
        return "for a person" + (f": {about}" if about else "") + (f" ({choices})" if choices else "")


def waiting_tasks(run: Run, begun: Container[tuple[str, Path]] | None = None) -> list[WaitingRecord]:
    """The tasks of a run that wait, by one listing; `begun` are those that have an attempt. Raises StoreError."""
    layout = run.layout
    prefix = f"{layout.prefix}/"
    places = [key[len(prefix) :].split("/") for key in layout.store.keys(prefix) if key.endswith(f"/{WAITING}")]
    found: list[WaitingRecord] = []
    for step, index, _ in (parts for parts in places if len(parts) == 3):
        path = parse_index(index)
        if (step, path) in begun if begun is not None else layout.attempts(step, path):
            continue
        try:
            asked = approvals.read_question(layout, step, path)
            if asked is None or ("until" in asked and "approval" not in asked):
                continue
            question = asked.get("approval")
            if question is not None and approvals.read_answer(layout, step, path) is not None:
                continue
        except FlowError:  # damaged: `flowc fsck` says so
            continue
        since = float(asked["asked"] if "asked" in asked else asked["since"])
        found.append(WaitingRecord(step, path, since, tuple(asked["for"]), question))
    return sorted(found)
