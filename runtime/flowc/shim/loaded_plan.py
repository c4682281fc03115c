"""What the compiler wrote down for this process: the plan, which parameters and configs ask when they are read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.protocol.plan import Plan


class _Compiled:
    """The plan of this process; there is none where a flow's file is merely imported."""

    def __init__(self) -> None:
        self.plan: Plan | None = None


_compiled = _Compiled()


def set_plan(plan: Plan) -> None:
    """Say what was compiled, before the user's file is imported."""
    _compiled.plan = plan


def is_compiled() -> bool:
    """Whether this process runs a compiled flow."""
    return _compiled.plan is not None


def config_entries() -> Dict[str, Dict[str, Any]] | None:
    """The configs by name; `None` where nothing was compiled."""
    return None if _compiled.plan is None else _compiled.plan.configs


def included_member(parameter: str) -> str | None:
    """The file in the code package that has the default content of an IncludeFile; `None` when there is none."""
    for entry in _compiled.plan.parameters if _compiled.plan is not None else ():
        if entry["name"] == parameter:
            member: str | None = entry.get("file")
            return member
    return None
