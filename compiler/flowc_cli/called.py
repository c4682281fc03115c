"""A pipeline that is called in Python, in the file that is run: what it is called with, and which run that made."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_targets.local import RunResult


class PythonCall:
    """One call. The command that answers it runs in this process, and finds it by `current_call`."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        """The arguments, by the names of the function's parameters."""
        self.run: tuple[str, str, str] | None = None
        """The flow, the id and the store of the run that it made, if it came to that."""

    def ran(self, flow: str, result: RunResult) -> None:
        """Take down a run that has ended."""
        self.run = (flow, result.run_id, result.root)


_CURRENT: ContextVar[PythonCall | None] = ContextVar("_CURRENT", default=None)


def current_call() -> PythonCall | None:
    """The call whose command is running."""
    return _CURRENT.get()


@contextmanager
def answering(call: PythonCall) -> Generator[None]:
    """Run a command for a call."""
    token = _CURRENT.set(call)
    try:
        yield
    finally:
        _CURRENT.reset(token)
