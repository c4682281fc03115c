"""What each step of a run reads by its code, of what it has when it begins: of the code that the run left in the store.

Compiling executes nothing of it. Names that the code computes are not followed; then a step may have read anything.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from flowc_cli.reporting.code_graph import compile_stored, stored_code

if TYPE_CHECKING:
    from flowc.client import Run
    from flowc_compiler.driver.compile import Compilation
    from flowc_compiler.ir.artifact_effects import StepEffects


_COMPUTED = frozenset(
    {"attrgetter", "eval", "exec", "getattr", "hasattr", "locals", "vars", "__dict__", "__getattribute__"}
)
"""What may read an attribute whose name does not stand in the code."""


class StepReads(NamedTuple):
    """What a step reads of what it has when it begins."""

    names: frozenset[str]
    """Artifacts that it reads; in a pipeline parameters, and outputs as `step.output`."""
    possible: frozenset[str] | None
    """These, and all else that it may read: parameters, class constants and `input` as well; `None` for anything."""
    items: frozenset[str] = frozenset()
    """In a pipeline, the outputs that it is given an item of."""


class RunReads:
    """The reads of runs. Runs of the same code are compiled once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Mapping[str, StepReads]] = {}

    def of(self, run: Run) -> Mapping[str, StepReads]:
        """The reads of each step; empty where the run's code is not known, or cannot be compiled alone."""
        code = stored_code(run)
        if code is None:
            return {}
        key = (run.layout.flow, code.model_dump_json())
        if key not in self._known:
            self._known[key] = compile_stored(run, code, lambda found, _: _step_reads(found)) or {}
        return self._known[key]


def _step_reads(found: Compilation) -> dict[str, StepReads]:
    if found.flow.frontend == "pipeline":
        calls = {step.name: step.model_dump(include={"call", "fan", "tests", "variable"}) for step in found.flow.steps}
        return {name: _of_call(call, calls) for name, call in calls.items()}
    effects = found.effects() if found.effects is not None else None
    if effects is None:
        return {}
    functions = _functions(ast.parse(found.source.text))
    steps = frozenset(found.flow.by_name)
    return {
        step.name: _of_effects(effects.of(step.name), _attributes(step.name, functions, steps), silent=effects.silent)
        for step in found.flow.steps
    }


def _of_effects(effects: StepEffects, attributes: frozenset[str] | None, *, silent: bool) -> StepReads:
    """Effects have what is certain: nothing of a `try`, nor what no step can set."""
    names = frozenset(effects.reads) | {read.name for read in effects.inputs}
    unknown = attributes is None or effects.opaque or effects.havoc or silent
    return StepReads(names, None if unknown or attributes is None else names | attributes)


def _functions(tree: ast.AST) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    """The functions and methods of a file by their names."""
    found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


def _attributes(
    step: str, functions: Mapping[str, Sequence[ast.FunctionDef | ast.AsyncFunctionDef]], steps: Collection[str]
) -> frozenset[str] | None:
    """The attributes that are loaded in a step, and in what it calls in its file; `None` where some are computed.

    Other steps are named in `self.next`, and are not called there.
    """
    if step not in functions:
        return None
    found, seen, waiting = set[str](), {step}, [step]
    while waiting:
        for function in functions[waiting.pop()]:
            called = {node.func for node in ast.walk(function) if isinstance(node, ast.Call)}
            for node in ast.walk(function):
                if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
                    found.add(node.target.attr)
                name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
                if name in _COMPUTED:
                    return None
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                    found.add(name)
                if name in functions and name not in seen and (name not in steps or node in called):
                    seen.add(name)
                    waiting.append(name)
    return frozenset(found)


def _of_call(step: Mapping[str, Any], steps: Mapping[str, Mapping[str, Any]]) -> StepReads:
    """What the arguments of a call, the lists that are mapped over and the tests of a switch are made of."""
    names, items = set[str](), set[str]()
    for node in _nodes(step):
        if node["kind"] == "output":
            names.add(_output(node))
        elif node["kind"] == "parameter":
            names.add(str(node["name"]))
        elif node["kind"] == "item":
            items.update(_mapped(str(node["opener"]), int(node["source"]), steps))
    return StepReads(frozenset(names), frozenset(names), frozenset(items))


def _mapped(opener: str, source: int, steps: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The outputs whose items the tasks of a foreach get."""
    fan = steps[opener].get("fan")
    if fan is None:
        yield f"{opener}.{steps[opener].get('variable')}"
    else:
        yield from (_output(node) for node in _nodes(fan["sources"][source]) if node["kind"] == "output")


def _output(node: Mapping[str, Any]) -> str:
    return f"{node['step']}.{node['name']}"


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """The values in a tree of them."""
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            node = cast("dict[str, Any]", value)
            if isinstance(node.get("kind"), str):
                yield node
            pending.extend(node.values())
        elif isinstance(value, list | tuple):
            pending.extend(cast("list[object]", value))
