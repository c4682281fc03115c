"""Tasks that the cache has: a local run takes them in its own process, without starting one for each.

Where a lookup costs round trips, and where tasks run in another Python, their own processes look.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from flowc.errors import FlowError
from flowc.protocol import env_names
from flowc.protocol.plan import Plan
from flowc.store.run_layout import RunLayout
from flowc_targets.local.task_environment import step_variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow
    from flowc_targets.local.options import RunOptions
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.schedule import TaskKey

_MANIFESTS = 256
"""Lookups after which manifests that were read are forgotten."""


class CachedTasks:
    """What the cache has for the tasks of one run."""

    def __init__(
        self, flow: Flow, plan: Mapping[str, Any], layout: RunLayout, env: Mapping[str, str], options: RunOptions
    ) -> None:
        """`env` is the environment of the run's tasks."""
        here = options.python == sys.executable and not layout.store.remote
        self._steps = frozenset(name for name, step in plan["steps"].items() if here and step.get("cache"))
        self._flow = flow
        self._plan = Plan(dict(plan)) if self._steps else None
        self._layout = layout
        self._env = env
        self._lookups = 0
        self.taken = Counter[str]()
        """Tasks that were taken, by step."""

    def take(self, key: TaskKey) -> Mapping[str, Any] | None:
        """Commit what the cache has for a task, and return its manifest; `None` where the task has to run."""
        if key.step not in self._steps or self._plan is None:
            return None
        if key.step == self._plan.start and any(name.startswith(env_names.PARAMETER_PREFIX) for name in os.environ):
            return None  # these are not for the run's tasks
        from flowc.shim.task_cache import take_cached
        from flowc.shim.task_identity import Task
        from flowc.shim.task_state import TaskState

        if self._lookups % _MANIFESTS == 0:
            self._layout = RunLayout(self._layout.store, self._layout.flow, self._layout.run, remember=True)
        self._lookups += 1
        environment = self._flow.by_name[key.step].specs.environment
        env = {**self._env, **step_variables(environment)} if environment is not None else self._env
        step = self._plan.step(key.step)
        task = Task(key.step, key.path, 0, environment=env)
        try:
            found = take_cached(TaskState(self._layout, self._plan, step, key.path), task, env)
        except FlowError:
            return None  # the task says what is wrong
        if found is not None:
            self.taken[key.step] += 1
        return found

    def report(self, reporter: Reporter) -> None:
        """Say how many tasks of which steps were taken."""
        if self.taken:
            tasks, are = ("task", "is") if self.taken.total() == 1 else ("tasks", "are")
            steps = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in self.taken.items())
            reporter.note(f"{self.taken.total()} {tasks} {are} taken from the cache: {steps}")
