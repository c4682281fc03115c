"""Values for parameters from the command line, the environment, a call in Python, and an earlier run.

A class flow's values are bound when it has been compiled. A pipeline's parameters may shape its graph: the front end
binds them when it has read the function's signature.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver.parameters import (
    HasParameters,
    bind_parameters,
    converted,
    environment_values,
    find_parameter,
    join_repeated,
    split_assignments,
    split_options,
)
from flowc_compiler.ir import Flow, Parameter
from flowc_compiler.source import Span


class Signature(NamedTuple):
    """The parameters of a pipeline whose body is not read yet."""

    name: str
    span: Span
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class ParameterInputs:
    """Values for parameters, as they were given. The first of these that names a parameter counts."""

    assignments: tuple[str, ...] = ()
    """`name=value`, from `-p`."""
    options: tuple[str, ...] = ()
    """`--name value` and `--name=value`."""
    own_options: tuple[str, ...] = ()
    """The options of the command, such as `--root`: a misspelt option may mean one of them."""
    hidden: tuple[tuple[str, str], ...] = ()
    """(name, value) of the command's own options that a parameter may have the name of; for others they are nothing."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """The variables to look for FLOWC_RUN_NAME in."""
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    """The arguments of a call in Python, by the names of the function's parameters."""
    event: Mapping[str, str] = field(default_factory=dict[str, str])
    """The texts that the event gives that starts the run, by the names of parameters."""
    kept: Callable[[str], tuple[Mapping[str, object], Mapping[str, str]]] | None = None
    """By the flow's name the values, and for other parameters the texts, that the run had which is resumed.

    Those of parameters that are gone do not count.
    """
    to_run: bool = False
    """Whether the flow runs at once, so that nothing may be missing."""
    to_check: bool = False
    """Whether the flow is only checked, so that what a run will be given may be missing."""

    def bind(self, flow: HasParameters, sink: DiagnosticSink) -> dict[str, str]:
        """Parameter name to the text of its value. Collects FC302, FC303, FC304 and FC308."""
        pairs = split_assignments(self.assignments, sink)
        pairs += split_options(flow, self.options, sink, self.own_options)
        pairs = join_repeated(flow, pairs)
        pairs += [(name, value) for name, value in self.hidden if find_parameter(flow, name) is not None]
        pairs += environment_values(flow, self.environment, pairs)
        taken = {parameter.name for name, _ in pairs if (parameter := find_parameter(flow, name)) is not None}
        weaker = {**self._texts(flow, sink), **self.event}
        pairs += [(name, text) for name, text in weaker.items() if name not in taken]
        return bind_parameters(flow, pairs, sink, to_run=self.to_run)

    def text_of_option(self, option: Parameter) -> str | None:
        """The text that is given for an option of the file's own command line, which is read before its parameters."""
        flow = Signature("", option.span, (option,))
        ignored = DiagnosticSink()
        own = [item for item in self.assignments if "=" in item]
        pairs = [*split_assignments(own, ignored), *split_options(flow, self.options, ignored)]
        pairs += [*self.hidden, *environment_values(flow, self.environment, pairs)]
        values = {name: str(value) for name, value in self.values.items()}
        return next((text for name, text in (*pairs, *values.items()) if find_parameter(flow, name) is not None), None)

    def _texts(self, flow: HasParameters, sink: DiagnosticSink) -> dict[str, str]:
        """What Python values are as texts."""
        texts: dict[str, str] = {}
        kept: Mapping[str, object] = {}
        kept_texts: Mapping[str, str] = {}
        if self.kept is not None:
            kept, kept_texts = self.kept(flow.name)
        texts.update((name, text) for name, text in kept_texts.items() if find_parameter(flow, name) is not None)
        for name, value in {**kept, **self.values}.items():
            parameter = find_parameter(flow, name)
            if parameter is None:
                if name in self.values:
                    texts[name] = str(value)  # unknown, which is reported where texts are bound
            elif type(value) is not type(parameter.default) or value != parameter.default:
                text = text_of(value, parameter, sink)
                if text is not None:
                    texts[parameter.name] = text
        return texts


NO_INPUTS = ParameterInputs()


def text_of(value: object, parameter: Parameter, sink: DiagnosticSink) -> str | None:
    """The text that a parameter's type makes the value of; `None`, with FC303 collected, where there is none."""
    if parameter.deferred_type and _is_literal(value):
        return repr(value)
    if parameter.type == "str" and isinstance(value, str):
        return value
    kinds: dict[str, tuple[type, ...]] = {
        "str": (),
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "json": (object,),
    }
    fits = isinstance(value, kinds[parameter.type]) and (parameter.type != "int" or not isinstance(value, bool))
    try:
        if fits:
            return json.dumps(value)
    except (TypeError, ValueError):
        pass
    message = f"{value!r} is not a value of parameter `{parameter.name}`, which is of type {parameter.type}"
    sink.error("FC303", message, parameter.span, help="give plain data: text, numbers, bools, lists and dicts of them")
    return None


def _is_literal(value: object) -> bool:
    """Whether Python reads a value's text as the same value: a pipeline's parameter may have no other type."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False


def with_defaults(flow: Flow, bound: Mapping[str, str]) -> Flow:
    """A flow whose parameters have what is bound for their default. Those that are settled stay as they are."""
    parameters = tuple(
        _with_default(parameter, bound[parameter.name])
        if parameter.name in bound and not parameter.fixed
        else parameter
        for parameter in flow.parameters
    )
    return flow.model_copy(update={"parameters": parameters})


def _with_default(parameter: Parameter, text: str) -> Parameter:
    changed = {"default": converted(text, parameter), "given": text, "has_default": True, "dynamic_default": False}
    return parameter.model_copy(update=changed)
