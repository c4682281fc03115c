"""The arguments of a step of a pipeline: small trees in the plan, looked up when the task runs."""

from __future__ import annotations

from functools import partial

from flowc.errors import FlowError, MissingInput, PipelineError, ProtocolError
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    Value = Dict[str, Any]
    """One node of such a tree, as the plan has it."""

    Shape = Any
    """An index path, or a list of shapes."""

_MAKE: Dict[str, Callable[[Any], Any]] = {"list": list, "tuple": tuple, "set": set}


class Values:
    """What the values in the plan are for one task."""

    def __init__(self, state: TaskState) -> None:
        self._state = state
        self._path = state.path
        self._outputs = Outputs(state.layout, state.plan)
        self.load: Callable[[], Any] | None = None
        """What imports the user's file, for objects of its classes."""
        self.own: Dict[str, Any] | None = None
        """The outputs of the task itself, once it has some: tests of a switch may read these."""
        self._at = ""
        """File and line of what failed."""

    def require(self, value: Value) -> None:
        """Read the manifests that a value needs. Raises MissingInput, naming the tasks that have not finished."""
        if "output" in value:
            step, base = self._place(value)
            if step is not self._state.step:
                self._outputs.find(step, base, value.get("levels", 0))
        elif "parameter" in value:
            self._parameters()
        elif "chosen" in value:
            self.require(self._chosen(value))
        elif "each" in value:
            self._for_each(value, self.require)
        for part in _parts(value):
            self.require(part)

    def argument(self, name: str, value: Value) -> Any:
        """An argument's value. Raises PipelineError for one that cannot be made of what the steps returned."""
        return self.named(f"argument {name!r}", value)

    def named(self, what: str, value: Value) -> Any:
        """A value; `what` names it in the error, with the step and what it is made of."""
        self._at = ""
        try:
            return self.value(value)
        except FlowError:
            raise
        except Exception as error:
            at = f" at {self._at}" if self._at else ""
            raise PipelineError(
                f"step {self._state.step.name!r}: {what} cannot be made{at}: {_text(error)} ({describe(value)})"
            ) from error

    def origins(self, value: Value) -> Iterator[Tuple[str, str, Path]]:
        """The outputs that a value is made of: step, name and index path; of an item, what it is an item of."""
        if "output" in value:
            step, base = self._place(value)
            for path in self._outputs.find(step, base, value.get("levels", 0)):
                yield step.name, value["output"][1], path
        elif "item" in value:
            opener = self._state.plan.step(value["item"])
            if opener.fan is None:
                yield opener.name, str(opener.foreach_var), self._path[: opener.depth]
            else:
                source = opener.fan["sources"][value.get("source", 0)]
                found = list(self.origins(source))
                index = self._path[opener.depth] if source.get("levels") and not opener.fan.get("product") else 0
                yield from found[index : index + 1]
        elif "chosen" in value:
            yield from self.origins(self._chosen(value))
        elif "each" in value:
            for found in self._for_each(value, lambda inner: list(self.origins(inner))):
                yield from found
        for part in _parts(value):
            yield from self.origins(part)

    def value(self, value: Value) -> Any:
        """A value. Whatever the steps' results raise when they are compared or indexed passes through."""
        (make,) = [make for key, make in _KINDS.items() if key in value]
        return make(self, value)

    def _literal(self, value: Value) -> Any:
        return literal(value)

    def _output(self, value: Value) -> Any:
        step, base = self._place(value)
        name: str = value["output"][1]
        if step is self._state.step and self.own is not None:
            return self.own[name]
        return self._outputs.value(step, name, base, value.get("levels", 0))

    def _place(self, value: Value) -> tuple[PlanStep, Path]:
        """The step of an output, and the part of the task's index path that both share."""
        step = self._state.plan.step(value["output"][0])
        return step, self._path[: step.depth - value.get("levels", 0)]

    def _item(self, value: Value) -> Any:
        state, name = self._state, value["item"]
        level = state.plan.step(name).depth
        foreach = state.layout.manifest(name, self._path[:level])["foreach"]
        index, source = self._path[level], value.get("source", 0)
        load = partial(artifacts.load_item, state.layout.store, state.plan.flow, name)
        if "fan" not in foreach:
            return load(foreach, index)
        refs = foreach["fan"]
        if foreach.get("product"):
            for ref in reversed(refs[source + 1 :]):  # the last source's items go fastest
                index //= ref["count"]
            index %= refs[source]["count"]
        return load(refs[source], index)

    def _stored(self, value: Value) -> Any:
        """What was given for an argument of a step that is tried alone."""
        state = self._state
        return artifacts.load(state.layout.store, state.plan.flow, "the value that was given", value["stored"])

    def _parameter(self, value: Value) -> Any:
        state, refs = self._state, self._parameters()
        name = value["parameter"]
        if name not in refs:
            raise ProtocolError(f"parameter {name!r} was not set when the run started")
        return artifacts.load(state.layout.store, state.plan.flow, name, refs[name])

    def _parameters(self) -> Refs:
        """The parameters of the run, or of the called pipeline, which the first task has kept."""
        state, plan = self._state, self._state.plan
        call = plan.call_around(state.step)
        start: str = plan.start if call is None else call["start"]
        if state.step.name == start or plan.anew:
            return state.parameters
        refs: Refs = state.layout.manifest(start, self._path[: plan.base_depth(state.step)])["parameters"]
        return refs

    def _object(self, value: Value) -> Any:
        """An object of a class of the user's, or a member of an enumeration."""
        found = user_object(self.load, value.get("module"), value["object"])
        if "member" in value:
            return found[value["member"]]
        parts = [self.value(part) for part in value["of"]]
        first = len(parts) - len(value["keywords"])
        return found(*parts[:first], **dict(zip(value["keywords"], parts[first:])))

    def _element(self, value: Value) -> Any:
        found, expected = self.value(value["element"]), value.get("entries")
        try:
            if expected is not None:  # `first, second = value` iterates, and takes all
                found = list(found)
                if len(found) != expected:
                    raise ValueError(f"{expected} values to unpack were expected, and there are {len(found)}")
            return found[value["key"]]
        except Exception:
            self._failed(value)
            raise

    def _collection(self, value: Value) -> Any:
        ((kind, parts),) = value.items()
        return _MAKE[kind](map(self.value, parts))

    def _dict(self, value: Value) -> Any:
        return {_key(key): self.value(item) for key, item in value["dict"]}

    def _case(self, value: Value) -> Any:
        return self.value(self._chosen(value))

    def _chosen(self, value: Value) -> Value:
        """The value that belongs to the arm of the switch that ran."""
        state = self._state
        switch = state.plan.step(value["chosen"])
        choice = state.layout.manifest(switch.name, self._path[: switch.depth])["choice"]
        for target, case in value["cases"]:
            if target == choice:
                found: Value = case
                return found
        raise ProtocolError(f"step {switch.name!r} chose {choice!r}, which leaves no value; compile the file again")

    def _each(self, value: Value) -> Any:
        return self._for_each(value, self.value)

    def _for_each(self, value: Value, look: Callable[[Value], Any]) -> List[Any]:
        """What each task of a foreach's body, which lies behind this one, would see."""
        opener, path = self._state.plan.step(value["each"]), self._path
        base = path[: opener.depth]
        count: int = self._state.layout.manifest(opener.name, base)["foreach"]["count"]
        found: List[Any] = []
        try:
            for index in _succeeded(self._state.layout, self._state.plan, opener.name, base, count):
                self._path = (*base, index)
                found.append(look(value["value"]))
        finally:
            self._path = path
        return found

    def _operation(self, value: Value) -> Any:
        from flowc.shim.value_operations import operate

        try:
            return operate(value["operation"], value["of"], value.get("keywords", []), self.value)
        except Exception:
            self._failed(value)
            raise

    def _failed(self, value: Value) -> None:
        """Note where the innermost value is written that fails."""
        self._at = self._at or value.get("at", "")


