"""The arguments of a step of a pipeline: small trees in the plan, looked up when the task runs."""

from __future__ import annotations

from functools import partial

from flowc.current import running
from flowc.errors import FlowError, PipelineError, ProtocolError
from flowc.shim.mapped_outputs import Outputs, succeeded_items
from flowc.store import artifacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

    from flowc.protocol.plan import PlanStep
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.run_layout import Path

    Value = Dict[str, Any]
    """One node of such a tree, as the plan has it."""

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
        if running.trace is not None:
            running.trace.note("code", f"{value.get('module') or self._state.plan.module}.{value['object']}")
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
            for index in succeeded_items(self._state.layout, self._state.plan, opener.name, base, count):
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
