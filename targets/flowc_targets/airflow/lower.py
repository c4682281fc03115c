"""From the IR to the model of a DAG file."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from flowc._version import __version__
from flowc_compiler.ir import ROOT_SCOPE
from flowc_targets.airflow.model import Block, DagFile, Edge, MappedGroup, StepTask, WidthTask
from flowc_targets.airflow.names import Names
from flowc_targets.airflow.params import dag_param
from flowc_targets.airflow.pods import pod_arguments, pod_defaults
from flowc_targets.airflow.python import Call, Name
from flowc_targets.base.package import content_hash, package_files, zip_files

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_compiler.source import SourceFile
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python import Expression

START_DATE = Call("datetime", (2024, 1, 1), {"tzinfo": Name("timezone.utc")})
"""Fixed, since Airflow wants one; without a schedule it means nothing."""


def lower(flow: Flow, source: SourceFile, options: AirflowOptions, sink: DiagnosticSink) -> DagFile:
    """The DAG file of a flow that `check` found nothing wrong with."""
    files = package_files(flow, source)
    return DagFile(
        operator=options.operator,
        version=__version__,
        source=PurePath(flow.file).name,
        flow=flow.name,
        source_hash=flow.source_hash,
        code_hash=content_hash(files),
        start=flow.start,
        root=options.root or "",
        tags=options.tags,
        env=options.env,
        python=_python(options),
        params=tuple(dag_param(parameter) for parameter in flow.parameters),
        dag=_dag(flow, options),
        body=_Lowering(flow, options, sink).block(ROOT_SCOPE),
        code=zip_files(files),
    )


def dag_id(flow: Flow, options: AirflowOptions) -> str:
    """The id of the DAG."""
    return options.dag_id or flow.name


def _python(options: AirflowOptions) -> str | None:
    """The interpreter; for local processes the worker's own, unless one was asked for."""
    return None if options.operator == "local" and "python" not in options.model_fields_set else options.python


def _dag(flow: Flow, options: AirflowOptions) -> dict[str, Expression]:
    defaults: dict[str, Expression] = {"retries": 0}
    if options.pool is not None:
        defaults["pool"] = options.pool
    if options.operator == "kubernetes":
        defaults.update(pod_defaults(options))
    arguments: dict[str, Expression] = {
        "dag_id": dag_id(flow, options),
        "schedule": None,
        "start_date": START_DATE,
        "catchup": False,
        "is_paused_upon_creation": False,
    }
    if flow.doc:
        arguments["doc_md"] = markdown(flow.doc)
    if options.tags:
        arguments["tags"] = options.tags
    if options.max_active_tasks is not None:
        arguments["max_active_tasks"] = options.max_active_tasks
    return {**arguments, "default_args": defaults}


def markdown(text: str) -> str:
    """Documentation for Airflow, which takes a text that ends in `.md` for the name of a file."""
    return f"{text}\n" if text.endswith(".md") else text


class _Lowering:
    """One flow on its way to blocks: the root, and a mapped group for each foreach in it."""

    def __init__(self, flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
        self._flow = flow
        self._options = options
        self._sink = sink
        names = Names()
        self._variables = {step.name: names.take(step.name) for step in flow.steps}
        self._names = names
        self._members: dict[str, list[Step]] = {scope.id: [] for scope in flow.scopes}
        for step in flow.steps:
            self._members[flow.foreach_scope(step).id].append(step)

    def block(self, scope: str) -> Block:
        """The steps of a foreach scope, its branches included; what stands in a foreach below it becomes a group."""
        nodes: list[StepTask | WidthTask | MappedGroup] = []
        edges: list[Edge] = []
        for step in self._members[scope]:
            nodes.append(self._task(step))
            if step.kind == "foreach":
                nodes += self._foreach(step.name)
                width, group = nodes[-2:]
                closer = self._flow.body_of(step.name).closer
                edges.append(Edge(source=self._variables[step.name], targets=(width.variable,)))
                edges.append(Edge(source=width.variable, targets=(group.variable,)))
                edges.append(Edge(source=group.variable, targets=(self._variables[closer or ""],)))
                continue
            inside = [name for name in step.targets if self._flow.foreach_scope(self._flow.by_name[name]).id == scope]
            if inside:
                targets = tuple(self._variables[name] for name in inside)
                edges.append(Edge(source=self._variables[step.name], targets=targets))
        return Block(nodes=tuple(nodes), edges=tuple(edges))

    def _foreach(self, opener: str) -> tuple[WidthTask, MappedGroup]:
        """The width and the body. Their ids have a `-`, which no step's name has."""
        width = WidthTask(
            variable=self._names.take(f"{opener}_indices"),
            task_id=f"{opener}-indices",
            opener=self._variables[opener],
        )
        step = self._flow.by_name[opener]
        variable = step.variable if step.kind == "foreach" else ""
        group = MappedGroup(
            variable=self._names.take(f"{opener}_items"),
            function=self._names.take(f"each_of_{opener}"),
            group_id=f"{opener}-items",
            doc=f"What runs for each item of `{variable}`.",
            width=width.variable,
            body=self.block(self._flow.body_of(opener).id),
        )
        return width, group

    def _task(self, step: Step) -> StepTask:
        return StepTask(variable=self._variables[step.name], task_id=step.name, options=self._arguments(step))

    def _arguments(self, step: Step) -> dict[str, Expression]:
        """The operator's arguments. A join runs after skipped arms and after a foreach of nothing, too."""
        kubernetes = self._options.operator == "kubernetes"
        arguments: dict[str, Expression] = {}
        specs = step.specs
        if step.kind == "join":
            arguments["trigger_rule"] = "none_failed"
        if kubernetes and step.kind == "foreach":
            arguments["callbacks"] = Name("PublishCount")
        if specs.retry is not None and specs.retry.limit:
            arguments["retries"] = specs.retry.limit
            arguments["retry_delay"] = _duration(specs.retry.backoff_seconds)
        if specs.timeout is not None:
            # A pod's own deadline starts on its node. This one, for a pod that is stuck, covers the wait as well.
            waiting = self._options.startup_timeout_seconds if kubernetes else 0
            arguments["execution_timeout"] = _duration(specs.timeout.seconds + waiting)
        if specs.environment is not None and specs.environment.variables:
            arguments["variables"] = specs.environment.variables
        if kubernetes:
            arguments.update(pod_arguments(specs, self._options, self._sink))
        if step.doc:
            arguments["doc_md"] = markdown(step.doc)
        return arguments


def _duration(seconds: float) -> Expression:
    return Call("timedelta", kwargs={"seconds": int(seconds) if float(seconds).is_integer() else seconds})