def _succeeded(layout: RunLayout, plan: Plan, opener: str, base: Path, count: int) -> List[int]:
    """The items of a foreach whose results there are: all of them, unless some may fail."""
    if plan.step(opener).min_success is None:
        return list(range(count))
    from flowc.shim.failed_items import failed_indices

    failed = failed_indices(layout, plan, opener, base)
    return [index for index in range(count) if index not in failed]


_KINDS: Dict[str, Callable[[Any, Value], Any]] = {
    name: vars(Values)[f"_{kind}"]
    for name, kind in {
        "literal": "literal",
        "python": "literal",
        "output": "output",
        "stored": "stored",
        "item": "item",
        "parameter": "parameter",
        "element": "element",
        "list": "collection",
        "tuple": "collection",
        "set": "collection",
        "dict": "dict",
        "chosen": "case",
        "each": "each",
        "operation": "operation",
        "object": "object",
    }.items()
}


def user_object(load: Callable[[], Any] | None, module: str | None, name: str) -> Any:
    """What a name of the user's file, or of another local module, stands for. Raises ProtocolError."""
    found = load() if load is not None else None
    if found is not None and module is not None:
        found = __import__(module, found.__dict__, None, ("",))
    found = getattr(found, name, None)
    if found is None:
        raise ProtocolError(f"there is no {name!r} in {module or 'the flow file'}; compile the file again")
    return getattr(found, "entrypoint", found)


