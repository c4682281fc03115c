"""Tasks of a local run that wait for locks, and the run itself, by `targets.base.lock_keeper`."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from flowc.store import open_store
from flowc.store.run_layout import place_text
from flowc_targets.base.lock_keeper import Lock, LockKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowc_compiler.ir import Flow, LockSpec
    from flowc_targets.local.run_record import RunRecord
    from flowc_targets.local.schedule import TaskKey


def as_locks(specs: Sequence[LockSpec]) -> list[Lock]:
    """The locks of a step or a flow."""
    return [Lock(spec.name, spec.limit) for spec in specs]


class LockedTasks:
    """The tasks that wait for locks, and those that hold some."""

    def __init__(self, flow: Flow, record: RunRecord, note: Callable[[str], object]) -> None:
        self._of_run = as_locks(flow.specs.locks)
        self._of_step = {step.name: as_locks(step.specs.locks) for step in flow.steps if step.specs.locks}
        self._name = f"{flow.name}/{record.run_id}"
        self._keeper: LockKeeper[TaskKey | None] = LockKeeper(lambda: open_store(record.root), note)
        self._attempts: dict[TaskKey, int] = {}
        self.run_waits = False
        """Whether the run itself waits for its locks."""
        uses = bool(self._of_run or self._of_step)
        self._read_end, self._write_end = os.pipe() if uses else (-1, -1)
        self._keeper.on_grant = lambda: os.write(self._write_end, b".")

    @property
    def descriptor(self) -> int:
        """What is readable when something has got its locks; -1 where there are none."""
        return self._read_end

    @property
    def error(self) -> str:
        """Why no lock can be taken."""
        return f"flowc: {self._keeper.error}" if self._keeper.error else ""

    def __bool__(self) -> bool:
        return bool(self._keeper)

    def hold_run(self) -> None:
        """Let the run wait for its own locks."""
        self.run_waits = self._keeper.want(None, self._of_run, self._name)

    def add(self, key: TaskKey, attempt: int) -> bool:
        """Let an attempt wait for the locks of its step; not where it has them, or needs none."""
        locks = self._of_step.get(key.step)
        if locks is None or not self._keeper.want(key, locks, f"{self._name}/{place_text(*key)}"):
            return False
        self._attempts[key] = attempt
        return True

    def take(self) -> list[tuple[TaskKey, int]]:
        """The attempts that have got their locks since the last call."""
        granted = self._keeper.take()
        self.run_waits = self.run_waits and None not in granted
        return [(key, self._attempts.pop(key)) for key in granted if key is not None]

    def release(self, key: TaskKey) -> None:
        """Give back the locks of an attempt that has ended."""
        if key.step in self._of_step:
            self._keeper.release(key)

    def drain(self) -> bool:
        """Read the pipe, which says that something has got its locks."""
        with contextlib.suppress(OSError):
            os.read(self._read_end, 1024)
        return True

    def close(self) -> None:
        """Give back all locks."""
        self._keeper.close()
        if self._read_end >= 0:
            os.close(self._read_end)
            os.close(self._write_end)
