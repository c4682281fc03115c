"""Argo's expressions as values: what a task depends on, when it runs, and what its arguments are.

Lowering and chunking work on these values; only the printer of a manifest turns them into text, by `str`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flowc_targets.kubernetes.objects import ManifestText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class TaskStatus(ManifestText):
    """A task that has ended as `status`. Without a status: as Succeeded, Skipped or Daemoned, Argo's default."""

    task: str
    status: Literal["Succeeded", "Skipped"] | None = None

    def __str__(self) -> str:
        return self.task if self.status is None else f"{self.task}.{self.status}"


@dataclass(frozen=True, slots=True)
class And(ManifestText):
    """All terms hold. There are several, none of them an And: see `all_of`."""

    terms: tuple[TaskStatus | Or, ...]

    def __str__(self) -> str:
        return " && ".join(map(str, self.terms))


@dataclass(frozen=True, slots=True)
class Or(ManifestText):
    """One of the terms holds."""

    terms: tuple[Depends, ...]

    def __str__(self) -> str:
        return f"({' || '.join(str(term) if isinstance(term, TaskStatus) else f'({term})' for term in self.terms)})"


Depends = TaskStatus | And | Or
"""The `depends` of a task."""


def all_of(terms: Iterable[Depends | None]) -> Depends | None:
    """The conjunction, each term once; `None` stands for what always holds."""
    unique = tuple(dict.fromkeys(part for term in terms for part in conjuncts(term)))
    return And(unique) if len(unique) > 1 else next(iter(unique), None)


def conjuncts(expression: Depends | None) -> tuple[TaskStatus | Or, ...]:
    """The terms of which all have to hold."""
    if expression is None:
        return ()
    return expression.terms if isinstance(expression, And) else (expression,)


def map_finished(task: str) -> Or:
    """A task that runs once for each item has ended: with no items, Argo calls it Skipped (dag.go, TaskGroup)."""
    return Or((TaskStatus(task, "Succeeded"), TaskStatus(task, "Skipped")))


def tasks_of(expression: Depends | None) -> Iterator[str]:
    """The tasks that an expression names, in order."""
    match expression:
        case None:
            return
        case TaskStatus():
            yield expression.task
        case And() | Or():
            for term in expression.terms:
                yield from tasks_of(term)


@dataclass(frozen=True, slots=True)
class TaskOutput(ManifestText):
    """An output parameter of another task of the same DAG."""

    task: str
    name: str

    def __str__(self) -> str:
        return f"{{{{tasks.{self.task}.outputs.parameters.{self.name}}}}}"


@dataclass(frozen=True, slots=True)
class InputParameter(ManifestText):
    """An input parameter of the template."""

    name: str

    def __str__(self) -> str:
        return f"{{{{inputs.parameters.{self.name}}}}}"


@dataclass(frozen=True, slots=True)
class IndexPath(ManifestText):
    """The index path of a map's items: the index of the task that opens it, if it has one, and the item's number."""

    outer: InputParameter | None

    def __str__(self) -> str:
        return "{{item}}" if self.outer is None else f"{self.outer}.{{{{item}}}}"


Value = str | TaskOutput | InputParameter | IndexPath
"""The value of an argument. A `str` is a literal."""


@dataclass(frozen=True, slots=True)
class Equals(ManifestText):
    """An output has a value. Both sides stand in quotes: `when` is a govaluate expression, which needs them."""

    output: TaskOutput
    value: str

    def __str__(self) -> str:
        return f"'{self.output}' == '{self.value}'"


@dataclass(frozen=True, slots=True)
class WorkflowSucceeded(ManifestText):
    """Whether the Workflow has succeeded, as exit handlers ask it."""

    wanted: bool

    def __str__(self) -> str:
        return f"{{{{workflow.status}}}} {'==' if self.wanted else '!='} Succeeded"


When = Equals | WorkflowSucceeded
"""The `when` of a task."""
