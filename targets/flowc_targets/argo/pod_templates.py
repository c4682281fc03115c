"""The templates of pods: of steps, of exit hooks, and of the look-up of a choice.

Steps that need the same pod share a template, which takes the step's name as an input.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from flowc.protocol import NOTIFY_FAILURE, NOTIFY_SUCCESS, env_names
from flowc.protocol.encodings import TIMED_OUT
from flowc_targets.argo.argo_expressions import InputParameter, WorkflowSucceeded
from flowc_targets.argo.container_sets import as_container_set, patch_of_set
from flowc_targets.argo.kueue import grouped
from flowc_targets.argo.locks import synchronization
from flowc_targets.argo.manifest_text import defused, env_value, named_deployment, unique_names
from flowc_targets.argo.patches import with_pod_patch
from flowc_targets.argo.retry_strategies import LOST_POD, NOT_YET_POD, attempts_patch, retry_strategy
from flowc_targets.argo.shim_containers import ANSWER, ShimContainers
from flowc_targets.argo.workflow_objects import (
    Backoff,
    ContinueOn,
    DagTask,
    Parameter,
    RetryStrategy,
    Template,
    ValueFrom,
)
from flowc_targets.kubernetes.objects import PRESENT, EnvVar, ObjectMeta
from flowc_targets.kubernetes.pod import StepPod, group_variables, notice_secrets, step_pod
from flowc_targets.package.project_names import called_deployment

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ApprovalSpec, CommandSpec, Flow, FlowCall, LockSpec, Step
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.kubernetes.package_maps import Delivery

OUTPUTS_FOLDER = "/tmp/flowc"  # noqa: S108 (a folder in the pod, nobody else's)
ON_EXIT = "on-exit"
"""The template that Argo runs when everything else has ended."""
LOOK_UP = "choice"
"""The template of the pod that looks up what the last iteration of a recursive switch has chosen."""
CHOICE = "choice"
"""The output of a switch's task: the name of the step that it leads to."""
COUNT = "count"
"""The output of an opener: how many items its foreach or gang has."""
PAUSE = "pause"
"""The output of a pod that looks, and the input of the pause behind it: how long that is, at most."""
NEXT = "next"
"""The output of an iteration: the index of the one that follows."""
STEP, INDEX = InputParameter("step"), InputParameter("index")
"""The inputs of a step's template."""

_SPARE_LOOKS = 10
"""How many more attempts such a pod has than its time has looks: what it waits too long for, it says itself."""
_FOREVER = 10**6
_CALL_SECONDS = 30
"""Seconds between two looks at the run of a deployed flow that a step calls."""

_HOOK = "exit-hook"
NOTIFY = "notify"
"""The template of the pod that sends notifications."""
NOTICE_SECONDS = 600
"""How long that may take, the pull of its image included."""


@dataclass(frozen=True, slots=True)
class StepTemplates:
    """The templates of steps."""

    by_name: dict[str, Template]
    """Step to template; several steps may have the same."""
    shared: frozenset[str]
    """The names of templates that take the step's name as an input."""
    gates: dict[str, tuple[Template, ...]]
    """Of steps that wait: the templates of what they wait for, in order, each with the name of its task."""

    def takes_name(self, step: str) -> bool:
        """Whether a step's template takes the step's name."""
        return self.by_name[step].name in self.shared


class _Needs(NamedTuple):
    """What the template of a step depends on: steps with equal needs share one."""

    pod: StepPod
    retry: RetryStrategy | None
    outputs: dict[str, str]
    """The outputs by name, each with its value for a task that ended before it wrote one."""
    nested: bool
    """Whether the step is in a foreach or gang, so that it has an index."""
    takes_parameters: bool
    gang: str
    """The step's name where its pods are a group of Kueue's, which is a group of one step; else empty."""
    command: str
    """Of the shim: `task`, or `group` for the tasks of a pod group."""
    answered: bool
    """Whether it takes what a person has chosen."""
    container: CommandSpec | None = None
    """What a step with `@container` runs."""
    attempts: str | None = None
    """The patch that makes the pod of each attempt."""
    locks: tuple[LockSpec, ...] = ()
    """The locks that a task holds, without where they stand."""


