"""`match` on values that are known."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import cast

from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.expressions import computed
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, Statement
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment
from flowc_compiler.frontend.pipelines.evaluation.unknown import has_unknown, is_unknown, not_known


def case_of(machine: Machine, node: ast.Match) -> Sequence[Statement]:
    """The body of the first case that fits; nothing where none does. Raises RefusedError."""
    subject = machine.evaluate(node.subject)
    if has_unknown(subject):
        raise not_known(
            machine, node.subject, "`match` cannot look at it",
            "write `if result == ...: ... elif result == ...: ...`, which becomes a switch",
        )  # fmt: skip
    for case in node.cases:
        found: Environment = {}
        if not _fits(machine, case.pattern, subject, found):
            continue
        machine.frame.environment.update(found)
        holds = True if case.guard is None else test(machine, case.guard)
        if not isinstance(holds, bool):
            assert case.guard is not None
            raise not_known(machine, case.guard, "a case cannot depend on it", "write `if` in the case")
        if holds:
            return case.body
    return ()


def _fits(machine: Machine, pattern: ast.pattern, subject: object, found: Environment) -> bool:
    match pattern:
        case ast.MatchValue(value=value):
            wanted = machine.evaluate(value)
            return not is_unknown(wanted) and bool(computed(machine, value, lambda: subject == wanted))
        case ast.MatchSingleton(value=value):
            return subject is value
        case ast.MatchAs(pattern=inner, name=name):
            if inner is not None and not _fits(machine, inner, subject, found):
                return False
            if name is not None:
                found[name] = subject
            return True
        case ast.MatchOr(patterns=patterns):
            return any(_fits(machine, item, subject, found) for item in patterns)
        case ast.MatchSequence(patterns=patterns):
            return _sequence(machine, patterns, subject, found)
        case ast.MatchMapping():
            return _mapping(machine, pattern, subject, found)
        case _:
            raise machine.refuse(
                "FC110", "flowc does not evaluate a class pattern", pattern, "match plain values, lists and dicts"
            )


def _sequence(machine: Machine, patterns: Sequence[ast.pattern], subject: object, found: Environment) -> bool:
    if not isinstance(subject, list | tuple):
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
        elif not _fits(machine, item, value, found):
            return False
    return True


def _mapping(machine: Machine, pattern: ast.MatchMapping, subject: object, found: Environment) -> bool:
    if not isinstance(subject, dict):
        return False
    rest = dict(cast("dict[object, object]", subject))
    for key_node, inner in zip(pattern.keys, pattern.patterns, strict=True):
        key = machine.evaluate(key_node)
        if key not in rest or not _fits(machine, inner, rest.pop(key), found):
            return False
    if pattern.rest is not None:
        found[pattern.rest] = rest
    return True
