"""`@exit_hook`: functions that are called when a Workflow has ended, each in a pod of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowc_compiler.ir import LinearStep
from flowc_targets.argo.pod_templates import step_container
from flowc_targets.argo.workflow_objects import Dag, DagTask, Parameter, Parameters, Template
from flowc_targets.kubernetes.pod import StepPod

if TYPE_CHECKING:
    from flowc_compiler.ir import ExitHookSpec, Flow
    from flowc_targets.argo.options import ArgoOptions

ON_EXIT = "on-exit"
"""The template that Argo runs when everything else has ended."""
_HOOK = "exit-hook"
_SUCCESS = "{{workflow.status}} == Succeeded"
_ERROR = "{{workflow.status}} != Succeeded"


def exit_templates(flow: Flow, options: ArgoOptions, code: str) -> tuple[Template, ...]:
    """A DAG of all hooks, and the pod of one; none where the flow has none.

    A hook that fails is told of in its pod's log, and changes nothing: Argo would take it for a failure of the run.
    """
    tasks: list[DagTask] = []
    images: dict[str, Template] = {}
    for spec in flow.specs.exit_hooks:
        image = _image(spec)
        name = images.setdefault(image, _pod(flow, options, code, image, len(images))).name
        for condition, functions in ((_SUCCESS, spec.on_success), (_ERROR, spec.on_error)):
            for function in functions:
                arguments = Parameters(parameters=(Parameter(name="function", value=function),))
                tasks.append(DagTask(name=f"hook-{len(tasks)}", template=name, arguments=arguments, when=condition))
    if not tasks:
        return ()
    return (Template(name=ON_EXIT, dag=Dag(tasks=tuple(tasks))), *images.values())


def _image(spec: ExitHookSpec) -> str:
    image = spec.options.get("image")
    return image if isinstance(image, str) else ""


def _pod(flow: Flow, options: ArgoOptions, code: str, image: str, number: int) -> Template:
    """The pod of a hook is that of a step that asks for nothing."""
    container = step_container(flow, LinearStep(name=_HOOK, span=flow.span), options, StepPod(), code)
    command = (*container.command[:-1], "hook")
    args = ("{{inputs.parameters.function}}", "--forgive")
    return Template(
        name=f"{_HOOK}-{number + 1}" if number else _HOOK,
        inputs=Parameters(parameters=(Parameter(name="function"),)),
        container=replace(container, command=command, args=args, image=image or container.image),
    )
