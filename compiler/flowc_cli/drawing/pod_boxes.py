"""What becomes a pod: the groups of a flow's steps, in words and as data for pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_cli.drawing.graph_document import Fact, GraphPod
    from flowc_compiler.ir import Flow, PodGroup

MOST_NAMED = 3
"""The most other steps that a card names."""


def graph_pods(flow: Flow) -> tuple[GraphPod, ...]:
    """All pods: the groups, and the other steps that have a task, in the order of their first steps."""
    from flowc_cli.drawing.graph_document import GraphPod
    from flowc_cli.drawing.spec_facts import spec_facts

    found: list[GraphPod] = []
    for step in flow.steps:
        group = flow.group_of.get(step.name)
        if group is None and not step.virtual:
            facts = spec_facts(step.specs)
            found.append(GraphPod(name=step.name, kind="task", steps=(step.name,), facts=facts))
        elif group is not None and step.name == group.entry:
            found.append(
                GraphPod(
                    name=group.name,
                    kind=group.kind,
                    steps=real_steps(flow, group),
                    opener=group.opener,
                    items_per_task=group.items_per_task,
                    workers=group.workers,
                    facts=spec_facts(group.specs),
                )
            )
    return tuple(found)


def real_steps(flow: Flow, group: PodGroup) -> tuple[str, ...]:
    """The steps of a group that have tasks."""
    return tuple(name for name in group.steps if not flow.by_name[name].virtual)


def pod_title(group: PodGroup) -> str:
    """What a box around a group says."""
    at_once = f", {group.workers} tasks at a time" if group.workers > 1 else ""
    if group.items_per_task is None:
        return f"one pod{at_once}"
    return f"pods of {group.items_per_task} items{at_once}"


def pod_facts(flow: Flow) -> Mapping[str, Fact]:
    """For each step in a group, a line for its card."""
    from flowc_cli.drawing.graph_document import Fact

    facts: dict[str, Fact] = {}
    for group in flow.pod_groups:
        names = real_steps(flow, group)
        for name in names:
            others = [other for other in names if other != name]
            more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
            shared = f" with {', '.join(others[:MOST_NAMED])}{more}" if others else ""
            facts[name] = Fact(name="pod", text=f"{pod_title(group)}{shared}")
    return facts


def pod_lines(flow: Flow) -> Iterator[str]:
    """The pods in words: a line for each."""
    for pod in graph_pods(flow):
        what = ", ".join(pod.steps)
        facts = "; ".join(f"{fact.name} {fact.text}" for fact in pod.facts)
        group = flow.group_of.get(pod.steps[0])
        if group is not None and group.opener is not None:
            what = f"{what}: {pod_title(group)} of {group.opener}"
        elif group is not None:
            what = f"{what}: {pod_title(group)}"
        yield f"    {what}{f' ({facts})' if facts else ''}"
