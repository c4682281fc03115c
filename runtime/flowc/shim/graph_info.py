"""The flow's graph as data: `current.graph` for steps, and a short form in the store for whoever reads the run."""

from __future__ import annotations

import os
import sys

from flowc.current import run_tags
from flowc.store.documents import GRAPH_RECORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import RunLayout


_TYPES = {
    "branch": "split-static",
    "foreach": "split-foreach",
    "parallel": "split-parallel",
    "switch": "split-switch",
    "join": "join",
}


def graph_info(plan: Plan, cls: type) -> Dict[str, Any]:
    """What Metaflow's `current.graph` holds: the file, the flow's documentation, its steps, and how they nest.

    Names and arguments of decorators are as written in the file. `cls` is the flow's class; what it calls is in it.
    """
    import inspect

    from flowc.flowspec import constants, parameters

    known = parameters(cls)
    structure = [] if plan.start == plan.end else _block(plan, plan.start, plan.end)
    structure.append(plan.end)
    return {
        "file": os.path.basename(inspect.getfile(cls)),
        "start_step": plan.start,
        "end_step": plan.end,
        "parameters": [{"name": name, "type": value.kind} for name, value in known.items()],
        "constants": [{"name": name, "type": type(value).__name__} for name, value in constants(cls).items()],
        "steps": {
            name: step_info(plan, _function(plan, plan.steps[name], cls, sys.modules.get(plan.module)), name)
            for name in dict.fromkeys(_names(structure))
        },
        "graph_structure": structure,
        "doc": inspect.cleandoc(cls.__doc__ or ""),
        "decorators": decorators_of(cls),
        "extensions": {"installed": {}},
    }


def _function(plan: Plan, step: PlanStep, cls: type | None, module: Any) -> Any:
    """The function of a step of the flow, or of one that it calls; `None` for what flowc itself does."""
    around = plan.call_around(step)
    if plan.deployed_call(step.within) is not None or (step.call is None and plan.is_of_pipeline(step)):
        return None
    if step.call is not None:
        from flowc.shim.pipeline_task import function_of

        return function_of(module, step.call)
    if around is not None:
        from flowc.shim.called_flow import called_class

        cls = called_class(plan, step.within or "")
    return getattr(cls, step.own)


def record_graph(layout: RunLayout, plan: Plan) -> None:
    """Write what the client needs of the run into its folder. The start task does, when it begins."""
    steps: Dict[str, Document] = {}
    for name, step in plan.steps.items():
        steps[name] = {"type": _type(plan, step), "next": _next(step), "loops": step.loops}
        if step.call is not None:
            steps[name]["outputs"] = step.call["outputs"]
        if step.closes is not None:
            steps[name]["closes"] = step.closes
        if step.synthetic:
            steps[name].update(virtual=True, arms=step.arms, closes=step.closes, closes_kind=step.closes_kind)
    record = {"start": plan.start, "end": plan.end, "tags": sorted(run_tags()), "steps": steps}
    if plan.project:
        record["project"] = plan.project
    layout.write_json(f"{layout.prefix}/{GRAPH_RECORD}", record)


def _type(plan: Plan, step: PlanStep) -> str:
    if step.name == plan.end:
        return "end"
    if step.kind == "linear" and step.name == plan.start:
        return "start"
    return _TYPES.get(step.kind, "linear")


def _next(step: PlanStep) -> List[str]:
    """The steps that follow; a recursive switch is among its own."""
    return [*step.next, step.name] if step.loops else list(step.next)


def step_info(plan: Plan, function: Any, name: str) -> Dict[str, Any]:
    """What `current.graph` says of a step that runs a function."""
    import inspect

    step = plan.steps[name]
    function = inspect.unwrap(function) if function is not None else None  # of decorators of the user's
    code = getattr(function, "__code__", None)
    info: Dict[str, Any] = {
        "name": name,
        "type": _type(plan, step),
        "line": 0 if code is None else _line(function),
        "source_file": "" if code is None else code.co_filename,
        "doc": inspect.cleandoc(function.__doc__ or "") if function is not None else "",
        "decorators": decorators_of(function),
        "next": _next(step),
        "node_info": {},
    }
    if step.kind == "foreach":
        info["foreach_artifact"] = step.foreach_var
    if step.kind == "switch":
        info["condition"] = step.condition
    join = _matching_join(plan, name)
    if join is not None:
        info["matching_join"] = join
    return info