def _parts(value: Value) -> Iterator[Value]:
    """The values within a value, but for the cases of a choice."""
    if "element" in value:
        yield value["element"]
    for kind in ("list", "tuple", "set"):
        yield from value.get(kind, ())
    for _, item in value.get("dict", ()):
        yield item
    yield from value.get("of", ())


def _key(key: Any) -> Any:
    """The key of a dict: plain JSON, or a literal of the plan."""
    if not isinstance(key, dict):
        return key
    given: Value = key  # pyright: ignore[reportUnknownVariableType]
    return literal(given)


def literal(value: Value) -> Any:
    """A value that the compiler knew: as JSON, or as the `repr` of plain data for which JSON has no words."""
    if "literal" in value:
        return value["literal"]
    import ast

    text: str = value["python"]
    try:
        return ast.literal_eval(text)
    except ValueError:  # nan, inf and frozensets have no literals, nor have ranges
        names: Dict[str, Any] = {
            "nan": float("nan"),
            "inf": float("inf"),
            "set": set,
            "frozenset": frozenset,
            "range": range,
        }
        names.update(Ellipsis=..., nanj=complex(0, float("nan")), infj=complex(0, float("inf")))
        return eval(text, {"__builtins__": {}, **names})  # noqa: S307 (the compiler has written it)


def describe(value: Value) -> str:
    """What a value is made of, for messages."""
    if "output" in value:
        step, name = value["output"]
        return f"{'the list of ' if value.get('levels') else ''}output {name!r} of step {step!r}"
    if "stored" in value:
        return "the value that was given"
    if "item" in value:
        return f"the item of {value['item']!r}"
    if "parameter" in value:
        return f"parameter {value['parameter']!r}"
    if "element" in value:
        return f"{describe(value['element'])}, [{value['key']!r}]"
    if "chosen" in value:
        return f"what step {value['chosen']!r} chose"
    if "object" in value:
        return f"{value['object']}.{value['member']}" if "member" in value else f"a {value['object']}"
    if "each" in value:
        return f"for each item of {value['each']!r} {describe(value['value'])}"
    if "operation" in value:
        return _described_operation(value)
    if "literal" in value or "python" in value:
        return repr(value["literal"]) if "literal" in value else str(value["python"])
    return f"a {next(iter(value))} of values"


def _described_operation(value: Value) -> str:
    name, of = value["operation"], value["of"]
    if name == "concat":
        return f"a text with {', '.join(describe(part) for part in of if 'literal' not in part)}"
    operands = [describe(operand) for operand in of]
    plain = [operand.get("literal") for operand in of]
    if name in _PREFIXES:
        return f"{_PREFIXES[name]}{operands[0]}"
    if name == "if":
        return f"{operands[1]} if {operands[0]} else {operands[2]}"
    if name == "getattr":
        return f"{operands[0]}, .{plain[1]}"
    if name == "getitem":
        return f"{operands[0]}, [{operands[1]}]"
    if name == "format":
        return operands[0]
    if name == "method":
        return f"{operands[0]}, .{plain[1]}({', '.join(operands[2:])})"
    if name == "slice":
        bounds = ["" if operand == "None" else operand for operand in operands]
        return ":".join(bounds if bounds[2] else bounds[:2])
    if name in ("call", "isinstance"):
        called, values = (plain[0], operands[1:]) if name == "call" else (name, operands)
        return f"{called}({', '.join(values)})"
    return f" {name} ".join(operands)


_PREFIXES = {"not": "not ", "neg": "-", "pos": "+", "invert": "~"}


def _text(error: Exception) -> str:
    from flowc.errors import error_text

    return f"{type(error).__name__}: {error_text(error)}"


THREADS = 32
"""Manifests or values that are read at a time where each costs a network round trip."""
_SHOWN = 10


