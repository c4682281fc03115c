"""The local engine's loop: starts what is ready, listens to processes and pipes, retries, stops at a failure."""

from __future__ import annotations

import heapq
import json
import os
import selectors
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_compiler.ir import ForeachStep, ParallelStep, SwitchStep
from flowc_compiler.syntax.import_root import find_import_root
from flowc_targets.local.attempts import PATIENCE, Attempt, next_attempt, process_failure, task_name
from flowc_targets.local.gangs import Gangs, Retry
from flowc_targets.local.hooks import run_hooks
from flowc_targets.local.launch import Launcher, LaunchError, kill_group
from flowc_targets.local.leftout import left_out
from flowc_targets.local.params import check_params
from flowc_targets.local.result import FailedTask, RunResult, Status
from flowc_targets.local.resumption import Replay, find_origin, resumed_options
from flowc_targets.local.run_record import RunRecord, new_run_id, write_run_id
from flowc_targets.local.run_report import ConsoleReporter, Reporter
from flowc_targets.local.schedule import Schedule, TaskKey
from flowc_targets.local.signal_watch import SignalWatch
from flowc_targets.local.task_environment import start_launcher, task_environment
from flowc_targets.local.task_output import TaskOutput
from flowc_targets.package.run_plan import build_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.resumption import Resumption

from flowc.errors import ProtocolError, StoreError
from flowc.store.run_layout import index_text


