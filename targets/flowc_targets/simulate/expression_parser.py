"""`depends` and `when`: which tasks a task waits for, and whether it runs.

`depends` is ported from Argo's workflow/common/ancestry.go (the names in an expression, and what a plain name means)
and dag.go, evaluateDependsLogic. Argo turns `-` into `_` before it evaluates, so that a name is one word.

Argo gives `when` to govaluate with every bare word made a string (steps.go, shouldExecute). It is ported from
govaluate's parsing.go and evaluationStage.go: either quote ends a string, a symbol ends at the next letter, digit,
quote or bracket, and `==` compares types, too. Its operators on bits, `in`, `??` and `?:` are refused.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from flowc_targets.simulate.problems import NodeError

Value = str | float | bool
Results: TypeAlias = Mapping[str, Mapping[str, bool]]
"""Of each task that has ended, under its name with `_`, the RESULTS that it has."""
_Evaluate: TypeAlias = Callable[[Results], Value]

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
"""What `depends` can ask about a task that has ended."""
_PLAIN = ("Succeeded", "Skipped", "Daemoned")
"""What a task's name alone means."""
_TASK = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
_DEPENDS_TOKEN = re.compile(r"\s*(?:(?P<symbol>&&|\|\||[!()])|(?P<result>[A-Za-z0-9_]+\.[A-Za-z]+))")

