"""From the IR to Argo's objects: a DAG for each foreach body, a task for each step, counts and indices only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.bounds import MOST_TASKS
from flowc_targets.argo.chunking import chunked
from flowc_targets.argo.dags import make_dags
from flowc_targets.argo.dependencies import goes_on_by_choice
from flowc_targets.argo.fanouts import capped_template, fan_out
from flowc_targets.argo.hooks import exit_templates
from flowc_targets.argo.loops import LOOK_UP, look_up_template, loop_tasks, loop_template
from flowc_targets.argo.pod_templates import INDEX_INPUT, leaf_templates
from flowc_targets.argo.workflow import ENTRYPOINT, wrap
from flowc_targets.argo.workflow_objects import Dag, DagTask, Parameter, Parameters, Suspend, Template

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step
    from flowc_targets.argo.dags import Dags
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.argo.workflow_objects import Workflow

NOTHING = "nothing"
"""The template of a task that has no pod and is done at once."""


def lower(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink, code: str) -> Workflow:
    """The object of a flow whose code is in the ConfigMap `code`."""
    leaves, shared = leaf_templates(flow, options, target, sink, code)
    dags = make_dags(flow, leaves, shared)
    scopes = [_dag(dags, scope) for scope in dags.members if scope in dags.bodies or dags.is_root(scope)]
    extra = [capped_template(dags, flow.by_name[name]) for name in dags.capped]
    loops = [step for step in flow.steps if step.kind == "switch" and step.recursive]
    extra += [loop_template(dags, step) for step in loops]
    unique = {leaf.name: leaf for leaf in leaves.values()}
    if any(goes_on_by_choice(step) for step in loops):
        unique[LOOK_UP] = look_up_template(flow, options, code)
    if any(task.template == NOTHING for scope in scopes if scope.dag for task in scope.dag.tasks):
        unique[NOTHING] = Template(name=NOTHING, suspend=Suspend(duration="0"))
    hooks = exit_templates(flow, options, code)
    dag_templates = [*scopes, *extra]
    if options.crds == "full":
        dag_templates = chunked(dag_templates, MOST_TASKS)
    return wrap(flow, options, code, (*dag_templates, *unique.values(), *hooks))


def _dag(dags: Dags, scope: str) -> Template:
    """The DAG template of a foreach body or of the whole flow."""
    root = dags.is_root(scope)
    tasks: list[DagTask] = []
    for name in dags.members[scope]:
        step = dags.flow.by_name[name]
        tasks += loop_tasks(dags, step, root) if name in dags.loops else [_task(dags, step, root)]
        tasks += [
            DagTask(name=signal.name, template=NOTHING, depends=signal.depends, when=signal.when)
            for signal in dags.waits.signals(step)
        ]
        if step.kind in {"foreach", "parallel"} and dags.members[name]:
            tasks.append(fan_out(dags, step, root))
    return Template(
        name=ENTRYPOINT if root else dags.bodies[scope],
        inputs=None if root else Parameters(parameters=(Parameter(name="index"),)),
        dag=Dag(tasks=tuple(tasks)),
    )


def _task(dags: Dags, step: Step, root: bool) -> DagTask:
    return DagTask(
        name=dags.tasks[step.name],
        template=dags.leaves[step.name].name,
        depends=dags.waits.depends(step),
        when=dags.waits.when(step),
        arguments=dags.arguments(step, None if root else INDEX_INPUT),
    )
