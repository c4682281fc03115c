"""A run that is looked at although a file of it cannot be read: that file counts as not there, and is noted.

It is damaged, or a newer release of flowc has written it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from flowc.client import Run
from flowc.client.run_state import run_status
from flowc.errors import CorruptArtifact, NewerFormat
from flowc.store.documents import RUN_RECORD
from flowc.store.run_layout import RunLayout

if TYPE_CHECKING:
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

DAMAGED = "damaged"
"""The state of a run of which too much is damaged to say another."""
_MOST_NAMED = 5


class LenientLayout(RunLayout):
    """One run in a store. Only a manifest that is damaged raises: what a task had is known by nothing else."""

    def __init__(self, layout: RunLayout) -> None:
        super().__init__(layout.store, layout.flow, layout.run)
        self.damages: set[str] = set()
        """What is wrong with each of the damaged files that were read."""

    def read_json(self, key: str) -> Document | None:
        """A small JSON file; `None` also for one that cannot be read."""
        try:
            return super().read_json(key)
        except CorruptArtifact as error:
            self._note(error)
            return None

    def kept_parameters(self) -> Document | None:
        """The run's parameters; `None` also where they cannot be read."""
        try:
            return super().kept_parameters()
        except CorruptArtifact as error:
            self._note(error)
            return None

    def _committed(self, step: str, path: Path, attempt: int) -> Document:
        try:
            return super()._committed(step, path, attempt)
        except CorruptArtifact as error:
            self._note(error)
            raise

    def _note(self, error: CorruptArtifact) -> None:
        self.damages.add(str(error))


def look_leniently(run: Run) -> Run:
    """Let what is damaged in a run be noted from now on. Returns it."""
    run.layout = LenientLayout(run.layout)
    return run


def damages_of(run: Run) -> list[str]:
    """What was found to be damaged in a run that is looked at, sorted; nothing where it is read strictly."""
    return sorted(run.layout.damages) if isinstance(run.layout, LenientLayout) else []


def is_record_damaged(run: Run) -> bool:
    """Whether the record is damaged that says which engine has started a run."""
    return not run.record and any(f"/{run.pathspec}/{RUN_RECORD} " in item for item in damages_of(run))


def known_status(run: Run, found: dict[str, dict[Path, dict[int, bool]]] | None = None) -> str:
    """As `run_status`, and `damaged` or `newer` where that cannot be known. Raises StoreError."""
    try:
        return run_status(run, found)
    except NewerFormat:
        return "newer"
    except CorruptArtifact:
        return DAMAGED


def damage_error(run: Run, root: str | None) -> tuple[CorruptArtifact, str] | None:
    """That files of a run are damaged, and what says more; `None` where none that was read is."""
    found = damages_of(run)
    if not found:
        return None
    more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    many = f"{len(found)} files" if len(found) > 1 else "a file"
    error = CorruptArtifact(f"{many} of run {run.pathspec} cannot be read: {'; '.join(found[:_MOST_NAMED])}{more}")
    command = f"flowc fsck {run.pathspec}" + (f" --root {shlex.quote(root)}" if root is not None else "")
    return error, f"`{command}` says all that is damaged, and what would mend it; the rest is shown"
