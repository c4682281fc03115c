"""The types of cards that a flow can name or derive from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class MetaflowCard:
    """The base of card types. Only their components are drawn, as the compiler says."""

    ALLOW_USER_COMPONENTS = False
    IS_EDITABLE = False
    RUNTIME_UPDATABLE = False
    RELOAD_POLICY = "never"
    RELOAD_POLICY_NEVER = "never"
    RELOAD_POLICY_ALWAYS = "always"
    RELOAD_POLICY_ONCHANGE = "onchange"
    type: str | None = None
    scope = "task"

    def __init__(self, options: Any = None, components: Any = (), graph: Any = None, flow: Any = None) -> None:
        self.options: Any = options or {}
        self.components = list(components)
        self.graph = graph
        self.flow = flow

    def render(self, task: Any, data: Any = None) -> str:
        """Nothing."""
        del task, data
        return ""


class DefaultCard(MetaflowCard):
    """Metaflow's card of a task."""

    ALLOW_USER_COMPONENTS = True
    type = "default"


class BlankCard(MetaflowCard):
    """A card with nothing but the step's own components."""

    ALLOW_USER_COMPONENTS = True
    type = "blank"


class ErrorCard(MetaflowCard):
    """The card of an error."""

    type = "error"
