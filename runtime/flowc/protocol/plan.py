"""The run plan: the graph as the compiler saw it, as plain JSON beside the code.

The compiler writes entries of the types below, and the shim reads them with the classes that follow.
"""

from __future__ import annotations

from flowc.errors import ProtocolError
from flowc.protocol import FALLBACK_RETRIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple, TypedDict

    Path = Tuple[int, ...]
    Json = Dict[str, Any]

    class _RequiredEntries(TypedDict):
        kind: str
        parents: List[str]
        next: List[str]
        depth: int

    class StepEntry(TypedDict, total=False):
        """What a step has only where it needs it; what is left out is empty, 0 or `None`."""

        approval: Json
        arms: List[List[str]]
        backoff: Tuple[float, ...]
        bound: int
        cache: Json
        call: Json
        cards: List[Json]
        cases: List[str]
        catch: Json
        checkpoint: Json
        closes: str | None
        closes_kind: str | None
        condition: str | None
        container: Json
        env: Dict[str, str]
        fan: Json
        foreach_var: str | None
        gang: Json
        gpus: Tuple[str, int]
        hooks: Dict[str, str]
        install: Json
        label: bool | str
        leads: List[str]
        lenient: bool
        loops: bool
        never: List[str]
        on: List[str]
        from_task: Dict[str, Tuple[str, str | None]]
        max_iterations: int | None
        min_success: float
        retries: int
        secrets: Json
        tests: List[Json]
        timeout: int | None
        virtual: bool
        wrappers: List[Json]
        waits: List[Json]
        within: str | None

    class FullStepEntry(_RequiredEntries, StepEntry):
        """A step as the plan has it."""

    class _GroupSteps(TypedDict):
        steps: List[str]

    class GroupEntry(_GroupSteps, total=False):
        """A pod group. Only a batch has an opener, and items."""

        cut: bool
        items_per_task: int
        opener: str
        workers: int


VERSION = 1
"""Raised by one when an older shim could misread the plan."""


class PlanStep:
    """What the plan says of one step."""

    def __init__(self, name: str, data: FullStepEntry) -> None:  # noqa: PLR0915 (one for each entry)
        self.name = name
        self.kind: str = data["kind"]
        self.parents: List[str] = data["parents"]
        self.next: List[str] = data["next"]
        self.leads: List[str] = data.get("leads", self.next)
        """What its `self.next` names: of a step that calls a flow, what follows that."""
        self.within: str | None = data.get("within")
        """The step that calls the flow that it is of, if that is another."""
        self.depth: int = data["depth"]
        self.closes: str | None = data.get("closes")
        self.closes_kind: str | None = data.get("closes_kind")
        self.arms: List[List[str]] = data.get("arms") or []
        self.foreach_var: str | None = data.get("foreach_var")
        self.condition: str | None = data.get("condition")
        self.loops: bool = data.get("loops", False)
        self.max_iterations: int | None = data.get("max_iterations")
        self.label: bool | str | None = data.get("label")
        self.timeout: int | None = data.get("timeout")
        self.retries: int = data.get("retries", 0)
        self.on: List[str] = data.get("on") or []
        """The kinds of failures that another attempt follows; all where none is named."""
        self.never: List[str] = data.get("never") or []
        """Exception classes that no attempt follows, by the names that the flow's file has for them."""
        self.catch: Dict[str, Any] | None = data.get("catch")
        self.secrets: Dict[str, Any] | None = data.get("secrets")
        self.env: Dict[str, str] = data.get("env") or {}
        self.from_task: Dict[str, Tuple[str, str | None]] = data.get("from_task") or {}
        self.gang: Dict[str, Any] = data.get("gang") or {}
        self.container: Dict[str, Any] | None = data.get("container")
        """What a step with `@container` runs: `image` (`None` is the step's own), `command`, `env`, and files by
        artifact: `inputs`, `outputs`."""
        """What a step with `@container` runs: `image`, `command`, `env`, and files by artifact: `inputs`, `outputs`."""
        self.hooks: Dict[str, str] | None = data.get("hooks")
        """Of a pipeline's step: the names of functions that its task calls, by `on_start`, `on_failure` and so on."""
        self.install: Dict[str, Any] | None = data.get("install")
        self.call: Dict[str, Any] | None = data.get("call")
        self.fan: Dict[str, Any] | None = data.get("fan")
        self.tests: List[Dict[str, Any]] = data.get("tests") or []
        self.cases: List[str] = data.get("cases") or []
        self.cards: List[Dict[str, Any]] = data.get("cards") or []
        self.cache: Dict[str, Any] | None = data.get("cache")
        """Where the step has a cache: digests of its `code`, of its place in the `graph` and of its `environment`, and
        what `@cache` says: `version`, `ttl` in seconds, and names to `ignore`."""
        self.waits: List[Dict[str, Any]] = data.get("waits") or []
        """What its tasks wait for before they begin, as `WaitSpec` has it."""
        self.approval: Dict[str, Any] | None = data.get("approval")
        """What a person is asked before they begin, as `ApprovalSpec` has it; `values` are what choices stand for."""
        self.checkpoint: Dict[str, Any] | None = data.get("checkpoint")
        """Where the step has `@checkpoint`: `load_policy`, `keep`, `temp_dir_root`, where they are not the defaults."""
        self.lenient: bool = data.get("lenient", False)
        """Whether a failure for good is one of an item that may fail: the task commits it."""
        self.min_success: float | None = data.get("min_success")
        """Of a foreach whose items may fail: the share that has to succeed."""
        self.wrappers: List[Dict[str, Any]] | None = data.get("wrappers")
        """Decorators of the user's own around the step, the innermost first, where mutators have changed them: `own` is
        the number of one above the step; another one has `module`, `name` and `arguments`."""
        self.synthetic: bool = data.get("virtual", False)
        self.backoff: Tuple[float, ...] = data.get("backoff") or (0, 1)
        """The seconds between two attempts, by what each further wait is longer, and the longest where there is one;
        known in pod groups only."""
        self.bound: int | None = data.get("bound")
        """The most items of its foreach at a time; known in pod groups only."""
        self.gpus: Tuple[str, int] | None = data.get("gpus")
        """Of a step of a group with several workers: the variable that says which GPUs a process sees, and how many."""

    @property
    def prefix(self) -> str:
        """What stands before the names of the steps of its flow, if another one calls that."""
        return f"{self.within}__" if self.within is not None else ""

    @property
    def own(self) -> str:
        """Its name in its flow."""
        return self.name[len(self.prefix) :]

    @property
    def further(self) -> int:
        """How many attempts an engine makes after the first: those after `@retry`'s only store the failure."""
        return self.retries + (FALLBACK_RETRIES if self.survives else 0)

    @property
    def survives(self) -> bool:
        """Whether a failure is not the end of the run: by `@catch`, or since it is that of an item that may fail."""
        return self.catch is not None or self.lenient

    @property
    def fans_out(self) -> bool:
        """Whether the step that follows runs once for each of a number of indices."""
        return self.kind in ("foreach", "parallel")

    def foreach_path(self, path: Path) -> Path:
        """The part of an index path that counts items: an iteration of a recursive switch has one number more."""
        return path[:-1] if self.loops else path


