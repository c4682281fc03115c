"""Recursion: a DAG template of one iteration, which calls itself for as long as the switch leads to itself.

Each iteration is one nested call more, and the controller goes 100 deep (operator.go, maxCallStackDepth). The index of
the next iteration leaves the pod as an output. What the last iteration has chosen cannot come up through the calls, as
Argo has no way to read an output of a task that may have been skipped: where there are several ways on, a pod of its
own looks it up.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_compiler.ir import LinearStep
from flowc_targets.argo.dependencies import CHOICE, goes_on_by_choice
from flowc_targets.argo.pod_templates import INDEX_INPUT, OUTPUTS_FOLDER, STEP_INPUT, choice_output, step_container
from flowc_targets.argo.workflow_objects import Dag, DagTask, Parameter, Parameters, RetryStrategy, Template
from flowc_targets.kubernetes.pod import StepPod

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step, SwitchStep
    from flowc_targets.argo.dags import Dags
    from flowc_targets.argo.options import ArgoOptions

LOOK_UP = "choice"
"""The template of the pod that looks up what the last iteration has chosen."""
NEXT = "next"
"""The output of an iteration: the index of the one that follows."""
_AGAIN = "again"


def loop_tasks(dags: Dags, step: Step, root: bool) -> list[DagTask]:
    """The tasks of a recursive switch in the DAG that it stands in: all iterations, then the choice if there is one."""
    base = "-" if root else INDEX_INPUT
    first = "0" if root else f"{INDEX_INPUT}.0"
    name, loop = dags.tasks[step.name], dags.loops[step.name]
    depends, when = dags.waits.depends(step), dags.waits.when(step)
    arguments = Parameters(parameters=(Parameter(name="index", value=first),))
    by_choice = goes_on_by_choice(step)
    iterations = DagTask(
        name=loop if by_choice else name, template=loop, depends=depends, when=when, arguments=arguments
    )
    if not by_choice:
        return [iterations]
    arguments = Parameters(parameters=(Parameter(name="step", value=step.name), Parameter(name="index", value=base)))
    return [iterations, DagTask(name=name, template=LOOK_UP, depends=f"{loop}.Succeeded", arguments=arguments)]


def loop_template(dags: Dags, step: SwitchStep) -> Template:
    """The DAG of one iteration and, if there is a next one, of all that follow."""
    name, loop = dags.tasks[step.name], dags.loops[step.name]
    outputs = f"tasks.{name}.outputs.parameters"
    following = Parameter(name="index", value=f"{{{{{outputs}.{NEXT}}}}}")
    again = DagTask(
        name=_AGAIN,
        template=loop,
        depends=name,
        when=f"'{{{{{outputs}.{CHOICE}}}}}' == '{step.name}'",
        arguments=Parameters(parameters=(following,)),
    )
    leaf = dags.leaves[step.name].name
    iteration = DagTask(name=name, template=leaf, arguments=dags.arguments(step, INDEX_INPUT))
    inputs = Parameters(parameters=(Parameter(name="index"),))
    return Template(name=loop, inputs=inputs, dag=Dag(tasks=(iteration, again)))


def look_up_template(flow: Flow, options: ArgoOptions, code: str) -> Template:
    """The pod is that of a step that asks for nothing."""
    container = step_container(flow, LinearStep(name=LOOK_UP, span=flow.span), options, StepPod(), code)
    command = (*container.command[:-1], "choice")
    args = ("--step", STEP_INPUT, "--index", INDEX_INPUT, "--outputs", OUTPUTS_FOLDER)
    return Template(
        name=LOOK_UP,
        inputs=Parameters(parameters=(Parameter(name="step"), Parameter(name="index"))),
        outputs=choice_output(),
        retry_strategy=RetryStrategy(limit="3"),
        container=replace(container, command=command, args=args),
    )
