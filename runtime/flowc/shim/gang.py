"""Gangs: the members of a `num_parallel` step find each other, run together, fail together and are committed together.

All of it goes through the store, keyed by attempt, so that a gang needs no more of its platform than n tasks that run
at the same time:

    <run>/<step>/<p.i>/<attempt>/member.json      who member i is: token, address, heartbeat; member 0's holds the roll
    <run>/<step>/<p.i>/<attempt>/prepared-<inputs>-<session>.json      its manifest, before it counts

Meeting: each member answers member 0's token in its own file, member 0 collects the answers and writes the roll, and a
member that finds its own token on the roll begins. So a file that a dead process left under the same attempt lets
nobody begin. While they run, a thread of each (`gang_watch`) watches the others. At the end all prepare, and each
commits when all have: an attempt that all members have prepared is decided, and a member that failed after that commits
it when it is retried.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from typing import NamedTuple

from flowc.errors import GangTimeout
from flowc.protocol import env_names
from flowc.shim.gang_files import MEMBER, PREPARED, GangFiles, host_address, reserve_port
from flowc.shim.gang_watch import Pause, ProgressLog, Watch
from flowc.store.documents import MANIFEST, wall_time
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Set, Tuple

    from flowc.protocol.plan import PlanStep
    from flowc.shim.gang_files import Seen
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.documents import Document
    from flowc.store.run_layout import RunLayout


class Parallel(NamedTuple):
    """What `current.parallel` is."""

    main_ip: str
    num_nodes: int
    node_index: int
    control_task_id: str | None


ALONE = Parallel("127.0.0.1", 1, 0, None)
"""`current.parallel` outside of the gangs of a flow that has some, as in Metaflow."""

TIMEOUT = 1800.0
"""Seconds that a member waits for the others to come."""
GRACE = 300.0
"""Seconds without a newcomer after which it goes with the attempt that all had committed before.