_ORDER: dict[str, Callable[[Value, Value], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_LEVELS = (("||",), ("&&",), ("==", "!=", "=~", "!~", *_ORDER), ("+", "-", "*", "/", "%"))
"""Binary operators, those that bind loosest first."""
_SYMBOLS = frozenset({symbol for level in _LEVELS for symbol in level} | {"!"})


class DependsError(Exception):
    """An expression that cannot be evaluated."""


@dataclass(frozen=True, slots=True)
class Depends:
    """One task's `depends`."""

    names: tuple[str, ...]
    """The tasks in it, in their order."""
    logic: str
    """The expression with plain names written out, and `-` as `_`; empty if there is none."""
    evaluate: Callable[[Results], bool]
    """Whether the task runs, by the results of the tasks in it."""


def parse_depends(expression: str) -> Depends:
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

    logic = _TASK.sub(written_out, expression).replace("-", "_")
    if not logic:
        return Depends((), "", lambda _: True)
    try:
        tokens = _depends_tokens(logic)
        known = {f"{name.replace('-', '_')}.{result}" for name in names for result in RESULTS}
        for kind, value in tokens:
            if kind == "result" and value not in known:
                raise _InvalidError(f"unexpected {value!r}")
        evaluate = _Parser(tokens, logic).parsed()
    except _InvalidError as error:
        raise DependsError(f"unable to evaluate expression '{logic}': {error}") from None
    return Depends(tuple(names), logic, lambda results: bool(evaluate(results)))


@lru_cache(maxsize=4096)
def evaluate_when(when: str) -> bool:
    """Whether a task whose `when` is this runs. Raises NodeError."""
    if not when:
        return True
    try:
        result = _Parser(_when_tokens(when), when).parsed()({})
    except _InvalidError as error:
        raise NodeError(f"Invalid 'when' expression '{when}': {error}") from None
    if not isinstance(result, bool):
        raise NodeError(f"Expected boolean evaluation for '{when}'. Got {result}")
    return result


class _InvalidError(Exception):
    """What is wrong with the syntax of an expression."""


class _Token(NamedTuple):
    kind: str
    """`symbol`, `value` (of `when`) or `result` (of `depends`)."""
    value: Value


def _depends_tokens(logic: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(logic.rstrip()):
        match = _DEPENDS_TOKEN.match(logic, at)
        if match is None:
            raise _InvalidError(f"unexpected {logic[at:].strip()[:1]!r}")
        assert match.lastgroup is not None
        tokens.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _when_tokens(when: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(when):
        if when[at].isspace():
            at += 1
            continue
        token, at = _when_token(when, at)
        tokens.append(token)
    return tokens


def _when_token(when: str, at: int) -> tuple[_Token, int]:
    """The token that begins at a place, and where it ends."""
    letter = when[at]
    if letter.isdigit() or letter == ".":
        end = _span(when, at, lambda c: c.isdigit() or c == ".")
        try:
            return _Token("value", float(when[at:end])), end
        except ValueError:
            raise _InvalidError(f"{when[at:end]} is not a number") from None
    if letter.isalpha():
        end = _span(when, at, lambda c: c.isalnum() or c in "_.")
        return _Token("value", _word(when[at:end])), end
    if letter in "'\"":
        return _quoted(when, at + 1)
    if letter in "()":
        return _Token("symbol", letter), at + 1
    if letter in "[]":
        raise _InvalidError("brackets are not simulated")
    end = _span(when, at, lambda c: not (c.isalnum() or c.isspace() or c in "()[]'\""))
    if when[at:end] not in _SYMBOLS:
        raise _InvalidError(f"Invalid token: '{when[at:end]}'")
    return _Token("symbol", when[at:end]), end


def _word(word: str) -> Value:
    if word in {"true", "false"}:
        return word == "true"
    if word in {"in", "IN"} or "." in word:
        raise _InvalidError(f"{word!r} without quotes is not simulated")
    return word


def _quoted(when: str, at: int) -> tuple[_Token, int]:
    letters: list[str] = []
    while at < len(when) and when[at] not in "'\"":
        at += when[at] == "\\"
        letters.append(when[at : at + 1])
        at += 1
    if at >= len(when):
        raise _InvalidError("Unclosed string literal")
    return _Token("value", "".join(letters)), at + 1


def _span(when: str, at: int, belongs: Callable[[str], bool]) -> int:
    while at < len(when) and belongs(when[at]):
        at += 1
    return at


class _Parser:
    """Descends through _LEVELS. What is parsed is evaluated later, so that of `a || b` only a is, where that holds."""

    def __init__(self, tokens: list[_Token], source: str) -> None:
        self._tokens = tokens[::-1]
        """The next one last."""
        self._source = source

    def parsed(self) -> _Evaluate:
        """The whole expression as a function. Raises _InvalidError."""
        found = self._binary(0)
        if self._tokens:
            raise _InvalidError(f"unexpected {self._tokens[-1].value!r}")
        return found

    def _binary(self, level: int) -> _Evaluate:
        if level == len(_LEVELS):
            return self._prefixed()
        terms = [self._binary(level + 1)]
        symbols: list[str] = []
        while (symbol := self._take(*_LEVELS[level])) is not None:
            symbols.append(symbol)
            terms.append(self._binary(level + 1))
        if not symbols:
            return terms[0]
        if symbols[0] == "||":
            return lambda results: any(self._boolean(term(results)) for term in terms)
        if symbols[0] == "&&":
            return lambda results: all(self._boolean(term(results)) for term in terms)

        def folded(results: Results) -> Value:
            value = terms[0](results)
            for symbol, term in zip(symbols, terms[1:], strict=True):
                value = self._computed(symbol, value, term(results))
            return value

        return folded

    def _prefixed(self) -> _Evaluate:
        if self._take("!"):
            operand = self._prefixed()
            return lambda results: not self._boolean(operand(results))
        if self._take("-"):
            operand = self._prefixed()
            return lambda results: self._computed("-", 0.0, operand(results))
        if self._take("("):
            inner = self._binary(0)
            if not self._take(")"):
                raise _InvalidError("Unbalanced parenthesis")
            return inner
        if not self._tokens:
            raise _InvalidError("Unexpected end of expression")
        kind, value = self._tokens.pop()
        if kind == "symbol":
            raise _InvalidError(f"unexpected {value!r}")
        if kind == "value":
            return lambda _: value
        name, _, result = str(value).partition(".")
        return lambda results: results[name][result]

    def _computed(self, symbol: str, left: Value, right: Value) -> Value:
        if symbol in {"==", "!="}:
            same = type(left) is type(right) and left == right
            return same == (symbol == "==")
        if isinstance(left, str) and isinstance(right, str):
            if symbol in _ORDER:
                return _ORDER[symbol](left, right)
            if symbol in {"=~", "!~"}:
                return bool(re.search(right, left)) == (symbol == "=~")
        if isinstance(left, float) and isinstance(right, float):
            if symbol in _ORDER:
                return _ORDER[symbol](left, right)
            if symbol not in {"=~", "!~"}:
                return _calculated(symbol, left, right)
        raise NodeError(f"'when' expression '{self._source}': {left!r} {symbol} {right!r} is not simulated")

    def _boolean(self, value: Value) -> bool:
        if not isinstance(value, bool):
            raise NodeError(f"'when' expression '{self._source}': {value!r} is not a boolean")
        return value

    def _take(self, *symbols: str) -> str | None:
        if self._tokens and self._tokens[-1].kind == "symbol" and self._tokens[-1].value in symbols:
            return str(self._tokens.pop().value)
        return None


def _calculated(symbol: str, left: float, right: float) -> float:
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
