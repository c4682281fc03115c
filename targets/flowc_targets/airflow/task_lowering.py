"""From steps to tasks and mapped groups.

Airflow maps a group over a list, and cannot map within a mapped group. So the groups of all foreach stand side by side,
each mapped over the flat list of its index paths: `0.0`, `0.1`, `2.0`. A body with a foreach in it becomes several
groups, its segments: what comes before the inner foreach, and what comes after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc.protocol import env_names
from flowc_compiler.ir import ROOT_SCOPE
from flowc_targets.airflow.dag_model import Block, Edge, EmptyTask, HookTask, MappedGroup, Names, StepTask, WidthTask
from flowc_targets.airflow.pods import pod_arguments
from flowc_targets.airflow.python_printer import Call, Name
from flowc_targets.airflow.shared_values import share
from flowc_targets.base.arms import choices
from flowc_targets.kubernetes.event_names import own_finished_event
from flowc_targets.kubernetes.pod import pod_variables, step_pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step, StepSpecs
    from flowc_targets.airflow.dag_model import Node
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python_printer import Expression


def lower_steps(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> tuple[Block, dict[str, Expression]]:
    """The body of the DAG, and values that several of its tasks have in common, by name."""
    lowering = _Lowering(flow, options, sink)
    return share(lowering.root(), lowering.names)


def asset(name: str) -> Call:
    """Return an asset, which Airflow 2 calls a dataset."""
    return Call("Asset", (name,))


def markdown(text: str) -> str:
    """Documentation for Airflow, which takes a text that ends in `.md` for the name of a file."""
    return f"{text}\n" if text.endswith(".md") else text


class _Builder:
    """The nodes and edges of one block, as they are found."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._edges: dict[str, dict[str, None]] = {}

    def add(self, node: Node) -> None:
        """Add a node after those that it follows."""
        self._nodes.append(node)

    def connect(self, source: str, targets: Iterable[str]) -> None:
        """Add edges between variables."""
        self._edges.setdefault(source, {}).update(dict.fromkeys(targets))

    def block(self) -> Block:
        """What was collected."""
        edges = (Edge(source=source, targets=tuple(targets)) for source, targets in self._edges.items() if targets)
        return Block(nodes=tuple(self._nodes), edges=tuple(edges))


