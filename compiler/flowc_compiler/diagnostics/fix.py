"""What diagnostics propose: help lines for people, and edits for `flowc check --fix`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple


@dataclass(frozen=True)
class Fix:
    """An edit that certainly ends a diagnostic; `flowc check --fix` makes it."""

    kind: Literal["rename", "artifact", "import", "parameter", "next", "replace", "insert", "ignore"]
    """`rename`: the name `old` within the diagnostic's span is to be `new`. `artifact`: so is the artifact `old` there,
    and wherever the function has it. `import`: the file is to import `new` from `old`. `parameter`: the function `old`
    is to take `new`, too. `next`: the step `old` is to lead to the step `new`. `replace`: the expression `old` at the
    span, and wherever the function has it, is to be `new`. `insert`: the join `old` is to begin with `new`.
    `ignore`: the comment at the span that ignores codes is to name `new` in the place of `old`; either may be empty.
    """
    old: str
    new: str


class Suggestion(NamedTuple):
    """A help line, and its edit where that is certain."""

    help: str
    fix: Fix | None


def suggest(wrong: str, known: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> Suggestion:
    """Whether a wrong name was meant to be a known one. It certainly was when it resembles no other; `otherwise` is the
    help line when it resembles none, by the ratio `cutoff` of difflib's.
    """
    from difflib import get_close_matches

    names = list(known)
    close = get_close_matches(wrong, names, 1, cutoff)
    if not close:
        return Suggestion(otherwise, None)
    certain = get_close_matches(wrong, names, 2, 0.7) == close
    return Suggestion(f"did you mean `{close[0]}`?", Fix("rename", wrong, close[0]) if certain else None)
