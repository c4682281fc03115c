"""`expression` of a retryStrategy: whether another attempt follows, by what is known of the last one.

Argo has a whole language for it. Here are comparisons of texts: `==`, `!=` and `matches`, with `&&`, `||`, `!` and
parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

Evaluate: TypeAlias = Callable[[Mapping[str, str]], bool]
"""Whether another attempt follows, by the values of `lastRetry.exitCode`, `lastRetry.status`, `lastRetry.message`."""

_TOKEN = re.compile(
    r'\s*(?:(?P<name>lastRetry\.(?:exitCode|status|message))\s+(?P<operator>==|!=|matches)\s+"(?P<text>[^"\\]*)"'
    r"|(?P<symbol>&&|\|\||[!()]))"
)


@lru_cache(maxsize=256)
def parse_retry(expression: str) -> Evaluate:
    """An expression as a function. Raises ValueError for what is not simulated."""
    tokens: list[re.Match[str]] = []
    at = 0
    while expression[at:].strip():
        token = _TOKEN.match(expression, at)
        if token is None:
            raise ValueError(f"the simulator does not evaluate {expression[at:].strip()!r}")
        tokens.append(token)
        at = token.end()
    tokens.reverse()
    found = _either(tokens)
    if tokens:
        raise ValueError(f"unexpected {tokens[-1][0].strip()!r}")
    return found


def _either(tokens: list[re.Match[str]]) -> Evaluate:
    terms = [_both(tokens)]
    while _take(tokens, "||"):
        terms.append(_both(tokens))
    return terms[0] if len(terms) == 1 else lambda values: any(term(values) for term in terms)


def _both(tokens: list[re.Match[str]]) -> Evaluate:
    terms = [_term(tokens)]
    while _take(tokens, "&&"):
        terms.append(_term(tokens))
    return terms[0] if len(terms) == 1 else lambda values: all(term(values) for term in terms)


def _term(tokens: list[re.Match[str]]) -> Evaluate:
    if _take(tokens, "!"):
        inner = _term(tokens)
        return lambda values: not inner(values)
    if _take(tokens, "("):
        inner = _either(tokens)
        if not _take(tokens, ")"):
            raise ValueError("a parenthesis is not closed")
        return inner
    if not tokens or tokens[-1]["name"] is None:
        raise ValueError("a comparison is missing")
    name, operator, text = tokens.pop().group("name", "operator", "text")
    if operator == "matches":
        pattern = re.compile(text)
        return lambda values: pattern.search(values[name]) is not None
    return lambda values: (values[name] == text) == (operator == "==")


def _take(tokens: list[re.Match[str]], symbol: str) -> bool:
    if tokens and tokens[-1]["symbol"] == symbol:
        tokens.pop()
        return True
    return False
