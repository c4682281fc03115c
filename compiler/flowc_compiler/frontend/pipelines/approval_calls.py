"""Calls in a pipeline's body that ask a person: `approve(...)`, and ZenML's `wait(...)`. Each becomes a task.

All that is called before it in the body is done before anybody is asked, and all that is called after it waits.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from flowc_compiler.diagnostics import suggest
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.frontend.decorators.argument_reader import validated
from flowc_compiler.frontend.decorators.arguments.wait_arguments import ApprovalArguments
from flowc_compiler.frontend.pipelines.body_reads import add_task
from flowc_compiler.frontend.pipelines.step_calls import STEP_NAME, read_after
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import ApprovalSpec
from flowc_compiler.ir.regions import LiteralValue

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
    from flowc_compiler.frontend.pipelines.pipeline_values import Result

_Kind = Literal["text", "bool", "int", "float", "list", "dict"]
_KINDS: Mapping[str, _Kind] = {
    "bool": "bool", "dict": "dict", "float": "float", "int": "int", "list": "list", "str": "text",
}  # fmt: skip
_WAIT = ("data_schema", "metadata", "name", "poll_interval", "question", "schema", "timeout", "type")
_WORTHLESS = {"metadata": "it is shown nowhere", "poll_interval": "engines look by themselves", "timeout": (
    "a run that waits holds nothing, and needs no pause"
)}  # fmt: skip


def asking_call(evaluator: PipelineEvaluator, name: str, arguments: CallArguments, node: ast.expr) -> Result:
    """The result of a task that asks a person. Raises EvaluationError for arguments that are wrong or not known."""
    after = read_after(evaluator, arguments)
    given = {key: item for key, item in arguments.keywords.items() if item.value is not None}
    evaluator.check_known(
        node, f"`{name}` takes known values", "write them out", *(item.value for item in given.values())
    )
    if arguments.positional:
        raise evaluator.refuse("FC113", f"`{name}` takes keyword arguments only", node, f"write {name}(...=...)")
    identifier = given.pop("id" if name == "approve" else "name", None)
    base = identifier.value if identifier is not None else name
    if not isinstance(base, str) or not STEP_NAME.fullmatch(base):
        raise evaluator.refuse("FC209", f"{base!r} is no name of a step", node, "use letters, digits, `_`, `-` and `.`")
    spec = _approval(evaluator, given, node) if name == "approve" else _wait(evaluator, given, node)
    return _ask(evaluator, base, spec, after, node)


def _ask(
    evaluator: PipelineEvaluator, name: str, spec: ApprovalSpec, after: Sequence[BoundValue], node: ast.expr
) -> Result:
    """The task that asks, between all that was called before and all that will be."""
    before = [BoundValue(item, node) for item in evaluator.nodes.leaves()]
    values = {"continues": LiteralValue(value=spec.choices == _GO_ON)}
    result = add_task(
        evaluator, "approve", values, node, (*before, *after), name=name, specs={"approval": spec, "cache": None}
    )
    evaluator.nodes.barrier = result.node
    return result


_GO_ON = ("continue", "abort")
"""What there is to choose where ZenML asks for no value."""


def _approval(evaluator: PipelineEvaluator, given: Mapping[str, BoundValue], node: ast.expr) -> ApprovalSpec:
    for key in given:
        if key not in ApprovalArguments.model_fields:
            takes = [*ApprovalArguments.model_fields, "id", "after"]
            help_text = suggest(key, takes, f"it takes {', '.join(takes)}").help
            raise evaluator.refuse("FC113", f"`approve` has no argument `{key}`", node, help_text)
    span, values = evaluator.span(node), {key: item.value for key, item in given.items()}
    found = validated(ApprovalArguments, values, "`approve`", lambda _: span, "approvals", evaluator.sink)
    spec = found.specs(Origin(span, evaluator.sink)).approval if found is not None else None
    return spec if spec is not None else ApprovalSpec(span=span)


def _wait(evaluator: PipelineEvaluator, given: Mapping[str, BoundValue], node: ast.expr) -> ApprovalSpec:
    """What ZenML's `wait` asks. Its `timeout` is when ZenML pauses a run, which waits all the same."""
    for key, item in given.items():
        if key not in _WAIT:
            raise evaluator.refuse("FC113", f"`wait` has no argument `{key}`", node, f"it takes {', '.join(_WAIT)}")
        if key in _WORTHLESS:
            evaluator.sink.warning(
                "FC410", f"`{key}` of `wait` does nothing here: {_WORTHLESS[key]}", evaluator.span(item.node),
                help="leave it out",
            )  # fmt: skip
    schema = given.get("schema") or given.get("data_schema") or given.get("type")
    question = given["question"].value if "question" in given else ""
    span, message = evaluator.span(node), question if isinstance(question, str) else str(question)
    if schema is None:
        return ApprovalSpec(span=span, choices=_GO_ON, message=message)
    kind = _KINDS.get(evaluator.code(schema.node))
    if kind is None:
        raise evaluator.refuse(
            "FC113", f"`wait` for a {evaluator.code(schema.node)}: a person writes text or plain JSON", schema.node,
            f"take one of {', '.join(sorted(_KINDS))}, and make the object of it in a step",
        )  # fmt: skip
    choices = ("true", "false") if kind == "bool" else ()
    return ApprovalSpec(span=span, choices=choices, kind=kind, message=message)
