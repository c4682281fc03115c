"""`match` on values that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import libcst as cst

from flowc_compiler.frontend.pipelines.code.conditions import test
from flowc_compiler.frontend.pipelines.code.expressions import computed
from flowc_compiler.frontend.pipelines.evaluation.machine import Machine, Statement
from flowc_compiler.frontend.pipelines.evaluation.objects import Environment
from flowc_compiler.frontend.pipelines.evaluation.unknown import has_unknown, is_unknown, not_known


def case_of(machine: Machine, node: cst.Match) -> Sequence[Statement]:
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
            return case.body.body
    return ()


def _fits(machine: Machine, pattern: cst.MatchPattern, subject: object, found: Environment) -> bool:
    match pattern:
        case cst.MatchValue(value=value):
            wanted = machine.evaluate(value)
            return not is_unknown(wanted) and bool(computed(machine, value, lambda: subject == wanted))
        case cst.MatchSingleton(value=value):
            return subject is machine.evaluate(value)
        case cst.MatchAs():
            if pattern.pattern is not None and not _fits(machine, pattern.pattern, subject, found):
                return False
            if pattern.name is not None:
                found[pattern.name.value] = subject
            return True
        case cst.MatchOr():
            return any(_fits(machine, item.pattern, subject, found) for item in pattern.patterns)
        case cst.MatchList() | cst.MatchTuple():
            return _sequence(machine, pattern.patterns, subject, found)
        case cst.MatchMapping():
            return _mapping(machine, pattern, subject, found)
        case _:
            raise machine.refuse(
                "FC110", "flowc does not evaluate a class pattern", pattern, "match plain values, lists and dicts"
            )


def _sequence(
    machine: Machine,
    patterns: Sequence[cst.MatchSequenceElement | cst.MatchOrElement | cst.MatchStar],
    subject: object,
    found: Environment,
) -> bool:
    if not isinstance(subject, list | tuple):
        return False
    values = list(cast("Sequence[object]", subject))
    star = next((place for place, item in enumerate(patterns) if isinstance(item, cst.MatchStar)), None)
    if len(values) < len(patterns) - (star is not None) or (star is None and len(values) > len(patterns)):
        return False
    if star is not None:
        end = len(values) - (len(patterns) - star - 1)
        values = [*values[:star], values[star:end], *values[end:]]
    for item, value in zip(patterns, values, strict=True):
        if isinstance(item, cst.MatchStar):
            if item.name is not None:
                found[item.name.value] = value
        elif not _fits(machine, item.pattern if isinstance(item, cst.MatchOrElement) else item.value, value, found):
            return False
    return True


def _mapping(machine: Machine, pattern: cst.MatchMapping, subject: object, found: Environment) -> bool:
    if not isinstance(subject, dict):
        return False
    rest = dict(cast("dict[object, object]", subject))
    for item in pattern.elements:
        key = machine.evaluate(item.key)
        if key not in rest or not _fits(machine, item.pattern, rest.pop(key), found):
            return False
    if pattern.rest is not None:
        found[pattern.rest.value] = rest
    return True
