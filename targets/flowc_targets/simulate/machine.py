"""This machine as the cluster: pods wait for a place, run, and are told of when they end."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import shutil
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flowc_targets.simulate.forks import ForkServer, task_request
from flowc_targets.simulate.gangs import Gangs
from flowc_targets.simulate.pods import PodMaker, read_outputs
from flowc_targets.simulate.problems import PodError
from flowc_targets.simulate.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flowc_targets.simulate.nodes import Node, Phase
    from flowc_targets.simulate.pods import Pod
    from flowc_targets.simulate.run import Run

_SERVERS = 8
"""Fork servers at a time: each has the user's imports in memory."""


class Listener(Protocol):
    """Whoever shows what happens."""

    def changed(self, node: Node) -> None:
        """A node has a new phase."""
        ...

    def logged(self, pod: Pod, log: Path, *, failed: bool) -> None:
        """A pod has ended, and this is what it printed."""
        ...

    def tick(self, waiting: int) -> None:
        """Something may have happened; `waiting` pods have no place."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many pods run at a time, and how they begin."""

    workers: int
    fork: bool = True
    keep: bool = False
    """Whether the folders of pods stay."""


class Machine:
    """Runs pods as processes. It is the run's host."""

    def __init__(self, maker: PodMaker, limits: Limits, folder: Path, listener: Listener) -> None:
        """`folder` is for the pods' own folders and logs."""
        self._maker = maker
        self._limits = limits
        self._folder = folder
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._processes = Processes()
        self._selector.register(self._processes.descriptor, selectors.EVENT_READ)
        self._gangs = Gangs()
        self._queue: deque[tuple[Pod, str | None]] = deque()
        self._running: dict[str, Pod] = {}
        self._gang_of: dict[str, str | None] = {}
        self._present: Counter[str] = Counter()
        """Members that run, by gang."""
        self._servers: dict[str, ForkServer | None] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.run: Run

    @property
    def busy(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self._queue or self._running or self._timers)

    @property
    def waiting(self) -> int:
        """Pods without a place."""
        return len(self._queue)

    @property
    def working(self) -> int:
        """Pods that run."""
        return len(self._running)

    def start(self, node: Node, raw: dict[str, Any], *, on_exit: bool) -> None:
        """Line a pod up. One that cannot run here has failed before it began."""
        name = self.run.pod_name(node.name, node.template)
        pod = self._maker.make(node, raw, name, self.run.spec.namespace, on_exit=on_exit)
        self._queue.append((pod, self._gangs.of(pod)))

    def stop(self, node: Node) -> None:
        """End the pod of a node, whether it runs or waits."""
        for pod, gang in [item for item in self._queue if item[0].node is node]:
            self._queue.remove((pod, gang))
        for pod in [pod for pod in self._running.values() if pod.node is node]:
            self._kill(pod)

    def later(self, moment: float, action: Callable[[], None]) -> None:
        """Call something at a time, in seconds since the epoch."""
        heapq.heappush(self._timers, (moment, next(self._numbers), action))

    def changed(self, node: Node) -> None:
        """A node has a new phase."""
        self._listener.changed(node)

    def turn(self) -> None:
        """Start what has a place, then wait until something happens, a second at the most."""
        self._admit()
        wait = 1.0
        if self._timers:
            wait = min(wait, max(0.0, self._timers[0][0] - time.time()))
        if not self._running and self._queue:
            wait = 0.0
        for key, _ in self._selector.select(wait):
            if key.data is None:
                for name, status in self._processes.read():
                    self._ended(name, status if status >= 0 else 128 - status)
            elif not key.data.read():
                self._selector.unregister(key.data)
        now = time.time()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def close(self) -> None:
        """End everything that runs."""
        self._processes.close()
        for server in self._servers.values():
            if server is not None:
                server.close()
        self._selector.close()

    def _admit(self) -> None:
        """Give places to pods. Where one member of a gang has one, all have."""
        while self._queue:
            if len(self._running) < self._limits.workers:
                pod, gang = self._queue.popleft()
            else:
                found = (
                    next((item for item in self._queue if item[1] in self._present), None) if self._present else None
                )
                if found is None:
                    return
                self._queue.remove(found)
                pod, gang = found
            self._begin(pod, gang)

    def _begin(self, pod: Pod, gang: str | None) -> None:
        self._running[pod.name] = pod
        self._gang_of[pod.name] = gang
        if gang is not None:
            self._present[gang] += 1
        self.run.pod_running(pod.node)
        log = os.open(self._log(pod), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            self._launch(pod, log)
        except OSError as error:
            os.write(log, f"{pod.command[0]}: {error.strerror or error}\n".encode())
            self._ended(pod.name, 127)
        finally:
            os.close(log)
        if pod.deadline is not None:
            self.later(time.time() + pod.deadline, lambda: self._late(pod))

    def _launch(self, pod: Pod, log: int) -> None:
        """Start a pod: by a fork server where there is one, else as a process of its own."""
        request = task_request(pod) if self._limits.fork else None
        if request is not None:
            server = self._server(pod)
            if server is not None and server.usable and server.start(pod, request, log):
                return
        self._processes.start(pod, log)

    def _server(self, pod: Pod) -> ForkServer | None:
        """The fork server of a pod's template, which is started for the second one."""
        template = pod.node.template
        if template not in self._servers:
            self._servers[template] = None
            return None
        server = self._servers[template]
        if server is None and sum(1 for one in self._servers.values() if one is not None) < _SERVERS:
            server = ForkServer(pod, self._folder / "forks.log", self._wait_status)
            self._servers[template] = server
            self._selector.register(server, selectors.EVENT_READ, server)
        return server

    def _wait_status(self, name: str, status: int) -> None:
        """A pod of a fork server has ended with what `wait` says of it."""
        number = os.waitstatus_to_exitcode(status)
        self._ended(name, number if number >= 0 else 128 - number)

    def _ended(self, name: str, code: int) -> None:
        """A pod has ended with this exit code."""
        pod = self._running.pop(name, None)
        if pod is None:
            return
        gang = self._gang_of.pop(name)
        if gang is not None:
            self._present[gang] -= 1
            self._present += Counter()  # those of which none runs go
        phase: Phase = "Failed" if code else "Succeeded"
        message = f"main: Error (exit code {code})" if code else ""
        outputs: dict[str, str] = {}
        try:
            outputs = read_outputs(pod)
        except PodError as error:
            if not code:
                phase, message = "Error", f"wait: Error (exit code 64): {error}"
        log = self._log(pod)
        if not pod.node.fulfilled:
            self._listener.logged(pod, log, failed=phase != "Succeeded")
            self.run.pod_ended(pod.node, phase, message, outputs)
        if not self._limits.keep:
            shutil.rmtree(pod.folder, ignore_errors=True)

    def _late(self, pod: Pod) -> None:
        """A pod's own deadline (its activeDeadlineSeconds, which the kubelet enforces)."""
        if self._running.get(pod.name) is pod and not pod.node.fulfilled:
            self._listener.logged(pod, self._log(pod), failed=True)
            self._kill(pod)
            outputs = {output.name: output.default for output in pod.outputs if output.default is not None}
            message = "Pod was active on the node longer than the specified deadline"
            self.run.pod_ended(pod.node, "Failed", message, outputs)

    def _kill(self, pod: Pod) -> None:
        self._processes.kill(pod.name)
        server = self._servers.get(pod.node.template)
        if server is not None:
            server.kill(pod.name)

    def _log(self, pod: Pod) -> Path:
        return pod.folder / "log"