class _Lowering:
    """One flow on its way to a block."""

    def __init__(self, flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._options = options
        self._sink = sink
        self.names = Names()
        self._variables = {step.name: self.names.take(step.name) for step in flow.steps}
        self._choices = choices(flow)
        self._ids = {step.name for step in flow.steps}
        self._iterations = {step.name: self._iterations_of(step) for step in flow.steps if _loops(step)}
        self._numbers = _segment_numbers(flow)
        self._segments = _segments(flow, self._numbers)
        self._top = _Builder()

    def root(self) -> Block:
        """The steps outside of every foreach, each foreach of theirs right after its opener."""
        for step in self._segments[ROOT_SCOPE][0]:
            self._add_step(self._top, step, depth=0)
            if step.kind in {"foreach", "parallel"}:
                last = self._add_foreach(step.name, outer=None, after=self._variables[step.name])
                self._top.connect(last, [self._variables[self._flow.body_of(step.name).closer or ""]])
        last = self._variables[self._flow.end]
        for node in _hook_tasks(self._flow, self._options, self.names, self._id):
            self._top.add(node)
            self._top.connect(last, [node.variable])
        return self._top.block()

    def _add_foreach(self, opener: str, outer: str | None, after: str) -> str:
        """The width and the groups of one foreach, and of those in its body; the variable of the last group."""
        width = WidthTask(
            variable=self.names.take(f"{opener}_indices"), task_id=self._id(f"{opener}-indices"), opener=opener,
            outer=outer,
        )  # fmt: skip
        self._top.add(width)
        self._top.connect(after, [width.variable])
        before, last = [width.variable], ""
        for number, steps in enumerate(self._segments[opener]):
            group = self._group(opener, number, steps, width.variable)
            self._top.add(group)
            for variable in before:
                self._top.connect(variable, [group.variable])
            last = group.variable
            inner = [step.name for step in steps if step.kind in {"foreach", "parallel"}]
            before = [self._add_foreach(name, outer=width.variable, after=last) for name in inner]
        return last

    def _group(self, opener: str, number: int, steps: list[Step], width: str) -> MappedGroup:
        """One segment."""
        builder = _Builder()
        for step in steps:
            self._add_step(builder, step, depth=1)
        step = self._flow.by_name[opener]
        what = f"item of `{step.variable}`" if step.kind == "foreach" else "member of the gang"
        after = ", after the foreach in it" if number else ""
        suffix = f"-{number + 1}" if number else ""
        return MappedGroup(
            variable=self.names.take(f"{opener}_items{suffix.replace('-', '_')}"),
            function=self.names.take(f"each_of_{opener}{suffix.replace('-', '_')}"),
            group_id=self._id(f"{opener}-items{suffix}"),
            doc=f"What runs for each {what}{after}.",
            width=width,
            body=builder.block(),
        )

    def _add_step(self, builder: _Builder, step: Step, depth: int) -> None:
        """The task, and the edges to what follows it in the same block."""
        index: dict[str, Expression] = {"index": Name("index")} if depth else {}
        variable = self._variables[step.name]
        if step.name in self._iterations:
            self._add_iterations(builder, step, index)
            return
        if step.virtual:
            rule: Expression = self._trigger_rule(step)
            options = {**({"trigger_rule": rule} if rule else {}), **self._outlets(step)}
            builder.add(EmptyTask(variable=variable, task_id=step.name, options=options))
        else:
            builder.add(StepTask(variable=variable, task_id=step.name, options={**index, **self._arguments(step)}))
        if step.kind not in {"foreach", "parallel"}:
            builder.connect(variable, self._following(step))

    def _add_iterations(self, builder: _Builder, step: Step, index: dict[str, Expression]) -> None:
        """A task for each iteration that there may be: one that the iteration before does not lead to is skipped."""
        before: tuple[str, str] | None = None
        arguments = self._arguments(step)
        for number, (variable, task_id) in enumerate(self._iterations[step.name]):
            options = {**index, "step": step.name, "iteration": number, **arguments}
            if before is not None:
                options |= {"when": ((before[1], step.name),)}
                options.pop("trigger_rule", None)
                builder.connect(before[0], [variable])
            builder.add(StepTask(variable=variable, task_id=task_id, options=options))
            builder.connect(variable, self._following(step))
            before = variable, task_id

    def _following(self, step: Step) -> list[str]:
        """The variables of what follows a step in its own block."""
        here = self._place(step)
        return [self._variables[name] for name in step.targets if self._place(self._flow.by_name[name]) == here]

    def _iterations_of(self, step: Step) -> list[tuple[str, str]]:
        """The variable and the id of the task of each iteration."""
        count = step.specs.loop.max_iterations if step.specs.loop is not None else 1
        first = (self._variables[step.name], step.name)
        ids = [self._id(f"{step.name}-{number}") for number in range(2, count + 1)]
        return [first, *((self.names.take(name), name) for name in ids)]

    def _trigger_rule(self, step: Step) -> str | None:
        """What has several ways in runs after skipped arms, after a foreach of nothing, and after fewer iterations."""
        several = len(step.parents) > 1 or any(name in self._iterations for name in step.parents)
        return "none_failed" if step.kind == "join" or several else None

    def _waiting(self, specs: StepSpecs) -> int:
        """Seconds that a pod may be there before its step begins."""
        options = self._options
        return options.waits_for_node(gpu=specs.accelerator is not None) + options.startup_timeout_seconds

    def _outlets(self, step: Step) -> dict[str, Expression]:
        """What the last step tells of: other flows wait for it by `@trigger_on_finish`."""
        return {"outlets": (asset(own_finished_event(self._flow)),)} if step.name == self._flow.end else {}

    def _id(self, wanted: str) -> str:
        """An id that no step has: steps of class flows have no `-` in their names, those of pipelines may."""
        while wanted in self._ids:
            wanted += "-"
        self._ids.add(wanted)
        return wanted

    def _place(self, step: Step) -> tuple[str, int]:
        scope = self._flow.foreach_scope(step).id
        return scope, self._numbers[step.name]

    def _arguments(self, step: Step) -> dict[str, Expression]:
        """The operator's arguments."""
        kubernetes = self._options.operator == "kubernetes"
        arguments: dict[str, Expression] = {}
        specs = step.specs
        if (rule := self._trigger_rule(step)) is not None:
            arguments["trigger_rule"] = rule
        if kubernetes and step.kind in {"foreach", "parallel", "switch"}:
            arguments["callbacks"] = Name("PublishOutput")
        if made := self._choices[step.scope]:
            tasks = (
                (task, target)
                for switch, target in made
                for task in (name for _, name in self._iterations.get(switch, [("", switch)]))
            )
            arguments["when"] = tuple(tasks)
        if (most := _most_at_a_time(self._flow, step)) is not None:
            arguments["max_active_tis_per_dagrun"] = most
        if specs.retries:
            arguments["retries"] = specs.retries
            arguments["retry_delay"] = _duration(specs.retry.backoff_seconds if specs.retry is not None else 0)
        if specs.timeout is not None:
            # A pod's own deadline starts on its node. This one, for a pod that is stuck, covers the wait as well.
            waiting = self._waiting(specs) if kubernetes else 0
            arguments["execution_timeout"] = _duration(specs.timeout.seconds + waiting)
        asked = pod_variables(specs) if kubernetes else specs.environment.variables if specs.environment else {}
        if any(self._flow.by_name[parent].kind == "parallel" for parent in step.parents):
            # Attempts of Airflow's never begin anew, so that whatever a peer has written is news.
            asked = {**asked, env_names.GANG_FRESH: "1"}
        if asked:
            arguments["variables"] = asked
        if kubernetes:
            arguments.update(pod_arguments(step_pod(specs, self._options, "airflow", self._sink), specs, self._options))
        arguments.update(self._outlets(step))
        if step.doc:
            arguments["doc_md"] = markdown(step.doc)
        return arguments


def _most_at_a_time(flow: Flow, step: Step) -> int | None:
    """How many tasks of a mapped step may run at a time, where `@foreach_options` says so of its items."""
    opener = flow.foreach_scope(step).opener
    options = flow.by_name[opener].specs.foreach if opener is not None else None
    return options.parallelism if options is not None else None


def _loops(step: Step) -> bool:
    return step.kind == "switch" and step.recursive


def _segment_numbers(flow: Flow) -> dict[str, int]:
    """How many foreach have ended before each step, in the innermost foreach body that it stands in; 0 in the root."""
    numbers: dict[str, int] = {}
    for step in flow.steps:
        scope = flow.foreach_scope(step).id
        if scope == ROOT_SCOPE:
            numbers[step.name] = 0
            continue
        if step.kind == "join" and flow.by_name[step.closes].kind in {"foreach", "parallel"}:
            numbers[step.name] = numbers[step.closes] + 1
            continue
        parents = [name for name in step.parents if flow.foreach_scope(flow.by_name[name]).id == scope]
        numbers[step.name] = max((numbers[name] for name in parents), default=0)
    return numbers


def _segments(flow: Flow, numbers: dict[str, int]) -> dict[str, list[list[Step]]]:
    """The steps of each foreach body, and of the root, by segment, in topological order."""
    segments: dict[str, list[list[Step]]] = {}
    for step in flow.steps:
        found = segments.setdefault(flow.foreach_scope(step).id, [])
        while len(found) <= numbers[step.name]:
            found.append([])
        found[numbers[step.name]].append(step)
    return segments


def _duration(seconds: float) -> Expression:
    return Call("timedelta", kwargs={"seconds": int(seconds) if float(seconds).is_integer() else seconds})


def _hook_tasks(flow: Flow, options: AirflowOptions, names: Names, new_id: Callable[[str], str]) -> Iterator[Node]:
    """Yield the tasks of all hooks, each to follow the flow's last step. `new_id` makes a task's id unique.

    A hook for errors runs when the last step failed or could not run (`one_failed`), which Airflow decides as soon as
    that is certain. Airflow judges a run by the tasks that nothing follows: the hook alone would make it a success. So
    an empty task stands beside it, which cannot run then.
    """
    on_success = False
    for spec in flow.specs.exit_hooks:
        image = spec.options.get("image") if options.in_pods else None
        for rule, functions in ((None, spec.on_success), ("one_failed", spec.on_error)):
            for function in functions:
                task_id = new_id(f"exit-hook-{function.rpartition('.')[2]}")
                on_success |= rule is None
                yield HookTask(
                    variable=names.take(task_id.replace("-", "_")),
                    task_id=task_id,
                    function=function,
                    trigger_rule=rule,
                    image=image if isinstance(image, str) else None,
                )
    if flow.specs.exit_hooks and not on_success:
        task_id = new_id("succeeded")
        yield EmptyTask(variable=names.take(task_id), task_id=task_id)
