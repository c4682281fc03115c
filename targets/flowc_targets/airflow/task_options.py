"""The options of tasks: their pods, variables and retries, and when they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from flowc.protocol import env_names
from flowc_targets.airflow.dag_model import Call, Name, iteration_ids, pod_arguments, to_expression
from flowc_targets.airflow.documentation import markdown
from flowc_targets.kubernetes.container_step import command_words
from flowc_targets.kubernetes.pod import group_variables, pod_variables, step_pod, timeout_variables
from flowc_targets.package.project_names import deployment_name, finished_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import AirflowSpec, CommandSpec, Flow, Scope, Step, StepSpecs
    from flowc_targets.airflow.dag_model import Expression
    from flowc_targets.airflow.options import AirflowOptions

OPENERS = frozenset({"foreach", "parallel"})
"""The kinds of steps that open a foreach or a gang."""
LOST_PODS = 3
"""How often a pod of several tasks that was lost is replaced."""
_OF_ATTEMPTS: dict[str, Expression] = {
    "container_resources": None, "node_selector": {}, "tolerations": (), "affinity": None,
}  # fmt: skip
"""What attempts of a step may differ in, and what stands for none of it."""


class Choice(NamedTuple):
    """A target that a switch has chosen."""

    switch: str
    target: str


def asset(name: str) -> Call:
    """Return an asset, which Airflow 2 calls a dataset."""
    return Call("Asset", (name,))


def finished_asset(deployment: str) -> Call:
    """Return the asset of a deployed flow's success. Airflow 2 takes no names with other letters than ASCII's."""
    return asset("".join(char if char.isascii() else quote(char) for char in finished_event(deployment)))


class TaskOptions:
    """The options of the tasks of one flow."""

    def __init__(
        self,
        flow: Flow,
        options: AirflowOptions,
        callbacks: Mapping[str, str],
        prefixes: Mapping[str, str],
        sink: DiagnosticSink,
    ) -> None:
        """`callbacks` are the names of what Airflow calls, and `prefixes` what ids of iterations begin with."""
        self._flow = flow
        self._options = options
        self._callbacks = callbacks
        self._prefixes = prefixes
        self._sink = sink
        self._choices = switch_choices(flow)

    def common(self, step: Step) -> dict[str, Expression]:
        """Options of every operator: when the task runs, and the asset that the last step updates.

        A task with several ways in runs after skipped arms, after a foreach of nothing, and after fewer iterations.
        """
        several = len(step.parents) > 1 or any(name in self._prefixes for name in step.parents)
        options: dict[str, Expression] = {"trigger_rule": "none_failed"} if step.kind == "join" or several else {}
        if step.name == self._flow.end:
            options["outlets"] = (finished_asset(deployment_name(self._flow)),)
        return options

    def step(self, step: Step) -> dict[str, Expression]:
        """Options of the StepOperator."""
        specs, in_pods = step.specs.of_attempt(0), self._options.in_pods
        common = self.common(step)
        outlets = common.pop("outlets", None)
        options: dict[str, Expression | None] = {**common}
        opener = self._flow.foreach_scope(step).opener
        bounds = self._flow.by_name[opener].specs.foreach if opener is not None else None
        labelled = bounds is not None and bool(bounds.label)
        call = self._flow.call_of.get(step.name)
        says = step.kind in {*OPENERS, "switch"} or (call is not None and call.deployed is not None)
        if in_pods and (labelled or says):
            options["callbacks"] = Name("PublishOutput")
        options["labelled"] = labelled or None
        options["when"] = self._when(step)
        options["max_active_tis_per_dagrun"] = bounds.parallelism if bounds is not None else None
        group = self._flow.group_of.get(step.name)
        if group is not None:
            # What fails in it for good fails at once: see the operators.
            options |= {"group": True, "retries": LOST_PODS + group.retries, "retry_delay": _duration(0)}
        elif specs.retries or (specs.retry is not None and self._options.retries):
            options["retries"] = specs.retries
        if specs.retries:
            options["retry_delay"] = _duration(specs.retry.wait_before(1) if specs.retry is not None else 0)
        if group is None and specs.retry is not None and not specs.survives:
            options["retry_on"] = specs.retry.on
        if specs.timeout is not None:
            # The step ends itself. A pod's own deadline, for one that is stuck, starts on its node; this one covers the
            # wait as well.
            waiting = self._options.most_startup_seconds(gpu=specs.accelerator is not None) if in_pods else 0
            options["execution_timeout"] = _duration(specs.timeout.seconds + self._options.timeout_grace + waiting)
        if specs.airflow is not None:
            options |= self._airflow_options(specs.airflow)
            outlets = (*map(asset, specs.airflow.outlets), *(outlets if isinstance(outlets, tuple) else ()))
        if specs.locks:
            options["pool"] = specs.locks[0].name
        options["variables"] = self._variables_of(step)
        if in_pods:
            if specs.command is not None:
                options |= _container_options(specs.command)
            pod = pod_arguments(step_pod(specs, self._options, "airflow", self._sink), specs, self._options)
            options |= pod
            options["attempts"] = self._attempts(specs, pod) if group is None else None
        options["outlets"] = outlets
        options["doc_md"] = markdown(step.doc) if step.doc else None
        return {name: value for name, value in options.items() if value is not None and value not in ((), {})}

    def _attempts(self, specs: StepSpecs, first: dict[str, Expression]) -> Expression:
        """What the second attempt and each one after it needs, where it is not what the first needs."""
        policy = specs.retry
        if policy is None or len(policy.attempts) < 2:
            return None
        found: list[Expression] = []
        for number in range(1, min(len(policy.attempts), policy.limit + 1)):
            own = specs.of_attempt(number)
            pod = pod_arguments(step_pod(own, self._options, "airflow", self._sink), own, self._options)
            names = (name for name in _OF_ATTEMPTS if pod.get(name) != first.get(name))
            found.append({name: pod.get(name, _OF_ATTEMPTS[name]) for name in names})
        return tuple(found) if any(found) else None

    def _airflow_options(self, spec: AirflowSpec) -> dict[str, Expression | None]:
        """What `@airflow_options` says, but for the assets that the step updates."""
        return {
            "owner": spec.owner,
            "pool": spec.pool,
            "priority_weight": spec.priority_weight,
            "queue": spec.queue,
            "executor_config": to_expression(spec.executor_config),
            "deferrable": spec.deferrable if self._options.in_pods else None,
            **{name: Name(self._callbacks[dotted]) for name, dotted in spec.callbacks.items()},
            "inlets": tuple(map(asset, spec.inlets)),
        }

    def _when(self, step: Step) -> Expression:
        """The tasks of switches and the choices of theirs that lead to a step: all iterations of a recursive switch."""
        return tuple(
            (task_id, target) for switch, target in self._choices[step.scope] for task_id in self._ids_of(switch)
        )

    def _ids_of(self, step: str) -> list[str]:
        """The ids of all tasks of a step."""
        if step not in self._prefixes:
            return [step]
        return iteration_ids(step, self._prefixes[step], most_iterations(self._flow.by_name[step]))

    def _variables_of(self, step: Step) -> Expression:
        """The environment variables that a step has of its own."""
        environment = step.specs.environment
        own = environment.known if environment is not None else {}
        options = self._options
        in_pods = options.in_pods
        variables = pod_variables(step.specs, options) if in_pods else timeout_variables(step.specs, options) | own
        if step.name in self._flow.group_of:
            return {**variables, **group_variables(options)}
        if any(self._flow.by_name[parent].kind == "parallel" for parent in step.parents):
            # Airflow never starts attempts anew, so that whatever a peer has written is news.
            return {**variables, env_names.GANG_FRESH: "1"}
        return variables

    def call(self, step: Step, flow: str) -> dict[str, Expression]:
        """Options of the CallOperator that starts the run of a deployed flow for a step."""
        specs = step.specs
        options: dict[str, Expression | None] = {
            "calling": step.within,
            "trigger_dag_id": flow,
            "retries": specs.retries or None,
            "retry_delay": _duration(specs.retry.wait_before(1)) if specs.retry is not None else None,
            "deferrable": specs.airflow.deferrable if specs.airflow is not None else None,
        }
        return {name: value for name, value in options.items() if value is not None}

    def gate(self, step: Step, index: dict[str, Expression]) -> dict[str, Expression]:
        """What both kinds of such tasks have of the step: its place, and when it runs."""
        found: dict[str, Expression] = {"step": step.name, **index}
        rule = self.common(step).get("trigger_rule")
        found |= {"trigger_rule": rule} if rule is not None else {}
        when = self._when(step)
        return {**found, "when": when} if when else found

    def look(self, step: Step) -> dict[str, Expression]:
        """Options of the WaitSensor: the pod that looks has what it takes to get there, and no more."""
        looking = step.specs.looking
        options: dict[str, Expression | None] = {}
        if step.specs.waits:
            options["every"] = min(wait.every for wait in step.specs.waits)
        if looking.airflow is not None:
            options |= {
                name: value for name, value in self._airflow_options(looking.airflow).items() if name != "inlets"
            }
        options["variables"] = self._variables_of(step.model_copy(update={"specs": looking}))
        if self._options.in_pods:
            pod = step_pod(looking, self._options, "airflow", self._sink)
            options |= pod_arguments(pod, looking, self._options)
            if step.specs.approval is not None:
                options["callbacks"] = Name("PublishOutput")
        return {name: value for name, value in options.items() if value is not None and value not in ((), {})}

    def question(self, step: Step, waited: str) -> dict[str, Expression]:
        """Options of the ApprovalOperator behind the task `waited`, with those of the WaitSensor for where it looks."""
        spec = step.specs.approval
        assert spec is not None
        options: dict[str, Expression | None] = {
            "look": {name: value for name, value in self.look(step).items() if name not in ("every", "callbacks")},
            "choices": spec.choices,
            "message": spec.message or None,
            "response_seconds": spec.timeout,
            "waited": waited,
        }
        return {name: value for name, value in options.items() if value is not None and value not in ((), {})}


def _container_options(spec: CommandSpec) -> dict[str, Expression | None]:
    """The options of the ContainerOperator beside those of the StepOperator."""
    found = command_words(spec)
    return {
        "container_image": spec.image,
        "container_command": None if found.scripted else found.words,
        "container_env": dict(found.variables),
    }


def switch_choices(flow: Flow) -> dict[str, tuple[Choice, ...]]:
    """Return the choices by scope, of which a switch must have made one for the scope's steps to run.

    A scope that always runs has none. Only switches of the innermost foreach body count: without the arm around it, a
    foreach has no items. A switch that has chosen has run itself, so the switches around it do not count.
    """
    found: dict[str, tuple[Choice, ...]] = {}

    def of(scope: Scope) -> tuple[Choice, ...]:
        if scope.id not in found:
            parent = flow.scope_by_id[scope.parent] if scope.parent is not None else None
            chosen = scope.kind == "switch" and _decides(flow.by_name[scope.opener or ""])
            inlined = parent is not None and scope.kind in {"branch", "switch"}
            found[scope.id] = into(scope) if chosen else of(parent) if inlined and parent else ()
        return found[scope.id]

    def into(scope: Scope) -> tuple[Choice, ...]:
        """Return the ways into the first step of an arm: from switches, and from the ends of other arms."""
        first = flow.by_name[scope.id.removeprefix(f"{scope.opener}/")]
        ways: dict[Choice, None] = {}
        for parent in (flow.by_name[name] for name in first.parents):
            made = (Choice(parent.name, first.name),) if _decides(parent) else of(flow.scope_by_id[parent.scope])
            ways.update(dict.fromkeys(made))
        return tuple(ways)

    for scope in flow.scopes:
        of(scope)
    return found


def _decides(step: Step) -> bool:
    return step.kind == "switch" and step.decides


def most_iterations(step: Step) -> int:
    """How many iterations of a step there may be: one, unless it is recursive."""
    return step.specs.loop.max_iterations if step.specs.loop is not None else 1


def _duration(seconds: float) -> Expression:
    return Call("timedelta", kwargs={"seconds": int(seconds) if float(seconds).is_integer() else seconds})