class Outputs:
    """The outputs of a run's tasks. Attempts are looked up once; values are loaded when they are used."""

    def __init__(self, layout: RunLayout, plan: Plan) -> None:
        self._layout = layout
        self._plan = plan
        self._found: Dict[Tuple[str, Path, int], Tuple[Shape, Dict[Path, Document]]] = {}
        self._values: Dict[Tuple[str, str, Path], Any] = {}

    def find(self, step: PlanStep, base: Path, levels: int) -> List[Path]:
        """Read the manifests of the tasks of a step at or below an index path, and return their paths.

        Raises MissingInput, naming tasks.
        """
        return list(self._tasks(step, base, levels)[1])

    def value(self, step: PlanStep, name: str, base: Path, levels: int) -> Any:
        """An output of the task at `base`; with levels, the list of those below it, nested as deep."""
        shape, manifests = self._tasks(step, base, levels)
        wanted = [path for path in manifests if (step.name, name, path) not in self._values]
        load = partial(self._load, step, name, manifests)
        for path, value in zip(wanted, self._each(load, wanted)):
            self._values[step.name, name, path] = value
        return self._shaped(step.name, name, shape)

    def identities(self, step: PlanStep, name: str, base: Path, levels: int) -> Any:
        """As `value`, with what each output is the same by in its place; nothing is loaded."""
        shape, manifests = self._tasks(step, base, levels)

        def look(part: Shape) -> Any:
            if isinstance(part, tuple):
                return artifacts.identity(manifests[part]["artifacts"].get(name))
            return [look(inner) for inner in part]

        return look(shape)

    def _shaped(self, step: str, name: str, shape: Shape) -> Any:
        if isinstance(shape, tuple):
            return self._values[step, name, shape]
        return [self._shaped(step, name, part) for part in shape]

    def _load(self, step: PlanStep, name: str, manifests: Dict[Path, Document], path: Path) -> Any:
        refs: Dict[str, Ref] = manifests[path]["artifacts"]
        if name not in refs:
            known = ", ".join(refs) or "none"
            raise ProtocolError(f"task {task_id(step.name, path)} has no output {name!r}; it has {known}")
        return artifacts.load(self._layout.store, self._plan.flow, name, refs[name])

    def _tasks(self, step: PlanStep, base: Path, levels: int) -> Tuple[Shape, Dict[Path, Document]]:
        key = (step.name, base, levels)
        if key not in self._found:
            if levels:
                self._found[key] = self._read_below(step, base, levels)
            else:
                self._found[key] = base, {base: self._layout.manifest(step.name, base)}
        return self._found[key]

    def _read_below(self, step: PlanStep, base: Path, levels: int) -> Tuple[Shape, Dict[Path, Document]]:
        openers = self._plan.openers(step)[step.depth - levels :]
        attempts: Dict[Path, int | None] = {}
        every = self._layout.latest_of_step(step.name) if levels > 1 and self._layout.store.remote else None
        shape = self._shape(step, base, openers, attempts, every)
        missing = [task_id(step.name, path) for path, attempt in attempts.items() if attempt is None]
        if missing:
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise MissingInput(
                f"{len(missing)} of {len(attempts)} tasks of step {step.name!r} have not finished: "
                f"{', '.join(missing[:_SHOWN])}{more} (run {self._layout.flow}/{self._layout.run} "
                f"in {self._layout.store.url})"
            )
        paths = list(attempts)
        read = self._each(lambda path: self._layout.manifest(step.name, path, attempts[path]), paths)
        return shape, dict(zip(paths, read))

    def _shape(
        self,
        step: PlanStep,
        base: Path,
        openers: List[PlanStep],
        attempts: Dict[Path, int | None],
        every: Dict[Path, int] | None,
    ) -> Shape:
        """The index paths below `base` in nested lists; the attempt to read of each goes into `attempts`."""
        count: int = self._layout.manifest(openers[0].name, base)["foreach"]["count"]
        paths = [(*base, index) for index in _succeeded(self._layout, self._plan, openers[0].name, base, count)]
        if len(openers) > 1:
            return [self._shape(step, path, openers[1:], attempts, every) for path in paths]
        if every is not None:
            attempts.update((path, every.get(path)) for path in paths)
        else:
            found = self._layout.latest_children(step.name, base, count)
            attempts.update((path, found.get(path[-1])) for path in paths)
        return paths

    def _each(self, read: Callable[[Path], Any], paths: List[Path]) -> List[Any]:
        """`read` of every path; of a remote store a number of them at once."""
        if len(paths) < 2 or not self._layout.store.remote:
            return [read(path) for path in paths]
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(THREADS, len(paths))) as pool:
            return list(pool.map(read, paths))
