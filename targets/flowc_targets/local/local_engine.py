"""The local engine's loop: starts what is ready, listens to processes and pipes, retries, stops at a failure."""

from __future__ import annotations

import contextlib
import heapq
import json
import time
from collections import Counter
from typing import TYPE_CHECKING

from flowc.errors import ProtocolError, StoreError
from flowc.protocol import PLAN_FILE
from flowc.protocol.exit_codes import TIMED_OUT, USER_ERROR, exit_code_of
from flowc.store.run_layout import index_text, place_text
from flowc_compiler.ir import ForeachStep, ParallelStep, SwitchStep
from flowc_targets.base.live_table import StepProgress
from flowc_targets.base.process_pool import ProcessPool
from flowc_targets.base.scratch import scratch_folder
from flowc_targets.local.attempt_processes import AttemptProcesses
from flowc_targets.local.attempts import Attempt, Gangs, Retry, failed_attempt, is_final, next_attempt, process_failure
from flowc_targets.local.cached_tasks import CachedTasks
from flowc_targets.local.console_report import reporter_for
from flowc_targets.local.exit_hooks import ExitHooks
from flowc_targets.local.locked_tasks import LockedTasks
from flowc_targets.local.resumption import Replay, find_origin, resumed_options
from flowc_targets.local.run_record import RunRecord, new_run_id, write_run_id
from flowc_targets.local.run_report import FailedTask, Reporter, RunResult, Status, unsupported_locally
from flowc_targets.local.schedule import Schedule, TaskKey, real_parents
from flowc_targets.local.signal_watch import SignalWatch
from flowc_targets.local.task_environment import check_params, check_variables, task_environment, with_values
from flowc_targets.local.waiting_tasks import WaitingTasks
from flowc_targets.local.watched_output import release
from flowc_targets.package.code_package import local_plan

if TYPE_CHECKING:
    from pathlib import Path

    from flowc.errors import FlowError
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.resumption import Resumption

_LOOKING_SECONDS = 0.1
"""How long tasks are looked up in the cache before the loop listens again."""


def run_flow(flow: Flow, source: SourceFile, options: RunOptions, reporter: Reporter | None = None) -> RunResult:
    """Run a compiled flow here and now.

    Raises FlowcError for parameters and a root that cannot be used, and for a run that cannot be resumed.
    """
    origin = None
    if options.resume is not None:
        origin = find_origin(flow, source, options, options.resume)
        options = resumed_options(flow, options, origin)
    else:
        check_params(flow, options.params)
        check_variables(flow)
    run_id = options.run_id or new_run_id()
    # From here on there is a run, which has to end however this process does.
    with SignalWatch() as signals, scratch_folder("flowc-run-") as scratch:
        if origin is None:
            record = RunRecord(flow, options, run_id)
        else:
            record = RunRecord(flow, options, run_id, origin.run_id, origin.rerun, origin.layout.flow)
        if options.run_id_file is not None:
            write_run_id(options.run_id_file, run_id)
        plan = scratch / PLAN_FILE
        planned = local_plan(with_values(flow, options.params), source, options.include)
        plan.write_text(json.dumps(planned), encoding="utf-8")
        engine = _Engine(flow, source, options, reporter or reporter_for(options), record, plan, origin, signals)
        engine.cached = CachedTasks(flow, planned, record.layout, engine.env, options)
        return engine.run()


