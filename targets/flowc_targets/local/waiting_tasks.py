"""Tasks of a local run that wait before they begin: for files and objects, and for what a person chooses.

Looks go on in threads, which wake the engine's loop by a pipe. A person answers in the terminal of the run, or from
another one by `flowc approve`.
"""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from flowc.errors import ApprovalError, FlowError
from flowc.shim.gate import Gate
from flowc.store import approvals
from flowc.store.run_layout import place_text
from flowc_targets.package.run_plan import gate_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc.store.run_layout import RunLayout
    from flowc_compiler.ir import Flow
    from flowc_targets.local.schedule import TaskKey

_LOOKS = 4
"""The most looks at a time."""
_ANSWER_SECONDS, _REMOTE_SECONDS = 1.0, 5.0
"""Seconds between two looks for an answer, in a folder and in a bucket."""


class Passed(NamedTuple):
    """A task that waits no more."""

    key: TaskKey
    error: FlowError | None
    """Why it fails; `None` for one that may begin."""


class WaitingTasks:
    """The tasks of a run that wait."""

    def __init__(
        self,
        flow: Flow,
        layout: RunLayout,
        environment: Mapping[str, str],
        answers: Mapping[str, str],
        note: Callable[[str], object],
    ) -> None:
        """`answers` are choices by step or `step/index`, for whoever knows them before; `note` prints a line."""
        self._entries = {step.name: gate_entries(step) for step in flow.steps if step.specs.gated}
        self._layout = layout
        self._environment = environment
        self._answers = answers
        self._note = note
        self._gates: dict[TaskKey, Gate] = {}
        self._due: dict[TaskKey, float] = {}
        self._looking: set[TaskKey] = set()
        self._asked: dict[TaskKey, Gate] = {}
        """Those that wait for a person, in the order in which they were asked."""
        self._noted: dict[TaskKey, str] = {}
        self._passed: list[Passed] = []
        self._pool = ThreadPoolExecutor(_LOOKS)  # starts no thread before there is something to look for
        self._read_end, self._write_end = os.pipe() if self._entries else (-1, -1)
        self._typed = b""

    @property
    def descriptor(self) -> int:
        """What is readable when a look has ended; -1 where no step waits."""
        return self._read_end

    @property
    def asking(self) -> bool:
        """Whether a person is asked."""
        return bool(self._asked)

    def __bool__(self) -> bool:
        return bool(self._gates or self._passed)

    def add(self, key: TaskKey) -> bool:
        """Let a task wait that has not waited before, if its step says so."""
        entry = self._entries.get(key.step)
        if entry is None:
            return False
        waits, question = entry.get("waits", []), entry.get("approval")
        self._gates[key] = Gate(self._layout, key.step, key.path, waits, question, self._environment)
        self._due[key] = 0.0
        return True

    def look(self) -> None:
        """Begin the looks that are due."""
        now = time.monotonic()
        for key, due in self._due.items():
            if due <= now and key not in self._looking:
                self._looking.add(key)
                self._pool.submit(self._look, key)

    def next_look(self) -> float:
        """When the next look is due, by the monotonic clock."""
        return min((due for key, due in self._due.items() if key not in self._looking), default=float("inf"))

    def drain(self) -> bool:
        """Read the pipe, which says that looks have ended."""
        with contextlib.suppress(OSError):
            os.read(self._read_end, 1024)
        return True

    def take(self) -> list[Passed]:
        """The tasks that wait no more since the last call."""
        found, self._passed = self._passed, []
        for item in found:
            for table in (self._gates, self._due, self._asked):
                table.pop(item.key, None)
        return found

    def read_terminal(self) -> bool:
        """Read what a person has typed, and take it for the choice that was asked for first."""
        data = os.read(0, 1024)
        self._typed += data
        while b"\n" in self._typed and self._asked:
            line, _, self._typed = self._typed.partition(b"\n")
            key, gate = next(iter(self._asked.items()))
            text = line.decode("utf-8", "replace").strip()
            try:
                if text:
                    self._answer(gate, text, "terminal")
                    self._due[key] = 0.0
            except FlowError as error:
                self._note(f"{error}; {_how(gate)}")
        return bool(data)

    def close(self) -> None:
        """Look no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._entries:
            os.close(self._read_end)
            os.close(self._write_end)

    def _look(self, key: TaskKey) -> None:
        gate = self._gates[key]
        error: FlowError | None = None
        try:
            done = self._is_open(key, gate)
        except FlowError as problem:
            done, error = True, problem
        except Exception as problem:
            done, error = True, ApprovalError(f"{gate.place}: {type(problem).__name__}: {problem}")
        if done:
            self._passed.append(Passed(key, error))
        asked = key in self._asked
        pause = _REMOTE_SECONDS if self._layout.store.remote else _ANSWER_SECONDS
        self._due[key] = float("inf") if done else time.monotonic() + (pause if asked else gate.every)
        self._looking.discard(key)
        os.write(self._write_end, b".")

    def _is_open(self, key: TaskKey, gate: Gate) -> bool:
        if key not in self._asked:
            missing = ", ".join(gate.missing())
            if missing:
                self._say(key, f"{gate.place} waits for {missing}")
                return False
            if gate.approval is None:
                return True
            gate.ask()
            known = self._answers.get(gate.place, self._answers.get(key.step))
            if known is not None:
                self._answer(gate, known, "option", approvals.settle)
            self._asked[key] = gate
        found = gate.answer()
        if found is None:
            message = gate.approval.get("message") if gate.approval else ""
            self._say(key, f"{gate.place} waits for a person{': ' if message else ''}{message} ({_how(gate)})")
        return found is not None

    def _answer(self, gate: Gate, choice: str, via: str, answer: Callable[..., object] = approvals.approve) -> None:
        answer(self._layout, gate.step, gate.path, gate.approval or {}, choice, by=approvals.this_person(), via=via)

    def _say(self, key: TaskKey, text: str) -> None:
        """Say what a task waits for, unless that was said before."""
        if self._noted.get(key) != text:
            self._noted[key] = text
            self._note(text)


def _how(gate: Gate) -> str:
    """How a person answers."""
    question = gate.approval or {}
    choices = question.get("choices")
    what = (
        f"choose {', '.join(choices)}"
        if choices
        else "write a text"
        if question.get("kind") == "text"
        else "write JSON"
    )
    place = place_text(gate.step, gate.path)
    return f"{what}: flowc approve {gate.layout.flow}/{gate.layout.run} {place} --choose ..."
