"""The enumerations of `zenml.enums` that say nothing of a run, made when a flow first uses one."""

from __future__ import annotations

from enum import Enum

from flowc.compat.zenml_types import StrEnum
from flowc.protocol.zenml_values import ENUMERATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LoggingLevels(Enum):
    """Levels of logs."""

    NOTSET = 0
    ERROR = 40
    WARN = 30
    WARNING = 30  # noqa: PIE796 (an alias, as in ZenML)
    INFO = 20
    DEBUG = 10
    CRITICAL = 50


def __getattr__(name: str) -> Any:
    """An enumeration, which this module keeps from then on, so that its members are pickled by name."""
    if name not in ENUMERATIONS:
        raise AttributeError(name)
    made: Any = StrEnum(name, members_of(name), module=__name__)  # type: ignore[call-overload]
    made.__doc__ = f"`zenml.enums.{name}`."
    if name == "StackComponentType":
        made.plural = property(_plural)
    globals()[name] = made
    return made


def members_of(name: str) -> list[tuple[str, str]]:
    """The members of an enumeration: their names and values."""
    pairs = (item.partition("=") for item in ENUMERATIONS[name].split("|"))
    return [(member, value or member.lower()) for member, _, value in pairs]


def _plural(self: Any) -> str:
    """The plural of a component's type."""
    irregular = {"container_registry": "container_registries", "model_registry": "model_registries"}
    return irregular.get(self.value, f"{self.value}es" if self.value == "sandbox" else f"{self.value}s")
