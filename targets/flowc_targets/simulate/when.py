"""`when`, which Argo gives to govaluate with every bare word made a string (steps.go, shouldExecute).

Ported from govaluate's parsing.go and evaluationStage.go: either quote ends a string, a symbol is read up to the next
letter, digit, quote or bracket, and `==` compares types, too. Its operators on bits, `in`, `??` and `?:` are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from flowc_targets.simulate.problems import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable

Value = str | float | bool
_Lazy: TypeAlias = "Callable[[], Value]"


class _Token(NamedTuple):
    kind: str
    value: Value


_COMPARE = ("==", "!=", ">=", "<=", ">", "<", "=~", "!~")
_MODIFY = ("+", "-", "*", "/", "%")
_LOGICAL = ("&&", "||")


@lru_cache(maxsize=4096)
def holds(when: str) -> bool:
    """Whether a task whose `when` is this runs. Raises NodeError."""
    if not when:
        return True
    parser = _Parser(_tokens(when), when)
    evaluate = parser.any_of()
    if parser.rest:
        raise NodeError(f"Invalid 'when' expression '{when}': unexpected {parser.rest[0].value!r}")
    result = evaluate()
    if not isinstance(result, bool):
        raise NodeError(f"Expected boolean evaluation for '{when}'. Got {result}")
    return result


def _tokens(when: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(when):
        letter = when[at]
        if letter.isspace():
            at += 1
            continue
        token, at = _token(when, at, letter)
        found.append(token)
    return found


def _token(when: str, at: int, letter: str) -> tuple[_Token, int]:
    if letter.isdigit() or letter == ".":
        end = _span(when, at, lambda c: c.isdigit() or c == ".")
        try:
            return _Token("number", float(when[at:end])), end
        except ValueError:
            raise NodeError(f"Invalid 'when' expression '{when}': {when[at:end]} is no number") from None
    if letter.isalpha():
        end = _span(when, at, lambda c: c.isalnum() or c in "_.")
        return _word(when, when[at:end]), end
    if letter in "'\"":
        return _quoted(when, at + 1)
    if letter in "()":
        return _Token(letter, letter), at + 1
    if letter in "[]":
        raise NodeError(f"Invalid 'when' expression '{when}': brackets are not simulated")
    end = _span(when, at, lambda c: not (c.isalnum() or c.isspace() or c in "()[]'\""))
    symbol = when[at:end]
    if symbol not in (*_COMPARE, *_MODIFY, *_LOGICAL, "!"):
        raise NodeError(f"Invalid 'when' expression '{when}': Invalid token: '{symbol}'")
    return _Token("symbol", symbol), end


def _word(when: str, word: str) -> _Token:
    if word in {"true", "false"}:
        return _Token("value", word == "true")
    if word in {"in", "IN"} or "." in word:
        raise NodeError(f"Invalid 'when' expression '{when}': {word!r} without quotes is not simulated")
    return _Token("value", word)


def _quoted(when: str, at: int) -> tuple[_Token, int]:
    letters: list[str] = []
    while at < len(when) and when[at] not in "'\"":
        at += when[at] == "\\"
        letters.append(when[at : at + 1])
        at += 1
    if at >= len(when):
        raise NodeError(f"Invalid 'when' expression '{when}': Unclosed string literal")
    return _Token("value", "".join(letters)), at + 1


def _span(when: str, at: int, belongs: Callable[[str], bool]) -> int:
    while at < len(when) and belongs(when[at]):
        at += 1
    return at


class _Parser:
    """govaluate's levels, loosest first: or, and, comparisons, sums, prefixes. What is parsed is evaluated later."""

    def __init__(self, tokens: list[_Token], when: str) -> None:
        self.rest = tokens
        self._when = when

    def any_of(self) -> _Lazy:
        """`a || b`; the second is not looked at where the first holds."""
        left = self._all_of()
        while self._take("||"):
            left = self._logical(left, self._all_of(), ends=True)
        return left

    def _all_of(self) -> _Lazy:
        left = self._compared()
        while self._take("&&"):
            left = self._logical(left, self._compared(), ends=False)
        return left

    def _compared(self) -> _Lazy:
        left = self._modified()
        while (symbol := self._take(*_COMPARE)) is not None:
            left = self._comparison(symbol, left, self._modified())
        return left

    def _modified(self) -> _Lazy:
        left = self._prefixed()
        while (symbol := self._take(*_MODIFY)) is not None:
            left = self._calculation(symbol, left, self._prefixed())
        return left

    def _prefixed(self) -> _Lazy:
        if self._take("!"):
            inner = self._prefixed()
            return lambda: not self._truth(inner())
        if self._take("-"):
            return self._calculation("-", lambda: 0.0, self._prefixed())
        if not self.rest:
            raise NodeError(f"Invalid 'when' expression '{self._when}': Unexpected end of expression")
        token = self.rest.pop(0)
        if token.kind == "(":
            value = self.any_of()
            if not self.rest or self.rest.pop(0).kind != ")":
                raise NodeError(f"Invalid 'when' expression '{self._when}': Unbalanced parenthesis")
            return value
        if token.kind not in {"value", "number"}:
            raise NodeError(f"Invalid 'when' expression '{self._when}': unexpected {token.value!r}")
        return lambda: token.value

    def _logical(self, one: _Lazy, two: _Lazy, *, ends: bool) -> _Lazy:
        return lambda: ends if self._truth(one()) == ends else self._truth(two())

    def _calculation(self, symbol: str, one: _Lazy, two: _Lazy) -> _Lazy:
        def value() -> Value:
            left, right = one(), two()
            if isinstance(left, float) and isinstance(right, float):
                return _compute(symbol, left, right)
            raise NodeError(f"'when' expression '{self._when}': {symbol} is simulated for numbers only")

        return value

    def _comparison(self, symbol: str, one: _Lazy, two: _Lazy) -> _Lazy:
        return lambda: self._compare(symbol, one(), two())

    def _compare(self, symbol: str, left: Value, right: Value) -> bool:
        if symbol in {"==", "!="}:
            same = type(left) is type(right) and left == right
            return same == (symbol == "==")
        if isinstance(left, str) and isinstance(right, str):
            if symbol in {"=~", "!~"}:
                return bool(re.search(right, left)) == (symbol == "=~")
            return _ordered(symbol, (left > right) - (left < right))
        if isinstance(left, float) and isinstance(right, float) and symbol not in {"=~", "!~"}:
            return _ordered(symbol, (left > right) - (left < right))
        raise NodeError(f"'when' expression '{self._when}': cannot compare {left!r} {symbol} {right!r}")

    def _truth(self, value: Value) -> bool:
        if not isinstance(value, bool):
            raise NodeError(f"'when' expression '{self._when}': {value!r} is not a boolean")
        return value

    def _take(self, *symbols: str) -> str | None:
        if self.rest and self.rest[0].kind == "symbol" and self.rest[0].value in symbols:
            return str(self.rest.pop(0).value)
        return None


def _compute(symbol: str, left: float, right: float) -> float:
    match symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _ if not right:
            raise NodeError(f"{left} {symbol} 0 is not simulated")
        case "/":
            return left / right
        case _:
            return left - right * int(left / right)


def _ordered(symbol: str, order: int) -> bool:
    return {">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0}[symbol]
