"""One of the calls that the specs of a step or a pipeline add up from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Literal

from flowc_compiler.evaluate.known_values import Scope
from flowc_compiler.syntax.modules import FunctionNode, ModuleView

Kind = Literal["step", "pipeline", "with_options", "configure"]


@dataclass(frozen=True, eq=False)
class SettingsLayer:
    """`@step(...)`, `@pipeline(...)`, or a call of `.with_options(...)` or `.configure(...)` of either.

    The layers of a step are, the weakest first: those of the pipeline that calls it, the step's own decorators, and
    calls of `configure` and `with_options` in their order.
    """

    kind: Kind
    of: Literal["step", "pipeline"]
    """What it is said of."""
    arguments: tuple[ast.expr | ast.keyword, ...]
    """None for a decorator without parentheses."""
    view: ModuleView
    """The file that it stands in."""
    scope: Scope
    """What names stand for there. Calls of classes for settings have values in any scope."""
    function: FunctionNode | None = None
    """The function under a decorator, whose other decorators count as well."""
