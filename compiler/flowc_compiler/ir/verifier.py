"""The verifier of the IR: it checks the IR's own invariants. A violation is a bug of flowc, never of the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.ir.model import ROOT_SCOPE

if TYPE_CHECKING:
    from flowc_compiler.ir.model import Flow
    from flowc_compiler.ir.regions import Region


class IRError(AssertionError):
    """The IR contradicts itself: the pass that ran last has a bug."""


def verify(flow: Flow) -> None:
    """Check that names are unique and resolve, that parents mirror targets, and that scopes partition the steps.

    Before `lower_regions`, a pipeline has nodes in place of steps. Linear in nodes, edges and scopes. Raises IRError.
    """
    if flow.body is not None:
        _require(not flow.steps and not flow.scopes, "a flow has regions and steps")
        _verify_regions(flow.body)
        return
    names = flow.by_name
    _require(len(names) == len(flow.steps), "two steps share a name")
    _require(flow.start in names and flow.end in names, "start or end is missing")
    edges = {(step.name, target) for step in flow.steps for target in step.targets}
    mirrored = {(parent, step.name) for step in flow.steps for parent in step.parents}
    if edges != mirrored:  # as well where a target is not a step
        raise IRError(f"parents do not mirror targets: {sorted(mirrored ^ edges)[:3]}")
    if flow.scopes:
        _verify_scopes(flow)


def _verify_regions(body: Region) -> None:
    """Check that node names are unique, and that what they refer to are nodes."""
    from flowc_compiler.ir.regions import references, regions_of, values_of

    names: set[str] = set()
    pending = [*reversed(body.nodes)]
    uses: list[tuple[str, str]] = []
    while pending:
        node = pending.pop()
        _require(node.name not in names, "two nodes share a name")
        names.add(node.name)
        uses += ((node.name, name) for name in node.after)
        uses += ((node.name, name) for value in values_of(node) for name in references(value))
        for region in regions_of(node):
            pending += reversed(region.nodes)
    unknown = [use for use in uses if use[1] not in names]
    _require(not unknown, f"nodes refer to what is not a node: {unknown[:3]}")


def _verify_scopes(flow: Flow) -> None:
    _require(flow.scopes[0].id == ROOT_SCOPE and flow.scopes[0].kind == "root", "the first scope is not the root")
    seen: set[str] = set()
    members: dict[str, str] = {}
    for scope in flow.scopes:
        _require(scope.id not in seen, "two scopes share an id")
        _require((scope.parent is None) == (scope.kind == "root"), "a scope has no parent")
        _require(scope.parent is None or scope.parent in seen, "a scope stands before its parent")
        seen.add(scope.id)
        members.update(dict.fromkeys(scope.steps, scope.id))
    _require(sum(len(scope.steps) for scope in flow.scopes) == len(members), "a step stands in two scopes")
    _require(members == {step.name: step.scope for step in flow.steps}, "scopes and steps disagree on membership")
    for step in flow.steps:
        if step.kind == "join":
            opener = flow.by_name.get(step.closes)
            if opener is None or opener.scope != step.scope:
                raise IRError(f"join {step.name!r} closes nothing in its own scope")
    grouped = [step for group in flow.pod_groups for step in group.steps]
    _require(len(grouped) == len(set(grouped)), "a step is in two groups")
    _require(set(grouped) <= members.keys(), "a group has what is not a step")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise IRError(message)
