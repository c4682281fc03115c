"""Which flow a step calls, and with what: `@call_flow`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, as_dict, as_list
from flowc_compiler.frontend.decorators.arguments.step_arguments import check_artifact
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import CalledFlow, StepSpecs

if TYPE_CHECKING:
    from flowc_compiler.syntax.modules import LocalModules, ModuleView


class FlowReference(NamedTuple):
    """A class or a pipeline that an argument names."""

    name: str
    file: str
    shown: str
    module: str | None


def flow_reference(name: str, view: ModuleView, modules: LocalModules) -> FlowReference:
    """What refers to a flow of a local file."""
    is_main = view.source.name == modules.main.source.name
    module = None if is_main else modules.module_name(view)
    return FlowReference(name, str(view.source.path), view.source.name, module)


def _flow(value: object) -> object:
    if not isinstance(value, FlowReference):
        raise ValueError("it is no flow of this file or of a local module: name a class or a pipeline, without quotes")
    return value


def _names(value: object) -> object:
    """The same names on both sides, for a list of them."""
    items = as_list(value)
    return {str(item): item for item in items} if items is not None else value


def _checked(value: object) -> object:
    named = _names(value)
    for pair in (as_dict(named) or {}).items():
        for item in pair:
            check_artifact(item if isinstance(item, str) else repr(item))
    return named


Names = Annotated[dict[str, str], BeforeValidator(_checked)]


class CallFlowArguments(Arguments):
    """`@call_flow`, flowc's own."""

    POSITIONAL: ClassVar[str | None] = "flow"

    flow: Annotated[Any, BeforeValidator(_flow)]
    params: dict[str, Any] = Field(default_factory=dict)
    artifacts: Annotated[dict[str, str], BeforeValidator(_names)] = Field(default_factory=dict)
    returns: Names = Field(default_factory=dict)
    deployed: bool = False

    def _specs(self, at: Origin, /) -> StepSpecs:
        found: FlowReference = self.flow
        for name in self.params.keys() & self.artifacts.keys():
            message = f"parameter `{name}` of flow {found.name} is in both `params` and `artifacts`"
            at.error("FC404", message, help="keep one of them")
        return some_specs(
            called=CalledFlow(
                span=at.span, flow=found.name, file=found.file, shown=found.shown, module=found.module,
                params=self.params, artifacts=self.artifacts, returns=self.returns, deployed=self.deployed,
            )
        )  # fmt: skip