def run_flow(flow: Flow, source: SourceFile, options: RunOptions, reporter: Reporter | None = None) -> RunResult:
    """Run a compiled flow here and now.

    Raises FlowcError for parameters and a root that cannot be used, and for a run that cannot be resumed.
    """
    origin = None
    if options.resume is not None:
        origin = find_origin(flow, options, options.resume)
        options = resumed_options(flow, options, origin)
    else:
        check_params(flow, options.params)
    run_id = options.run_id or new_run_id()
    if origin is None:
        record = RunRecord(flow, options, run_id)
    else:
        record = RunRecord(flow, options, run_id, origin.run_id, origin.rerun)
    if options.run_id_file is not None:
        write_run_id(options.run_id_file, run_id)
    with tempfile.TemporaryDirectory(prefix="flowc-run-") as scratch:
        plan = Path(scratch, "plan.json")
        plan.write_text(json.dumps(build_plan(flow, find_import_root(source).module)), encoding="utf-8")
        return _Engine(flow, source, options, reporter or ConsoleReporter(), record, plan, origin).run()


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
    ) -> None:
        self.flow = flow
        self.source = source
        self.options = options
        self.reporter = reporter
        self.record = record
        self.plan = plan
        self.origin = origin
        self.env = task_environment(flow, source, options, record, plan)
        self.reused = Counter[str]()
        self.schedule = Schedule(flow)
        self.gangs = Gangs(flow)
        self.selector = selectors.DefaultSelector()
        self.running: dict[int, Attempt] = {}
        self.retries: list[Retry] = []
        self.failed: FailedTask | None = None
        self.error = ""
        self.done = 0
        self.numbers = 0

    def run(self) -> RunResult:
        """Run until the end step is done, a task has failed, or a signal came."""
        begun = time.monotonic()
        self.reporter.started(self.flow.name, self.record.run_id, self.record.root)
        for note in left_out(self.flow):
            self.reporter.note(note)
        with SignalWatch() as self.signals:
            self.selector.register(self.signals.descriptor, selectors.EVENT_READ, None)
            importable = self._run_tasks()
        status = self._record_end()
        run_id, root = self.record.run_id, self.record.root
        if importable:
            run_hooks(self.flow, status == "successful", self.options.python, self.env, run_id, self.reporter)
        seconds, reused = time.monotonic() - begun, self.reused.total()
        result = RunResult(run_id, status, root, self.done, seconds, self.failed, reused, self.error)
        self.reporter.finished(result)
        return result

    def _run_tasks(self) -> bool:
        """Run what is to be run, from the first task to the last; false when the user's file cannot be imported."""
        launcher: Launcher | None = None
        importable = True
        imports = TaskOutput("stderr", f"[{self.record.run_id}] ", self.record.import_log(), self.reporter)
        try:
            if self.origin is not None:
                self._take_over(self.origin)
            if not self._over():
                importable = False
                launcher = self.launcher = self._launcher(imports)
                importable = True
            while not self._over():
                self._turn()
        except (LaunchError, ProtocolError) as error:
            self.error = str(error)
        finally:
            self._stop()
            if launcher is not None:
                launcher.close()
            imports.finish()
            self.record.keep_log(imports)
            self.selector.close()
        return importable

    def _take_over(self, origin: Resumption) -> None:
        """Take over what the run that is resumed has finished."""
        origin.begin(self.record.layout)
        replay = Replay(origin, self.schedule, self.record.layout, self.options.max_num_splits)
        self.reused = replay.reused
        if replay.run(self._go_on_taking_over):
            self.record.taken_over(self.reused)
        self.done = self.reused.total()
        for note in replay.damaged:
            self.reporter.note(note)
        if origin.changed:
            self.reporter.note(f"the file has changed since run {origin.run_id}; what that has finished stays as it is")
        self.reporter.note(f"{self.done} tasks of run {origin.run_id} are done already")

    def _go_on_taking_over(self) -> bool:
        self.reporter.progress(self.reused.total(), 0, self.schedule.known)
        return not self.signals.caught

    def _launcher(self, imports: TaskOutput) -> Launcher:
        """Start what starts tasks, and listen to it."""
        launcher = start_launcher(self.options, self.env, imports, self.signals, self.reporter)
        self.selector.register(launcher.fileno(), selectors.EVENT_READ, None)
        self.selector.register(imports.descriptor, selectors.EVENT_READ, imports)
        return launcher

    def _record_end(self) -> Status:
        """Write how the run ended; a store that fails now makes it fail."""
        status: Status = "interrupted" if self.signals.caught else "failed" if self._has_failed() else "successful"
        try:
            self.record.end(status, self.done)
        except StoreError as error:
            self.error = self.error or str(error)
            return "failed" if status == "successful" else status
        return status

    def _has_failed(self) -> bool:
        return self.failed is not None or bool(self.error)

    def _over(self) -> bool:
        if self._has_failed() or self.signals.caught:
            return True
        return not (self.running or self.retries or self.schedule.has_ready)

    def _turn(self) -> None:
        """Start what can be started, then handle what happens until something is due."""
        self._start_ready()
        self.reporter.progress(self.done, len(self.running), self.schedule.known)
        self._hear(self._timeout(), self._ended)
        self._enforce_deadlines()

    def _hear(self, timeout: float | None, ended: Callable[[Attempt, int], None]) -> None:
        """Wait until there is something to read, or the time is over: output, signals, starts and ends of tasks."""
        for key in self._ready(timeout):
            if isinstance(key.data, TaskOutput):
                if not key.data.pump():
                    self.selector.unregister(key.fd)
            elif key.fd == self.signals.descriptor:
                self.signals.drain()
            else:
                for event in self.launcher.events():
                    if event.kind == "started":
                        self.running[event.number].pid = event.pid
                    else:
                        ended(self.running.pop(event.number), event.status)

    def _ready(self, timeout: float | None) -> list[selectors.SelectorKey]:
        """What has something to read. Output first: an exit, handled next, closes the streams of its task."""
        ready = [key for key, _ in self.selector.select(timeout)]
        return sorted(ready, key=lambda key: not isinstance(key.data, TaskOutput))

    def _start_ready(self) -> None:
        now = time.monotonic()
        while True:
            if self.retries and self.retries[0].due <= now:
                if not self._has_room(len(self.retries[0].keys)):
                    return
                retry = heapq.heappop(self.retries)
                for key in retry.keys:
                    self._start(key, retry.attempt)
            elif self.schedule.has_ready and self._has_room(self.schedule.width):
                for _ in range(self.schedule.width):
                    self._start(self.schedule.pop(), 0)
            else:
                return

    def _has_room(self, count: int) -> bool:
        """Whether so many tasks may start together. A gang that is wider than --max-workers runs alone."""
        return not self.running or len(self.running) + count <= self.options.max_workers

    def _start(self, key: TaskKey, attempt: int) -> None:
        place = key.step if not key.path else f"{key.step}/{index_text(key.path)}"
        prefix = f"[{self.record.run_id}/{place}] "
        outputs = (
            TaskOutput("stdout", prefix, self.record.log_path(key, attempt, "stdout"), self.reporter),
            TaskOutput("stderr", prefix, self.record.log_path(key, attempt, "stderr"), self.reporter),
        )
        specs = self.flow.by_name[key.step].specs
        self.numbers += 1
        task = Attempt(key, attempt, outputs)
        if specs.timeout is not None:
            # The task itself raises an error at its timeout; what does not obey is ended from here.
            task.deadline = time.monotonic() + specs.timeout.seconds + self.options.grace_seconds
        self.running[self.numbers] = task
        self.gangs.started(key)
        for output in outputs:
            self.selector.register(output.descriptor, selectors.EVENT_READ, output)
        env = specs.environment.variables if specs.environment is not None else {}
        self.launcher.launch(self.numbers, key, attempt, env, outputs[0].write_end, outputs[1].write_end)
        for output in outputs:
            output.close_write_end()

    def _timeout(self) -> float | None:
        """How long the loop may sleep."""
        due = [task.deadline for task in self.running.values()]
        if self.retries and self._has_room(len(self.retries[0].keys)):
            due.append(self.retries[0].due)
        wait = min(due, default=float("inf")) - time.monotonic()
        wait = max(wait, 0.0)
        return None if wait == float("inf") else wait

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for task in self.running.values():
            if task.deadline <= now and task.pid:
                kill_group(task.pid, signal.SIGKILL if task.timed_out else signal.SIGTERM)
                task.deadline = float("inf") if task.timed_out else now + self.options.grace_seconds
                task.timed_out = True

    def _ended(self, task: Attempt, status: int) -> None:
        self._close_outputs(task)
        code = os.waitstatus_to_exitcode(status)
        if code == 0 and not task.timed_out and self.record.committed(task.key, task.attempt):
            self._succeeded(task)
        else:
            self._attempt_failed(task, code)
        retry = self.gangs.ended(task.key)
        if retry is not None:
            heapq.heappush(self.retries, retry)

    def _close_outputs(self, task: Attempt) -> None:
        for output in task.outputs:
            if output.descriptor in self.selector.get_map():
                self.selector.unregister(output.descriptor)
            output.finish()
            self.record.keep_log(output)

    def _succeeded(self, task: Attempt) -> None:
        self.done += 1
        step = self.flow.by_name[task.key.step]
        count: int | None = None
        choice: str | None = None
        if isinstance(step, SwitchStep):
            choice = self.record.choice(task.key, task.attempt)
        if isinstance(step, ForeachStep | ParallelStep):
            count = self.record.count(task.key, task.attempt)
            if count > self.options.max_num_splits:
                split, what = ("foreach", "items") if isinstance(step, ForeachStep) else ("gang", "members")
                message = (
                    f"{split} in step {step.name!r} has {count} {what}, more than --max-num-splits "
                    f"{self.options.max_num_splits}; if that is right, raise it"
                )
                self._fail(task, message, "")
                return
        self.schedule.finished(task.key, count=count, choice=choice)

    def _attempt_failed(self, task: Attempt, code: int) -> None:
        step = self.flow.by_name[task.key.step]
        recorded = None if code <= 0 or task.timed_out else self.record.error(task.key, task.attempt)
        if recorded is None:
            kind, message = process_failure(task, code, step.specs.timeout.seconds if step.specs.timeout else 0)
            self.record.record_error(task.key, task.attempt, kind, message)
            recorded = (message, "")
        if task.attempt >= step.specs.retries:
            self._fail(task, *recorded)
            return
        wait, what_next = next_attempt(step.specs, task.attempt)
        self.gangs.failed(task.key, Retry(time.monotonic() + wait, [task.key], task.attempt + 1))
        self._hurry(self.gangs.others(task.key))
        self.reporter.note(f"task {task_name(task.key)} failed: {recorded[0]}; {what_next}")

    def _hurry(self, peers: frozenset[TaskKey]) -> None:
        """Members of a failed gang end by themselves. One that does not is killed, as the others wait for it."""
        due = time.monotonic() + PATIENCE
        for task in self.running.values():
            if task.key in peers and not task.timed_out and due < task.deadline:
                task.deadline, task.left_behind = due, True

    def _fail(self, task: Attempt, message: str, traceback: str) -> None:
        if self.failed is not None:
            return
        key = self.gangs.culprit(task.key, task.attempt, self.record)
        if key != task.key:
            message, traceback = self.record.error(key, task.attempt) or (message, traceback)
            task = next((other for other in self.running.values() if other.key == key), task)
        log = self.record.log_location(key, task.attempt) if task.outputs[1].has_log else ""
        self.failed = FailedTask(key.step, index_text(key.path), task.attempt, message, traceback, log)

    def _stop(self) -> None:
        """End the tasks that still run: SIGTERM, and SIGKILL when they take too long or on a second signal."""
        deadline = time.monotonic() + self.options.grace_seconds
        told: set[int] = set()
        while self.running:
            urgent = time.monotonic() >= deadline or self.signals.caught > 1
            for number, task in self.running.items():
                if task.pid and (urgent or number not in told):
                    kill_group(task.pid, signal.SIGKILL if urgent else signal.SIGTERM)
                    told.add(number)
            try:
                self._hear(0.05, self._settle)
            except LaunchError:  # nobody tells of exits any more
                for task in self.running.values():
                    kill_group(task.pid, signal.SIGKILL)
                    self._close_outputs(task)
                self.running.clear()

    def _settle(self, task: Attempt, status: int) -> None:
        """Take note of an exit while stopping: it decides nothing any more."""
        del status
        self._close_outputs(task)