class _Engine:
    """One run."""

    def __init__(
        self,
        flow: Flow,
        source: SourceFile,
        options: RunOptions,
        reporter: Reporter,
        record: RunRecord,
        plan: Path,
        origin: Resumption | None,
        signals: SignalWatch,
    ) -> None:
        self.flow = flow
        self.source = source
        self.options = options
        self.reporter = reporter
        self.record = record
        self.plan = plan
        self.origin = origin
        self.signals = signals
        self.env = task_environment(flow, source, options, record, plan)
        self.reused = Counter[str]()
        self.cached: CachedTasks
        self.schedule = Schedule(flow)
        self.gangs = Gangs(flow)
        self.locks = LockedTasks(flow, record, reporter.note)
        self.waiting = WaitingTasks(flow, record.layout, self.env, options.approvals, reporter.note)
        self.pool: ProcessPool[Attempt] = ProcessPool()
        self.attempts = AttemptProcesses(self.pool, flow, options, self.env, record, reporter)
        self.retries: list[Retry] = []
        self.failed: FailedTask | None = None
        self.error = ""
        self.done = 0
        self.begun = time.monotonic()
        spec = flow.specs.deadline
        self.deadline = self.begun + spec.seconds if spec is not None else float("inf")
        """When the run is ended, by the monotonic clock."""
        self.steps = {
            step.name: StepProgress(step.name, parents=real_parents(flow, step))
            for step in flow.steps
            if not step.virtual
        }
        self.asking = False

    def run(self) -> RunResult:
        """Run until the end step is done, a task has failed, or a signal came."""
        if self.attempts.outputs.live is not None:
            self.attempts.outputs.live.watch(self._step_progress)
        self.reporter.started(self.flow.name, self.record.run_id, self.record.root)
        for note in unsupported_locally(self.flow):
            self.reporter.note(note)
        if (most := self.attempts.max_workers) < self.options.max_workers:
            self.reporter.note(f"--max-workers {most}: this process may not open more files (ulimit -n)")
        self.pool.watch(self.signals.descriptor, self.signals.drain)
        if self.locks.descriptor >= 0:
            self.pool.watch(self.locks.descriptor, self.locks.drain)
        if self.waiting.descriptor >= 0:
            self.pool.watch(self.waiting.descriptor, self.waiting.drain)
        try:
            self._run_tasks()
        except BaseException:  # a bug: the run ends with this process
            with contextlib.suppress(StoreError):
                self.record.end("failed", self.done)
            raise
        status = self._record_end()
        hooks = ExitHooks(
            self.flow, self.options.python, self.env, self.record.run_id, self.begun, self.signals, self.reporter
        )
        hooks.run(successful=status == "successful")
        result = RunResult(
            self.record.run_id,
            status,
            self.record.root,
            self.done,
            time.monotonic() - self.begun,
            self.failed,
            self.reused.total(),
            self.error,
            self.options.again,
        )
        self.reporter.finished(result)
        return result

    def _step_progress(self) -> list[StepProgress]:
        """How far each step is, in the order of the flow."""
        for name, known in self.schedule.known_of.items():
            self.steps[name].total = known
        return list(self.steps.values())

    def _run_tasks(self) -> None:
        """Run the tasks, from the first to the last."""
        try:
            if self.origin is not None:
                self._take_over(self.origin)
            self.locks.hold_run()
            while not self._over():
                self._turn()
        except ProtocolError as error:
            self.error = str(error)
        except OSError as error:
            self.error = f"flowc: the run cannot go on: {error}"
        finally:
            for task in self.attempts.stop(self.signals):
                if self.failed is None:  # else one traceback is enough: the others are in the logs
                    release(task)
                self.steps[task.key.step].end()
            self.pool.close()
            self.waiting.close()
            self.locks.close()
            self.cached.report(self.reporter)
            self.attempts.finish_imports()

    def _take_over(self, origin: Resumption) -> None:
        """Take over what the run that is resumed has finished."""
        replay = Replay(origin, self.schedule, self.record.layout, self.options.max_num_splits)
        self.reused = replay.reused
        if replay.begin(self.reporter, self._go_on_taking_over):
            self.record.taken_over(self.reused)
        self.done = self.reused.total()
        for name, count in self.reused.items():
            self.steps[name].done = count
        replay.report(self.reporter)

    def _go_on_taking_over(self) -> bool:
        self.reporter.progress(self.reused.total(), 0, self.schedule.known)
        return not self.signals.caught

    def _record_end(self) -> Status:
        """Write how the run ended; a store that fails now makes it fail."""
        status: Status = "interrupted" if self.signals.caught else "failed" if self._has_failed() else "successful"
        try:
            self.record.end(status, self.done, self.failed.name if self.failed is not None else None)
        except StoreError as error:
            self.error = self.error or str(error)
            return "failed" if status == "successful" else status
        return status

    def _has_failed(self) -> bool:
        return self.failed is not None or bool(self.error)

    def _over(self) -> bool:
        if self._has_failed() or self.signals.caught:
            return True
        return not (self.attempts or self.retries or self.schedule.has_ready or self.waiting or self.locks)

    def _turn(self) -> None:
        """Start what can be started, then handle what happens until something is due."""
        for key, attempt in self.locks.take():
            heapq.heappush(self.retries, Retry(0.0, [key], attempt))
        self.error = self.error or self.locks.error
        if not self.locks.run_waits:
            self._start_ready()
            self._look_for_waiting()
        self.reporter.progress(self.done, len(self.attempts), self.schedule.known)
        exits = self.attempts.wait(self._timeout())
        self.error = self.error or self.attempts.error
        for task, code in exits:
            if not self.error:  # else nobody knows what became of the tasks
                self._ended(task, code)
            release(task)
        self.attempts.outputs.flush()
        self.attempts.enforce_deadlines()
        if self.flow.specs.deadline is not None and time.monotonic() >= self.deadline and not self._over():
            seconds = self.flow.specs.deadline.seconds
            self.error = f"flowc: the run is ended: it has taken longer than its deadline of {seconds} s"
        self.attempts.write_logs()

    def _start_ready(self) -> None:
        now = time.monotonic()
        while True:
            if self.retries and self.retries[0].due <= now:
                if not self.attempts.has_room(len(self.retries[0].keys)):
                    return
                retry = heapq.heappop(self.retries)
                for key in retry.keys:
                    if not self.locks.add(key, retry.attempt):
                        self._start(key, retry.attempt)
            elif self.schedule.has_ready and self.attempts.has_room(self.schedule.width):
                for _ in range(self.schedule.width):
                    key = self.schedule.pop()
                    if not self.waiting.add(key) and not self._take_cached(key) and not self.locks.add(key, 0):
                        self._start(key, 0)
                if time.monotonic() - now > _LOOKING_SECONDS:
                    return
            else:
                return

    def _look_for_waiting(self) -> None:
        """Start the tasks that wait no more, and look for what others wait for."""
        for passed in self.waiting.take():
            if passed.error is not None:
                self._fail_waiting(passed.key, passed.error)
            elif not self._take_cached(passed.key):
                heapq.heappush(self.retries, Retry(0.0, [passed.key], 0))
        if self.options.ask and self.waiting.asking != self.asking:
            self.asking = self.waiting.asking
            if self.asking:
                self.pool.watch(0, self.waiting.read_terminal)
            else:
                self.pool.unwatch(0)
        if not self._over():
            self._start_ready()
            self.waiting.look()

    def _fail_waiting(self, key: TaskKey, error: FlowError) -> None:
        kind, message = type(error).__name__, str(error)
        self.record.record_error(key, 0, kind, message, exit_code_of(error))
        self.steps[key.step].end(failed=True)
        if self.failed is None:
            self.failed = FailedTask(key.step, index_text(key.path), 0, f"{kind}: {message}", "", "")
        else:
            self.reporter.warn(f"task {place_text(key.step, key.path)} failed, too: {message}")

    def _take_cached(self, key: TaskKey) -> bool:
        """Whether the cache has what a task leaves."""
        document = self.cached.take(key)
        if document is None:
            return False
        self.done += 1
        self.steps[key.step].start()
        self.steps[key.step].end(done=True)
        count: int | None = document["foreach"]["count"] if "foreach" in document else None
        if count is not None and count > self.options.max_num_splits:
            self.error = self._too_many(key.step, count)
        else:
            self.schedule.finished(key, count=count, choice=document.get("choice"))
        return True

    def _too_many(self, name: str, count: int) -> str:
        kind = isinstance(self.flow.by_name[name], ForeachStep)
        split, what = ("foreach", "items") if kind else ("gang", "members")
        return (
            f"{split} in step {name!r} has {count} {what}, more than --max-num-splits "
            f"{self.options.max_num_splits}; if that is right, raise it"
        )

    def _start(self, key: TaskKey, attempt: int) -> None:
        self.gangs.started(key)
        self.steps[key.step].start()
        if not self.attempts.start(key, attempt):
            self.error = self.attempts.error

    def _timeout(self) -> float | None:
        """How long the loop may sleep."""
        ready = self.schedule.has_ready and not self.locks.run_waits
        if self._over() or (ready and self.attempts.has_room(self.schedule.width)):
            return 0.0  # the cache had all, or may have more
        due = [self.deadline, self.waiting.next_look(), *self.attempts.due()]
        if self.retries and self.attempts.has_room(len(self.retries[0].keys)):
            due.append(self.retries[0].due)
        first = min(due)
        return None if first == float("inf") else max(first - time.monotonic(), 0.0)

    def _ended(self, task: Attempt, code: int) -> None:
        """Decide what follows an attempt that has ended with an exit code."""
        self.locks.release(task.key)
        committed = task.committed is not None or (code == 0 and self.record.committed(task.key, task.number))
        if code == 0 and not task.timed_out and committed:
            self.steps[task.key.step].end(done=True)
            self._succeeded(task)
        else:
            self._attempt_failed(task, code)
        retry = self.gangs.ended(task.key)
        if retry is not None:
            heapq.heappush(self.retries, retry)

    def _succeeded(self, task: Attempt) -> None:
        self.done += 1
        step = self.flow.by_name[task.key.step]
        count: int | None = None
        choice: str | None = None
        if isinstance(step, SwitchStep):
            choice = task.committed["choice"] if task.committed else self.record.choice(task.key, task.number)
        if isinstance(step, ForeachStep | ParallelStep):
            count = task.committed["foreach"]["count"] if task.committed else self.record.count(task.key, task.number)
            assert count is not None
            if count > self.options.max_num_splits:
                self._fail(task, self._too_many(step.name, count), "")
                return
        self.schedule.finished(task.key, count=count, choice=choice)

    def _attempt_failed(self, task: Attempt, code: int) -> None:
        step = self.flow.by_name[task.key.step]
        timed_out = task.timed_out
        recorded = None if code <= 0 or timed_out else self.record.error(task.key, task.number)
        if recorded is None:
            kind, message = process_failure(task, code, step.specs.timeout)
            timed_out = kind == "TimeoutException"
            ended = TIMED_OUT if timed_out else code or USER_ERROR
            self.record.record_error(task.key, task.number, kind, message, ended)
            recorded = (message, "")
        final = is_final(step.specs, task, code, timed_out=timed_out)
        self.steps[task.key.step].end(failed=final)
        if final:
            self._fail(task, *recorded)
            release(task, recorded[1])
            return
        wait, what_next = next_attempt(step.specs, task.number, wait=self.options.retry_wait)
        self.gangs.failed(task.key, Retry(time.monotonic() + wait, [task.key], task.number + 1))
        self.attempts.end_gang(self.gangs.members(task.key))
        which = failed_attempt(step.specs, task.number)
        self.reporter.note(f"task {place_text(task.key.step, task.key.path)} failed{which}: {recorded[0]}; {what_next}")

    def _fail(self, task: Attempt, message: str, traceback: str) -> None:
        if self.failed is not None:
            self.reporter.warn(f"task {place_text(task.key.step, task.key.path)} failed, too: {message}")
            return
        key = self.gangs.first_failed(task.key, task.number, self.record)
        if key != task.key:
            message, traceback = self.record.error(key, task.number) or (message, traceback)
            task = next((other for other in self.attempts.tasks if other.key == key), task)
        log = "" if task.log.is_empty else task.log.location
        which = failed_attempt(self.flow.by_name[key.step].specs, task.number)
        self.failed = FailedTask(key.step, index_text(key.path), task.number, message, traceback, log, which)
