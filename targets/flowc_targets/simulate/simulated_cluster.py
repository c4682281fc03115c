"""This machine as the cluster: pods wait for a place, run as processes, and report their ends to the run."""

from __future__ import annotations

import heapq
import itertools
import os
import shutil
import signal
import time
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.errors import StoreError
from flowc.protocol import env_names
from flowc_targets.base.process_pool import ForkServer, ProcessPool
from flowc_targets.simulate.answers import Answers
from flowc_targets.simulate.problems import PodError
from flowc_targets.simulate.simulated_locks import SimulatedLocks
from flowc_targets.simulate.simulated_pods import PodMaker, read_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_targets.base.process_pool import Process
    from flowc_targets.simulate.node_report import Progress
    from flowc_targets.simulate.simulated_pods import Pod
    from flowc_targets.simulate.simulation import SimulateOptions
    from flowc_targets.simulate.workflow_nodes import Node, Phase
    from flowc_targets.simulate.workflow_run import Run

_SERVERS = 8
"""Fork servers at a time: each has the user's imports in memory."""
_LOOK_SECONDS = 1.0
"""How often the logs of pods that run are looked at."""
_TASK_OPTIONS = frozenset({"step", "index", "attempt", "first", "outputs"})
"""The options of the shim's `task`. A command with any other runs unchanged."""


