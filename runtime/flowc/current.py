"""`current`: what the running task is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Current:
    """Facts about the running task, as attributes. Outside of a task there are none."""

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._facts or name == "tempdir"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "tempdir":
            import tempfile

            return tempfile.gettempdir()
        if name == "username":
            return _username()
        try:
            return self._facts[name]
        except KeyError:
            reason = "there is no such fact" if self._facts else "no task is running"
            raise AttributeError(f"current.{name}: {reason}") from None

    @property
    def is_running_flow(self) -> bool:
        """Whether a task is running."""
        return bool(self._facts)

    def get(self, name: str, default: Any = None) -> Any:
        """A fact, or the default when it is not known."""
        return getattr(self, name, default)


def _username() -> str | None:
    import os

    for variable in ("FLOWC_USER", "METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"):
        if name := os.environ.get(variable):
            return name
    return None


current = Current()
"""The one instance, which user code imports."""


def set_current(facts: dict[str, Any]) -> None:
    """Say what the running task is."""
    vars(current)["_facts"] = facts


def add_facts(facts: dict[str, Any]) -> None:
    """Say more of the running task."""
    vars(current)["_facts"].update(facts)
