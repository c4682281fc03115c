"""A flow that a step calls: what `@call_flow` says, and the call once its steps are steps of the caller."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flowc_compiler.ir.base import Node
from flowc_compiler.ir.flowspecs import ProjectSpec
from flowc_compiler.ir.model import Parameter
from flowc_compiler.ir.regions import Value
from flowc_compiler.ir.specs import Spec

SEPARATOR = "__"
"""What stands between the name of the calling step and that of a step of the called flow."""


RUN = "run"
"""The name, within a call, of the step that stands for the run of a deployed flow."""


class CalledFlow(Spec):
    """`@call_flow`: when the step is done, another flow runs, and only then what follows the step."""

    flow: str
    """The name of its class, or of the function with `@pipeline`."""
    module: str | None = None
    """The dotted name by which a task imports the module with it; `None` for the flow's own file."""
    file: str = Field(default="", exclude=True)
    """The path of that module."""
    shown: str = Field(default="", exclude=True)
    """The path as the user would write it."""
    params: dict[str, Any] = {}
    """Values of its parameters."""
    artifacts: dict[str, str] = {}
    """For its parameters, the artifacts or parameters of the caller that they get."""
    returns: dict[str, str] = {}
    """For artifacts of the caller, those of the called flow's end that they get."""
    deployed: bool = False
    """Whether it is a run of its own, of the deployed flow, and not a part of the caller."""


class FlowCall(Node):
    """A call whose flow is part of the caller, or stands in it as one step, which waits for a run of its own."""

    step: str
    """The calling step."""
    flow: str
    module: str | None
    file: str = Field(default="", exclude=True)
    start: str
    """The first step of the called flow, by its name in the caller."""
    end: str
    params: dict[str, Any] = {}
    """As in CalledFlow, and so on, by the attributes of the parameters."""
    artifacts: dict[str, str] = {}
    returns: dict[str, str] = {}
    deployed: str | None = None
    """The last step of the flow, if it is a run of its own: `start` and `end` are the step that waits for it then, and
    `params` and `artifacts` are by the names of parameters."""
    separators: dict[str, str] = {}
    """Of parameters of a deployed flow that are split: a run is given a list as one text."""
    project: ProjectSpec | None = None
    """The project of a deployed flow, as the flow itself says."""
    pipeline: bool = False
    """Whether the flow is a pipeline, and no class."""
    parameters: tuple[Parameter, ...] = ()
    """Those of a pipeline that is part of its caller: a class has its own."""
    results: dict[str, Value] = {}
    """What a pipeline returns, by the names that `returns` has for it: artifacts of a class need no values."""
