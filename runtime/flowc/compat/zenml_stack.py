"""What stands for `Client().active_stack`: flowc has no stacks, and a step's store and engine are those of its run.

Components that files name in arguments, `@step(experiment_tracker=stack.experiment_tracker.name)`, have a name and
nothing else. What a stack of ZenML may lack is false: `if stack.alerter:` does not hold.
"""

from __future__ import annotations

from flowc.client.namespaces import chosen_store
from flowc.protocol.zenml_names import STACK_COMPONENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "flowc"


class StackComponent:
    """A component that is not there: it can be named."""

    name = NAME

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(f"the {self._kind} of the stack has no {name!r} in flowc, which has no stacks")


class ArtifactStore(StackComponent):
    """The store of the run."""

    @property
    def path(self) -> str:
        """The root's URL."""
        url: str = chosen_store(None).url
        return url


class Stack:
    """`Client().active_stack`."""

    name = NAME
    artifact_store = ArtifactStore("artifact_store")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the active stack has no {name!r} in flowc, which has no stacks")


class MissingComponent(StackComponent):
    """A component that a stack of ZenML may lack, too, where it is None."""

    def __bool__(self) -> bool:
        return False


for _kind in STACK_COMPONENTS:
    setattr(Stack, _kind, StackComponent(_kind) if _kind == "orchestrator" else MissingComponent(_kind))
