"""Methods of steps, of pipelines and of their results, and entries of results.

`.map` and `.product` make a region of the graph that runs once for each item.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from flowc.protocol.conversions import conversion
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.values import DictView, Function, Iterator, RuntimeValue, is_kind
from flowc_compiler.frontend.pipelines.arm_bindings import lacks_entry
from flowc_compiler.frontend.pipelines.pipeline_values import (
    AttributeResult,
    FunctionMethod,
    MapBuilder,
    MappedResult,
    PipelineFunction,
    RegionBuilder,
    Result,
    StepFunction,
    StepOutputs,
    Unmapped,
)
from flowc_compiler.frontend.pipelines.result_expressions import attribute, operation
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.step_calls import read_after, wait_for, waited_names
from flowc_compiler.ir.regions import ElementValue, ItemValue, OutputValue, Value, references

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator

_Slot = tuple[str | int, BoundValue]
"""An argument by its name or position."""


def call_map(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    arguments: CallArguments,
    node: ast.expr,
    *,
    product: bool,
) -> MappedResult:
    """Call a step or a pipeline once for each item of what it is given."""
    after = read_after(evaluator, arguments)
    given: list[_Slot] = [*enumerate(arguments.positional), *arguments.keywords.items()]
    slots = [(key, _as_list(evaluator, value)) for key, value in given]
    mapped = [slot for slot in slots if _is_mapped(evaluator, slot)]
    mapped = mapped or [slot for slot in slots if isinstance(slot[1].value, Result)]  # FC312, when types are checked
    if not mapped:
        raise _nothing_to_map(evaluator, function, slots, node)
    if product:
        mapped.sort(key=lambda slot: _position(function, slot[0]))
    chain = None if product else _chain(evaluator, slots, mapped, after)
    if chain is None:
        return _new_map(evaluator, function, slots, mapped, after, node, product=product)
    items = {key: BoundValue(cast("MappedResult", given.value).item, given.node) for key, given in mapped}
    with evaluator.nodes.inside(chain.body):
        before = len(chain.body.nodes)
        item = _call(evaluator, function, slots, items, node)
        for added in chain.body.nodes[before:]:
            wait_for(evaluator, added, after)
    return MappedResult(chain, item)


def _new_map(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    mapped: Sequence[_Slot],
    after: Sequence[BoundValue],
    node: ast.expr,
    *,
    product: bool,
) -> MappedResult:
    """A map of its own over its sources."""
    sources: tuple[Value, ...] = tuple(argument_value(evaluator, given.value, given.node) for _, given in mapped)
    opened = MapBuilder(
        name=evaluator.nodes.reserve(f"{function.name}_map"),
        span=evaluator.span(node),
        sources=sources,
        body=RegionBuilder(),
        product=product and len(sources) > 1,
    )
    evaluator.nodes.add(opened)
    wait_for(evaluator, opened, after)
    items = {
        key: BoundValue(
            Result(ItemValue(opener=opened.name, source=place), evaluator.hook.item_type(given.value)), given.node
        )
        for place, (key, given) in enumerate(mapped)
    }
    with evaluator.nodes.inside(opened.body):
        item = _call(evaluator, function, slots, items, node)
    if not opened.body.nodes:
        raise evaluator.refuse("FC224", f"`{function.name}` calls no step", node, "call a step in it")
    return MappedResult(opened, item)


def _call(
    evaluator: PipelineEvaluator,
    function: StepFunction | PipelineFunction,
    slots: Sequence[_Slot],
    items: dict[str | int, BoundValue],
    node: ast.expr,
) -> object:
    """The call for one item."""
    arguments = CallArguments()
    for key, given in slots:
        value = items.get(key)
        if value is None:
            value = BoundValue(given.value.value, given.node) if isinstance(given.value, Unmapped) else given
        if isinstance(key, int):
            arguments.positional.append(value)
        else:
            arguments.keywords[key] = value
    return evaluator.call(function, arguments, node)


def _is_mapped(evaluator: PipelineEvaluator, slot: _Slot) -> bool:
    """Whether an argument is gone over: lists and results are, what is no list goes to every item as it is."""
    key, given = slot
    value = given.value
    if key == "id":
        raise evaluator.refuse(
            "FC222", "`id` is for single calls", given.node, "remove it: a mapped step has the name of its function"
        )
    if isinstance(value, StepOutputs):
        raise evaluator.refuse(
            "FC222",
            "a step with several outputs, or none, cannot be mapped over",
            given.node,
            "map over one of its outputs",
        )
    if isinstance(value, Result):
        return not evaluator.hook.is_single(value.type)
    return isinstance(value, MappedResult | list | tuple)


def _as_list(evaluator: PipelineEvaluator, given: BoundValue) -> BoundValue:
    """An argument; as a list where it is known and `for` would go over it."""
    if not is_kind(given.value, range, set, frozenset, Iterator, DictView):
        return given
    return BoundValue(evaluator.iterate(given.value, given.node), given.node)


def _nothing_to_map(
    evaluator: PipelineEvaluator, function: StepFunction | PipelineFunction, slots: Sequence[_Slot], node: ast.expr
) -> EvaluationError:
    """FC312 with the conversion to write, where `for` would give keys or characters; else FC222."""
    for _, given in slots:
        way_out = conversion(given.value, evaluator.code(given.node))
        if way_out is not None:
            kind = type(given.value).__name__
            message = f"`.map` iterates over a list, and gets the `{kind}` `{evaluator.code(given.node)}`"
            return evaluator.refuse("FC312", message, given.node, f"write {way_out}")
    way_out = f"give `{function.name}` a result that is a list, or a list that is written out"
    return evaluator.refuse("FC222", "there is nothing to map over", node, way_out)


def _position(function: StepFunction | PipelineFunction, key: str | int) -> int:
    """Where a parameter stands: combinations come in the order of the parameters, as in ZenML, not of the call."""
    if isinstance(key, int):
        return key
    names = [item.name for item in signature_of(function.node).named]
    return names.index(key) if key in names else len(names)


def _chain(
    evaluator: PipelineEvaluator, slots: Sequence[_Slot], mapped: Sequence[_Slot], after: Sequence[BoundValue]
) -> MapBuilder | None:
    """The map that the call can join, item by item: all that is mapped comes from it, and nothing else needs it."""
    first = mapped[0][1].value
    if not isinstance(first, MappedResult):
        return None
    opened = first.map
    if not any(node is opened for node in evaluator.nodes.current.nodes):
        return None
    for _, given in mapped:
        if not isinstance(given.value, MappedResult) or given.value.map is not opened:
            return None
    others = [given for key, given in slots if all(key != other for other, _ in mapped)]
    names: list[str] = []
    for given in others:
        value = given.value.value if isinstance(given.value, Unmapped) else given.value
        if evaluator.find_undetermined(value) is not None:
            names += references(argument_value(evaluator, value, given.node))
    for given in after:
        if isinstance(given.value, str) and evaluator.nodes.get(given.value) is None:
            return None
        names += waited_names(evaluator, given)
    return None if evaluator.nodes.depends(names, opened) else opened


_FUTURES = frozenset({"result", "artifacts", "load"})
"""Methods of ZenML's artifacts and futures that give the artifact itself, or its value."""
_OF_RESULTS = frozenset({*_FUTURES, "wait", "running", "chunk", "get_artifact", "unpack"})


