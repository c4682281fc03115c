"""What a step or pipeline is configured with: its decorators, `.configure(...)` and `.with_options(...)`, in order.

The evaluator finds these; what their arguments mean is read elsewhere. The scope evaluates an argument's expression with
`frontend.values.literals.evaluate`, names of the module and of the pipeline's body included. A call of a served class,
such as `ResourceSettings(cpu_count=2)`, has a `Constructed` as its value, and a served name that is not called a `Served`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import libcst as cst

from flowc_compiler.frontend.files.locate import Locator
from flowc_compiler.frontend.files.names import Names
from flowc_compiler.frontend.values.literals import Scope
from flowc_compiler.source import Span

LayerKind = Literal["decorator", "stacked decorator", "configure", "options", "pipeline"]
"""What a layer comes from.

`decorator`: `@step` or `@pipeline` itself. `stacked decorator`: another one of flowc's above or below it, such as
`@retry(times=3)`. `pipeline`: anything that configures the pipeline, as a default for its steps.
"""


@dataclass(frozen=True)
class SettingsLayer:
    """One of the places that configure a step or pipeline. Of two layers that say the same, the later one counts."""

    kind: LayerKind
    names: Names
    """What names mean in the file that it stands in."""
    node: cst.Call | cst.Decorator
    """The decorator, or the call of `.with_options` or `.configure`."""
    scope: Scope
    """Evaluates expressions of the node's arguments."""
    locator: Locator
    function: cst.FunctionDef | None = None
    """The function that a decorator stands above."""

    @property
    def arguments(self) -> tuple[cst.Arg, ...]:
        """The arguments, as they are written."""
        call = self.node.decorator if isinstance(self.node, cst.Decorator) else self.node
        return tuple(call.args) if isinstance(call, cst.Call) else ()


@dataclass(frozen=True, eq=False)
class Served:
    """A served name as a value: `SKLEARN`, or `PythonPackageInstaller.UV` with its dot."""

    name: str


@dataclass(frozen=True, eq=False)
class Constructed:
    """A call of a served class, with the values of its arguments."""

    name: str
    """The class's own name, whatever the file calls it."""
    positional: tuple[object, ...]
    keywords: Mapping[str, object]
    span: Span
    """The call."""
    spans: Mapping[str, Span] = field(default_factory=dict[str, Span])
    """Where the value of each keyword argument stands."""