class PlanGroup:
    """Steps whose tasks run in one pod."""

    def __init__(self, name: str, data: GroupEntry) -> None:
        self.name = name
        self.steps: List[str] = data["steps"]
        """In topological order, the first one that tasks of the group begin with."""
        self.workers: int = data.get("workers", 1)
        """The most tasks at a time."""
        self.opener: str | None = data.get("opener")
        """Of a batch: the step whose foreach it works on."""
        self.items_per_task: int | None = data.get("items_per_task")
        """Of a batch: how many items a pod works on."""
        self.cut: bool = data.get("cut", False)
        """Of a batch: whether it has only the first part of the foreach's body. The rest follows for each item."""


class Plan:
    """The graph of one flow."""

    def __init__(self, data: Dict[str, Any]) -> None:
        if data.get("version") != VERSION:
            raise ProtocolError(f"plan.json has version {data.get('version')}; this flowc reads {VERSION}")
        self.flow: str = data["flow"]
        self.class_name: str = data["class"]
        self.module: str = data["module"]
        self.pipeline: bool = data.get("frontend") == "pipeline"
        self.files: Dict[str, Any] | None = data.get("files")
        self.unserved: Dict[str, List[str]] = data.get("unserved") or {}
        self.trackers: List[str] = data.get("trackers") or []
        self.start: str = data["start"]
        self.end: str = data["end"]
        self.parameters: List[Dict[str, Any]] = data["parameters"]
        self.parameter_changes: Dict[str, Any] | None = data.get("parameter_changes")
        """What mutators have `added` to the parameters of the class, by attribute, and `removed`."""
        self.configs: Dict[str, Dict[str, Any]] = data.get("configs") or {}
        self.project: Dict[str, Any] = data.get("project") or {}
        self.settled: Dict[str, Any] = data.get("settled") or {}
        """The values of parameters that a pipeline was compiled with, and to resume it is compiled with again."""
        self.plain: Dict[str, Dict[str, Any]] | None = data.get("plain")
        """Of a class flow whose start has a cache: the parameters by attribute, if none of them takes its code."""
        self.code_units: Dict[str, List[Any]] = data.get("code_units") or {}
        """Functions, classes and statements by name: the digest of each, and the names of what it names."""
        self.deadline: int | None = data.get("deadline")
        """The most seconds that a run may take."""
        self.notify: List[Dict[str, Any]] = data.get("notify") or []
        """Who gets to know how a run has ended: the events that it is `on`, and by channel the name of a variable."""
        self.calls: Dict[str, Dict[str, Any]] = data.get("calls") or {}
        """The flows that steps call, by the step: `flow` and `module` of the class, `start` and `end` by their names in
        this plan, `params` and `artifacts` by parameter, and what is `returns` by the caller's artifact. Where there
        is `deployed`, the last step of the flow, it is a run of its own, and its `start` is the step that waits for it;
        `options` are for `flowc run` then, and `separators` of parameters for lists.
        One of a `pipeline` has its `parameters`, as the flow itself has, and by name the values that are its `results`.
        """
        self.anew: List[str] = data.get("anew") or []
        """Attributes of parameters that a step which is tried alone does not take from the run before it."""
        self.steps = {name: PlanStep(name, step) for name, step in data["steps"].items()}
        self.gangs = any(step.kind == "parallel" for step in self.steps.values())
        groups: Dict[str, GroupEntry] = data.get("groups") or {}
        self.groups = {name: PlanGroup(name, group) for name, group in groups.items()}

    def step(self, name: str) -> PlanStep:
        """A step by name. Raises ProtocolError."""
        try:
            return self.steps[name]
        except KeyError:
            known = ", ".join(self.steps)
            raise ProtocolError(f"flow {self.flow} has no step {name!r}; it has {known}") from None

    def group(self, name: str) -> PlanGroup:
        """A pod group by name. Raises ProtocolError."""
        if name not in self.groups:
            raise ProtocolError(f"flow {self.flow} has no group {name!r}")
        return self.groups[name]

    def fan_out(self, opener: str, items: int) -> int:
        """How often an engine runs what follows an opener: once for each item, or for each batch of them."""
        for group in self.groups.values():
            if group.opener == opener and group.items_per_task is not None:
                return -(-items // group.items_per_task)
        return items

    def own_path(self, name: str, path: Path) -> Path:
        """The index path of a step's task, for which an engine may have the batch, and the item in that.

        So it is behind a batch that has only the first part of a foreach's body.
        """
        step = self.steps.get(name)
        if step is None or len(path) <= step.depth:
            return path
        for place, opener in enumerate(self.openers(step)):
            for group in self.groups.values():
                if group.opener == opener.name and group.items_per_task is not None and name not in group.steps:
                    item = path[place] * group.items_per_task + path[place + 1]
                    path = (*path[:place], item, *path[place + 2 :])
        return path

    def openers(self, step: PlanStep) -> list[PlanStep]:
        """The steps that opened the foreach scopes around a step, outermost first: one for each index of its path."""
        around: list[PlanStep] = []
        while step.depth > step.loops:
            if step.kind == "join" and step.closes is not None:
                step = self.steps[step.closes]
                continue
            step = self.steps[step.parents[0]]
            if step.fans_out:
                around.append(step)
        return around[::-1]

    def is_first(self, step: PlanStep) -> bool:
        """Whether no task comes before the step's: it is the start, or all before it are there for the graph only."""
        seen = {step.name}
        waiting = list(step.parents)
        while waiting:
            name = waiting.pop()
            if not self.steps[name].synthetic:
                return False
            waiting += [parent for parent in self.steps[name].parents if parent not in seen]
            seen.update(self.steps[name].parents)
        return True

    def name_in(self, step: PlanStep, other: PlanStep) -> str:
        """The name of a step for the flow of another one: that of the step which calls its own flow, if it does."""
        while step.within != other.within and step.within is not None:
            step = self.steps[step.within]
        return step.own

    def deployed_call(self, step: str | None) -> Dict[str, Any] | None:
        """The call of a deployed flow by a step."""
        call = self.calls.get(step) if step is not None else None
        return call if call is not None and call.get("deployed") else None

    def is_of_pipeline(self, step: PlanStep) -> bool:
        """Whether a step is of a pipeline: the flow itself, or one that it calls."""
        call = self.call_around(step)
        return self.pipeline if call is None else bool(call.get("pipeline"))

    def call_around(self, step: PlanStep) -> Dict[str, Any] | None:
        """The call of the flow that a step is of; `None` for the plan's own. What waits for a run is of its caller."""
        if self.deployed_call(step.within) is not None:
            step = self.steps[step.within or ""]
        return self.calls[step.within] if step.within is not None else None

    def base_depth(self, step: PlanStep) -> int:
        """How many numbers of a step's index path count items of the flow that calls its own."""
        if step.within is None:
            return 0
        caller = self.steps[step.within]
        return caller.depth - caller.loops

    def parent_path(self, parent: PlanStep, path: Path) -> Path:
        """The index path of a task's parent, unless the task is a join; without the iteration of a recursive switch."""
        return path[:-1] if parent.fans_out else path
