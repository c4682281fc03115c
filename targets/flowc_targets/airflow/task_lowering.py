"""From steps to tasks and mapped groups.

Airflow maps a group over a list, and cannot map within a mapped group. So the groups of all foreach stand side by side,
each mapped over the flat list of its index paths: `0.0`, `0.1`, `2.0`. A body with a foreach in it becomes several
groups, its segments: what comes before the inner foreach, and what comes after.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from flowc.protocol import NOTIFY_FAILURE, NOTIFY_SUCCESS
from flowc_compiler.ir import ROOT_SCOPE
from flowc_compiler.passes.contraction import contracted
from flowc_targets.airflow.dag_model import (
    ArmGroup,
    Block,
    Call,
    Edge,
    MappedGroup,
    Name,
    Names,
    OperatorTask,
    WidthTask,
    client_object,
    iteration_ids,
)
from flowc_targets.airflow.task_options import OPENERS, TaskOptions, most_iterations
from flowc_targets.kubernetes.pod import notice_secrets
from flowc_targets.package.project_names import called_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Scope, Step
    from flowc_targets.airflow.dag_model import Expression, Node, OperatorName
    from flowc_targets.airflow.options import AirflowOptions

FEWEST_SHARING = 3
"""Tasks that have a value in common before it gets a name: with fewer, it is easier to read where it stands."""
DEEPEST_GROUP = 5
"""Groups of arms in one another: what is deeper stands in the last one. Python nests 20 blocks."""


class LoweredSteps(NamedTuple):
    """The tasks of a flow."""

    body: Block
    shared: dict[str, Expression]
    """Values that several tasks have in common, by name."""
    callbacks: dict[str, str]
    """The names of what Airflow calls, by its dotted name."""


def lower_steps(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> LoweredSteps:
    """Return the body of the DAG, and what its file names above it."""
    lowering = _Lowering(contracted(flow), options, sink)
    body = lowering.root()
    return LoweredSteps(body, _share(body, lowering.names), lowering.callbacks)


def _share(body: Block, names: Names) -> dict[str, Expression]:
    """Replace objects of Kubernetes' client that several tasks have in common by names; return them by name.

    Creating an object of the client takes a tenth of a millisecond, and Airflow reads the file for every task it runs.
    """
    uses: dict[tuple[str, str], list[dict[str, Expression]]] = {}
    for task in body.tasks():
        for option, value in task.options.items():
            first = value[0] if isinstance(value, tuple) and value else value
            if isinstance(first, Call) and first.function.startswith("k8s."):
                uses.setdefault((option, repr(value)), []).append(task.options)
    shared: dict[str, Expression] = {}
    for (option, _), users in uses.items():
        if len(users) >= FEWEST_SHARING:
            name = names.take(option.upper())
            shared[name] = users[0][option]
            for options in users:
                options[option] = Name(name)
    return shared


class _BlockBuilder:
    """The nodes and edges of one block, as they are found."""

    def __init__(self) -> None:
        self._nodes: list[tuple[tuple[str, ...], Node]] = []
        self._edges: dict[str, dict[str, None]] = {}

    def add(self, node: Node, arms: tuple[str, ...] = ()) -> None:
        """Add a node after those that it follows; `arms` are the ids of the groups around it, the outermost first."""
        self._nodes.append((arms, node))

    def connect(self, source: str, targets: Iterable[str]) -> None:
        """Add edges between variables."""
        self._edges.setdefault(source, {}).update(dict.fromkeys(targets))

    def block(self) -> Block:
        """Return what was collected."""
        edges = (Edge(source=source, targets=tuple(targets)) for source, targets in self._edges.items() if targets)
        return Block(nodes=_in_groups(self._nodes, 0), edges=tuple(edges))


def _in_groups(nodes: list[tuple[tuple[str, ...], Node]], depth: int) -> tuple[Node, ...]:
    """Put the nodes of each arm into a group, where its first node is. One that is alone needs none."""
    found: dict[str | int, list[tuple[tuple[str, ...], Node]]] = {}
    for number, (arms, node) in enumerate(nodes):
        found.setdefault(arms[depth] if len(arms) > depth else number, []).append((arms, node))
    result: list[Node] = []
    for key, inside in found.items():
        if isinstance(key, int) or len(inside) == 1:
            result.append(inside[0][1])
        else:
            result.append(ArmGroup(group_id=key, nodes=_in_groups(inside, depth + 1)))
    return tuple(result)


class _Lowering:
    """Lowers one flow to a block."""

    def __init__(self, flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._options = options
        self._sink = sink
        self.names = Names()
        self._variables = {step.name: self.names.take(step.name) for step in flow.steps}
        specs = (step.specs.airflow for step in flow.steps)
        dotted = (*options.callbacks.values(), *(name for spec in specs if spec for name in spec.callbacks.values()))
        self.callbacks = {name: self.names.take(name.rpartition(".")[2]) for name in dict.fromkeys(dotted)}
        self._ids = {step.name for step in flow.steps}
        self._prefixes = {step.name: self._iteration_prefix(step) for step in flow.steps if _loops(step)}
        self._task_options = TaskOptions(flow, options, self.callbacks, self._prefixes, sink)
        self._gates = {
            step.name: self._gate_names(step) for step in flow.steps if step.specs.gated and not step.virtual
        }
        self._calls = {
            call.start: (
                self.names.take(task_id := self._id(f"call_{call.step}")),
                task_id,
                called_deployment(flow, call),
            )
            for call in flow.calls
            if call.deployed is not None
        }
        self._arm_ids: dict[str, tuple[str, ...]] = {}
        self._foreach = {step.name: flow.foreach_scope(step) for step in flow.steps}
        self._segments = self._segment_numbers()
        self._steps = self._steps_by_segment()
        self._top = _BlockBuilder()

    def root(self) -> Block:
        """Lower the steps outside of every foreach, each foreach of theirs right after its opener."""
        for step in self._steps[ROOT_SCOPE][0]:
            self._add_step(self._top, step, {})
            if step.kind in OPENERS:
                last = self._add_foreach(step.name, outer=None, after=self._variables[step.name], arms=self._arms(step))
                self._top.connect(last, [self._entry(self._flow.body_of(step.name).closer or "")])
        last = self._variables[self._flow.end]
        for task in self._hook_tasks():
            self._top.add(task)
            self._top.connect(last, [task.variable])
        return self._top.block()

    def _add_foreach(self, opener: str, outer: str | None, after: str, arms: tuple[str, ...]) -> str:
        """Add the width and the groups of one foreach, and of those in its body; return the last group's variable."""
        width = WidthTask(
            variable=self.names.take(f"{opener}_indices"), task_id=self._id(f"{opener}_indices"), opener=opener,
            outer=outer,
        )  # fmt: skip
        self._top.add(width, arms)
        self._top.connect(after, [width.variable])
        before, last = [width.variable], ""
        for number, steps in enumerate(self._steps[opener]):
            group = self._group(opener, number, steps, width.variable)
            self._top.add(group, arms)
            for variable in before:
                self._top.connect(variable, [group.variable])
            last = group.variable
            # A mapped group cannot contain another, so the foreach in this segment gets groups beside it, mapped over
            # the index paths of both levels. The next segment of this body waits for all of them.
            inner = [step.name for step in steps if step.kind in OPENERS]
            before = [self._add_foreach(name, outer=width.variable, after=last, arms=arms) for name in inner]
        return last

    def _group(self, opener: str, number: int, steps: list[Step], width: str) -> MappedGroup:
        """Lower one segment of a foreach's body."""
        builder = _BlockBuilder()
        for step in steps:
            self._add_step(builder, step, {"index": Name("index")})
        step = self._flow.by_name[opener]
        what = f"item of `{step.variable}`" if step.kind == "foreach" else "member of the gang"
        if any(item.opener == opener for item in self._flow.pod_groups):
            what = f"batch of items of `{opener}`"
        elif opener in self._flow.group_of:
            what = "item of the batches"
        after = ", after the foreach in it" if number else ""
        suffix = f"_{number + 1}" if number else ""
        return MappedGroup(
            variable=self.names.take(f"{opener}_items{suffix}"),
            function=self.names.take(f"each_of_{opener}{suffix}"),
            group_id=self._id(f"{opener}_items{suffix}"),
            doc=f"What runs for each {what}{after}.",
            width=width,
            body=builder.block(),
        )

    def _add_step(self, builder: _BlockBuilder, step: Step, index: dict[str, Expression]) -> None:
        """Add a step's task, or those of its iterations, and the edges to what follows it in the same block."""
        container = self._options.in_pods and step.specs.command is not None
        operator: OperatorName = "ContainerOperator" if container else "StepOperator"
        if step.virtual:
            operator = "EmptyOperator"
        options = self._task_options.common(step) if step.virtual else {**index, **self._task_options.step(step)}
        prefix, iterations = self._prefixes.get(step.name, ""), 1
        if prefix:
            options = {"step": step.name, "iteration": 0, **options}
            iterations = most_iterations(step)
        variable = self._variables[step.name]
        if step.name in self._gates:
            options.pop("trigger_rule", None)
            options |= self._add_gates(builder, step, index)
        if step.name in self._calls:
            operator = "CalledOperator"
            options["called"] = self._add_call(builder, step)
        task = OperatorTask(
            operator=operator, variable=variable, task_id=step.name, options=options, iterations=iterations,
            prefix=prefix,
        )  # fmt: skip
        builder.add(task, self._arms(step))
        if step.kind not in OPENERS:
            builder.connect(variable, self._following(step))

    def _add_gates(self, builder: _BlockBuilder, step: Step, index: dict[str, Expression]) -> dict[str, Expression]:
        """Add the tasks that wait before a step's own; returns what that takes of them.

        They take over what the step's task depends on, and it then follows the last of them alone.
        """
        gates = self._gates[step.name]
        options = self._task_options.gate(step, index)
        operators: tuple[OperatorName, OperatorName] = ("WaitSensor", "ApprovalOperator")
        for (variable, task_id), operator in zip(gates, operators, strict=False):
            asks = operator == "ApprovalOperator"
            own = self._task_options.question(step, gates[0][1]) if asks else self._task_options.look(step)
            task = OperatorTask(operator=operator, variable=variable, task_id=task_id, options={**options, **own})
            builder.add(task, self._arms(step))
        names = [*(variable for variable, _ in gates), self._variables[step.name]]
        for before, after in pairwise(names):
            builder.connect(before, [after])
        return {"asked": gates[1][1]} if len(gates) > 1 else {}

    def _add_call(self, builder: _BlockBuilder, step: Step) -> str:
        """Add the task that starts the run of a deployed flow, before that which takes its results; returns its id."""
        variable, task_id, flow = self._calls[step.name]
        task = OperatorTask(
            operator="CallOperator", variable=variable, task_id=task_id, options=self._task_options.call(step, flow)
        )
        builder.add(task, self._arms(step))
        builder.connect(variable, [self._variables[step.name]])
        return task_id

    def _arms(self, step: Step) -> tuple[str, ...]:
        """The groups of the arms around a step in its block, the outermost first."""
        chain: list[Scope] = []
        scope = self._flow.scope_by_id[step.scope]
        while scope.id not in self._arm_ids and scope.kind in {"branch", "switch"} and scope.parent is not None:
            chain.append(scope)
            scope = self._flow.scope_by_id[scope.parent]
        groups = self._arm_ids.get(scope.id, ())
        for scope in reversed(chain):
            first = scope.id.removeprefix(f"{scope.opener}/")
            if len(groups) < DEEPEST_GROUP:
                groups = (*groups, self._id(f"{first}_{'branch' if scope.kind == 'branch' else 'arm'}"))
            self._arm_ids[scope.id] = groups
        return groups

    def _entry(self, name: str) -> str:
        """What edges into a step lead to."""
        if name in self._gates:
            return self._gates[name][0][0]
        if name in self._calls:
            return self._calls[name][0]
        several = name in self._prefixes and most_iterations(self._flow.by_name[name]) > 1
        return f"{self._variables[name]}[0]" if several else self._variables[name]

    def _hook_tasks(self) -> Iterator[OperatorTask]:
        """Yield the tasks of all exit hooks, each to follow the flow's last step.

        A hook for errors runs when the last step failed or could not run (`one_failed`), which Airflow decides as soon
        as that is certain; one for both, when the last step is done in whatever way. Airflow judges a run by the tasks
        that nothing follows: the hook alone would make it a success. So unless there is one for successes only, an
        empty task stands beside them, which cannot run then.
        """
        hooks = self._flow.specs.hooks
        only_success = False
        for spec in hooks:
            image = spec.options.get("image") if self._options.in_pods else None
            own: dict[str, Expression] = {"image": image} if isinstance(image, str) else {}
            for function in dict.fromkeys((*spec.on_success, *spec.on_error)):
                if function not in spec.on_error:
                    only_success = True
                    yield self._hook_task(function, own)
                else:
                    rule = "all_done" if function in spec.on_success else "one_failed"
                    yield self._hook_task(function, {"trigger_rule": rule, **own})
        if hooks and not only_success:
            task_id = self._id("succeeded")
            yield OperatorTask(operator="EmptyOperator", variable=self.names.take(task_id), task_id=task_id)

    def _hook_task(self, function: str, options: dict[str, Expression]) -> OperatorTask:
        notifies = function in {NOTIFY_SUCCESS, NOTIFY_FAILURE}
        task_id = self._id(f"{'notify' if notifies else 'exit_hook'}_{function.rpartition('.')[2]}")
        if notifies and self._options.in_pods and (secrets := notice_secrets(self._flow)):
            options = {"env_vars": client_object(secrets), **options}
        return OperatorTask(
            operator="NotifyOperator" if notifies else "HookOperator",
            variable=self.names.take(task_id),
            task_id=task_id,
            options={"function": function, **options},
        )

    def _following(self, step: Step) -> list[str]:
        """The variables of what follows a step in its own block."""
        here = self._segments[step.name], self._foreach[step.name].id
        return [
            self._entry(name)
            for name in step.targets
            if name != step.name and (self._segments[name], self._foreach[name].id) == here
        ]

    def _iteration_prefix(self, step: Step) -> str:
        """What the ids of the iterations of a recursive step begin with, so that no step has one of them."""
        prefix = f"{step.name}_"
        while not self._ids.isdisjoint(found := iteration_ids(step.name, prefix, most_iterations(step))[1:]):
            prefix += "_"
        self._ids.update(found)
        return prefix

    def _gate_names(self, step: Step) -> tuple[tuple[str, str], ...]:
        """The variables and ids of the tasks that wait before a step's own."""
        kinds = ["wait", *(["approve"] if step.specs.approval is not None else [])]
        ids = [self._id(f"{kind}_{step.name}") for kind in kinds]
        return tuple((self.names.take(task_id), task_id) for task_id in ids)

    def _id(self, wanted: str) -> str:
        """Return an id that no step has, with a number where one has it."""
        # Ids of tasks and of groups share one name space in a DAG.
        found, number = wanted, 1
        while found in self._ids:
            number += 1
            found = f"{wanted}_{number}"
        self._ids.add(found)
        return found

    def _segment_numbers(self) -> dict[str, int]:
        """How many foreach have ended before each step, in the innermost foreach body around it; 0 in the root."""
        numbers: dict[str, int] = {}
        for step in self._flow.steps:
            scope = self._foreach[step.name].id
            if scope == ROOT_SCOPE:
                numbers[step.name] = 0
            elif step.kind == "join" and self._flow.by_name[step.closes].kind in OPENERS:
                # The join of an inner foreach begins a segment: it waits for groups that wait for the group of the
                # opener.
                numbers[step.name] = numbers[step.closes] + 1
            else:
                parents = [name for name in step.parents if self._foreach[name].id == scope]
                numbers[step.name] = max((numbers[name] for name in parents), default=0)
        return numbers

    def _steps_by_segment(self) -> dict[str, list[list[Step]]]:
        """The steps of each foreach body, and of the root, by segment, in topological order."""
        found: dict[str, list[list[Step]]] = {}
        for step in self._flow.steps:
            segments = found.setdefault(self._foreach[step.name].id, [])
            while len(segments) <= self._segments[step.name]:
                segments.append([])
            segments[self._segments[step.name]].append(step)
        return found


def _loops(step: Step) -> bool:
    return step.kind == "switch" and step.recursive