def method_of(evaluator: PipelineEvaluator, owner: object, name: str, node: ast.expr) -> object | None:
    """A method of a step, a pipeline or a result; `None` for other attributes. Raises EvaluationError."""
    if isinstance(owner, StepFunction | PipelineFunction):
        if name in {"map", "product", "submit"}:
            return FunctionMethod(owner, name)
        if name in {"name", "__name__"}:
            return owner.name
        if isinstance(owner, PipelineFunction) and name in {"run", "__call__"} and evaluator.lenient:
            return owner
    elif isinstance(owner, RuntimeValue):
        return _of_result(evaluator, owner, name, cast("ast.Attribute", node))
    if name in {"map", "product"} and isinstance(node, ast.Attribute):
        shown = evaluator.code(node.value)
        what = f"put `@step` above `{shown}`" if isinstance(owner, Function) else f"write `work.{name}({shown})`"
        message = f"`{name}` is a method of steps, and `{shown}` is not a step"
        raise evaluator.refuse("FC222", message, node, what, owner)
    return None


def _of_result(evaluator: PipelineEvaluator, owner: object, name: str, node: ast.Attribute) -> object:
    if isinstance(owner, StepOutputs) and name in owner.names:
        return owner.results[owner.names.index(name)]
    if isinstance(owner, Result) and name not in {"map", "product"}:
        return attribute(evaluator, owner, name, node)
    if name in _OF_RESULTS:
        return FunctionMethod(owner, name)
    if name in {"map", "product"}:
        raise evaluator.refuse(
            "FC222", f"`{name}` is a method of steps, not of their results", node,
            f"write `work.{name}({evaluator.code(node.value)})`",
        )  # fmt: skip
    what, way_out = f"it has no attribute `{name}`", "read it in a step that gets the result"
    raise evaluator.not_known(owner, node, what, way_out)


def call_method(
    evaluator: PipelineEvaluator, method: FunctionMethod, arguments: CallArguments, node: ast.expr
) -> object:
    """What a method gives. Raises EvaluationError."""
    owner, name = method.owner, method.name
    if isinstance(owner, StepFunction | PipelineFunction):
        if name == "submit":
            return evaluator.call(owner, arguments, node)
        return call_map(evaluator, owner, arguments, node, product=name == "product")
    return _call_result(evaluator, owner, name, arguments, node)


_OF_FILES = frozenset({
    "chmod", "hardlink_to", "mkdir", "rename", "rmdir", "symlink_to", "touch", "unlink", "write_bytes", "write_text",
})  # fmt: skip
"""Methods of paths that change files."""