Such a member was killed between its commit and its end; or else somebody runs the whole gang again, and all come.
"""


def gang_of(state: TaskState, task: Task) -> Gang:
    """The gang of a task whose parent opens one. The parent has committed."""
    opener = state.layout.manifest(state.step.parents[0], task.path[:-1])
    inputs = hashlib.sha256(f"{opener['attempt']} {opener['created']}".encode()).hexdigest()[:8]
    gang = Gang(state.layout, task, opener["foreach"]["count"], inputs)
    asked = state.step.gang
    gang.join_timeout = float(asked.get("timeout", 0))
    gang.port = int(os.environ.get(env_names.GANG_PORT) or state.step.env.get("MASTER_PORT") or asked.get("port", 0))
    gang.timeout = float(os.environ.get(env_names.GANG_TIMEOUT) or asked.get("timeout") or TIMEOUT)
    return gang


class Gang:
    """One member of a gang, in one attempt."""

    def __init__(self, layout: RunLayout, task: Task, count: int, inputs: str) -> None:
        """`inputs` tells apart what was prepared from other inputs."""
        self.layout = layout
        self.task = task
        self.me = task.path[-1]
        self.count = count
        self.files = GangFiles(layout, task.step, task.path, task.attempt, count)
        self._inputs = inputs
        self._session = ""
        self.port = 0
        """The port of MASTER_PORT; 0 is one that is free."""
        self.timeout = TIMEOUT
        """Seconds that this member waits for the others to come."""
        self.join_timeout = 0.0
        """The same as far as a decorator says so, else 0: a framework's own processes have other needs."""
        self.grace = float(os.environ.get(env_names.GANG_GRACE) or GRACE)
        self._framework = ""
        self._watch = Watch(self)

    def meet(self) -> Document | None:
        """Wait until all members are there, then set the environment and watch them.

        A manifest comes back instead when an attempt was decided before: it is to be committed, and the step does not
        run. Raises PeerFailed and GangTimeout.
        """
        self.files.remember()
        before = self._decided(self.files.look())
        # Decided but not committed by all: a member was killed in between. Committing is all that is left to do.
        if before is not None and not (before.committed and self.grace):
            return self._settled(before)
        # The port stays bound while the members meet, so that no other process takes it meanwhile.
        with reserve_port(self.port) as port:
            self._watch.start({"host": host_address(), "port": port})
            main = self._wait_for_roll(before)
        decided = self._decided(self.files.look()) if main is None or main["settle"] else None
        if decided is not None:
            self._watch.stop()
            return self._settled(decided)
        assert main is not None
        tokens = [str(token) for token in main["roll"]]
        self._session = hashlib.sha256(" ".join(tokens).encode()).hexdigest()[:8]
        self._announce(main)
        self._watch.guard(tokens)
        return None

    def commit(self, manifest: Document) -> None:
        """Prepare the manifest, wait until all members have prepared theirs, and commit it. Raises PeerFailed."""
        name = self._prepared
        self._watch.stand_down()  # from here on this thread judges: what is decided is committed, whoever fails then
        self.layout.write_json(f"{self.files.folder(self.me, self.task.attempt)}/{name}", manifest)
        progress, pause = ProgressLog(), Pause(self.files.interval)
        while True:
            seen = self.files.look()
            missing = [i for i in range(self.count) if name not in seen.get((i, self.task.attempt), ())]
            if not missing:
                break
            # Look for failures only if the attempt is not decided: once all have prepared, it is, whoever dies after
            # that.
            failure = self.files.failure(seen) or self._watch.stale
            if failure is not None:
                raise failure
            progress.say(f"waiting for {self._names(missing)} to finish")
            pause.wait()
        self.layout.commit(self.task.step, self.task.path, self.task.attempt, manifest)
        self._watch.stop()

    def wait_for_main(self, check: Callable[[], None]) -> None:
        """Wait until member 0 has prepared its manifest. What `check` raises while this waits ends that."""
        pause = Pause(self.files.interval)
        while self._prepared not in self.files.look().get((0, self.task.attempt), ()):
            check()
            pause.wait()

    def finished_before(self, last: int) -> Document | None:
        """What this member prepared in an attempt before this one, the `last` that ran the code or one after it."""
        seen = self.files.look() if self.task.attempt > last else {}
        for attempt in range(self.task.attempt - 1, last - 1, -1):
            for name in sorted(seen.get((self.me, attempt), ())):
                if name.startswith(f"{PREPARED}{self._inputs}-"):
                    return self._renewed(self.files.read(self.me, attempt, name))
        return None

    def around(self, code: Callable[[], None], step: PlanStep) -> Callable[[], None]:
        """The step's code with what its decorator starts around it."""
        self._framework = step.gang.get("framework", "")
        if not self._framework:
            return code
        return with_framework(self, self._framework, step.gang.get("options") or {}, code)

    def hang_up(self) -> None:
        """Close the connections of this process, in which the step's code has failed: peers may wait for its answer.

        The store's client opens its own anew. Ray's own members need none.
        """
        if self._framework == "ray":
            return
        import socket

        for name in os.listdir("/dev/fd"):
            with contextlib.suppress(OSError, ValueError), socket.socket(fileno=os.dup(int(name))) as connection:
                if connection.family in (socket.AF_INET, socket.AF_INET6):
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def _prepared(self) -> str:
        """The name of a manifest that is prepared in this meeting."""
        return f"{PREPARED}{self._inputs}-{self._session}.json"

    def _wait_for_roll(self, before: _Decided | None) -> Document | None:
        """Member 0's file with the roll on it; `None` where this member is to commit what was decided."""
        begun = quiet = time.monotonic()
        absent: List[int] = []
        progress, pause = ProgressLog(), Pause(self.files.interval)
        answers: Dict[int, str] = {0: self._watch.token}
        while True:
            seen = self.files.look()
            main = self._lead(seen, answers, before) if self.me == 0 else self._follow()
            if main is not None:
                return main
            if before is None and self._decided(seen) is not None:  # a member was slower to finish than we to start
                return None
            failure = self.files.failure(seen)
            if failure is not None:
                raise failure
            now, known = time.monotonic(), absent
            absent = [i for i in range(self.count) if MEMBER not in seen.get((i, self.task.attempt), ())]
            quiet = quiet if absent == known else now
            if before is not None and now - quiet > self.grace:
                return None
            missing = [i for i in range(self.count) if i not in answers] if self.me == 0 else absent or [0]
            text = f"{self._names(missing)} to come{self.files.old_errors()}"
            if before is None and now - begun > self.timeout:
                raise GangTimeout(f"waited {self.timeout:g} s for {text}")
            progress.say(f"waiting for {text}")
            pause.wait()

    def _lead(self, seen: Seen, answers: Dict[int, str], before: _Decided | None) -> Document | None:
        """Member 0: take the answers to its token; with all of them, publish the roll.

        By then no process of an earlier attempt is left, so what one of them has decided is in the store.
        """
        for member in range(1, self.count):
            if member not in answers and MEMBER in seen.get((member, self.task.attempt), ()):
                document = self.files.read(member, self.task.attempt)
                if document is not None and document.get("to") == self._watch.token:
                    answers[member] = document["token"]
        if len(answers) < self.count:
            return None
        settle = before is None and self._decided(self.files.look()) is not None
        return self._watch.publish(roll=[answers[i] for i in range(self.count)], settle=settle)

    def _follow(self) -> Document | None:
        """The others: answer member 0's token, and look for one's own on its roll."""
        main = self.files.read(0, self.task.attempt)
        if main is None:
            return None
        self._watch.answer(main["token"])
        roll: List[str] = main.get("roll", [])
        return main if len(roll) == self.count and roll[self.me] == self._watch.token else None

    def _decided(self, seen: Seen) -> _Decided | None:
        """The newest attempt that every member has prepared, from the inputs that this one has."""
        prepared: Dict[Tuple[int, str], Set[int]] = {}
        for (member, attempt), names in seen.items():
            for name in names:
                if name.startswith(f"{PREPARED}{self._inputs}-"):
                    prepared.setdefault((attempt, name), set()).add(member)
        # The name has a hash of the roll, so these come from one meeting: members of two meetings never make one whole.
        whole = max((key for key, members in prepared.items() if len(members) == self.count), default=None)
        if whole is None:
            return None
        done = {member for (member, attempt), names in seen.items() if attempt >= whole[0] and MANIFEST in names}
        return _Decided(whole[0], whole[1], committed=len(done) == self.count)

    def _settled(self, decided: _Decided) -> Document:
        """This member's manifest of an attempt that was decided, to be committed as this attempt."""
        say(f"all {self.count} members had finished attempt {decided.attempt}; it is committed, the step not run again")
        return self._renewed(self.files.read(self.me, decided.attempt, decided.name))

    def _renewed(self, manifest: Any) -> Document:
        """A manifest of an earlier attempt as one of this attempt."""
        return {**manifest, "attempt": self.task.attempt, "created": wall_time()}

    def _announce(self, main: Document) -> None:
        """Set `current.parallel` and the variables that torch.distributed and users of Metaflow read."""
        announce(Parallel(main["host"], self.count, self.me, control_task(self.task)), main["port"])

    def _names(self, members: List[int]) -> str:
        shown = ", ".join(map(str, members[:10])) + (f" and {len(members) - 10} more" if len(members) > 10 else "")
        return f"member{'s' if len(members) > 1 else ''} {shown} of the gang of {self.count}"


