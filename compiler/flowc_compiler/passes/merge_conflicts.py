"""What `merge_artifacts` certainly finds two values of: constants of the arms of a branch, and items of a foreach."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.ir import Flow, ForeachStep, JoinStep, Step
    from flowc_compiler.ir.artifact_effects import FlowEffects, Merge, StepEffects
    from flowc_compiler.passes.artifact_reports import ArtifactReports

_LONGEST_PATH = 100
"""Steps before a branch that are searched for constants."""
_OF_TASK = {"input": "the item of each task", "index": "the number of each task"}


class _Path(NamedTuple):
    """What a task at the end of some steps, one after the other, certainly has of them."""

    values: dict[str, tuple[ast.expr, str]]
    """Artifact to its value, and the step that sets it."""
    changed: set[str]
    """What the steps may set or delete."""
    used: set[str]
    """What they may change in place."""
    complete: bool
    """Whether these are all steps behind the one at which the path begins."""


class MergeConflicts:
    """Looks for conflicts in one flow."""

    def __init__(self, flow: Flow, effects: FlowEffects, reports: ArtifactReports) -> None:
        self._flow = flow
        self._effects = effects
        self._reports = reports

    def check(self, join: JoinStep, merge: Merge) -> None:
        """Collect FC320 for a call that merges all inputs."""
        if merge.include is None or merge.exclude is None:
            return
        opener = self._flow.by_name[join.closes]
        if opener.kind == "branch":
            self._check_arms(join, merge, opener)
        elif opener.kind == "foreach" and len(join.parents) == 1:
            self._check_items(join, merge, opener)

    def _merges(self, merge: Merge, name: str) -> bool:
        left_out = name in merge.own or name in (merge.exclude or ()) or (merge.include and name not in merge.include)
        return not (left_out or name in self._effects.known or name in self._effects.protected)

    def _check_arms(self, join: JoinStep, merge: Merge, opener: Step) -> None:
        paths = [(arm[0], self._path(arm[0], opener.name)) for arm in join.arms if len(arm) == 1]
        before = self._path(opener.name, "", _LONGEST_PATH)
        names = dict.fromkeys(name for _, path in paths for name in path.values)
        for name in names:
            if not self._merges(merge, name):
                continue
            first: tuple[object, str, str] | None = None
            for arm, path in paths:
                found = self._constant(path, before, name)
                if found is None:
                    continue
                value, setter = found
                first = first or (value, setter, arm)
                if first[0] != value:
                    self._reports.conflict(join, name, merge, (first[1], setter), (first[0], value), first[2])
                    break

    def _constant(self, path: _Path, before: _Path, name: str) -> tuple[object, str] | None:
        """The constant that an arm has, of its own or of the steps before, and the step that sets it."""
        own = path.values.get(name)
        if own is None and path.complete and name not in path.changed:
            own = before.values.get(name)
            if own is not None and name in path.used and not isinstance(own[0], ast.Constant | ast.UnaryOp):
                return None
        constant = constant_of(own[0]) if own is not None else None
        return (constant[0], own[1]) if constant is not None and own is not None else None

    def _check_items(self, join: JoinStep, merge: Merge, opener: ForeachStep) -> None:
        """What each task of a foreach sets to its own item or its number, where these are certainly not all one."""
        effects = self._effects.of(opener.name)
        fan_out = constant_of(effects.fans_out_over)
        items = (
            fan_out[0] if fan_out is not None and not effects.havoc and opener.variable not in effects.uses else None
        )
        if not isinstance(items, list | tuple | str) or len(cast("Sequence[object]", items)) < 2:
            return
        first, *others = cast("Sequence[object]", items)
        plain = all(isinstance(item, str | int | float) for item in (first, *others))
        differ = plain and any(item != first for item in others)
        for name, (value, setter) in self._path(join.parents[0], opener.name).values.items():
            if isinstance(value, ast.Attribute) and self._merges(merge, name) and (value.attr == "index" or differ):
                self._reports.conflict_of_items(join, name, merge, setter, _OF_TASK[value.attr])

    def _path(self, last: str, opener: str, longest: int | None = None) -> _Path:
        """What the steps from the one behind `opener` to `last` do, as far as one alone leads to the next."""
        path = _Path({}, set(), set(), complete=False)
        name, count = last, 0
        while name != opener:
            step = self._flow.by_name[name]
            effects = self._effects.of(step.name)
            is_followed = not (effects.havoc or effects.opaque or step.specs.catch or step.specs.called)
            if not is_followed or step.kind == "switch" or count == longest:
                return path
            self._add(path, effects, name)
            count += 1
            if len(step.parents) != 1 or step.kind == "join":
                return path
            name = step.parents[0]
        return path._replace(complete=True)

    def _add(self, path: _Path, effects: StepEffects, step: str) -> None:
        """Take in what a step before the others does."""
        path.used.update(effects.uses)
        for name, value in effects.values.items():
            unchanged = name not in path.used or isinstance(value, ast.Constant | ast.UnaryOp | ast.Attribute)
            if value is not None and name in effects.sets and name not in path.changed and unchanged:
                path.values[name] = (value, step)
        path.changed.update(effects.values, effects.sets, effects.deletes)


def constant_of(value: ast.AST | None) -> tuple[object] | None:
    """The value of a literal, in a tuple; `None` for anything else."""
    if not isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.UnaryOp):
        return None
    try:
        return (ast.literal_eval(value),)
    except (ValueError, TypeError, SyntaxError):
        return None
