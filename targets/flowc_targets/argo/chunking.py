"""DAGs of more tasks than Argo's full CRDs allow, as DAGs of DAGs.

Tasks stay together that could not be told apart from outside: one that reads another's output, and those of a switch,
whose arms say by `.Succeeded` which of them ran. Everything else waits for a whole part as well as for a task in it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from flowc_targets.argo.packing import Graph, Group, find, pack, topological
from flowc_targets.argo.workflow_objects import Dag, DagTask, Parameter, Parameters, Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OUTPUT = re.compile(r"\{\{tasks\.([a-z0-9-]+)\.outputs")
_NAME = re.compile(r"([a-z0-9-]+)(?:\.[A-Z][a-z]+)?")
_FAN_OUT = re.compile(r"\(([a-z0-9-]+)\.Succeeded \|\| \1\.Skipped\)")
_PLAIN = re.compile(r"[a-z0-9-]+")


def chunked(templates: Sequence[Template], most: int) -> list[Template]:
    """The templates, with parts of their own for DAGs of over `most` tasks."""
    result: list[Template] = []
    numbers = count(1)
    for template in templates:
        if template.dag is None or len(template.dag.tasks) <= most:
            result.append(template)
        else:
            result += _Chunks(template, template.dag.tasks, numbers).templates(most)
    return result


class _Chunks:
    """One DAG that is too large."""

    def __init__(self, template: Template, tasks: tuple[DagTask, ...], numbers: Iterator[int]) -> None:
        self._template = template
        self._numbers = numbers
        self._tasks = tasks
        number = {task.name: position for position, task in enumerate(tasks)}
        self._terms = [_terms(task.depends) for task in tasks]
        self._needs = [
            [number[name] for term in terms for name in dict.fromkeys(_names(term))] for terms in self._terms
        ]
        root = {position: position for position in range(len(tasks))}
        for position, task in enumerate(tasks):
            for name in (*_outputs_read(task), *_inseparable(self._terms[position])):
                root[find(root, position)] = find(root, number[name])
        self._root = root
        self._parts: list[Template] = []

    def templates(self, most: int) -> list[Template]:
        """The DAG's own template, then its parts."""
        atoms = self._atoms()
        where = {task: atom for atom, tasks in enumerate(atoms) for task in tasks}
        before = [
            {where[need] for task in tasks for need in self._needs[task]} - {atom} for atom, tasks in enumerate(atoms)
        ]
        order = topological(len(atoms), before)
        place = {atom: position for position, atom in enumerate(order)}
        weights = [len(atoms[atom]) for atom in order]
        graph = Graph(weights, [tuple(sorted(place[name] for name in before[atom])) for atom in order])
        ordered = [atoms[atom] for atom in order]
        top = self._template_of(self._template.name, pack(graph, most), ordered)
        return [top, *self._parts]

    def _atoms(self) -> list[list[int]]:
        """The sets of tasks that stay together; what depends on one and is depended on by it belongs to it."""
        sets: dict[int, list[int]] = {}
        for task in range(len(self._tasks)):
            sets.setdefault(find(self._root, task), []).append(task)
        atoms = list(sets.values())
        where = {task: atom for atom, tasks in enumerate(atoms) for task in tasks}
        edges = [sorted({where[n] for task in tasks for n in self._needs[task]} - {a}) for a, tasks in enumerate(atoms)]
        merged = (sorted(task for atom in group for task in atoms[atom]) for group in _cycles(edges))
        return sorted(merged)

    def _template_of(self, name: str, members: list[int | Group], atoms: list[list[int]]) -> Template:
        """A DAG of tasks and of parts, which get their templates on the way."""
        home: dict[int, str] = {}
        parts: dict[str, list[int]] = {}
        for member in members:
            if isinstance(member, Group):
                part = f"part-{next(self._numbers)}"
                self._parts.append(self._template_of(part, member.members, atoms))
                parts[part] = sorted(_leaves(member, atoms))
                home |= dict.fromkeys(parts[part], part)
            else:
                home |= {task: self._tasks[task].name for task in atoms[member]}
        tasks: list[tuple[int, DagTask]] = []
        for task, own in home.items():
            if own == self._tasks[task].name:
                tasks.append((task, replace(self._tasks[task], depends=self._depends(task, home))))
        for part, inside in parts.items():
            tasks.append((inside[0], self._call(part, inside, home)))
        dag = Dag(tasks=tuple(task for _, task in sorted(tasks, key=lambda pair: pair[0])))
        return replace(self._template, name=name, dag=dag)

    def _depends(self, task: int, home: dict[int, str]) -> str | None:
        """The terms of a task that concern its DAG, with parts in the place of what they hold."""
        number = {self._tasks[need].name: need for need in self._needs[task]}
        terms: dict[str, None] = {}
        for term in self._terms[task]:
            needs = [number[name] for name in _names(term)]
            if all(need in home for need in needs):
                whole = all(home[need] == self._tasks[need].name for need in needs)
                terms |= {term: None} if whole else {home[need]: None for need in needs}
        return " && ".join(terms) or None

    def _call(self, part: str, inside: list[int], home: dict[int, str]) -> DagTask:
        needs = dict.fromkeys(home[need] for task in inside for need in self._needs[task] if need in home)
        inputs = self._template.inputs.parameters if self._template.inputs else ()
        values = tuple(Parameter(name=item.name, value=f"{{{{inputs.parameters.{item.name}}}}}") for item in inputs)
        return DagTask(
            name=part,
            template=part,
            depends=" && ".join(name for name in needs if name != part) or None,
            arguments=Parameters(parameters=values) if values else None,
        )


def _leaves(group: Group, atoms: list[list[int]]) -> Iterator[int]:
    for member in group.members:
        if isinstance(member, Group):
            yield from _leaves(member, atoms)
        else:
            yield from atoms[member]


def _terms(depends: str | None) -> list[str]:
    """The parts of an expression that all have to hold."""
    terms: list[str] = []
    depth = begun = 0
    text = depends or ""
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth and text.startswith(" && ", position):
            terms.append(text[begun:position])
            begun = position + 4
    return [*terms, text[begun:]] if text else []


def _names(term: str) -> Iterator[str]:
    """The tasks that a term names."""
    for match in _NAME.finditer(term):
        yield match[1]


def _inseparable(terms: list[str]) -> Iterator[str]:
    """The tasks of which more has to be known than that they have ended."""
    for term in terms:
        if not (_PLAIN.fullmatch(term) or _FAN_OUT.fullmatch(term)):
            yield from _names(term)


def _outputs_read(task: DagTask) -> set[str]:
    texts = [task.when or "", task.with_sequence.count if task.with_sequence else ""]
    texts += [item.value or "" for item in (task.arguments.parameters if task.arguments else ())]
    return {name for text in texts for name in _OUTPUT.findall(text)}


def _cycles(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The strongly connected components of a graph (Tarjan's algorithm, without recursion)."""
    low: dict[int, int] = {}
    place: dict[int, int] = {}
    stack: list[int] = []
    for start in range(len(edges)):
        work = [(start, 0)] if start not in low else []
        while work:
            node, done = work.pop()
            if node not in low:
                low[node] = place[node] = len(stack)
                stack.append(node)
            for position in range(done, len(edges[node])):
                other = edges[node][position]
                if other not in low:
                    work += [(node, position), (other, 0)]
                    break
                if other in place:
                    low[node] = min(low[node], low[other])
            else:
                if low[node] == place[node]:
                    at = place[node]
                    yield stack[at:]
                    for member in stack[at:]:
                        del place[member]
                    del stack[at:]
