"""What a DAG and its tasks say about themselves in Airflow's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.locks import pool_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.ir import Flow, Step

MOST_SHOWN = 100
"""Steps in the documentation of a DAG."""


def markdown(text: str) -> str:
    """Return documentation for Airflow, which takes a text that ends in `.md` for the name of a file."""
    return f"{text}\n" if text.endswith(".md") else text


def documentation(flow: Flow) -> str:
    """Return what the DAG says about itself: the flow's documentation, and its graph."""
    lines = [_way(step, flow) for step in flow.steps if not step.virtual][:MOST_SHOWN]
    left = sum(not step.virtual for step in flow.steps) - len(lines)
    if left:
        lines.append(f"({left} more)")
    graph = "\n".join(["```", *lines, "```", ""])
    if commands := pool_commands(flow):
        pools = "\n".join(["Its locks are pools, which have to be there:", "", "```", *commands, "```", ""])
        graph = f"{graph}\n{pools}"
    return f"{flow.doc}\n\n{graph}" if flow.doc else graph


def _way(step: Step, flow: Flow) -> str:
    """A step, and what it leads to."""
    names = list(dict.fromkeys(_targets(step, flow)))
    if not names:
        return step.name
    targets = " or ".join(names) if step.kind == "switch" else ", ".join(names)
    fan = f", for each of {step.variable}" if step.kind == "foreach" else ""
    return f"{step.name} -> {targets}{', a gang' if step.kind == 'parallel' else fan}"


def _targets(step: Step, flow: Flow) -> Iterator[str]:
    """The steps that a step leads to, through those without tasks, such as where the arms of an `if` meet."""
    for name in step.targets:
        target = flow.by_name[name]
        if target.virtual:
            yield from _targets(target, flow)
        else:
            yield name