def _matching_join(plan: Plan, name: str) -> str | None:
    return next((other.name for other in plan.steps.values() if other.closes == name), None)


def _block(plan: Plan, name: str, stop: str) -> List[Any]:
    """The steps from one on, up to another: names in a row, and a list of blocks after a step that splits."""
    found: List[Any] = []
    while name != stop:
        step = plan.steps[name]
        found.append(name)
        join = _matching_join(plan, name)
        if step.kind == "switch":
            found.append([_block(plan, following, stop) for following in step.next])
            return found
        if join is not None:
            found.append([_block(plan, following, join) for following in step.next])
            name = join
        elif step.next:
            name = step.next[0]
        else:
            return found
    return found


def _names(block: List[Any]) -> Iterator[str]:
    """The names in a block and in its inner blocks, in order."""
    for item in block:
        if isinstance(item, str):
            yield item
        else:
            yield from _names(item)


def _line(function: Any) -> int:
    """The line of `def`; code objects know the first decorator's."""
    import linecache

    code = function.__code__
    first: int = code.co_firstlineno
    for line in range(first, first + 100):
        if linecache.getline(code.co_filename, line, function.__globals__).lstrip().startswith(("def ", "async def ")):
            return line
    return first


def decorators_of(target: Any) -> List[Dict[str, Any]]:
    """The decorators of a step or a flow, read from its source: at run time flowc's decorators leave no trace."""
    import ast
    import inspect
    import textwrap

    from flowc.protocol.metaflow_names import OWN, SERVED

    try:
        node = ast.parse(textwrap.dedent(inspect.getsource(target))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return []
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):  # a lambda
        return []
    found: List[Dict[str, Any]] = []
    for item in reversed(node.decorator_list):  # in the order in which they are applied, as Metaflow has them
        call = item.func if isinstance(item, ast.Call) else item
        name = call.attr if isinstance(call, ast.Attribute) else call.id if isinstance(call, ast.Name) else ""
        given = item.keywords if isinstance(item, ast.Call) else []
        if name != "step" and (SERVED.get(name) == "decorators" or name in OWN):
            attributes = {keyword.arg: _value(keyword.value) for keyword in given if keyword.arg}
            found.append({"name": name, "attributes": attributes, "statically_defined": True, "inserted_by": None})
    return found


def _value(node: Any) -> Any:
    """A literal's value; of other expressions the source."""
    import ast

    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def pipeline_graph(plan: Plan, module: Any) -> Dict[str, Any]:
    """What Metaflow's `current.graph` holds. The structure is flat: arms of a pipeline may depend on each other."""
    import inspect

    own = [step for step in plan.steps.values() if step.call is not None or not plan.is_of_pipeline(step)]
    steps: Dict[str, Dict[str, Any]] = {}
    for step in own:
        steps[step.name] = {
            **step_info(plan, _function(plan, step, None, module), step.name),
            "next": _following(plan, step.name),
        }
    function = getattr(module, plan.class_name, None)
    return {
        "file": os.path.basename(inspect.getfile(module)),
        "start_step": plan.start,
        "end_step": plan.end,
        "parameters": [{"name": entry["name"], "type": "Parameter"} for entry in plan.parameters],
        "constants": [],
        "steps": steps,
        "graph_structure": list(steps),
        "doc": inspect.cleandoc(getattr(function, "__doc__", None) or ""),
        "decorators": [],
        "extensions": {"installed": {}},
    }


def _following(plan: Plan, name: str) -> List[str]:
    """The next steps that have a function."""
    found: Dict[str, None] = {}
    seen = set(plan.steps[name].next)
    waiting = list(plan.steps[name].next)
    while waiting:
        step = plan.steps[waiting.pop(0)]
        if step.call is not None or not plan.is_of_pipeline(step):
            found[step.name] = None
            continue
        waiting += [other for other in step.next if other not in seen]
        seen.update(step.next)
    return list(found)
