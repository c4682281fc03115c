"""`current.graph` of a pipeline: its steps with a function, in their order."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from flowc.protocol.plan import Plan


def pipeline_graph(plan: Plan, module: Any) -> Dict[str, Any]:
    """What Metaflow's `current.graph` holds. The structure is flat: arms of a pipeline may depend on each other."""
    import inspect
    import os

    from flowc.shim.graph_info import step_info
    from flowc.shim.pipeline_task import function_of

    calls = {name: step.call for name, step in plan.steps.items() if step.call is not None}
    steps: Dict[str, Dict[str, Any]] = {}
    for name, call in calls.items():
        steps[name] = {**step_info(plan, function_of(module, call), name), "next": _following(plan, name)}
    function = getattr(module, plan.class_name, None)
    return {
        "file": os.path.basename(inspect.getfile(module)),
        "start_step": plan.start,
        "end_step": plan.end,
        "parameters": [{"name": entry["name"], "type": "Parameter"} for entry in plan.parameters],
        "constants": [],
        "steps": steps,
        "graph_structure": list(calls),
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
        if step.call is not None:
            found[step.name] = None
            continue
        waiting += [other for other in step.next if other not in seen]
        seen.update(step.next)
    return list(found)
