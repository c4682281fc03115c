"""A DAG file as data: what lowering makes of the IR, the printer writes, and flowc's commands read back.

A step's pod is a part of it, as arguments of the KubernetesPodOperator: objects of Kubernetes' client for Python.
"""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from pydantic import BaseModel

from flowc_targets.kubernetes.objects import LocalObjectReference, ManifestObject, merge_patch
from flowc_targets.kubernetes.pod import env_from
from flowc_targets.kubernetes.pod_security import container_security, pod_security

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_compiler.ir import StepSpecs
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.kubernetes.pod import StepPod

FILE_START = "# Compiled by flowc "
"""The first characters of flowc's DAG files."""
COMBINED_SCHEDULE = "combined_schedule"
"""The function, and the module of `operators/`, for a DAG that times and assets start."""
SEVERAL_CRONS = "several_crons"
"""The same for one whose times are those of several cron expressions; assets may start it, too."""
LATE_NOTICE = "late_notice"
"""The function, and the module of `operators/`, that notifies of a missed deadline."""
LATE = "LATE"
"""The constant with what it returns, where Airflow's deadline alert imports it."""
CALLS = "called_run"
"""The module of `operators/` that starts runs of deployed flows: a file has it itself, since it speaks of DAGs."""
NOTICES = "run_notices"
"""The module of `operators/` with the operator of notifications."""
RUNTIME_NAME = "flowc_runtime_"
"""The start of the names of modules with what the DAG files of a folder share."""
SUMMARY = "FLOWC"
"""The constant of a DAG file that tells flowc's commands about it."""


@dataclass(frozen=True, slots=True)
class Name:
    """Source text that is printed unchanged: a name, or an expression around one."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call with positional and keyword arguments."""

    function: str
    args: tuple[Expression, ...] = ()
    kwargs: Mapping[str, Expression] = field(default_factory=dict[str, "Expression"])


Expression: TypeAlias = (
    'str | int | float | bool | Name | Call | tuple["Expression", ...] | Mapping[str, "Expression"] | None'
)
"""What can be printed: literals, lists (given as tuples), dicts with string keys, names and calls."""


OperatorName: TypeAlias = Literal[
    "StepOperator",
    "ContainerOperator",
    "EmptyOperator",
    "HookOperator",
    "NotifyOperator",
    "WaitSensor",
    "ApprovalOperator",
    "CallOperator",
    "CalledOperator",
]
"""What runs a step, what runs nothing (the scheduler itself marks such a task as done), what calls an exit hook, what
sends notifications, what looks for something that a step waits for, what asks a person, and what starts the run of a
deployed flow and takes its results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorTask:
    """A task of an operator."""

    operator: OperatorName
    variable: str
    task_id: str
    """For a step its name, with a number for later iterations: the operator tells the shim its own task id."""
    options: dict[str, Expression] = field(default_factory=dict[str, "Expression"])
    """The operator's arguments, where they differ from the DAG's `default_args`."""
    iterations: int = 1
    """How often a recursive step runs at most: so many tasks."""
    prefix: str = ""
    """What the ids of the second and further iterations begin with, before their number."""

    @property
    def entry(self) -> str:
        """What edges into it lead to: of several iterations, `variable` is the list."""
        return self.variable if self.iterations == 1 else f"{self.variable}[0]"

    @property
    def step(self) -> str:
        """The step that it runs."""
        return str(self.options.get("step", self.task_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthTask:
    """The task that turns the counts of a foreach into the list of index paths that its groups are mapped over."""

    variable: str
    task_id: str
    opener: str
    """The id of the task that publishes the count."""
    outer: str | None
    """The variable of the WidthTask of the foreach around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedGroup:
    """The body of a foreach, or a segment of it: a task group that runs once for every index path."""

    variable: str
    function: str
    group_id: str
    doc: str
    width: str
    """The variable of the WidthTask."""
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmGroup:
    """An arm of a branch or of a switch with several tasks: a task group, which Airflow shows as one."""

    group_id: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The tasks after a task: variables of the same block, also of its arms."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Tasks and groups in topological order, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def flat(self) -> Iterator[OperatorTask | WidthTask | MappedGroup]:
        """Yield the nodes, those of arms among them, in the order of the file."""
        pending = [iter(self.nodes)]
        while pending:
            node = next(pending[-1], None)
            if node is None:
                pending.pop()
            elif isinstance(node, ArmGroup):
                pending.append(iter(node.nodes))
            else:
                yield node

    def tasks(self) -> Iterator[OperatorTask]:
        """Yield the tasks of operators in it and in its groups, in the order of the file."""
        for node in self.flat():
            if isinstance(node, OperatorTask):
                yield node
            elif isinstance(node, MappedGroup):
                yield from node.body.tasks()

    @property
    def has_arms(self) -> bool:
        """Whether it has groups of arms, or a mapped group has."""
        return any(isinstance(node, ArmGroup) for node in self.nodes) or any(
            node.body.has_arms for node in self.flat() if isinstance(node, MappedGroup)
        )