class SimulatedCluster:
    """Runs pods as processes. It is the run's host."""

    def __init__(self, maker: PodMaker, options: SimulateOptions, folder: Path, progress: Progress) -> None:
        """`folder` is for the pods' own folders and logs."""
        self._maker = maker
        self._options = options
        self._folder = folder
        self._progress = progress
        self._pool: ProcessPool[Pod] = ProcessPool()
        self._queue: deque[Pod] = deque()
        self._running: dict[str, Process[Pod]] = {}
        self._present: Counter[str] = Counter()
        """Members that run, by gang."""
        self._servers: dict[str, ForkServer | None] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._next_look = 0.0
        self._numbers = itertools.count()
        self._retries: set[int] = set()
        """The timers that are about further attempts."""
        self._answers: Answers | None = None
        self.locks = SimulatedLocks(maker.manifest, folder, progress.note)
        self.run: Run

    @property
    def busy(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self._queue or self._running or self._timers or self.locks)

    @property
    def waiting(self) -> int:
        """Pods without a place."""
        return len(self._queue) + len(self.locks)

    def start(self, node: Node, raw: dict[str, Any], *, on_exit: bool) -> None:
        """Line a pod up. One that cannot run here has failed before it began."""
        name = self.run.pod_name(node.name, node.template)
        pod = self._maker.make(node, raw, name, self.run.spec.namespace, on_exit=on_exit)
        self._progress.made(pod)
        if not self.locks.add(pod, raw):
            self._queue.append(pod)

    def stop(self, node: Node) -> None:
        """End the pod of a node, whether it runs or waits."""
        self._queue = deque(pod for pod in self._queue if pod.node is not node)
        self.locks.release(self.run.pod_name(node.name, node.template))
        for process in self._running.values():
            if process.task.node is node:
                process.signal(signal.SIGKILL)

    def later(self, moment: float, action: Callable[[], None], *, retried: Node | None = None) -> None:
        """Call something at a time, in seconds since the epoch: the next attempt of `retried`, or another thing."""
        number = next(self._numbers)
        if retried is not None:
            self._retries.add(number)
            self._progress.rests(retried, moment - time.time())
        heapq.heappush(self._timers, (moment, number, action))

    @property
    def resting(self) -> int:
        """Nodes that wait for the time of their next attempt."""
        return len(self._retries)

    def changed(self, node: Node) -> None:
        """A node has a new phase."""
        self._progress.changed(node)

    def turn(self) -> None:
        """Start what has a place, then wait until something happens, a second at the most."""
        self._queue.extend(self.locks.take())
        if self.locks.error:
            raise StoreError(self.locks.error)
        self._admit()
        wait = 0.2 if self.locks else 1.0
        if self._timers:
            wait = min(wait, max(0.0, self._timers[0][0] - time.time()))
        if not self._running and self._queue:
            wait = 0.0
        for process, code in self._pool.wait(wait):
            del self._running[process.task.name]
            self._ended(process.task, code if code >= 0 else 128 - code)  # as a shell has it
        self._look_at_logs()
        now = time.time()
        while self._timers and self._timers[0][0] <= now:
            _, number, action = heapq.heappop(self._timers)
            self._retries.discard(number)
            action()

    def _look_at_logs(self) -> None:
        """A pod says on stderr that it waits for its store, which may take minutes."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _LOOK_SECONDS
            for process in self._running.values():
                self._progress.printed(process.task, process.task.log)

    def answer(self, step: str, index: str) -> str | None:
        """What somebody has chosen for a task; `None` where nobody has so far."""
        if self._answers is None:
            self._answers = Answers(self.run.spec, self._options, self._progress)
        return self._answers.find(step, index)

    def close(self) -> None:
        """End everything that runs."""
        self._pool.close()
        self.locks.close()

    def _admit(self) -> None:
        """Give places to pods. When one member of a gang has a place, the others need none, as they wait for it."""
        while self._queue:
            if len(self._running) < self._options.max_workers:
                pod = self._queue.popleft()
            else:
                members = (pod for pod in self._queue if pod.gang in self._present) if self._present else ()
                member = next(iter(members), None)
                if member is None:
                    return
                self._queue.remove(member)
                pod = member
            self._begin(pod)

    def _begin(self, pod: Pod) -> None:
        if pod.gang is not None:
            self._present[pod.gang] += 1
        self.run.pod_running(pod.node)
        log = os.open(pod.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            self._running[pod.name] = self._launch(pod, log)
        except OSError as error:
            os.write(log, f"{pod.command[0]}: {error.strerror or error}\n".encode())
            self._ended(pod, 127)
        finally:
            os.close(log)
        if pod.deadline is not None:
            self.later(time.time() + pod.deadline, lambda: self._end_late(pod))

    def _launch(self, pod: Pod, log: int) -> Process[Pod]:
        """Start a pod: by its fork server if there is one, else as a process of its own. Raises OSError."""
        request = task_request(pod) if self._options.fork else None
        server = self._server(pod) if request is not None else None
        if request is not None and server is not None and server.usable:
            process = self._pool.fork(server, pod, request, log, log)
            if process is not None:
                return process
        return self._pool.spawn(pod, pod.command, pod.env, pod.folder, log)

    def _server(self, pod: Pod) -> ForkServer | None:
        """The fork server of a pod's template, which is started for the second pod."""
        template = pod.node.template
        if template not in self._servers:
            self._servers[template] = None
            return None
        server = self._servers[template]
        if server is None and sum(1 for one in self._servers.values() if one is not None) < _SERVERS:
            with (self._folder / "forks.log").open("ab") as output:
                server = ForkServer(pod.command[:2], pod.env, output.fileno(), cwd=pod.folder.parent)
            self._servers[template] = self._pool.add_server(server)
        return server

    def _ended(self, pod: Pod, code: int) -> None:
        """A pod has ended with this exit code."""
        self.locks.release(pod.name)
        if pod.gang is not None:
            self._present[pod.gang] -= 1
            self._present += Counter()  # gangs without a member that runs go
        phase: Phase = "Failed" if code else "Succeeded"
        message = f"main: Error (exit code {code})" if code else ""
        outputs: dict[str, str] = {}
        try:
            outputs = read_outputs(pod)
        except PodError as error:
            if not code:
                phase, message = "Error", f"wait: Error (exit code 64): {error}"
        if not pod.node.fulfilled:
            self._progress.logged(pod, pod.log, failed=phase != "Succeeded")
            self.run.pod_ended(pod.node, phase, message, outputs)
        if self._options.keep is None:
            shutil.rmtree(pod.folder, ignore_errors=True)

    def _end_late(self, pod: Pod) -> None:
        """End a pod at its own deadline (its activeDeadlineSeconds, which the kubelet enforces)."""
        process = self._running.get(pod.name)
        if process is None or process.task is not pod or pod.node.fulfilled:
            return
        self._progress.logged(pod, pod.log, failed=True)
        process.signal(signal.SIGKILL)
        outputs = {output.name: output.default for output in pod.outputs if output.default is not None}
        message = "Pod was active on the node longer than the specified deadline"
        self.run.pod_ended(pod.node, "Failed", message, outputs)


def task_request(pod: Pod) -> dict[str, Any] | None:
    """A pod's command as a request to a fork server; `None` where it is not the shim's `task`."""
    words = pod.arguments()
    if pod.package is None or words[:1] != ("task",) or len(words) % 2 == 0:
        return None
    if env_names.PACKAGES in pod.env:  # its Python has packages that the fork server's has not
        return None
    values = {name.removeprefix("--"): value for name, value in zip(words[1::2], words[2::2], strict=True)}
    plain = all(name.startswith("--") for name in words[1::2])
    if not plain or not set(values) <= _TASK_OPTIONS or "step" not in values:
        return None
    try:
        numbers = {"attempt": int(values.get("attempt", "0")), "first": int(values.get("first", "0"))}
    except ValueError:
        return None
    outputs = {"outputs": str(Path(values["outputs"]).absolute())} if "outputs" in values else {}
    own = {"env": pod.env, "folder": str(pod.folder)}
    return {"step": values["step"], "index": values.get("index", ""), **numbers, **outputs, **own}
