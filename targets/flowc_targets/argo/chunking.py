"""DAGs of more tasks than Argo's full CRDs allow, as DAGs of DAGs.

A task sees only the tasks of its own DAG, so that some have to stay together: one that reads another's output, and
those of a switch, whose arms say by `.Succeeded` which of them ran. These sets are the atoms of the graph that is
packed. Everything else may wait for a whole part instead of a task in it.

A part starts when all is done that any of its tasks waits for, so that a part cut at random holds back what could run
at once. Two cuts hold nothing back: at a node that everything before leads to and everything after follows from, and
between parts that do not depend on each other. Only where neither is found, the order of the nodes is cut in pieces.
All steps are linear in tasks and dependencies, but for the levels of parts in parts.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from flowc_targets.argo.argo_expressions import (
    Equals,
    InputParameter,
    Or,
    TaskOutput,
    TaskStatus,
    all_of,
    conjuncts,
    map_finished,
    tasks_of,
)
from flowc_targets.argo.workflow_objects import DagTask, Parameter, Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowc_targets.argo.argo_expressions import Depends


def chunked(templates: Sequence[Template], most: int) -> list[Template]:
    """The templates, with parts of their own for DAGs of over `most` tasks."""
    result: list[Template] = []
    numbers = count(1)
    for template in templates:
        if len(template.dag) <= most:
            result.append(template)
        else:
            result += _Chunks(template, numbers).templates(most)
    return result


class _Chunks:
    """One DAG that is too large."""

    def __init__(self, template: Template, numbers: Iterator[int]) -> None:
        self._template = template
        self._tasks = template.dag
        self._numbers = numbers
        self._position = {task.name: position for position, task in enumerate(self._tasks)}
        self._needs = [[self._position[name] for name in dict.fromkeys(tasks_of(task.depends))] for task in self._tasks]
        self._root = list(range(len(self._tasks)))
        """Disjoint sets of the tasks that stay together, as a forest: see `_find`."""
        for position, task in enumerate(self._tasks):
            # Union: a task stays with those whose outputs it reads, and those of which it needs more than that they
            # ended.
            for name in (*_outputs_read(task), *_inseparable(task.depends)):
                self._root[_find(self._root, position)] = _find(self._root, self._position[name])
        self._parts: list[Template] = []

    def templates(self, most: int) -> list[Template]:
        """The DAG's own template, then its parts."""
        atoms = self._atoms()
        where = {task: atom for atom, tasks in enumerate(atoms) for task in tasks}
        before = [
            {where[need] for task in tasks for need in self._needs[task]} - {atom} for atom, tasks in enumerate(atoms)
        ]
        order = _topological(len(atoms), before)
        place = {atom: position for position, atom in enumerate(order)}
        weights = [len(atoms[atom]) for atom in order]
        graph = _Graph(weights, [tuple(sorted(place[name] for name in before[atom])) for atom in order])
        ordered = [atoms[atom] for atom in order]
        top = self._template_of(self._template.name, _pack(graph, most), ordered)
        return [top, *self._parts]

    def _atoms(self) -> list[list[int]]:
        """The sets of tasks that stay together; what depends on one and is depended on by it belongs to it."""
        sets: dict[int, list[int]] = {}
        for task in range(len(self._tasks)):
            sets.setdefault(_find(self._root, task), []).append(task)
        atoms = list(sets.values())
        where = {task: atom for atom, tasks in enumerate(atoms) for task in tasks}
        edges = [sorted({where[n] for task in tasks for n in self._needs[task]} - {a}) for a, tasks in enumerate(atoms)]
        # Two sets that wait for each other cannot be in different DAGs. The sets of a cycle become one.
        merged = (sorted(task for atom in group for task in atoms[atom]) for group in _cycles(edges))
        return sorted(merged)

    def _template_of(self, name: str, members: list[int | _Group], atoms: list[list[int]]) -> Template:
        """A DAG of tasks and of parts, which get their templates on the way."""
        home: dict[int, str] = {}
        parts: dict[str, list[int]] = {}
        for member in members:
            if isinstance(member, _Group):
                part = f"part-{next(self._numbers)}"
                self._parts.append(self._template_of(part, member.members, atoms))
                parts[part] = sorted(_leaves(member, atoms))
                home |= dict.fromkeys(parts[part], part)
            else:
                home |= {task: self._tasks[task].name for task in atoms[member]}
        tasks: list[tuple[int, DagTask]] = []
        for task, own in home.items():
            if own == self._tasks[task].name:
                tasks.append((task, self._tasks[task].replace(depends=self._depends(task, home))))
        for part, inside in parts.items():
            tasks.append((inside[0], self._call(part, inside, home)))
        ordered = sorted(tasks, key=lambda pair: pair[0])
        return self._template.replace(name=name, dag=tuple(task for _, task in ordered))

    def _depends(self, task: int, home: dict[int, str]) -> Depends | None:
        """The terms of a task that concern its DAG, with parts in the place of what they hold."""
        terms: list[Depends] = []
        for term in conjuncts(self._tasks[task].depends):
            needs = [self._position[name] for name in tasks_of(term)]
            if all(need in home for need in needs):
                # A part ends well only if its tasks do, so its name can stand for any of them.
                whole = all(home[need] == self._tasks[need].name for need in needs)
                terms += [term] if whole else [TaskStatus(home[need]) for need in needs]
        return all_of(terms)

    def _call(self, part: str, inside: list[int], home: dict[int, str]) -> DagTask:
        # The part waits for whatever any of its tasks waits for: it may begin late, but never early.
        needs = (home[need] for task in inside for need in self._needs[task] if need in home)
        return DagTask(
            name=part,
            template=part,
            depends=all_of(TaskStatus(name) for name in needs if name != part),
            arguments=tuple(
                Parameter(name=item.name, value=InputParameter(item.name)) for item in self._template.inputs
            ),
        )