Node = OperatorTask | WidthTask | MappedGroup | ArmGroup
"""What a block is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFile:
    """One DAG file."""

    operator: Literal["kubernetes", "local"]
    version: str
    source: str
    flow: str
    source_hash: str
    package: dict[str, Expression]
    """What the tasks share: the arguments of FlowPackage."""
    shared: dict[str, Expression]
    """Values that several tasks have in common, by name."""
    callbacks: Mapping[str, str]
    """The names under which what Airflow calls is imported, by its dotted name."""
    dag: dict[str, Expression]
    """Arguments of `@dag`."""
    body: Block
    files: Mapping[str, bytes]
    """The flow's own files, by their place in the code package."""
    program: bytes
    """The zip with the shim."""

    @property
    def volume(self) -> Expression:
        """The volume with the code; `None` if the code is in the file."""
        return self.package.get("volume")

    @property
    def printable_source(self) -> str:
        """The name of the source for a comment."""
        return "".join(character if character.isprintable() else "?" for character in self.source)

    @property
    def has_foreach(self) -> bool:
        """Whether the DAG has mapped groups."""
        return any(isinstance(node, WidthTask) for node in self.body.flat())

    def has_operator(self, name: str) -> bool:
        """Whether a task is a call of that operator."""
        return any(task.operator == name for task in self.body.tasks())

    @property
    def has_notices(self) -> bool:
        """Whether it tells people how a run has ended."""
        return self.has_operator("NotifyOperator")

    @property
    def has_alert(self) -> bool:
        """Whether a deadline alert of Airflow notifies of a missed deadline."""
        return "deadline" in self.dag

    def has_option(self, name: str) -> bool:
        """Whether a task has that argument."""
        return any(name in task.options for task in self.body.tasks())

    @property
    def schedule_module(self) -> str | None:
        """The module of `operators/` with the function that makes its schedule, if it has one."""
        schedule = self.dag.get("schedule")
        return schedule.function if isinstance(schedule, Call) else None

    @property
    def has_assets(self) -> bool:
        """Whether the file names assets: those that its DAG waits for or updates."""
        schedule = self.dag.get("schedule")
        return (
            self.has_option("outlets")
            or self.has_option("inlets")
            or isinstance(schedule, tuple)
            or (isinstance(schedule, Call) and schedule.args[-1] != ())
        )


def iteration_ids(step: str, prefix: str, count: int) -> list[str]:
    """Return the ids of the tasks of a recursive step."""
    return [step, *(f"{prefix}{number}" for number in range(2, count + 1))]


_OF_THE_FILE = """
    AirflowException AirflowFailException AirflowSkipException Any ApiClient ApprovalOperator AskingOperator Asset
    AssetOrTimeSchedule BOOTSTRAP BaseOperator BaseSensorOperator CallOperator CalledOperator ContainerOperator
    CronTriggerTimetable DeadlineAlert DeadlineReference EmptyOperator FILES FLOW FLOWC FlowPackage HITLOperator
    HookOperator KubernetesPodOperator KubernetesPodOperatorCallback LATE ModuleType MultipleCronTriggerTimetable
    NotYetError NotifyOperator OF_QUESTIONS Param Path PodGenerator PublishOutput RUNTIME ShimTask StepOperator
    StoredApproval SyncCallback TEXT TaskGroup TriggerDagRunOperator WaitSensor
    _COMPARE annotations attach_code base64 combined_schedule dag dataclass datetime deepcopy encoded event_record
    exceptions failure_kinds field flow index indices io iteration json k8s late_notice latest_events merge_patch
    operator os
    passes patched_pod pendulum publish quote run_kind run_of scheduled_time several_crons stored_id subprocess sys
    task task_group tempfile time timedelta timezone zipfile zipped zlib
"""

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OF_THE_FILE.split()})
"""Names that a variable must not hide."""


