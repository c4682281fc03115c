"""Random flows some of whose steps share a pod, with `@fuse` or the option `fuse`, or need another pod."""

from __future__ import annotations

import ast
import random
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import FuseSpec
from flowc_compiler.passes.fusion import fuse_steps

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Step
    from tests.cluster.drawing import Drawn

EVERY = 0.6
"""How many of the flows have the option."""
MARKED = 0.5
"""How many steps have `@fuse`, where that is allowed; some of the others say that they are not to be fused."""
DISABLED = 0.1
OTHER_POD = {"metadata": {"annotations": {"apart": "1"}}}
APART = 0.25
"""How many steps have the other pod."""


def fused(drawn: Drawn, seed: int = 0) -> Drawn:
    """The same flow, with random fusions: the same ones for the same seed."""
    chooser = random.Random(f"{drawn.name} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random_flow.py"
        file.write_text(drawn.text, encoding="utf-8")
        flow = compile_file(file).flow
    uses: dict[str, FuseSpec] = {}
    # A pipeline has steps of flowc's own, which no function stands for.
    own = [step for step in flow.steps if step.call is not None or flow.frontend == "class"]
    places = {_function(step): step.span for step in reversed(own)}
    for name, span in reversed(places.items()):
        drawn_at = chooser.random()
        use = FuseSpec(span=span, disabled=drawn_at > 1 - DISABLED)
        if (drawn_at < MARKED or use.disabled) and _is_allowed(flow, {**uses, name: use}):
            uses[name] = use
    arguments = ("--fuse",) if chooser.random() < EVERY else ()
    decorators = {name: "@fuse(disabled=True)" if use.disabled else "@fuse" for name, use in uses.items()}
    text = _decorated(drawn.text, decorators, "fuse")
    return replace(drawn, text=text, arguments=(*drawn.arguments, *arguments))


def with_other_pods(drawn: Drawn, seed: int = 0) -> Drawn:
    """The same flow, in which random steps need another pod, so that batches have the first part of a body only."""
    chooser = random.Random(f"{drawn.name} pods {seed}")
    if "kubernetes" in drawn.text:
        return drawn
    functions = [item for item in ast.walk(ast.parse(drawn.text)) if isinstance(item, ast.FunctionDef)]
    names = sorted(item.name for item in functions if item.decorator_list)
    uses = {name: f"@kubernetes(patch={OTHER_POD})" for name in names if chooser.random() < APART}
    return replace(drawn, text=_decorated(drawn.text, uses, "kubernetes"))


def _function(step: Step) -> str:
    """The name of the function that is a step's, as the file has it."""
    return step.call.function if step.call is not None else step.name


def _is_allowed(flow: Flow, uses: dict[str, FuseSpec]) -> bool:
    steps = tuple(
        step.model_copy(update={"specs": step.specs.model_copy(update={"fuse": uses.get(_function(step))})})
        for step in flow.steps
    )
    sink = DiagnosticSink()
    fuse_steps(flow.model_copy(update={"steps": steps}), sink)
    return not sink.failed


def _decorated(text: str, uses: dict[str, str], imported: str) -> str:
    """The text with decorators above the steps, and the import of what they name."""
    lines = text.splitlines(keepends=True)
    found = {
        item.decorator_list[0].lineno - 1: item
        for item in ast.walk(ast.parse(text))
        if isinstance(item, ast.FunctionDef) and any(_is_step(use) for use in item.decorator_list) and item.name in uses
    }
    for number in sorted(found, reverse=True):
        item = found[number]
        lines.insert(number, f"{' ' * item.col_offset}{uses[item.name]}\n")
    if found:
        lines.insert(0, f"from flowc import {imported}\n")
    return "".join(lines)


def _is_step(use: ast.expr) -> bool:
    """Whether a decorator is `@step` or `@step(...)`."""
    use = use.func if isinstance(use, ast.Call) else use
    return isinstance(use, ast.Name) and use.id == "step"
