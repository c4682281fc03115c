"""Which choices of switches the tasks of a scope need, to run and not to skip themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Scope, Step


class Choice(NamedTuple):
    """A target that a switch has chosen."""

    switch: str
    target: str


def switch_choices(flow: Flow) -> dict[str, tuple[Choice, ...]]:
    """Return the choices by scope, of which a switch must have made one for the scope's steps to run.

    A scope that always runs has none. Only switches of the innermost foreach body count: without the arm around it, a
    foreach has no items. A switch that has chosen has run itself, so the switches around it do not count.
    """
    found: dict[str, tuple[Choice, ...]] = {}

    def of(scope: Scope) -> tuple[Choice, ...]:
        if scope.id not in found:
            parent = flow.scope_by_id[scope.parent] if scope.parent is not None else None
            chosen = scope.kind == "switch" and _decides(flow.by_name[scope.opener or ""])
            inlined = parent is not None and scope.kind in {"branch", "switch"}
            found[scope.id] = into(scope) if chosen else of(parent) if inlined and parent else ()
        return found[scope.id]

    def into(scope: Scope) -> tuple[Choice, ...]:
        """Return the ways into the first step of an arm: from switches, and from the ends of other arms."""
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
