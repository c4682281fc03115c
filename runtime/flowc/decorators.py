"""Step decorators. The compiler reads them from the source; at run time they leave the step as it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])
    T = TypeVar("T")


def step(function: Any = None, *, start: bool = False, end: bool = False) -> Any:
    """Mark a method as a step of the flow; `@step(start=True)` and `@step(end=True)` mark its first and last."""
    del start, end
    if function is None:
        return step
    function.is_step = True
    return function


def _unchanged(target: T) -> T:
    return target


def resources(
    *,
    cpu: float = 1,
    gpu: int | None = None,
    disk: int | None = None,
    memory: int = 4096,
    shared_memory: int | None = None,
) -> Callable[[F], F]:
    """Ask for CPU cores, GPUs, and memory, disk and /dev/shm in MB."""
    del cpu, gpu, disk, memory, shared_memory
    return _unchanged


def kubernetes(**options: Any) -> Callable[[F], F]:
    """Say how the step's pod is made: image, resources, placement, secrets, volumes."""
    del options
    return _unchanged


def retry(*, times: int = 3, minutes_between_retries: float = 2) -> Callable[[F], F]:
    """Try a failed task again, `times` times at most."""
    del times, minutes_between_retries
    return _unchanged


def timeout(*, seconds: int = 0, minutes: int = 0, hours: int = 0) -> Callable[[F], F]:
    """Fail an attempt that runs longer than the sum of these."""
    del seconds, minutes, hours
    return _unchanged


def environment(*, vars: dict[str, str]) -> Callable[[F], F]:
    """Set environment variables of the task."""
    del vars
    return _unchanged
