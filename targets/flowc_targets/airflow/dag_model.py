"""A DAG file as data: what lowering makes of the IR, the printer writes, and flowc's commands read back."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_START = "# Compiled by flowc "
"""The first characters of flowc's DAG files."""
SUMMARY = "FLOWC"
"""The constant of a DAG file that tells flowc's commands about it."""


@dataclass(frozen=True, slots=True)
class Name:
    """Source text that is printed unchanged: a name, or an expression around one."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call with positional and keyword arguments."""

    function: str
    args: tuple[Expression, ...] = ()
    kwargs: Mapping[str, Expression] = field(default_factory=dict[str, "Expression"])


Expression: TypeAlias = (
    'str | int | float | bool | Name | Call | tuple["Expression", ...] | Mapping[str, "Expression"] | None'
)
"""What can be printed: literals, lists (given as tuples), dicts with string keys, names and calls."""


OperatorName: TypeAlias = Literal["StepOperator", "EmptyOperator", "HookOperator"]
"""What runs a step, what runs nothing (the scheduler itself marks such a task as done), and what calls an exit hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTask:
    """A task of an operator."""

    operator: OperatorName
    variable: str
    task_id: str
    """For a step its name, with a number for later iterations: the operator tells the shim its own task id."""
    options: dict[str, Expression] = field(default_factory=dict[str, "Expression"])
    """The operator's arguments, where they differ from the DAG's `default_args`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthTask:
    """The task that turns the counts of a foreach into the list of index paths that its groups are mapped over."""

    variable: str
    task_id: str
    opener: str
    """The id of the task that publishes the count."""
    outer: str | None
    """The variable of the WidthTask of the foreach around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedGroup:
    """The body of a foreach, or a segment of it: a task group that runs once for every index path."""

    variable: str
    function: str
    group_id: str
    doc: str
    width: str
    """The variable of the WidthTask."""
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The tasks after a task: variables of the same block."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Tasks and groups in topological order, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def tasks(self) -> Iterator[OperatorTask]:
        """Yield the tasks of operators in it and in its groups, in the order of the file."""
        for node in self.nodes:
            if isinstance(node, OperatorTask):
                yield node
            elif isinstance(node, MappedGroup):
                yield from node.body.tasks()


Node = OperatorTask | WidthTask | MappedGroup
"""What a block is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFile:
    """One DAG file."""

    operator: Literal["kubernetes", "local"]
    version: str
    source: str
    flow: str
    source_hash: str
    code_hash: str
    constants: dict[str, Expression]
    """What the operators read, and values that several tasks have in common, by name."""
    dag: dict[str, Expression]
    """Arguments of `@dag`."""
    body: Block
    code: bytes
    config_map: str | None
    """The name of the ConfigMap with the code; `None` if the code is in the file."""

    @property
    def printable_source(self) -> str:
        """The name of the source for a comment."""
        return "".join(character if character.isprintable() else "?" for character in self.source)

    @property
    def has_foreach(self) -> bool:
        """Whether the DAG has mapped groups."""
        return any(isinstance(node, WidthTask) for node in self.body.nodes)

    def has_operator(self, name: str) -> bool:
        """Whether a task is a call of that operator."""
        return any(task.operator == name for task in self.body.tasks())

    def has_option(self, name: str) -> bool:
        """Whether a task has that argument."""
        return any(name in task.options for task in self.body.tasks())

    @property
    def has_assets(self) -> bool:
        """Whether the file names assets: those that its DAG waits for or updates."""
        return self.has_option("outlets") or isinstance(self.dag.get("schedule"), tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class DagSummary:
    """A DAG file's own description."""

    dag_id: str
    flow: str
    root: str
    """The artifact store's URL."""
    pool: str | None
    """The pool that its tasks are in, if it is not Airflow's default."""
    tasks: tuple[str, ...]
    """The ids of the tasks that run steps, in the order of the file."""
    hooks: tuple[str, ...]
    """The ids of the tasks that call exit hooks."""
    iterations: Mapping[str, tuple[str, int]]
    """The step and the number of the iteration, by the ids of tasks of recursive steps."""
    nested: Mapping[str, str]
    """For tasks in a foreach in another: the task that lists the index paths, of which the map index selects one."""


def summarize(file: DagFile) -> Mapping[str, Expression]:
    """Return the value of the constant."""
    defaults = file.dag.get("default_args")
    steps = [task for task in file.body.tasks() if task.operator == "StepOperator"]
    iterations: dict[str, list[str]] = {}
    for task in steps:
        if "iteration" in task.options:
            iterations.setdefault(str(task.options["step"]), []).append(task.task_id)
    return {
        "dag_id": file.dag["dag_id"],
        "flow": file.flow,
        "pool": defaults.get("pool") if isinstance(defaults, dict) else None,
        "tasks": tuple(task.task_id for task in steps),
        "hooks": tuple(task.task_id for task in file.body.tasks() if task.operator == "HookOperator"),
        "iterations": {step: tuple(task_ids) for step, task_ids in iterations.items()},
        "nested": _nested(file.body),
    }


def _nested(body: Block) -> dict[str, Expression]:
    """By task id, the id of the task that lists the index paths of the foreach around it."""
    widths = {node.variable: node for node in body.nodes if isinstance(node, WidthTask)}
    return {
        task.task_id: widths[group.width].task_id
        for group in body.nodes
        if isinstance(group, MappedGroup) and widths[group.width].outer is not None
        for task in group.body.tasks()
    }


def read_summary(text: str) -> DagSummary | None:
    """Return the summary in a DAG file; `None` for a file that is not flowc's, or is from an older flowc."""
    if not text.startswith(FILE_START):
        return None
    try:
        constants: dict[str, Any] = {
            name: ast.literal_eval(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in {SUMMARY, "ROOT"}
        }
        found = constants[SUMMARY]
        return DagSummary(
            dag_id=str(found["dag_id"]),
            flow=str(found["flow"]),
            root=str(constants["ROOT"]),
            pool=found["pool"],
            tasks=tuple(found["tasks"]),
            hooks=tuple(found["hooks"]),
            iterations={
                task_id: (step, number)
                for step, task_ids in found["iterations"].items()
                for number, task_id in enumerate(task_ids)
            },
            nested=dict(found["nested"]),
        )
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return None


_OF_THE_FILE = """
    AirflowSkipException Any Asset BOOTSTRAP BaseOperator CODE ENVIRONMENT EmptyOperator FLOWC HookOperator
    KubernetesPodOperator KubernetesPodOperatorCallback PARAMETERS PYTHON Param Path PublishOutput ROOT START ShimTask
    StepOperator TAGS annotations attach_code base64 dag datetime encoded flow index indices json k8s os pendulum quote
    subprocess sys task task_group tempfile timedelta timezone
"""

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OF_THE_FILE.split()})
"""Names that a variable must not hide."""


class Names:
    """The names of variables, each given once."""

    def __init__(self) -> None:
        self._taken = set(TAKEN)

    def take(self, wanted: str) -> str:
        """Return the wanted name, with a number if it is taken, and `_` for each character that names cannot have."""
        wanted = re.sub(r"\W|^(?=\d)", "_", wanted, flags=re.ASCII)
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
