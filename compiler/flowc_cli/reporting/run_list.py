"""The runs of a store in a list, which is asked for again and again: what cannot change is read once."""

from __future__ import annotations

import time
from typing import NamedTuple

from flowc.client import Metaflow, Run
from flowc.errors import CorruptArtifact, FlowError, NewerFormat
from flowc.store.run_layout import run_names
from flowc_cli.lenient_layout import DAMAGED
from flowc_cli.store_requests import each_of
from flowc_cli.stored_runs import ended_at, engine_of

LAST = 500
"""How many runs are listed."""


class RunRow(NamedTuple):
    """A run in the list. Times are in seconds."""

    flow: str
    run: str
    where: str
    state: str
    created: float
    """Since 1970."""
    duration: float | None
    tags: tuple[str, ...]


class RunList:
    """The newest runs of a root."""

    def __init__(self, root: str | None) -> None:
        self._root = root
        self._created: dict[str, float] = {}
        self._ended: dict[str, RunRow] = {}

    def rows(self) -> list[RunRow]:
        """The runs, the newest first. Raises FlowError."""
        found = [
            Run.of(flow, name)
            for flow in Metaflow(root=self._root, trusted=False)
            for name in run_names(flow.store(), flow.id)
        ]
        new = [run for run in found if run.pathspec not in self._created]
        if new:
            times = each_of(new[0].layout.store, lambda run: run.created_seconds(), new)
            self._created |= {run.pathspec: created for run, created in zip(new, times, strict=True)}
        newest = sorted(found, key=lambda run: (self._created[run.pathspec], run.pathspec), reverse=True)[:LAST]
        rows = each_of(newest[0].layout.store, self._row, newest) if newest else ()
        return [row for row in rows if row is not None]

    def _row(self, run: Run) -> RunRow | None:
        """A run; `None` for what is but the folder of one."""
        tags: tuple[str, ...] = ()
        created = self._created[run.pathspec]
        if not created:
            return None
        try:
            tags = tuple(sorted(run.user_tags))
            known = self._ended.get(run.pathspec)
            if known is not None:
                return known._replace(tags=tags)
            state = run.status
            until = time.time() if state == "running" else ended_at(run)
            where = "local" if run.record else engine_of(run)
            duration = None if until is None else max(0.0, until - created)
            row = RunRow(run.layout.flow, run.id, where, state, created, duration, tags)
        except CorruptArtifact as error:
            state = "newer" if isinstance(error, NewerFormat) else DAMAGED
            return RunRow(run.layout.flow, run.id, "", state, created, None, tags)
        except FlowError:
            return None
        if state not in ("running", "lost"):
            self._ended[run.pathspec] = row
        return row