def _leaves(group: _Group, atoms: list[list[int]]) -> Iterator[int]:
    for member in group.members:
        if isinstance(member, _Group):
            yield from _leaves(member, atoms)
        else:
            yield from atoms[member]


def _inseparable(depends: Depends | None) -> Iterator[str]:
    """The tasks of which more has to be known than that they have ended."""
    for term in conjuncts(depends):
        ended = isinstance(term, TaskStatus) and term.status is None
        if not (ended or _is_map_finished(term)):
            yield from tasks_of(term)


def _is_map_finished(term: Depends) -> bool:
    """Whether a term waits for the end of a map only, which the part with the map in it says as well."""
    return isinstance(term, Or) and term == map_finished(next(tasks_of(term)))


def _outputs_read(task: DagTask) -> list[str]:
    """The tasks whose outputs a task reads; each once."""
    values = [argument.value for argument in task.arguments]
    values += [task.with_sequence, task.when.output if isinstance(task.when, Equals) else None]
    return list(dict.fromkeys(value.task for value in values if isinstance(value, TaskOutput)))


def _cycles(edges: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The strongly connected components of a graph (Tarjan's algorithm, without recursion)."""
    # `low` is the deepest place on the stack that a node reaches; one that reaches none below its own begins a
    # component. The work list stands for the calls of the recursive form: a node, and the next of its edges.
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


@dataclass(frozen=True, slots=True)
class _Graph:
    """Nodes 0..n-1 in a topological order, how many tasks each stands for, and the nodes that each waits for."""

    weights: Sequence[int]
    before: Sequence[tuple[int, ...]]


@dataclass(slots=True)
class _Group:
    """Nodes and groups that make a DAG of their own."""

    members: list[int | _Group] = field(default_factory=list["int | _Group"])


def _pack(graph: _Graph, most: int) -> list[int | _Group]:
    """What the outermost DAG holds, such that no DAG has over `most` tasks. A node that is larger stays as it is."""
    return _fit(graph, range(len(graph.weights)), most)


def _topological(count: int, before: Sequence[set[int]]) -> list[int]:
    """The nodes of an acyclic graph, the lowest number first where there is a choice."""
    waiting = [len(names) for names in before]
    after: list[list[int]] = [[] for _ in range(count)]
    for node, names in enumerate(before):
        for name in names:
            after[name].append(node)
    ready = [node for node in range(count) if not waiting[node]]
    order: list[int] = []
    while ready:
        node = heapq.heappop(ready)
        order.append(node)
        for follower in after[node]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    return order


def _fit(graph: _Graph, nodes: Sequence[int], most: int) -> list[int | _Group]:
    """The nodes of a part as at most `most` tasks."""
    if sum(graph.weights[node] for node in nodes) <= most:
        return list(nodes)
    # First the cuts that cost no parallelism, then any cut.
    parts = _components(graph, nodes)
    if len(parts) == 1:
        parts = _series(graph, nodes)
        if len(parts) == 1:
            parts = [[node] for node in nodes]
    return _bins([_fit(graph, part, most) if len(part) > 1 else list(part) for part in parts], graph, most)


def _bins(parts: Iterable[list[int | _Group]], graph: _Graph, most: int) -> list[int | _Group]:
    """Parts that follow each other or are independent, several to a group."""
    # Next fit: parts may depend on those before them, so a part shares a group with its neighbors only.
    bins: list[_Group] = []
    room = 0
    for part in parts:
        size = _size(part, graph)
        if not bins or size > room:
            bins.append(_Group())
            room = most
        bins[-1].members += part
        room -= size
    if len(bins) == 1:
        return bins[0].members
    # Still too many for one DAG: group the groups, which makes a level more.
    if len(bins) > most:
        return _bins(([group] for group in bins), graph, most)
    return [_unwrapped(group, graph) for group in bins]


def _unwrapped(group: _Group, graph: _Graph) -> int | _Group:
    """What stands for a group in the DAG above: of a single task the task."""
    first, *others = group.members
    return group if others or _size([first], graph) > 1 else first


def _size(members: Iterable[int | _Group], graph: _Graph) -> int:
    return sum(1 if isinstance(member, _Group) else graph.weights[member] for member in members)


def _components(graph: _Graph, nodes: Sequence[int]) -> list[list[int]]:
    """The parts of which none depends on another."""
    inside = set(nodes)
    root = {node: node for node in nodes}
    for node in nodes:
        for name in graph.before[node]:
            if name in inside:
                root[_find(root, node)] = _find(root, name)
    parts: dict[int, list[int]] = {}
    for node in nodes:
        parts.setdefault(_find(root, node), []).append(node)
    return list(parts.values())


def _find(root: dict[int, int] | list[int], node: int) -> int:
    """The one that stands for a node's set."""
    while root[node] != node:
        # Halve the way while going it, so that all look-ups together are nearly linear.
        root[node] = root[root[node]]
        node = root[node]
    return node


def _series(graph: _Graph, nodes: Sequence[int]) -> list[list[int]]:
    """One connected part cut at the nodes that all others come before or after."""
    place: Mapping[int, int] = {node: position for position, node in enumerate(nodes)}
    before = [[place[name] for name in graph.before[node] if name in place] for node in nodes]
    last_source = max(position for position, names in enumerate(before) if not names)
    is_left = {name for names in before for name in names}
    first_sink = min(position for position in range(len(nodes)) if position not in is_left)
    # An edge passes over the positions between its ends. Noted where it begins and ends, running sums give the count
    # for every position in one go.
    over = [0] * (len(nodes) + 1)  # how many edges pass over a position, as differences
    for position, names in enumerate(before):
        for name in names:
            over[name + 1] += 1
            over[position] -= 1
    parts: list[list[int]] = []
    passing, begun = 0, 0
    for position in range(len(nodes)):
        passing += over[position]
        # No edge passes over this node, all sources are before it and all sinks after it: everything goes through it.
        if not passing and last_source <= position <= first_sink:
            if begun < position:
                parts.append(list(nodes[begun:position]))
            parts.append([nodes[position]])
            begun = position + 1
    if begun < len(nodes):
        parts.append(list(nodes[begun:]))
    return parts
