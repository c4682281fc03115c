"""One pod for the tasks of several steps: each runs as a process of its own, as it would in a pod of its own.

This process has the graph and the attempts. A fork server beside it has imported what is installed, and forks a
process for each task, which keeps its own log and commits its own manifest. So what a pod has committed stays, whatever
becomes of the pod: the next one goes on behind it. Engines give a group another pod only where one was lost. A task
that fails is tried again in here, as its `@retry` says, while its neighbors go on.

An attempt that a lost pod has begun is not gone on with: it may have been seen. The next one has the next free number.
It counts for `@retry` unless the pod got SIGTERM: a task that takes all memory is killed with its pod, without a
word. A step without further attempts is not suspected of that, as no engine gives it another pod then.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import select
import signal
import socket
import sys
import time

from flowc.errors import FlowError
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.exit_codes import OK, PROTOCOL_ERROR, TIMEOUT, USER_ERROR, failure_kinds, is_retried
from flowc.shim.fork_channel import receive, send
from flowc.shim.fork_server import serve, shim_command
from flowc.shim.group_output import GroupOutput
from flowc.shim.group_records import Attempt, GroupRecords, say
from flowc.shim.log_keeper import ENGINE, keeps_logs
from flowc.shim.retry_decision import attempt_text, following_text
from flowc.shim.task_identity import Task
from flowc.shim.task_results import write_output, write_outputs
from flowc.store import open_store
from flowc.store.run_layout import RunLayout, index_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict, List, NoReturn, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path

    TaskKey = Tuple[str, Path]

MOST_SERVERS_LOST = 3
"""Fork servers that may be lost before the pod gives up."""
_TO_SERVER = {env_names.LOG_KEEPER: ENGINE}
"""Variables that the fork server has for its tasks: the runner keeps what they print."""
_INTERRUPTED = 128 + signal.SIGTERM


def run_group(
    plan: Plan, name: str, path: Path, outputs: str | None = None, *, again: bool = False, cleared: bool = False
) -> int:
    """Run the tasks of a group that have not committed yet; returns the pod's exit code.

    `path` is the index path of the group's first task; of a batch, the path of its opener and the batch's number.
    `again` is for another pod after one that was lost: what has failed for good before stays so. `cleared` is for the
    first one after somebody has cleared the group on the engine: where all of it is done, all of
    it runs again.
    Raises ProtocolError and StoreError.
    """
    group = plan.group(name)
    try:
        root, run = os.environ[env_names.ROOT], os.environ[env_names.RUN_ID]
    except KeyError as error:
        raise FlowError(f"the environment has no {error.args[0]}") from None
    # Before the store is open: its client may have threads, which a fork loses, and which it waits for then.
    server = _ForkServer()
    try:
        layout = RunLayout(open_store(root), plan.flow, run)
        records = GroupRecords(plan, group, layout, path, again=again)
        records.anew = cleared and records.is_done()
        runner = _Runner(records)
    except BaseException:
        server.close()
        raise
    runner.server = server
    code = runner.run()
    if code == OK and outputs is not None and group.cut:
        write_output(outputs, "count", str(len(runner.schedule.exits)))
    elif code == OK and outputs is not None and group.opener is None:
        for step, place in runner.schedule.exits:
            write_outputs(plan, Task(step, place, 0, outputs), layout.manifest(step, place))
    return code


class _Runner:
    """The tasks of one pod."""

    def __init__(self, records: GroupRecords) -> None:
        self.records = records
        self.plan = records.plan
        self.group = records.group
        self.layout = records.layout
        self.schedule = records.schedule()
        self.running: Dict[int, Attempt] = {}
        """By the number of the request."""
        self.waiting: List[Tuple[float, int, Attempt]] = []
        """Further attempts, with the times at which they are due."""
        self.requests = 0
        """How many there were; of waiting attempts, too, each has a number."""
        self.failure = OK
        """The exit code of the task that has failed for good."""
        self.stopped = False
        """Whether the pod is being ended."""
        self.servers_lost = 0
        self.server: _ForkServer | None = None
        self.wake_read, self.wake_write = os.pipe()
        self.output = GroupOutput(self.layout, self._wake_up) if keeps_logs() else None

    def run(self) -> int:
        """Run what can be run; returns the exit code."""
        self._listen_to_signals()
        try:
            self._start()
            while self.running or (self.waiting and not self._is_ending):
                self._wait()
                self._start()
        finally:
            if self.server is not None:
                self.server.close()
            if self.output is not None:
                self.output.close()
        return _INTERRUPTED if self.stopped else self.failure

    @property
    def _is_ending(self) -> bool:
        return self.stopped or self.failure != OK

    def _wake_up(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self.wake_write, b"w")

    def _listen_to_signals(self) -> None:
        """Pass SIGTERM on: the tasks of a pod that is ended may end in their own way."""
        for descriptor in (self.wake_read, self.wake_write):
            os.set_blocking(descriptor, False)

        def received(number: int, frame: FrameType | None) -> None:
            del frame
            self.stopped = True
            for attempt in self.running.values():
                attempt.kill(number)
            if self.output is not None:
                self.output.hurry()

        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, received)
        signal.signal(signal.SIGINT, received)

    def _start(self) -> None:
        """Start tasks as long as there are places and tasks."""
        while not self._is_ending and len(self.running) < self.group.workers:
            attempt = self._next()
            if attempt is None:
                return
            self._begin(attempt)

    def _next(self) -> Attempt | None:
        """The next attempt to start; what is committed already is passed over."""
        if self.waiting and self.waiting[0][0] <= time.monotonic():
            return heapq.heappop(self.waiting)[2]
        while True:
            key = self.schedule.next()
            if key is None:
                return None
            files = self.records.files(key)
            manifest = self.records.done(self.schedule, key, files)
            attempt = self.records.first_attempt(key, files) if manifest is None else None
            if attempt is not None and attempt.number - attempt.first > self.records.further(key):
                say(f"task {attempt.name} has failed: it was killed with its pod")
                self.failure = USER_ERROR
                return None
            if attempt is not None:
                return attempt
            assert manifest is not None
            self.schedule.finished(key, manifest)

    def _begin(self, attempt: Attempt) -> None:
        step = self.plan.step(attempt.key[0])
        if self.server is None:
            self.server = _ForkServer(forked=False)
        self.requests += 1
        busy = {other.worker for other in self.running.values()}
        attempt.worker = next(number for number in range(self.group.workers) if number not in busy)
        self.running[self.requests] = attempt
        tried = f", attempt {attempt.number}" if attempt.number > attempt.first else ""
        say(f"task {attempt.name} begins{tried}")
        if step.timeout is not None:
            grace = float(os.environ.get(env_names.TIMEOUT_GRACE) or TIMEOUT_GRACE_SECONDS)
            attempt.deadline = time.monotonic() + step.timeout + grace
        request = {
            "id": self.requests,
            "step": step.name,
            "index": index_text(attempt.key[1]),
            "attempt": attempt.number,
            "first": attempt.first,
            "env": self._variables(step, attempt.worker),
        }
        outputs = self.output.begin(attempt) if self.output is not None else []
        sent = self.server.send(request, *(outputs or (1, 2)))
        for descriptor in outputs:
            os.close(descriptor)
        if not sent:
            self._server_lost()

    def _variables(self, step: PlanStep, worker: int) -> Dict[str, str]:
        """The variables of a task that this process has not: its step's, and which of the pod's GPUs are its own."""
        own = {name: value for name, value in step.env.items() if os.environ.get(name) != value}
        if step.gpus is None or step.gpus[0] in os.environ or step.gpus[0] in own:
            return own
        most = max(gpus[1] for gpus in (self.plan.step(name).gpus for name in self.group.steps) if gpus is not None)
        variable, count = step.gpus
        return {**own, variable: ",".join(str(worker * most + number) for number in range(count))}

    def _wait(self) -> None:
        """Wait for something to happen, and handle it."""
        server, output = self.server, self.output
        poll = select.poll()
        channel = server.channel.fileno() if server is not None else self.wake_read
        for watched in {self.wake_read, channel, *(output.descriptors if output is not None else ())}:
            poll.register(watched, select.POLLIN)
        readable = {descriptor for descriptor, _ in poll.poll(self._timeout())}
        if self.wake_read in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self.wake_read, 4096)
        if output is not None:
            for descriptor in readable.intersection(output.descriptors):
                output.pump(descriptor)
            output.write_due()
        if server is not None and channel in readable:
            message = server.receive()
            if message is None:
                self._server_lost()
            elif message["event"] == "started":
                self.running[message["id"]].pid = message["pid"]
                if self.stopped:
                    self.running[message["id"]].kill(signal.SIGTERM)
            elif message["event"] == "exit":
                self._ended(self.running.pop(message["id"]), message["status"], message.get("committed"))
        now = time.monotonic()
        for attempt in self.running.values():
            if attempt.deadline <= now:
                attempt.deadline, attempt.timed_out = float("inf"), True
                attempt.kill(signal.SIGKILL)

    def _timeout(self) -> float | None:
        """Milliseconds until something is due."""
        due = [attempt.deadline for attempt in self.running.values()]
        if self.waiting and len(self.running) < self.group.workers:
            due.append(self.waiting[0][0])
        seconds = min(due, default=float("inf")) - time.monotonic()
        if self.output is not None:
            seconds = min(seconds, self.output.timeout)
        return None if seconds == float("inf") else max(0.0, seconds * 1000)

    def _server_lost(self) -> None:
        """The fork server was killed, and with it all that it had started. Another one follows."""
        assert self.server is not None
        self.server.close()
        self.server = None
        self.servers_lost += 1
        lost, self.running = list(self.running.values()), {}
        for attempt in lost:
            attempt.kill(signal.SIGKILL)
            self._ended(attempt, signal.SIGKILL)
        if self.servers_lost >= MOST_SERVERS_LOST and self.failure == OK:
            say("the process that starts tasks was killed again and again")
            self.failure = PROTOCOL_ERROR

    def _ended(self, attempt: Attempt, status: int, committed: Document | None = None) -> None:
        """Decide what follows an attempt that has ended with a wait status, and with what it is known to have written.

        What is not known, the store is asked.
        """
        if self.output is not None:
            self.output.end(attempt)
        code = os.waitstatus_to_exitcode(status)
        if code == OK and not attempt.timed_out and (committed is not None or self.records.is_committed(attempt)):
            self.schedule.finished(attempt.key, committed or self.layout.manifest(*attempt.key))
            return
        if self.stopped and code != OK:
            self.records.record(attempt, "TaskKilled", "its pod got SIGTERM", lost=True)
            return
        retries, tried = self.plan.step(attempt.key[0]).retries, attempt.number - attempt.first
        which = attempt_text(attempt.number, retries, attempt.first)
        what = f"task {attempt.name} failed{which}: {self.records.recorded_failure(attempt, code)}"
        step = self.plan.step(attempt.key[0])
        kinds = (TIMEOUT,) if attempt.timed_out else failure_kinds(code or USER_ERROR)
        for_good = not step.survives and not is_retried(kinds, step.on)
        if for_good or tried >= self.records.further(attempt.key):
            say(what)
            if self.failure == OK:
                self.failure = code if code > 0 and code != _INTERRUPTED else USER_ERROR
            return
        wait = self._backoff(attempt)
        say(f"{what}; {following_text(attempt.number, wait) if tried < retries else '@catch goes on without it'}")
        following = Attempt(attempt.key, attempt.number + 1, attempt.first)
        self.requests += 1
        heapq.heappush(self.waiting, (time.monotonic() + wait, self.requests, following))

    def _backoff(self, attempt: Attempt) -> float:
        """The seconds before the next attempt; those that only `@catch` needs follow at once."""
        step, tries = self.plan.step(attempt.key[0]), attempt.number - attempt.first
        seconds, factor, *most = step.backoff
        return min(float(seconds * factor**tries), *most, float("inf")) if tries < step.retries else 0.0


class _ForkServer:
    """The fork server of this pod, a child of this process."""

    def __init__(self, *, forked: bool = True) -> None:
        """Start it: `forked` from this process, or as a Python of its own, where a store is open, whose threads a fork
        would lose."""
        self.channel, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        if forked:
            self.pid = os.fork()
            if self.pid == 0:
                self._serve(theirs)
        else:
            theirs.set_inheritable(True)
            command = shim_command("fork-server", str(theirs.fileno()), "pod")
            self.pid = os.posix_spawn(command[0], command, {**os.environ, **_TO_SERVER})
        theirs.close()

    def _serve(self, channel: socket.socket) -> NoReturn:
        code = 1
        try:
            self.channel.close()
            signal.set_wakeup_fd(-1)
            os.environ.update(_TO_SERVER)
            code = serve(channel.detach(), of_pod=True)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)

    def send(self, request: Dict[str, Any], stdout: int, stderr: int) -> bool:
        """Ask for a task that prints to these descriptors. False where the server is gone."""
        try:
            send(self.channel, request, (stdout, stderr))
        except OSError:
            return False
        return True

    def receive(self) -> Dict[str, Any] | None:
        """The next message; `None` where the server is gone."""
        try:
            message, _ = receive(self.channel)
        except OSError:
            return None
        return message

    def close(self) -> None:
        """End it, and the tasks that it has, and wait for that."""
        self.channel.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
