"""The lines that the steps of a run have printed, and why their pods wait, from the logs of Airflow's tasks.

The lines of a task's log are those that its code has printed, without Airflow's own between them: Airflow 3 sends a log
line by line as JSON, with the file that logged each line; Airflow 2 sends one text, in which each line begins with a
time, that file, and a level.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from flowc_targets.airflow.dag_model import RUNTIME_NAME
from flowc_targets.airflow.server.run_states import attempts, map_index
from flowc_targets.base.engine import EngineError, LogLine
from flowc_targets.base.json_parts import as_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.airflow.server.rest_api import Api
    from flowc_targets.base.engine import RunState, TaskState

_PARTS = 1000
"""The most parts to read of one log."""

_LINE = re.compile(r"^\[\d{4}-\d\d-\d\dT[^\]]*\] \{(?:[^}]*/)?(?P<file>[^}/]+):\d+\} (?P<level>[A-Z]+) - (?P<text>.*)$")
_PRINTED_BY = "pod_manager.py"
"""Airflow's module that logs what a pod prints, each line behind the name of its container, and what it does itself."""
_POD_LINES = {_PRINTED_BY: re.compile(r"^\[base\] ?"), "pod.py": re.compile(r"^\[base\] logs: ")}
"""How the lines of a pod begin, by the module that logs them: `pod.py` does it for a task that was deferred."""
_EVENT = re.compile(r"^The Pod has an Event: (?P<text>.*) from \S+$", re.DOTALL)
_STARTED = ("Successfully assigned", "Created container", "Started container", "Container created", "Container started")
"""How events begin after which a pod does not wait any more, or not yet."""
_ASKED_REASONS = 5
"""How many tasks the state of a run looks up the logs of, for why their pods wait."""


class LogReader:
    """Reads the logs of one run, each line once."""

    def __init__(self, api: Api, dag_file: str) -> None:
        self._api = api
        self._files = {dag_file}
        self._read_lines: dict[tuple[str, int, int], int] = {}
        self._ended: set[tuple[str, int, int]] = set()

    def read(self, item: Json, task: TaskState) -> Iterator[LogLine]:
        """Yield what each attempt of a task has printed since the last call."""
        last = attempts(item)
        for number in range(1, last + 1):
            key = (str(item.get("task_id")), map_index(item), number)
            if key in self._ended:
                continue
            lines = self._lines(item, number)
            begun = self._read_lines.get(key, 0)
            self._read_lines[key] = max(len(lines), begun)
            name = task.id if number == 1 else f"{task.id} attempt {number - 1}"
            yield from (LogLine(name, text) for text in lines[begun:])
            if number < last or task.phase in {"succeeded", "failed", "skipped"}:
                self._ended.add(key)

    def _lines(self, item: Json, number: int) -> list[str]:
        """Return the lines of an attempt; none if Airflow does not have the log yet, or no longer."""
        lines: list[str] = []
        token: str | None = None
        for _ in range(_PARTS):
            try:
                part = self._api.log(item, number, token)
            except EngineError as error:
                if error.code != "FC602":
                    raise
                break
            lines += printed(part.get("content"), self._files)
            following = part.get("continuation_token")
            if not part.get("content") or not following or following == token:
                break
            token = str(following)
        return lines


def printed(content: object, files: set[str]) -> Iterator[str]:
    """Yield the lines of a log that a step has printed, and those of errors."""
    if isinstance(content, list):
        for entry in cast("list[object]", content):
            yield from _structured(as_map(entry), files)
    elif isinstance(content, str):
        yield from _textual(content, files)


def _structured(entry: Json, files: set[str]) -> Iterator[str]:
    """Yield a line of Airflow 3, and of its own errors the exceptions, which are in another field."""
    text = str(entry.get("event", ""))
    line = _line_of_step(str(entry.get("filename") or ""), text, files)
    if line is not None:
        yield line
    elif entry.get("level") in {"error", "critical"}:
        yield text
        details = entry.get("error_detail")
        for cause in cast("list[object]", details) if isinstance(details, list) else []:
            error = as_map(cause)
            yield f"{error.get('exc_type')}: {error.get('exc_value')}"


def _textual(content: str, files: set[str]) -> Iterator[str]:
    """Yield the lines of Airflow 2. A line without time and file belongs to the line before it."""
    taken = False
    for text in _unquoted(content).splitlines():
        line = _LINE.match(text)
        shown = _line_of_step(line["file"], line["text"], files) if line is not None else text
        if line is not None:
            taken = shown is not None or line["level"] in {"ERROR", "CRITICAL"}
            shown = line["text"] if shown is None else shown
        if taken and shown is not None:
            yield shown


def _line_of_step(file: str, text: str, files: set[str]) -> str | None:
    """What a step has printed, of a line that a file has logged; `None` where that is Airflow's own."""
    pattern = _POD_LINES.get(file)
    if pattern is not None:
        begin = pattern.match(text)
        return text[begin.end() :] if begin is not None else None
    return text if file in files or file.startswith(RUNTIME_NAME) else None


def with_reasons(api: Api, state: RunState, instances: Sequence[tuple[Json, TaskState]]) -> RunState:
    """A state in which tasks whose pods have not started are pending, with why: Airflow says that they run."""
    running = [(item, task) for item, task in instances if task.phase == "running"]
    found: dict[str, TaskState] = {}
    for item, task in running[:_ASKED_REASONS]:
        try:
            reason = waiting_reason(api.log(item, max(attempts(item), 1), None).get("content"))
        except EngineError:
            continue  # there is no log yet
        if reason:
            found[task.name] = replace(task, phase="pending", message=reason)
    return replace(state, tasks=tuple(found.get(task.name, task) for task in state.tasks))


def waiting_reason(content: object) -> str:
    """The last event of a pod that has not started, from its task's log; empty where there is none."""
    reason = ""
    for file, text in _lines_of(content):
        if file != _PRINTED_BY:
            continue
        if _POD_LINES[file].match(text):
            return ""
        event = _EVENT.match(text)
        if event is not None:
            reason = "" if event["text"].startswith(_STARTED) else event["text"]
    return reason


def _lines_of(content: object) -> Iterator[tuple[str, str]]:
    """The lines of a log, each with the file that has logged it."""
    if isinstance(content, list):
        entries = map(as_map, cast("list[object]", content))
        yield from ((str(entry.get("filename") or ""), str(entry.get("event", ""))) for entry in entries)
    elif isinstance(content, str):
        found = map(_LINE.match, _unquoted(content).splitlines())
        yield from ((line["file"], line["text"]) for line in found if line is not None)


def _unquoted(content: str) -> str:
    """Return the log out of Airflow 2's JSON, where it is the `repr` of [(host, log), ...]."""
    try:
        found: object = ast.literal_eval(content)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return content
    pairs = cast("list[object]", found) if isinstance(found, list) else []
    logs = [cast("tuple[object, ...]", pair)[-1] for pair in pairs if isinstance(pair, tuple) and pair]
    return "\n".join(str(log) for log in logs) if logs else content
