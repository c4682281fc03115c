"""What a flow object knows in a task: which task it is, what it inherits, and where values are."""

from __future__ import annotations

from flowc.current import running
from flowc.errors import InvalidNextException, MissingInput, TooManyIterations
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.argument_values import Values
    from flowc.shim.task_cache import TaskCache
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    Refs = Dict[str, Ref]


class Transition:
    """What a step said by `self.next`."""

    __slots__ = ("choice", "condition", "foreach", "names", "num_parallel")

    def __init__(
        self,
        names: List[str],
        foreach: str | None = None,
        condition: str | None = None,
        choice: str | None = None,
        num_parallel: int | None = None,
    ) -> None:
        self.names = names
        self.foreach = foreach
        self.condition = condition
        self.choice = choice
        self.num_parallel = num_parallel

    def __str__(self) -> str:
        """For messages."""
        text = ", ".join(self.names)
        if self.foreach is not None:
            return f"{text} foreach {self.foreach!r}"
        if self.condition is not None:
            return f"{text} by condition {self.condition!r}"
        return text if self.num_parallel is None else f"{text} num_parallel"


class TaskState:
    """One task as its flow object sees it; also each of a join's inputs. References only: values load on first use."""

    __slots__ = (
        "_items",
        "_values",
        "base",
        "cache",
        "failed",
        "inherited",
        "inputs",
        "layout",
        "loaded",
        "number",
        "parameters",
        "path",
        "plan",
        "step",
        "transition",
    )

    def __init__(self, layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> None:
        self.layout = layout
        self.plan = plan
        self.step = step
        self.path = path
        self.inherited: Refs = {}
        self.loaded: Dict[int, Ref] = {}
        """What values were loaded from, by their address: a step may change one in place. Inputs of a join share it."""
        self.parameters: Refs = {}
        self.transition: Transition | None = None
        self.cache: TaskCache | None = None
        self.failed: List[Document] = []
        """Of a join: the items that have failed, where some may."""
        """What keeps the result of the task, where its step has a cache."""
        self.base = plan.base_depth(step) if plan.calls else 0
        """How many foreach scopes around the task are those of a flow that calls its own, which does not see them."""
        self.number: int | None = None
        """Of an input of a join: which one it is."""
        self.inputs: List[InputState] | None = None
        """Of a join: the tasks that it joins, once they were looked for."""
        self._values: Dict[str, Any] = {}
        self._items: Dict[int, Tuple[int, Any]] = {}

    @property
    def name(self) -> str:
        """The task's name, for messages."""
        return task_id(self.step.name, self.path)

    def arguments(self) -> Values:
        """What the arguments of a pipeline's step are for this task."""
        from flowc.shim.argument_values import Values

        return Values(self)

    def references(self) -> Refs:
        """The artifacts that can be read."""
        return self.inherited

    def parameter(self, attribute: str) -> Any:
        """A parameter's value."""
        if running.trace is not None:
            running.trace.note("parameter", attribute)
        refs = self.parameter_references()
        if attribute not in self._values:
            if attribute not in refs:
                raise AttributeError(f"parameter {attribute!r} was not set when the run started")
            self._values[attribute] = self._load(attribute, refs[attribute])
        return self._values[attribute]

    def derived(self, attribute: str, make: Callable[[Any], Any]) -> Any:
        """`make` of a parameter's value, called once per task."""
        key = f"{attribute}:derived"
        if key not in self._values:
            self._values[key] = make(self.parameter(attribute))
        return self._values[key]

    def parameter_references(self) -> Refs:
        """The run's parameters."""
        return self.parameters

    def artifact(self, name: str) -> Any:
        """An artifact's value. Raises AttributeError."""
        if running.trace is not None:
            self.note(name)
        ref = self.references().get(name)
        if ref is None:
            raise AttributeError(self._missing(name))
        return self._load(name, ref)

    def note(self, name: str) -> None:
        """Note for the cache that an artifact is read, or whether it is there."""
        if running.trace is not None:
            running.trace.note(*(("artifact",) if self.number is None else ("input", self.number)), name)

    def note_place(self, what: str, level: int) -> None:
        """Note for the cache that the task's item, its number or the width of a foreach around the task is read."""
        if running.trace is None or (self.number is not None and what == "index"):
            return  # the number of an input says where it is
        running.trace.note(*((what,) if self.number is None else (f"input {what}", self.number)), level)

    def frame(self, level: int) -> tuple[int, Any]:
        """The width of a foreach around the task, and the task's item of it. Level 0 is the outermost."""
        level += self.base
        self.note_place("item", level)
        if level not in self._items:
            opener = self.plan.openers(self.step)[level]
            manifest = self.layout.manifest(opener.name, self.path[:level])
            ref = manifest["foreach"]
            item: Any = self.path[level]  # what a member of a gang gets, as in Metaflow
            if opener.foreach_var is not None:
                if "hash" not in ref:  # a step that is tried without a run
                    raise MissingInput(
                        f"no run has the item of the foreach of step {opener.name!r}: only the item of the innermost "
                        "foreach can be given; name a run that has the others"
                    )
                item = artifacts.load_item(self.layout.store, self.plan.flow, opener.foreach_var, ref, item)
            self._items[level] = (ref["count"], item)
        return self._items[level]

    def _load(self, name: str, ref: Ref) -> Any:
        value = artifacts.load(self.layout.store, self.plan.flow, name, ref)
        self.loaded[id(value)] = ref
        return value

    def _missing(self, name: str) -> str:
        text = f"task {self.name} of flow {self.plan.flow} has no artifact {name!r}"
        if self.step.kind == "join":
            text += (
                f"; {self.step.name!r} is a join: read it from an input (inputs[0].{name}), or merge_artifacts(inputs)"
            )
        return text


class InputState(TaskState):
    """An input of a join: its manifest is read when something of it is."""

    __slots__ = ("_manifest", "_read", "attempt")

    def __init__(
        self,
        layout: RunLayout,
        plan: Plan,
        step: PlanStep,
        path: Path,
        read: Callable[[InputState], Document],
        attempt: int | None = None,
    ) -> None:
        super().__init__(layout, plan, step, path)
        self._read = read
        self.attempt = attempt
        """The attempt to read, where a listing has found one."""
        self._manifest: Document | None = None

    @property
    def manifest(self) -> Document:
        """What the input's task committed."""
        if self._manifest is None:
            self._manifest = self._read(self)
        return self._manifest

    def fetch(self) -> None:
        """Read the manifest now."""
        if self._manifest is None:
            self._manifest = self.layout.manifest(self.step.name, self.path, self.attempt)

    def references(self) -> Refs:
        """The input's artifacts."""
        refs: Refs = self.manifest["artifacts"]
        return refs

    def parameter_references(self) -> Refs:
        """The run's parameters."""
        refs: Refs = self.manifest["parameters"]
        return refs

    def _missing(self, name: str) -> str:
        return f"input {self.name} of flow {self.plan.flow} has no artifact {name!r}"


def read(
    flow: FlowSpec,
    at: PlanStep,
    targets: Tuple[Any, ...],
    foreach: str | None,
    condition: str | None,
    num_parallel: int | None,
) -> Transition:
    """The transition that the arguments of `self.next` make. Raises InvalidNextException; RuntimeError for no case."""
    step = at.name
    if condition is not None:
        return _switch(flow, at, targets, condition)
    if num_parallel is not None and (type(num_parallel) is bool or not _whole(num_parallel) or num_parallel < 1):
        raise InvalidNextException(
            f"step {step!r}: num_parallel is {num_parallel!r}; it must be a whole number of at least 1"
        )
    names = [_step_name(flow, target, at) for target in targets]
    return Transition(names, foreach, num_parallel=num_parallel if num_parallel is None else int(num_parallel))


def _step_name(flow: FlowSpec, target: Any, at: PlanStep) -> str:
    """The name of a step that `self.next` is given: what a decorator made of a step may have another one itself."""
    name: str = at.prefix + getattr(target, "__name__", str(target))
    if name in at.leads:
        return name
    meant, start = _parts_of(target), len(at.prefix)
    return next((step for step in at.leads if _parts_of(getattr(flow, step[start:], None)) == meant), name)


def _parts_of(method: Any) -> Tuple[Any, ...]:
    """What makes a bound method equal to another: two `functools.partial` of the same are not."""
    return getattr(method, "func", method), getattr(method, "args", None)


def _whole(value: Any) -> bool:
    """Whether a value is an integer of any kind, numpy's included."""
    return hasattr(value, "__index__")


def _switch(flow: FlowSpec, at: PlanStep, targets: Tuple[Any, ...], condition: str) -> Transition:
    """The case that the value of an artifact chooses."""
    step = at.name
    if len(targets) != 1 or not isinstance(targets[0], dict):
        raise InvalidNextException(f"step {step!r}: a switch takes one dict of values to steps")
    given: Any = targets[0]  # pyright: ignore[reportUnknownVariableType]
    cases: Dict[Any, str] = {value: _step_name(flow, target, at) for value, target in given.items()}
    try:
        value = getattr(flow, condition)
    except AttributeError as error:
        raise InvalidNextException(f"step {step!r}: condition={condition!r} is not an artifact: {error}") from None
    try:
        choice = cases[value]
    except (KeyError, TypeError):
        known = ", ".join(map(repr, cases))
        # The exception is Metaflow's.
        raise RuntimeError(f"step {step!r}: {condition!r} is {value!r}, which is none of the cases {known}") from None
    return Transition(list(dict.fromkeys(cases.values())), condition=condition, choice=choice)


def check_iteration(step: PlanStep, path: Path, transition: Transition | None) -> None:
    """A recursive switch may not go on with itself more often than `@loop` says. Raises TooManyIterations."""
    if step.max_iterations is None or transition is None or transition.choice != step.name:
        return
    if path[-1] + 1 >= step.max_iterations:
        raise TooManyIterations(
            f"step {step.name!r} goes on with itself after iteration {path[-1] + 1}, and "
            f"@loop(max_iterations={step.max_iterations}) allows no more"
        )


def check(step: PlanStep, transition: Transition | None) -> None:
    """A step must go where the compiled flow says: the engine follows that. Raises InvalidNextException."""
    if transition is None:
        if step.leads:
            raise InvalidNextException(f"step {step.name!r} ended without self.next(...); it leads to {step.leads}")
        return
    compiled = Transition(step.leads, step.foreach_var, step.condition, num_parallel=step.kind == "parallel" or None)
    names = [name for name in transition.names if not step.loops or name != step.name]
    if (names, transition.foreach, transition.condition, transition.num_parallel is None) != (
        compiled.names,
        compiled.foreach,
        compiled.condition,
        compiled.num_parallel is None,
    ):
        raise InvalidNextException(
            f"step {step.name!r} goes to {transition}, but the compiled flow goes to {compiled}; compile the file again"
        )