def control_task(task: Task) -> str:
    """The id of member 0 of a task's gang."""
    return task_id(task.step, (*task.path[:-1], 0))


def announce(parallel: Parallel, port: int) -> None:
    """Set `current.parallel` and the variables that torch.distributed and users of Metaflow read."""
    from flowc.current import add_facts

    add_facts({"parallel": parallel, "is_parallel": True})
    variables = {
        "MASTER_ADDR": parallel.main_ip,
        "MASTER_PORT": port,
        "NODE_RANK": parallel.node_index,
        "RANK": parallel.node_index,
        "WORLD_SIZE": parallel.num_nodes,
        "MF_PARALLEL_MAIN_IP": parallel.main_ip,
        "MF_PARALLEL_NUM_NODES": parallel.num_nodes,
        "MF_PARALLEL_NODE_INDEX": parallel.node_index,
        "MF_PARALLEL_CONTROL_TASK_ID": parallel.control_task_id,
    }
    os.environ.update({name: str(value) for name, value in variables.items()})


class _Decided:
    """An attempt that every member has prepared: under which name, and whether all have committed it since."""

    __slots__ = ("attempt", "committed", "name")

    def __init__(self, attempt: int, name: str, *, committed: bool) -> None:
        self.attempt = attempt
        self.name = name
        self.committed = committed


def say(text: str) -> None:
    """A line for the task's log."""
    print(f"flowc: {text}", file=sys.stderr)


def with_framework(gang: Gang, name: str, options: Dict[str, Any], code: Callable[[], None]) -> Callable[[], None]:
    """The step's code in its framework. Its variables and its part of `current` are there at once."""
    from flowc.current import add_facts

    if name == "pytorch":  # the backend is Metaflow's choice for PyTorch Lightning
        os.environ.update({"NUM_NODES": str(gang.count), "PL_TORCH_DISTRIBUTED_BACKEND": "gloo"})
        return code
    if name == "torchrun":
        from flowc.shim.torchrun import TorchrunExecutor

        add_facts({"torch": TorchrunExecutor(options)})
        return code
    from flowc.shim.ray_cluster import run_on_ray

    task = gang.task
    place = "/".join((task.root.rstrip("/"), "mf.ray_decorator", gang.layout.flow, task.run, task.step))
    add_facts({"ray_storage_path": f"{place.removeprefix('file://')}/{task.attempt}"})
    return lambda: run_on_ray(gang, options, code)