def call_result(
    evaluator: PipelineEvaluator, method: AttributeResult, arguments: CallArguments, node: ast.expr
) -> object:
    """What a method of a result gives: one of ZenML's artifacts, or one of plain data that changes nothing."""
    if method.name in _OF_RESULTS:
        return _call_result(evaluator, method.owner, method.name, arguments, node)
    found = evaluator.runtime_call("method", method.name, arguments, node, method.owner)
    if found is not None:
        return found
    if method.name in _OF_FILES:
        message = f"`{evaluator.code(node)}` changes files where the flow is compiled, and the tasks run elsewhere"
        raise evaluator.refuse("FC111", message, node, "call it in the step that needs the file or folder")
    raise evaluator.not_known(
        method.owner,
        node,
        f"its method `{method.name}` cannot be called here",
        "call it in a step that gets the result",
    )


def _call_result(
    evaluator: PipelineEvaluator, owner: object, name: str, arguments: CallArguments, node: ast.expr
) -> object:
    values = [given.value for given in (*arguments.positional, *arguments.keywords.values())]
    if name in _FUTURES and not (arguments.positional or arguments.keywords.keys() - {"disable_cache"}):
        return owner
    if name == "chunk" and len(values) == 1 and isinstance(owner, Result):
        return entry_of(evaluator, owner, values[0], node)
    if name == "get_artifact" and len(values) == 1:
        return _artifact(evaluator, owner, values[0], node)
    if name == "unpack" and isinstance(owner, MappedResult) and not values:
        return _unpacked(evaluator, owner, node)
    if name == "wait":
        raise evaluator.refuse("FC111", "the pipeline's body is over before a step runs", node, "write `after=[...]`")
    if name == "unpack":
        raise evaluator.refuse("FC222", "`unpack` is for what `.map` gives", node, "assign: `first, second = step()`")
    raise evaluator.not_known(
        owner, node, f"`{name}` cannot be called",
        "pass the result itself to the step that needs it: the step gets the value",
    )  # fmt: skip


def _artifact(evaluator: PipelineEvaluator, owner: object, key: object, node: ast.expr) -> object:
    names = owner.names if isinstance(owner, StepOutputs) else ("output",)
    if key in names and isinstance(owner, StepOutputs):
        return owner.results[names.index(key)]
    if isinstance(owner, Result):
        return owner
    raise evaluator.refuse("FC112", f"there is no output `{key}`", node, f"the outputs are {', '.join(names)}")


def _unpacked(evaluator: PipelineEvaluator, owner: MappedResult, node: ast.expr) -> object:
    """One mapped result for each output of the step that is mapped."""
    item = owner.item
    parts = (
        item.results
        if isinstance(item, StepOutputs)
        else cast("Iterable[object]", item)
        if isinstance(item, tuple)
        else ()
    )
    found = tuple(MappedResult(owner.map, part) for part in parts)
    if not found:
        message = "`unpack` is for a step with several outputs"
        raise evaluator.refuse("FC222", message, node, "annotate the step: `-> tuple[A, B]`, and `return a, b` in it")
    return found


def entry_of(
    evaluator: PipelineEvaluator, value: object, key: object, node: ast.AST, entries: int | None = None
) -> object:
    """`value[key]` of a result; `entries` is how many there must be, where all of them are unpacked."""
    if isinstance(value, StepOutputs):
        if not value.results:
            message = f"the step `{value.step}` has no output"
            raise evaluator.refuse("FC112", message, node, "return a value from it, and annotate it")
        if entries is not None and entries != len(value.results):
            raise _wrong_number(evaluator, node, len(value.results), entries)
        return evaluator.computed(node, lambda: value.results[cast("int", key)])
    if isinstance(value, MappedResult) and entries is not None:
        raise evaluator.not_known(
            value, node, "how many items were mapped over is not known",
            "of a step with several outputs: `first, second = work.map(items).unpack()`",
        )  # fmt: skip
    if not isinstance(value, Result | MappedResult):
        raise evaluator.refuse("FC222", "`unmapped(...)` has no entries", node, "take the entry first")
    if isinstance(key, bool) or not isinstance(key, int | str):
        return operation(evaluator, "getitem", [(value, node), (key, node)], node)
    whole = argument_value(evaluator, value, node)
    if evaluator.arm_bindings.is_certain and lacks_entry(whole, key, entries):
        raise evaluator.refuse(
            "FC223", f"some arms of an `if` on a result leave no such entry: `{evaluator.code(node)}`", node,
            "set it before the `if`, or in every arm; or use it in an `if` with the same condition",
        )  # fmt: skip
    of = value.type if isinstance(value, Result) else None
    step = value.node if isinstance(value, Result) else whole.step if isinstance(whole, OutputValue) else None
    hook = evaluator.hook
    kind = hook.item_type(value) if isinstance(value, MappedResult) else hook.element_type(of, key)
    return Result(ElementValue(value=whole, key=key, entries=entries, span=evaluator.span(node)), kind, step)


def _wrong_number(evaluator: PipelineEvaluator, node: ast.AST, count: int, wanted: int) -> EvaluationError:
    shown = f"{wanted} value{'s' * (wanted != 1)}"
    message = f"`{evaluator.code(node)}` has {count} value{'s' * (count != 1)}, and {shown} are expected"
    return evaluator.refuse("FC112", message, node, "make the numbers equal")
