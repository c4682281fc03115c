"""`match` on values that are known."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import cast

from flowc_compiler.evaluate.conditions import test
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.plain_data import check_hashable
from flowc_compiler.evaluate.values import Builtin, Environment, Undetermined, Unresolved


def match_statement(evaluator: Evaluator, node: ast.Match) -> Sequence[ast.stmt]:
    """The body of the first case that fits; nothing where none does. Raises EvaluationError."""
    subject = evaluator.evaluate(node.subject)
    evaluator.check_known(
        node.subject, "`match` cannot look at it",
        "write `if result == ...: ... elif result == ...: ...`, which becomes a switch", subject,
    )  # fmt: skip
    check_hashable(evaluator, node.subject, subject)
    for case in node.cases:
        found: Environment = {}
        if not _fits(evaluator, case.pattern, subject, found):
            continue
        for name, value in found.items():
            evaluator.bind(name, value)
        holds = True if case.guard is None else test(evaluator, case.guard)
        if isinstance(holds, Undetermined):
            raise evaluator.not_known(holds, case.guard or node, "a case cannot depend on it", "write `if` in the case")
        if holds:
            return case.body
    return ()


def _fits(evaluator: Evaluator, pattern: ast.pattern, subject: object, found: Environment) -> bool:
    match pattern:
        case ast.MatchValue(value=value):
            wanted = evaluator.evaluate(value)
            if isinstance(wanted, Unresolved):
                raise evaluator.refuse_unresolved(wanted, value)
            return not isinstance(wanted, Undetermined) and bool(evaluator.computed(value, lambda: subject == wanted))
        case ast.MatchSingleton(value=value):
            return subject is value
        case ast.MatchAs(pattern=inner, name=name):
            if inner is not None and not _fits(evaluator, inner, subject, found):
                return False
            if name is not None:
                found[name] = subject
            return True
        case ast.MatchOr(patterns=patterns):
            return any(_fits(evaluator, item, subject, found) for item in patterns)
        case ast.MatchSequence(patterns=patterns):
            return _sequence(evaluator, patterns, subject, found)
        case ast.MatchMapping():
            return _mapping(evaluator, pattern, subject, found)
        case ast.MatchClass(patterns=[] | [_] as inner, kwd_patterns=[]) if evaluator.lenient:
            return _of_type(evaluator, pattern, inner, subject, found)
        case _:
            raise evaluator.refuse(
                "FC110", "flowc does not evaluate a class pattern", pattern, "match plain values, lists and dicts"
            )


def _of_type(
    evaluator: Evaluator, pattern: ast.MatchClass, inner: list[ast.pattern], subject: object, found: Environment
) -> bool:
    """`int()` and `str(name)`."""
    kind = evaluator.evaluate(pattern.cls)
    if not isinstance(kind, Builtin) or kind.function not in (str, int, float, bool, list, tuple, dict, set, bytes):
        raise evaluator.refuse("FC110", "flowc does not evaluate this class pattern", pattern, "match plain values")
    if not isinstance(subject, cast("type", kind.function)):
        return False
    return not inner or _fits(evaluator, inner[0], subject, found)


def _sequence(evaluator: Evaluator, patterns: Sequence[ast.pattern], subject: object, found: Environment) -> bool:
    if not isinstance(subject, list | tuple | range):
        return False
    values = list(cast("Sequence[object]", subject))
    star = next((place for place, item in enumerate(patterns) if isinstance(item, ast.MatchStar)), None)
    if len(values) < len(patterns) - (star is not None) or (star is None and len(values) > len(patterns)):
        return False
    if star is not None:
        end = len(values) - (len(patterns) - star - 1)
        values = [*values[:star], values[star:end], *values[end:]]
    for item, value in zip(patterns, values, strict=True):
        if isinstance(item, ast.MatchStar):
            if item.name is not None:
                found[item.name] = value
        elif not _fits(evaluator, item, value, found):
            return False
    return True


def _mapping(evaluator: Evaluator, pattern: ast.MatchMapping, subject: object, found: Environment) -> bool:
    if not isinstance(subject, dict):
        return False
    rest = dict(cast("dict[object, object]", subject))
    for key_node, inner in zip(pattern.keys, pattern.patterns, strict=True):
        key = evaluator.evaluate(key_node)
        if key not in rest or not _fits(evaluator, inner, rest.pop(key), found):
            return False
    if pattern.rest is not None:
        found[pattern.rest] = rest
    return True