class Names:
    """The names of variables, each given once."""

    def __init__(self) -> None:
        self._taken = set(TAKEN)

    def take(self, wanted: str) -> str:
        """Return the wanted name, with a number if it is taken, and `_` for each character that names cannot have."""
        wanted = re.sub(r"\W|^(?=\d)", "_", wanted, flags=re.ASCII)
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def to_expression(value: object) -> Expression:
    """Return a JSON value as an expression, in which lists are tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(to_expression(item) for item in cast("list[object]", value))
    if isinstance(value, dict):
        return {str(key): to_expression(item) for key, item in cast("dict[object, object]", value).items()}
    assert value is None or isinstance(value, (str, int, float))
    return value


_CLIENT = {"PodSecurity": "PodSecurityContext"}
"""Classes of the client whose names differ from those of the models."""


def pod_defaults(options: AirflowOptions) -> dict[str, Expression]:
    """Return what all pods share: entries of `default_args`."""
    return _printed(
        {
            "image": options.image,
            "image_pull_policy": options.image_pull_policy,
            "image_pull_secrets": tuple(LocalObjectReference(name=name) for name in options.image_pull_secrets),
            "namespace": options.namespace,
            "service_account_name": options.service_account,
            "env_from": env_from(options.env_from_secrets),
            "labels": options.labels,
            "annotations": options.annotations,
            "container_security_context": container_security(options),
            "security_context": pod_security(options),
            "pod_patch": _literal(options.pod_override),
            # The spec contains the code package; a failed pod would print all of it into its log.
            "log_pod_spec_on_failure": False,
            "startup_timeout_seconds": options.startup_timeout_seconds,
            "schedule_timeout_seconds": options.schedule_timeout_seconds,
            "kubernetes_conn_id": options.kubernetes_conn_id,
            "config_file": options.config_file,
            "in_cluster": options.in_cluster,
        }
    )


def _node_seconds(specs: StepSpecs, options: AirflowOptions) -> int | None:
    """Return the time for a step's pods to wait for a node, if it is not the time for all pods."""
    if specs.accelerator is None or options.schedule_timeout_seconds is not None:
        return None
    return options.waits_for_node(gpu=True)


def pod_arguments(pod: StepPod, specs: StepSpecs, options: AirflowOptions) -> dict[str, Expression]:
    """Return the arguments for the pods of one step."""
    return _printed(
        {
            "container_resources": pod.resources,
            "node_selector": pod.node_selector,
            "tolerations": pod.tolerations,
            "affinity": pod.affinity,
            "schedule_timeout_seconds": _node_seconds(specs, options),
            "active_deadline_seconds": pod.active_deadline_seconds,
            "image": pod.image,
            "python": pod.python,
            "image_pull_policy": pod.image_pull_policy,
            "image_pull_secrets": pod.image_pull_secrets,
            "namespace": pod.namespace,
            "service_account_name": pod.service_account_name,
            "labels": pod.labels,
            "annotations": pod.annotations,
            "ports": pod.ports,
            "container_security_context": pod.security_context,
            "security_context": pod.pod_security_context,
            "priority_class_name": pod.priority_class_name,
            "schedulername": pod.scheduler_name,
            "env_from": pod.env_from,
            "volumes": pod.volumes,
            "volume_mounts": pod.volume_mounts,
            "pod_patch": _literal(merge_patch(options.pod_override, pod.patch, keep_removals=True))
            if pod.patch
            else None,
        }
    )


def _literal(value: Any) -> Any:
    """Return a part of a manifest as the printer has it: lists are tuples."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in cast("dict[str, Any]", value).items()}
    return tuple(map(_literal, cast("list[Any]", value))) if isinstance(value, list | tuple) else value


def _printed(values: dict[str, object]) -> dict[str, Expression]:
    return {name: client_object(value) for name, value in values.items() if value is not None and value not in ((), {})}


def client_object(value: Any) -> Expression:
    """Return an object as a call of the client's class: `V1` and the object's name, with its fields as keywords."""
    match value:
        case tuple():
            return tuple(client_object(item) for item in cast("tuple[object, ...]", value))
        case BaseModel():
            names: list[str] = list(type(value).model_fields)
        case ManifestObject():
            names = list(value.field_names)
        case _:
            return cast("Expression", value)
    name: str = type(value).__name__
    members = {name: getattr(value, name) for name in names}
    return Call(f"k8s.V1{_CLIENT.get(name, name)}", kwargs=_printed(members))
