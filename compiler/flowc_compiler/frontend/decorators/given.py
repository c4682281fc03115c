"""A decorator as it was read: its name, its arguments, and where it stands."""

from __future__ import annotations

from typing import NamedTuple

from flowc_compiler.frontend.decorators.arguments import Arguments
from flowc_compiler.source import Span


class Given(NamedTuple):
    """One decorator."""

    name: str
    arguments: Arguments
    span: Span
