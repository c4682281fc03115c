"""What one decorator adds to a Sensor: dependencies, and what is taken from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_targets.argo.events.sensor_model import Dependency, Reset, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A trigger in the making."""

    dependencies: tuple[Dependency, ...]
    """All have to come."""
    resets: tuple[Reset, ...]
    values: dict[str, Source]
    """What parameters get."""
    records: tuple[Source, ...]
    """What `current.trigger` tells, of each dependency."""
    digest: Callable[[str, int], Source]
    """What tells one event of a dependency from others, in so many digits."""
