"""`depends`: which tasks a task waits for, and whether it runs once they have ended.

Ported from Argo's workflow/common/ancestry.go (which names an expression holds, and what a plain name stands for) and
dag.go, evaluateDependsLogic. Argo turns `-` into `_` before it evaluates, so that a name is one word.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
_WORD = re.compile(r"\s*(&&|\|\||!|\(|\)|[A-Za-z0-9_]+(?:\.[A-Za-z]+)?)")
RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
"""What can be asked of a task that has ended."""
_PLAIN = ("Succeeded", "Skipped", "Daemoned")

Results = dict[str, bool]


class DependsError(Exception):
    """An expression that cannot be evaluated."""


class Depends(NamedTuple):
    """One task's expression."""

    names: tuple[str, ...]
    """The tasks in it, in the order in which they stand there."""
    logic: str
    """The expression with plain names written out, and `-` as `_`; empty where there is none."""
    evaluate: Callable[[Mapping[str, Results]], bool]
    """Whether the task runs, by the results of the tasks under their names with `_`."""


def parse(expression: str) -> Depends:
    """Parse an expression. Raises DependsError."""
    names: dict[str, None] = {}

    def written_out(match: re.Match[str]) -> str:
        name, dot, result = match.group().partition(".")
        names.setdefault(name)
        if not dot:
            return "(" + " || ".join(f"{name}.{known}" for known in _PLAIN) + ")"
        if result not in RESULTS:
            raise DependsError(f"task result '{result}' for task '{name}' is invalid")
        return match.group()

    logic = _NAME.sub(written_out, expression).replace("-", "_")
    if not logic:
        return Depends((), "", _always)
    return Depends(tuple(names), logic, _Parser(logic).parsed())


def _always(results: Mapping[str, Results]) -> bool:
    """A task that waits for none runs."""
    del results
    return True


class _Parser:
    """`||` binds loosest, then `&&`, then `!`."""

    def __init__(self, logic: str) -> None:
        self._logic = logic
        self._words: list[str] = []
        at = 0
        while at < len(logic.rstrip()):
            match = _WORD.match(logic, at)
            if match is None:
                raise DependsError(f"unable to evaluate expression '{logic}': unexpected {logic[at:].strip()[:1]!r}")
            self._words.append(match.group(1))
            at = match.end()

    def parsed(self) -> Callable[[Mapping[str, Results]], bool]:
        """The whole expression as a function."""
        found = self._any_of()
        if self._words:
            raise self._unexpected()
        return found

    def _any_of(self) -> Callable[[Mapping[str, Results]], bool]:
        terms = [self._all_of()]
        while self._take("||"):
            terms.append(self._all_of())
        return terms[0] if len(terms) == 1 else lambda results: any(term(results) for term in terms)

    def _all_of(self) -> Callable[[Mapping[str, Results]], bool]:
        terms = [self._one()]
        while self._take("&&"):
            terms.append(self._one())
        return terms[0] if len(terms) == 1 else lambda results: all(term(results) for term in terms)

    def _one(self) -> Callable[[Mapping[str, Results]], bool]:
        if self._take("!"):
            negated = self._one()
            return lambda results: not negated(results)
        if self._take("("):
            inner = self._any_of()
            if not self._take(")"):
                raise self._unexpected()
            return inner
        word = self._words.pop(0) if self._words else ""
        name, dot, result = word.partition(".")
        if not dot or result not in RESULTS:
            self._words.insert(0, word)
            raise self._unexpected()
        return lambda results: results[name][result]

    def _take(self, word: str) -> bool:
        if self._words and self._words[0] == word:
            del self._words[0]
            return True
        return False

    def _unexpected(self) -> DependsError:
        what = repr(self._words[0]) if self._words and self._words[0] else "end"
        return DependsError(f"unable to evaluate expression '{self._logic}': unexpected {what}")
