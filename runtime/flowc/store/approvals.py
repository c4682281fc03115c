"""What persons choose for steps with `@approval`: the question and the answer, beside the attempts of the task.

The answer in the store is the truth on every engine: one that waits is only released. Whoever answers first counts.
"""

from __future__ import annotations

import json
import os

from flowc.current import user_of
from flowc.errors import ApprovalError
from flowc.store.documents import APPROVAL, WAITING, wall_time
from flowc.store.run_layout import index_text, place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    Json = Dict[str, Any]

_TYPES: Dict[str, Any] = {"bool": bool, "int": int, "float": (int, float), "list": list, "dict": dict}


class Approval:
    """What a person has chosen, as `current.approval` of the step."""

    def __init__(self, question: Json, record: Document) -> None:
        self.record = record
        """As it is in the store."""
        self.choice: str = record["choice"]
        self.by: str | None = record.get("by")
        """Who; `None` where the engine does not say it, and where the time was over."""
        self.note: str = record.get("note", "")
        self.time: float = record["time"]
        """When, in seconds since 1970."""
        self.timed_out: bool = record.get("timed_out", False)
        """Whether nobody has chosen in time, so that the default counts."""
        self.value: Any = value_of(question, self.choice)
        """What the choice stands for: itself, or the key of the switch's case that reads like it."""

    def __repr__(self) -> str:
        return f"Approval({self.choice!r}, by={self.by!r})"


def value_of(question: Json, choice: str) -> Any:
    """What a choice stands for. Raises ApprovalError for what may not be chosen."""
    choices = question.get("choices")
    if choices:
        if choice not in choices:
            raise ApprovalError(f"{choice!r} is not one of {', '.join(choices)}")
        if choice in question.get("values", {}):
            return question["values"][choice]
    kind = question.get("kind", "text")
    if kind == "text":
        return choice
    try:
        value: Any = json.loads(choice)
    except ValueError:
        value = None
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise ApprovalError(f"{choice!r} is no {kind} in JSON")
    return float(value) if kind == "float" else value


def task_file(layout: RunLayout, step: str, path: Path, name: str) -> str:
    """The key of a file of a task that is of no attempt."""
    return f"{layout.prefix}/{step}/{index_text(path)}/{name}"


def read_question(layout: RunLayout, step: str, path: Path) -> Document | None:
    """What a task waits for, as it was written down when it began to wait: `since`, `for`, and `approval`."""
    return layout.read_json(task_file(layout, step, path, WAITING))


def read_answer(layout: RunLayout, step: str, path: Path) -> Document | None:
    """What was chosen: `choice`, `by`, `note`, `time`."""
    return layout.read_json(task_file(layout, step, path, APPROVAL))


def deadline_of(question: Json, since: float) -> float | None:
    """When the time to choose is over, in seconds since 1970."""
    return since + question["timeout"] if question.get("timeout") is not None else None


def approve(
    layout: RunLayout, step: str, path: Path, question: Json, choice: str, *, by: str | None, note: str = "",
    via: str = "", since: float | None = None, time: float | None = None, timed_out: bool = False,
) -> Document:  # fmt: skip
    """Write down what was chosen. Raises ApprovalError for what may not be chosen, what was chosen before, and what
    comes too late, where `since` says when the question was asked."""
    place = place_text(step, path)
    known = read_answer(layout, step, path)
    if known is not None:
        raise ApprovalError(f"{place} has its answer: {answer_text(known)}")
    value_of(question, choice)
    deadline = deadline_of(question, since) if since is not None else None
    if deadline is not None and wall_time() > deadline:
        raise ApprovalError(f"{place} waits no more: the time to choose, {question['timeout']:g} s, is over")
    record: Document = {"version": 1, "choice": choice, "by": by, "note": note, "via": via}
    record["time"] = wall_time() if time is None else time
    if timed_out:
        record["timed_out"] = True
    if not layout.create_json(task_file(layout, step, path, APPROVAL), record):
        known = read_answer(layout, step, path)
        raise ApprovalError(f"{place} has its answer" + (f": {answer_text(known)}" if known is not None else ""))
    return record


def settle(layout: RunLayout, step: str, path: Path, question: Json, choice: str, **more: Any) -> Document:
    """What was chosen: this, by `approve`, unless somebody was faster. Raises ApprovalError."""
    try:
        return approve(layout, step, path, question, choice, **more)
    except ApprovalError:
        known = read_answer(layout, step, path)
        if known is None:
            raise
        return known


def this_person() -> str:
    """Who answers here: the user that the environment names, else that of the system."""
    known = user_of(os.environ)
    if known:
        return known
    import getpass

    return getpass.getuser()


def answer_text(record: Document) -> str:
    """An answer for people: `promote, by alice: looks good`."""
    who = "by default, as nobody chose in time" if record.get("timed_out") else f"by {record.get('by') or 'somebody'}"
    return f"{record['choice']}, {who}" + (f": {record['note']}" if record.get("note") else "")
