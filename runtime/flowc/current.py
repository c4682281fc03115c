"""`current`: what the running task is."""

from __future__ import annotations

import os

from flowc.protocol import env_names
from flowc.protocol.encodings import split_tags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Dict, List, Mapping, Set, TypeVar

    from flowc.client import Run, Task
    from flowc.shim.checkpoints import Checkpoints
    from flowc.shim.failed_items import FailedItem
    from flowc.shim.gang import Parallel
    from flowc.shim.read_trace import ReadTrace
    from flowc.shim.task_cards import Cards, CardStore
    from flowc.shim.task_state import TaskState
    from flowc.shim.torchrun import TorchrunExecutor
    from flowc.shim.trigger_events import Trigger
    from flowc.store.approvals import Approval

    T = TypeVar("T")

_ALWAYS = frozenset(
    {
        "flow_name", "graph", "is_running_flow", "namespace", "origin_run_id", "pathspec", "retry_count", "run",
        "run_id", "scheduled_time", "step_name", "tags", "task", "task_id", "tempdir", "trigger", "username",
    }
)  # fmt: skip
"""Facts that are `None` where no task is running, as in Metaflow; others exist in tasks that have them only."""


class Current:
    """Facts about the running task, as attributes; a fact is `in` it when it is known and not `None`."""

    if TYPE_CHECKING:  # what a task has: outside of one, these are `None` or raise AttributeError
        flow_name: str
        run_id: str
        step_name: str
        task_id: str
        retry_count: int
        pathspec: str
        origin_run_id: str | None
        namespace: str | None
        tags: Set[str]
        parameter_names: List[str]
        card: Cards
        checkpoint: Checkpoints
        failed_items: List[FailedItem]
        spot_termination_notice: str
        trigger: Trigger | None
        approval: Approval
        scheduled_time: datetime | None
        parallel: Parallel
        is_parallel: bool
        torch: TorchrunExecutor
        ray_storage_path: str
        project_name: str
        branch_name: str
        project_flow_name: str
        is_user_branch: bool
        is_production: bool

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._lazy: dict[str, Callable[[], Any]] = {}
        self._outside: Cards | None = None

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    if not TYPE_CHECKING:  # a fact that is misspelled is an error in an editor

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            if running.trace is not None and self._facts:
                running.trace.fact(name)
            if name in self._lazy:
                self._facts[name] = self._lazy.pop(name)()
            if name in self._facts:
                return self._facts[name]
            if name in _ALWAYS:
                return None
            if name == "card" and not self._facts:
                return self._card_outside()
            reason = "flowc does not know this fact" if self._facts else "no task is running"
            raise AttributeError(f"current.{name}: {reason}")

    def _card_outside(self) -> Cards:
        """What keeps components where a step is called as a function; nobody draws them."""
        if self._outside is None:
            from flowc.shim.task_cards import Cards

            self._outside = Cards()
        return self._outside

    @property
    def is_running_flow(self) -> bool:
        """Whether a task is running."""
        return bool(self._facts)

    @property
    def username(self) -> str | None:
        """Who started the run, as far as the environment says."""
        if running.trace is not None:
            running.trace.fact("username")
        return user_of(os.environ)

    @property
    def tempdir(self) -> str:
        """The folder for temporary files."""
        import tempfile

        return os.environ.get("METAFLOW_TEMPDIR") or tempfile.gettempdir()

    @property
    def graph(self) -> Dict[str, Any]:
        """The flow's graph as Metaflow gives it. Raises RuntimeError where no task is running."""
        if running.trace is not None:
            running.trace.give_up("current.graph")
        if "graph" in self._lazy:
            try:
                self._facts["graph"] = self._lazy["graph"]()
            except AttributeError as error:  # of a property, it would mean that there is no such attribute
                raise RuntimeError(f"Graph is not available: {error}") from error
        if "graph" not in self._facts:
            raise RuntimeError("Graph is not available")
        graph: Dict[str, Any] = self._facts["graph"]
        return graph

    @property
    def run(self) -> Run | None:
        """The running run, to read what it has left so far."""
        if not self._facts:
            return None
        from flowc.client import Flow
        from flowc.client import Run as ClientRun

        return ClientRun.of(Flow.of(_store(), self.flow_name), self.run_id)

    @property
    def task(self) -> Task | None:
        """The running task, as others will read it."""
        if not self._facts:
            return None
        from flowc.client import Step
        from flowc.client import Task as ClientTask
        from flowc.store.run_layout import parse_index

        run = self.run
        assert run is not None
        path = parse_index(self.task_id[len(self.step_name) + 1 :])
        tasks = {path: {self.retry_count: False}, **run.attempts_of(self.step_name)}
        return ClientTask.of(Step.of(run, self.step_name, tasks), path, tasks[path])

    def get(self, name: str, default: Any = None) -> Any:
        """A fact, or the default when it is not known."""
        if name == "card" and not self._facts:
            return default
        return getattr(self, name, default)


def _store() -> Any:
    from flowc.client.namespaces import chosen_store

    return chosen_store(None)


def user_of(environment: Mapping[str, str]) -> str | None:
    """The user that an environment names, as Metaflow finds it."""
    names = (env_names.USER, "METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")
    return next((environment[name] for name in names if environment.get(name)), None)


current = Current()
"""The one instance, which user code imports."""


def set_current(facts: dict[str, Any], lazy: dict[str, Callable[[], Any]] | None = None) -> None:
    """Say what the running task is; `lazy` facts are computed when they are first read."""
    vars(current)["_facts"] = facts
    vars(current)["_lazy"] = dict(lazy or {})
    vars(current)["_outside"] = None


def add_facts(facts: dict[str, Any]) -> None:
    """Say more of the running task."""
    vars(current)["_facts"].update(facts)


def run_tags() -> List[str]:
    """The tags that the run was started with, of the variable FLOWC_TAGS."""
    return split_tags(os.environ.get(env_names.TAGS, ""))


class Running:
    """What is running here, if anything is."""

    state: TaskState | None = None
    """The task."""
    metadata: Dict[str, Any] = {}  # noqa: RUF012 (there is one instance)
    """What the step has said of itself by `log_metadata`; of an output under `outputs`."""
    parameters: Dict[str, Any] = {}  # noqa: RUF012 (there is one instance)
    """What ZenML calls the parameters of a step: arguments that are no results of others, and defaults."""
    arguments: Dict[str, Any] = {}  # noqa: RUF012 (there is one instance)
    """Those of them that are plain data, as they were before the step's code."""
    saved: Dict[str, Any] = {}  # noqa: RUF012 (there is one instance)
    """What the step of a pipeline has stored by `save_artifact`, by name."""
    trace: ReadTrace | None = None
    """What notes the reads of the task, where its result will be cached."""
    approval: Approval | None = None
    """What a person has chosen for the task, where its step has `@approval`."""
    checkpoints: Checkpoints | None = None
    """`current.checkpoint`, once the task has looked at it."""
    notice: str | None = None
    """The path of `current.spot_termination_notice`, once the task has looked at it."""
    cards: CardStore | None = None
    """What writes the cards of the task, once it has looked at them."""


running = Running()
"""The one instance."""


def of_own_run(look: Callable[[], T]) -> T:
    """What `look` finds of the run that goes on: for the cache, a read of what the steps before the task have left."""
    trace, running.trace = running.trace, None
    try:
        return look()
    finally:
        running.trace = trace
        if trace is not None:
            trace.note("run")
