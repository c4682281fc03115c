"""A call of a pipeline in a Python program: its arguments, and the run that it made."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar


class PythonCall:
    """One call. The command that executes it runs in this process, and finds it by `current_call`."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        """The arguments, by the names of the function's parameters."""
        self.run: tuple[str, str, str] | None = None
        """The flow, the id and the store of the run, once it has ended."""


_CURRENT: ContextVar[PythonCall | None] = ContextVar("_CURRENT", default=None)


def current_call() -> PythonCall | None:
    """The call that this command executes; `None` for one from a shell."""
    return _CURRENT.get()


@contextmanager
def executing(call: PythonCall) -> Generator[None]:
    """Run a command for a call."""
    token = _CURRENT.set(call)
    try:
        yield
    finally:
        _CURRENT.reset(token)
