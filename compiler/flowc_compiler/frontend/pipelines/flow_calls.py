"""`call_flow(...)` in a pipeline's body: a class flow whose steps become steps of the pipeline, or a deployed flow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from flowc_compiler.diagnostics import suggest
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.evaluate.values import ClassObject
from flowc_compiler.frontend.decorators.arguments.call_arguments import flow_reference
from flowc_compiler.frontend.pipelines.body_reads import add_task
from flowc_compiler.frontend.pipelines.pipeline_values import PipelineFunction, Result, StepOutputs
from flowc_compiler.frontend.pipelines.step_arguments import argument_value
from flowc_compiler.frontend.pipelines.step_calls import STEP_NAME, read_after
from flowc_compiler.ir import CalledFlow
from flowc_compiler.ir.regions import OutputValue

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
    from flowc_compiler.ir import Value

_TAKES = ("flow", "params", "returns", "deployed", "id", "after")


def flow_call(evaluator: PipelineEvaluator, arguments: CallArguments, node: ast.expr) -> object:
    """What the called flow returns: a result, or several. Raises EvaluationError for arguments that are wrong.

    The task of the call only hands on what the steps before it have returned.
    """
    after = read_after(evaluator, arguments)
    given = dict(zip(_TAKES, arguments.positional[:1], strict=False)) | arguments.keywords
    for key in given:
        if key not in _TAKES or len(arguments.positional) > 1:
            help_text = suggest(key, _TAKES, f"it takes {', '.join(_TAKES)}").help
            if key == "artifacts":
                help_text = "give results of steps by `params=`, as other values"
            raise evaluator.refuse("FC113", f"`call_flow` has no argument `{key}`", node, help_text)
    flow, deployed = _flow(evaluator, given, node)
    identifier = given.get("id")
    name = identifier.value if identifier is not None else evaluator.nodes.free(flow.name)
    if not isinstance(name, str) or not STEP_NAME.fullmatch(name):
        raise evaluator.refuse("FC209", f"{name!r} is no name of a step", node, "use letters, digits, `_`, `-` and `.`")
    params: dict[str, object] = {}
    handed_on: dict[str, Value] = {}
    for key, item in _params(evaluator, given.get("params"), node).items():
        value = argument_value(evaluator, item, node)
        if value.kind == "literal":
            params[key] = value.value
        else:
            handed_on[key] = value
    returns = _returns(evaluator, given.get("returns"), node)
    place = flow_reference(flow.name, flow.view, evaluator.modules)
    called = CalledFlow(
        span=evaluator.span(node), flow=place.name, file=place.file, shown=place.shown, module=place.module,
        params=params, artifacts={key: key for key in handed_on}, returns={key: key for key in returns},
        deployed=deployed,
    )  # fmt: skip
    outputs, specs = tuple(handed_on), {"called": called, "cache": None}
    task = add_task(evaluator, "call_flow", handed_on, node, after, name=name, outputs=outputs, specs=specs)
    step = str(task.node)
    found = tuple(Result(OutputValue(step=step, name=key), None, step) for key in returns)
    single = "returns" in given and isinstance(given["returns"].value, str)
    return found[0] if single else StepOutputs(step, returns, found)


def _flow(
    evaluator: PipelineEvaluator, given: dict[str, BoundValue], node: ast.expr
) -> tuple[ClassObject | PipelineFunction, bool]:
    """The flow that is called, and whether it is a run of its own."""
    flow = given["flow"].value if "flow" in given else None
    deployed = given["deployed"].value if "deployed" in given else False
    if not isinstance(deployed, bool):
        raise evaluator.refuse("FC113", "`deployed` is True or False, written out", node, "write `deployed=True`")
    if isinstance(flow, ClassObject) and flow.kind == "flow":
        return flow, deployed
    if not isinstance(flow, PipelineFunction):
        help_text = "name a class or a pipeline of this file or of a local module: `call_flow(Train, ...)`"
        raise evaluator.refuse("FC113", "`call_flow` takes the flow that it calls", node, help_text)
    if not deployed:
        message = f"`{flow.name}` is a pipeline, whose steps become steps of this one where it is called"
        raise evaluator.refuse(
            "FC113", message, node, f"write `{flow.name}(...)`, or `deployed=True` for a run of its own"
        )
    return flow, deployed


def _params(evaluator: PipelineEvaluator, given: BoundValue | None, node: ast.expr) -> dict[str, object]:
    """Values by the names of parameters."""
    if given is None or given.value is None:
        return {}
    found = given.value
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in cast("dict[object, object]", found)):
        raise evaluator.refuse(
            "FC113", "`params` is a dict with the names of parameters", node, 'write `{"rows": rows}`'
        )
    return cast("dict[str, object]", found)


def _returns(evaluator: PipelineEvaluator, given: BoundValue | None, node: ast.expr) -> tuple[str, ...]:
    """The names of what the flow returns."""
    if given is None or given.value is None:
        return ()
    names = [given.value] if isinstance(given.value, str) else given.value
    found = cast("list[object]", names) if isinstance(names, list | tuple) else []
    if not found or not all(isinstance(name, str) and name.isidentifier() for name in found):
        help_text = 'write `returns="best"` for one value, or `returns=("best", "worst")` for several'
        raise evaluator.refuse("FC113", "`returns` takes names of what the called flow has at its end", node, help_text)
    return tuple(map(str, found))
