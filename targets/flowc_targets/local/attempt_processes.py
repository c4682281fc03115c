"""The processes of attempts: started with their outputs and logs, and ended at deadlines or with the run."""

from __future__ import annotations

import signal
import time
from itertools import starmap
from typing import TYPE_CHECKING

from flowc.store.run_layout import index_text, place_text
from flowc_targets.local.attempt_log import FOLDER_SECONDS
from flowc_targets.local.attempts import GANG_GRACE_SECONDS, Attempt
from flowc_targets.local.task_environment import TaskServers, step_variables
from flowc_targets.local.task_output import TaskOutput, workers_that_fit
from flowc_targets.local.watched_output import AttemptOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_compiler.ir import Flow
    from flowc_targets.base.process_pool import Process, ProcessPool
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_record import RunRecord
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.schedule import TaskKey
    from flowc_targets.local.signal_watch import SignalWatch


class AttemptProcesses:
    """The attempts of a run that are running."""

    def __init__(
        self,
        pool: ProcessPool[Attempt],
        flow: Flow,
        options: RunOptions,
        env: Mapping[str, str],
        record: RunRecord,
        reporter: Reporter,
    ) -> None:
        self._pool = pool
        self._flow = flow
        self._options = options
        self._env = env
        self._record = record
        self._reporter = reporter
        self._servers: TaskServers | None = None
        self.max_workers = workers_that_fit(options.max_workers)
        self.outputs = AttemptOutputs(pool, reporter, prompts=options.terminal)
        self._import_log = record.import_log(reporter.note)
        self._imports = TaskOutput("stderr", f"[{record.run_id}] ", self._import_log, reporter)
        pool.watch(self._imports.descriptor, self._imports.pump)

    def __len__(self) -> int:
        return len(self._pool.running)

    @property
    def tasks(self) -> list[Attempt]:
        """The attempts."""
        return [process.task for process in self._pool.running.values()]

    @property
    def error(self) -> str:
        """Why no tasks can be started any more."""
        return self._servers.error if self._servers is not None else ""

    def has_room(self, count: int) -> bool:
        """Whether so many tasks may start together. A gang that is wider than --max-workers runs alone."""
        return not self or len(self) + count <= self.max_workers

    def start(self, key: TaskKey, attempt: int) -> bool:
        """Start an attempt; false where that cannot be done, for the reason in `error`."""
        prefix = f"[{self._record.run_id}/{place_text(key.step, key.path)}] "
        log = self._record.attempt_log(key, attempt, self._reporter.note)
        outputs = self.outputs.open(prefix, log)
        specs = self._flow.by_name[key.step].specs
        task = Attempt(key, attempt, outputs, log, time.monotonic())
        if specs.timeout is not None:
            # The task itself raises an error at its timeout, and ends soon after. One that is stopped ends from here.
            task.deadline = task.started + specs.timeout.seconds + self._options.timeout_grace
        for output in outputs:
            self._pool.watch(output.descriptor, output.pump)
        env = step_variables(specs.environment) if specs.environment is not None else {}
        request = {"step": key.step, "index": index_text(key.path), "attempt": attempt, "env": env}
        if self._servers is None:  # where the cache has all, none is needed
            self._servers = TaskServers(self._pool, self._options, self._env, self._imports.write_end, self._reporter)
        server = self._servers.server(env)
        if attempt:
            self._servers.forget(key)
        started = self._pool.fork(server, task, request, outputs[0].write_end, outputs[1].write_end) is not None
        if not started:
            self._close_outputs(task)
        for output in outputs:
            output.close_write_end()
        return started

    def wait(self, seconds: float | None) -> Iterator[tuple[Attempt, int]]:
        """Wait until something happens. Yields the attempts that have ended, with their outputs read and exit codes."""
        return starmap(self._finished, self._pool.wait(seconds))

    def _finished(self, process: Process[Attempt], code: int) -> tuple[Attempt, int]:
        task = process.task
        self._close_outputs(task)
        task.committed = process.committed
        return task, code

    def _close_outputs(self, task: Attempt) -> None:
        self.outputs.close(task)
        self._record.finish_log(task.log)

    def due(self) -> list[float]:
        """When something has to be done, by the monotonic clock."""
        times = [*(task.deadline for task in self.tasks), *self.outputs.due()]
        if any(task.log.waits for task in self.tasks):
            times.append(time.monotonic() + FOLDER_SECONDS)
        return times

    def write_logs(self) -> None:
        """Write what logs hold for long enough."""
        for task in self.tasks:
            task.log.write_if_due()

    def enforce_deadlines(self) -> None:
        """Signal what has taken too long: SIGTERM, and SIGKILL after the grace period."""
        now = time.monotonic()
        for process in self._pool.running.values():
            task = process.task
            if task.deadline <= now and process.signal(signal.SIGKILL if task.timed_out else signal.SIGTERM):
                task.deadline = float("inf") if task.timed_out else now + self._options.grace_seconds
                task.timed_out = True

    def end_gang(self, members: frozenset[TaskKey]) -> None:
        """Members of a failed gang end by themselves. One that does not is killed, as the others wait for it."""
        due = time.monotonic() + GANG_GRACE_SECONDS
        for task in self.tasks:
            if task.key in members and not task.timed_out and due < task.deadline:
                task.deadline, task.gang_failed = due, True

    def stop(self, signals: SignalWatch) -> Iterator[Attempt]:
        """End what still runs: SIGTERM, and SIGKILL when it takes too long or on a second signal. Yields what ends."""
        deadline = time.monotonic() + self._options.grace_seconds
        signaled: set[Process[Attempt]] = set()
        while self:
            urgent = time.monotonic() >= deadline or signals.caught > 1
            for process in self._pool.running.values():
                if (urgent or process not in signaled) and process.signal(signal.SIGKILL if urgent else signal.SIGTERM):
                    signaled.add(process)
            for process, _ in self._pool.wait(0.05):
                self._close_outputs(process.task)
                yield process.task

    def finish_imports(self) -> None:
        """Read what libraries have printed when they were imported, once nothing runs."""
        self._imports.finish()
        self._record.finish_log(self._import_log)
