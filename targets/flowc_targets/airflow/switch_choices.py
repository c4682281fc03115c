"""Which choices of switches lead to each scope, for engines that ask it of every task."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Scope, Step


class Choice(NamedTuple):
    """A switch that has chosen one of its targets."""

    switch: str
    target: str


def choices(flow: Flow) -> dict[str, tuple[Choice, ...]]:
    """For each scope, the choices of which one must have been made for its steps to run; none where they always do.

    Switches of the innermost foreach body only: a body of which nothing runs has no items. A switch that has chosen has
    run, so that the choices of those around it need not be asked for.
    """
    found: dict[str, tuple[Choice, ...]] = {}

    def of(scope: Scope) -> tuple[Choice, ...]:
        if scope.id not in found:
            parent = flow.scope_by_id[scope.parent] if scope.parent is not None else None
            chosen = scope.kind == "switch" and _decides(flow.by_name[scope.opener or ""])
            inlined = parent is not None and scope.kind in {"branch", "switch"}
            found[scope.id] = _into(scope) if chosen else of(parent) if inlined and parent else ()
        return found[scope.id]

    def _into(scope: Scope) -> tuple[Choice, ...]:
        """The ways into the first step of an arm: from switches, and from the ends of other arms."""
        first = flow.by_name[scope.id.removeprefix(f"{scope.opener}/")]
        ways: dict[Choice, None] = {}
        for parent in (flow.by_name[name] for name in first.parents):
            made = (Choice(parent.name, first.name),) if _decides(parent) else of(flow.scope_by_id[parent.scope])
            ways.update(dict.fromkeys(made))
        return tuple(ways)

    for scope in flow.scopes:
        of(scope)
    return found


def _decides(step: Step) -> bool:
    return step.kind == "switch" and step.decides