class PodTemplates:
    """Makes the templates of one flow's pods."""

    def __init__(self, flow: Flow, options: ArgoOptions, code: str, delivery: Delivery) -> None:
        """`code` is the ConfigMap with values that may not stand in a template, and with the code by default."""
        self._flow = flow
        self._options = options
        self._containers = ShimContainers(flow, options, code, delivery)

    def steps(self, target: str, sink: DiagnosticSink) -> StepTemplates:
        """The template of each step. Collects FC501 for types of GPUs that are not known."""
        groups: dict[str, list[str]] = {}
        needs: dict[str, _Needs] = {}
        for step in self._flow.steps:
            if not step.virtual:
                found = self._needs(step, target, sink)
                groups.setdefault(key := repr(found), []).append(step.name)
                needs.setdefault(key, found)
        own = unique_names("s-", [step.name for step in self._flow.steps])
        by_name: dict[str, Template] = {}
        shared: dict[str, int] = {"item": 0, "task": 0}
        names: set[str] = set()
        for key, members in groups.items():
            if len(members) == 1:
                by_name[members[0]] = self._template(own[members[0]], needs[key], members[0])
                continue
            kind = "item" if needs[key].nested else "task"
            shared[kind] += 1
            name = kind if shared[kind] == 1 else f"{kind}-{shared[kind]}"
            names.add(name)
            by_name |= dict.fromkeys(members, self._template(name, needs[key], None))
        ordered = {step.name: by_name[step.name] for step in self._flow.steps if step.name in by_name}
        return StepTemplates(ordered, frozenset(names), self._gates(target, sink))

    def _gates(self, target: str, sink: DiagnosticSink) -> dict[str, tuple[Template, ...]]:
        """The templates of what steps wait for: a pod that looks, and behind it a pause that a person ends."""
        gated = [step for step in self._flow.steps if step.specs.gated and not step.virtual]
        waits = unique_names("wait-", [step.name for step in gated])
        asks = unique_names("ask-", [step.name for step in gated if step.specs.approval is not None])
        found: dict[str, tuple[Template, ...]] = {}
        for step in gated:
            found[step.name] = (self._look(step, waits[step.name], target, sink),)
            if step.specs.approval is not None:
                found[step.name] += (self._pause(step, step.specs.approval, asks[step.name]),)
        calls = [call for call in self._flow.calls if call.deployed is not None]
        names = unique_names("call-", [call.step for call in calls])
        for call in calls:
            found[call.start] = (self._caller(call, names[call.step], target, sink),)
        return found

    def _caller(self, call: FlowCall, name: str, target: str, sink: DiagnosticSink) -> Template:
        """The pod that starts the run of a deployed flow, and looks until it has ended."""
        step = self._flow.by_name[call.start]
        pod = step_pod(step.specs.looking, self._options, target, sink, self._options.qos)
        variables = {env_names.CALLED_TEMPLATE: named_deployment(called_deployment(self._flow, call))}
        needs = _Needs(
            pod=pod.replace(env={**pod.env, **variables}),
            retry=RetryStrategy(
                limit=str(_FOREVER), expression=NOT_YET_POD, backoff=Backoff(duration=f"{_CALL_SECONDS}s")
            ),
            outputs={},
            nested=self._flow.depth(step) > 0,
            takes_parameters=False,
            gang="",
            command="wait",
            answered=False,
        )
        return self._template(name, needs, step.name)

    def _look(self, step: Step, name: str, target: str, sink: DiagnosticSink) -> Template:
        """The pod that looks for what a step waits for, with what it takes to get there, and no more."""
        pod = step_pod(step.specs.looking, self._options, target, sink, self._options.qos)
        needs = _Needs(
            pod=pod,
            retry=self._retry_looks(step),
            outputs={PAUSE: _pause_limit(step.specs.approval)} if self._may_skip_pause(step) else {},
            nested=self._flow.depth(step) > 0,
            takes_parameters=False,
            gang="",
            command="wait",
            container=None,
            answered=False,
        )
        return self._template(name, needs, step.name)

    def _may_skip_pause(self, step: Step) -> bool:
        """Whether a step has a pause that is over at once where a run is resumed which has done the step."""
        return step.specs.approval is not None and env_names.ORIGIN_RUN_ID in self._containers.run_variables

    def _retry_looks(self, step: Step) -> RetryStrategy:
        waits = step.specs.waits
        if not waits:
            return RetryStrategy(limit=str(self._options.lost_pods(group=False) or 3), expression=LOST_POD)
        every = min(wait.every for wait in waits)
        looks = min(ceil(max(wait.timeout for wait in waits) / every) + _SPARE_LOOKS, _FOREVER)
        return RetryStrategy(limit=str(looks), expression=NOT_YET_POD, backoff=Backoff(duration=f"{every:g}s"))

    def _pause(self, step: Step, spec: ApprovalSpec, name: str) -> Template:
        """The pause that a person ends: Argo's UI shows an input of the output's name, with its choices."""
        choices = spec.choices
        inputs = [
            Parameter(name=ANSWER, default=spec.default or choices[0], enum=choices, description=defused(spec.message))
            if choices
            else Parameter(name=ANSWER, default=spec.default or "", description=defused(spec.message)),
            Parameter(name=STEP.name, value=step.name),
            *([Parameter(name=INDEX.name)] if self._flow.depth(step) else []),
        ]
        limit = _pause_limit(spec)
        if self._may_skip_pause(step):
            inputs.append(Parameter(name=PAUSE))
            limit = str(InputParameter(PAUSE))
        supplied = ValueFrom(supplied=PRESENT, default=TIMED_OUT)
        duration = {"duration": limit} if limit else PRESENT
        outputs = (Parameter(name=ANSWER, value_from=supplied),)
        return Template(name=name, inputs=tuple(inputs), outputs=outputs, suspend=duration)

    def look_up(self) -> Template:
        """The pod that looks up a choice is that of a step that needs nothing."""
        args = ("--step", str(STEP), "--index", str(INDEX), "--outputs", OUTPUTS_FOLDER)
        template = Template(
            name=LOOK_UP,
            inputs=(Parameter(name=STEP.name), Parameter(name=INDEX.name)),
            outputs=_outputs({CHOICE: ""}),
            retry_strategy=RetryStrategy(limit="3"),
            container=self._containers.container(StepPod(), "choice", args),
        )
        return self._patched(template)

    def exit_hooks(self) -> list[Template]:
        """A DAG of all hooks and the pod of each image; none where the flow has no hooks.

        A hook that fails is reported in its pod's log and changes nothing: Argo would take it for a failed run.
        """
        tasks: list[DagTask] = []
        images: dict[str, Template] = {}
        for spec in self._flow.specs.hooks:
            image = spec.options.get("image")
            image = image if isinstance(image, str) else ""
            notifies = bool({NOTIFY_SUCCESS, NOTIFY_FAILURE} & {*spec.on_success, *spec.on_error})
            if notifies:
                pod = images.setdefault(NOTIFY, self._notice_pod())
            else:
                pod = images.setdefault(image, self._hook_pod(image, len(images)))
            for succeeded, functions in ((True, spec.on_success), (False, spec.on_error)):
                for function in functions:
                    arguments = (Parameter(name="function", value=function),)
                    when = WorkflowSucceeded(succeeded)
                    task = DagTask(name=f"hook-{len(tasks)}", template=pod.name, arguments=arguments, when=when)
                    tasks.append(task.replace(continue_on=ContinueOn()) if notifies else task)
        return [Template(name=ON_EXIT, dag=tuple(tasks)), *images.values()] if tasks else []

    def _hook_pod(self, image: str, number: int) -> Template:
        args = (str(InputParameter("function")), "--forgive")
        template = Template(
            name=f"{_HOOK}-{number + 1}" if number else _HOOK,
            inputs=(Parameter(name="function"),),
            container=self._containers.container(StepPod(image=image or None), "hook", args),
        )
        return self._patched(template)

    def _notice_pod(self) -> Template:
        """The pod that sends notifications. Argo waits for it: it has an end."""
        pod = self._hook_pod("", 0)
        container = pod.container
        assert container is not None
        env: tuple[EnvVar, ...] = (EnvVar(name=env_names.RUN_SECONDS, value="{{workflow.duration}}"),)
        if self._options.ui_url is not None:
            home = env_value(self._options.ui_url.rstrip("/"))
            url = f"{home}/workflows/{{{{workflow.namespace}}}}/{{{{workflow.name}}}}"
            env = (*env, EnvVar(name=env_names.RUN_URL, value=url))
        own = container.replace(env=(*container.env, *env, *notice_secrets(self._flow)))
        return pod.replace(name=NOTIFY, active_deadline_seconds=NOTICE_SECONDS, container=own)

    def _needs(self, step: Step, target: str, sink: DiagnosticSink) -> _Needs:
        gang = self._is_gang_member(step)
        pod = step_pod(step.specs.of_attempt(0), self._options, target, sink, self._options.qos)
        group = step.name in self._flow.group_of
        return _Needs(
            pod=pod.replace(env={**group_variables(self._options), **pod.env}) if group else pod,
            retry=retry_strategy(self._flow, step, self._options, gang=gang),
            attempts=None if group else attempts_patch(step, self._options, target, sink),
            outputs=_output_defaults(step),
            nested=self._flow.depth(step) > 0,
            takes_parameters=step.name == self._flow.start and bool(self._flow.run_parameters),
            gang=step.name if gang and self._options.kueue_queue is not None else "",
            command="group" if group else "task",
            answered=step.specs.approval is not None,
            container=step.specs.command.model_copy(update={"span": None}) if step.specs.command is not None else None,
            locks=tuple(lock.model_copy(update={"span": None}) for lock in step.specs.locks),
        )

    def _is_gang_member(self, step: Step) -> bool:
        return any(self._flow.by_name[name].kind == "parallel" for name in step.parents)

    def _template(self, name: str, needs: _Needs, step: str | None) -> Template:
        """The template of the one `step` that has these needs; of several, with the step's name as an input."""
        pod = needs.pod
        names = [*([STEP.name] if step is None else []), *([INDEX.name] if needs.nested else [])]
        names += [ANSWER] if needs.answered else []
        attempt = "{{retries}}" if needs.retry is not None else "0"
        option = "--group" if needs.command == "group" else "--step"
        args = [option, step or str(STEP), "--index", str(INDEX) if needs.nested else "-"]
        args += ["--attempt", attempt] if needs.command != "wait" else []
        args += ["--outputs", OUTPUTS_FOLDER] if needs.outputs else []
        template = Template(
            name=name,
            metadata=ObjectMeta(labels=pod.labels, annotations=pod.annotations)
            if pod.labels or pod.annotations
            else None,
            inputs=tuple(Parameter(name=name) for name in names),
            outputs=_outputs(needs.outputs),
            synchronization=synchronization(needs.locks, self._options),
            retry_strategy=needs.retry,
            active_deadline_seconds=pod.active_deadline_seconds,
            service_account_name=pod.service_account_name,
            node_selector=pod.node_selector,
            tolerations=pod.tolerations,
            affinity=pod.affinity,
            priority_class_name=pod.priority_class_name,
            scheduler_name=pod.scheduler_name,
            security_context=pod.pod_security_context,
            container=self._containers.container(
                pod, needs.command, tuple(args), takes_parameters=needs.takes_parameters, answered=needs.answered
            ),
            volumes=pod.volumes,
        )
        if needs.container is not None:
            template = as_container_set(template, needs.container, OUTPUTS_FOLDER)
        template = self._patched(grouped(template, needs.gang) if needs.gang else template)
        template = with_pod_patch(template, pod.patch) if pod.patch else template
        return template.patched({"podSpecPatch": needs.attempts}) if needs.attempts is not None else template

    def _patched(self, template: Template) -> Template:
        """The template of a pod with what all of them are patched with."""
        patch = self._options.template_patch
        return template.patched(patch if template.container_set is None else patch_of_set(patch))


def _pause_limit(spec: ApprovalSpec | None) -> str:
    """How long a pause is; empty where it has no end."""
    return "" if spec is None or spec.timeout is None else f"{ceil(spec.timeout)}s"


def _output_defaults(step: Step) -> dict[str, str]:
    """What a task writes for the controller, each with its value for a task that ended before it could."""
    match step.kind:
        case "foreach" | "parallel":
            return {COUNT: "0"}
        case "switch":
            return {CHOICE: "", NEXT: ""} if step.recursive else {CHOICE: ""}
        case _:
            return {}


def _outputs(defaults: dict[str, str]) -> tuple[Parameter, ...]:
    sources = {name: ValueFrom(path=f"{OUTPUTS_FOLDER}/{name}", default=value) for name, value in defaults.items()}
    return tuple(Parameter(name=name, value_from=source) for name, source in sources.items())
