"""What each task of a DAG waits for: `depends` and `when`.

Argo skips a task whose `when` does not hold, and leaves out (Omitted) whatever needs the success of a task that was
skipped or left out. So in the arm of a switch the first task has the `when`, and the others ask for success; where the
arms come together, one of their ends has to have succeeded. Outside of arms a plain name will do. A foreach of no items
is Skipped as a whole, and its join runs all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.argo.object_names import unique_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow, Step, SwitchStep

CHOICE = "choice"
"""The output of a switch's task: the name of the step that it leads to."""


def goes_on_by_choice(step: Step) -> bool:
    """Whether what follows a step depends on its choice."""
    return step.kind == "switch" and step.decides


@dataclass(frozen=True, slots=True)
class Signal:
    """A task without a pod that stands for one way on from a switch: to a step that has other ways in, too."""

    name: str
    depends: str
    when: str


class Waits:
    """What has to be done before each step of a flow, by the names of tasks."""

    def __init__(self, flow: Flow, tasks: Mapping[str, str], fan_outs: Mapping[str, str | None]) -> None:
        """`tasks` names every step's task, `fan_outs` the task that runs a foreach's body; `None` for an empty one."""
        self._flow = flow
        self._tasks = tasks
        self._fan_outs = fan_outs
        self._in_arm = _in_arm(flow)
        self._edges = _edges(flow)
        self._before: dict[str, str] = {}
        for step in flow.steps:
            self._before[step.name] = self._expression(step)

    def depends(self, step: Step) -> str | None:
        """The step's `depends`."""
        return self._before[step.name] or None

    def when(self, step: Step) -> str | None:
        """The step's `when`: for the first step of an arm, that the switch leads to it."""
        switch = self._only_switch(step)
        return self._chosen(switch, step.name) if switch is not None else None

    def after(self, step: Step) -> str:
        """What says that a step's task has been successful."""
        name = self._tasks[step.name]
        return f"{name}.Succeeded" if step.name in self._in_arm else name

    def signals(self, step: Step) -> list[Signal]:
        """The tasks without pods that a switch needs: for steps with several ways in, and for empty arms."""
        if step.kind != "switch" or not goes_on_by_choice(step):
            return []
        found: list[Signal] = []
        for target in (self._flow.by_name[name] for name in step.targets):
            if target.virtual or self._only_switch(target) is None:
                name = self._tasks[target.name] if target.virtual else self._edge(step, target)
                found.append(Signal(name, self.after(step), self._chosen(step, target.name)))
        return found

    def _expression(self, step: Step) -> str:
        if step.kind == "join" and self._flow.by_name[step.closes].kind in {"foreach", "parallel"}:
            body = self._fan_outs[step.closes]
            return f"({body}.Succeeded || {body}.Skipped)" if body else self.after(self._flow.by_name[step.closes])
        if step.kind == "join":
            terms = [self._any_of(arm, step) for arm in step.arms]
        else:
            terms = [self._any_of(step.parents, step)] if step.parents else []
        return " && ".join(dict.fromkeys(term for term in terms if term))

    def _any_of(self, parents: tuple[str, ...], step: Step) -> str:
        """One of several steps, of which one runs, has led to a step."""
        terms = [self._way(self._flow.by_name[name], step) for name in parents]
        if len(terms) == 1:
            return terms[0]
        return f"({' || '.join(term if ' ' not in term else f'({term})' for term in terms)})"

    def _way(self, parent: Step, step: Step) -> str:
        """A parent has led to a step; empty for the first step of a body, whose DAG begins with it."""
        if parent.kind in {"foreach", "parallel"}:
            return ""
        if parent.virtual and self._only_switch(parent) is None:
            return self._before[parent.name]
        if parent.virtual:
            return f"{self._tasks[parent.name]}.Succeeded"
        if goes_on_by_choice(parent) and len(step.parents) > 1:
            return f"{self._edge(parent, step)}.Succeeded"
        name = self._tasks[parent.name]
        merging = step.kind != "join" and len(step.parents) > 1
        return f"{name}.Succeeded" if merging or parent.name in self._in_arm else name

    def _only_switch(self, step: Step) -> SwitchStep | None:
        """The switch that alone leads to a step."""
        if len(step.parents) != 1:
            return None
        parent = self._flow.by_name[step.parents[0]]
        return parent if parent.kind == "switch" and goes_on_by_choice(parent) else None

    def _chosen(self, switch: SwitchStep, target: str) -> str:
        return f"'{{{{tasks.{self._tasks[switch.name]}.outputs.parameters.{CHOICE}}}}}' == '{target}'"

    def _edge(self, switch: Step, target: Step) -> str:
        return self._edges[f"{switch.name} {target.name}"]


def _edges(flow: Flow) -> dict[str, str]:
    """The names of tasks that stand for edges, by the steps at their ends."""
    switches = (step for step in flow.steps if step.kind == "switch")
    return unique_names("e-", [f"{step.name} {target}" for step in switches for target in step.targets])


def _in_arm(flow: Flow) -> frozenset[str]:
    """The steps that may not run, as they stand in an arm of a switch in their DAG."""
    optional: dict[str, bool] = {}
    for scope in flow.scopes:
        inlined = scope.parent is not None and scope.kind in {"branch", "switch"}
        chosen = scope.kind == "switch" and goes_on_by_choice(flow.by_name[scope.opener or ""])
        optional[scope.id] = chosen or (inlined and optional[scope.parent or ""])
    return frozenset(step.name for step in flow.steps if optional[step.scope])
