"""One problem of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowc_compiler.diagnostics.fix import Fix
from flowc_compiler.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Diagnostic:
    """One problem: what it is (`code`), where (`span`), what is wrong there (`message`) and the way out (`help`)."""

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    """A few words printed beneath the marked source."""
    help: str = ""
    target: str | None = None
    """The target that cannot express it; `None` when it is wrong everywhere."""
    fix: Fix | None = None
    """What `help` proposes, where that is certain."""
