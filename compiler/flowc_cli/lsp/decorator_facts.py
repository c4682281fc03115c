"""The decorators that steps and flows may have, and their arguments, as the models of the front ends have them."""

from __future__ import annotations

import inspect
import types as python_types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments


class Argument(NamedTuple):
    """An argument of a decorator."""

    name: str
    type: str
    default: str
    """As it is written; empty for one that is required."""


STEP_DECORATORS: tuple[str, ...] = ("step", *ARGUMENTS)
"""The decorators of a step."""
FLOW_DECORATORS: tuple[str, ...] = tuple(FLOW_ARGUMENTS)
"""The decorators of a flow's class."""


def arguments_of(name: str, *, in_pipeline: bool) -> list[Argument]:
    """The arguments of a decorator; none for an unknown one."""
    if name == "step" and not in_pipeline:
        return [Argument("start", "bool", "False"), Argument("end", "bool", "False")]
    if name in {"step", "pipeline"}:
        from flowc_compiler.frontend.pipelines.settings.layer_specs import PIPELINE_ARGUMENTS, STEP_ARGUMENTS

        found = STEP_ARGUMENTS if name == "step" else PIPELINE_ARGUMENTS
        return [Argument(item, "", "...") for item in sorted(found)]
    model = _model(name)
    return [] if model is None else [_argument(key, field) for key, field in model.model_fields.items()]


def describe(name: str, *, in_pipeline: bool) -> str:
    """A decorator and its arguments in Markdown; empty for an unknown one."""
    arguments = arguments_of(name, in_pipeline=in_pipeline)
    if not arguments and name not in STEP_DECORATORS and name not in FLOW_DECORATORS:
        return ""
    lines = [f"    {item.name}{f': {item.type}' if item.type else ''}{_default(item)}," for item in arguments]
    shown = "\n".join([f"@{name}(", *lines, ")"]) if lines else f"@{name}"
    return f"```python\n{shown}\n```"


def _default(item: Argument) -> str:
    return f" = {item.default}" if item.default else ""


def _model(name: str) -> type[Arguments] | None:
    models: tuple[Mapping[str, type[Arguments]], ...] = (ARGUMENTS, FLOW_ARGUMENTS)
    return next((found[name] for found in models if name in found), None)


def _argument(name: str, field: FieldInfo) -> Argument:
    if field.is_required():
        return Argument(name, _type(field.annotation), "")
    default: Any = field.get_default(call_default_factory=True)
    return Argument(name, _type(field.annotation), repr(default))


def _type(annotation: Any) -> str:
    """A type as people write it, without what validates it."""
    if typing.get_origin(annotation) is Annotated:
        return _type(typing.get_args(annotation)[0])
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return f"Literal[{', '.join(map(repr, inner))}]"
    if origin in {typing.Union, python_types.UnionType}:
        return " | ".join(_type(item) for item in inner)
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if origin is not None:
        return f"{getattr(origin, '__name__', origin)}[{', '.join(_type(item) for item in inner)}]"
    return annotation.__name__ if inspect.isclass(annotation) else str(annotation).removeprefix("typing.")
