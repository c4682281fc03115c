"""`--with retry:times=3`: decorators that the command line adds to every step that does not have them.

The text is Metaflow's: a decorator's name, and behind a colon `name=value` pairs parted by commas. A value is JSON
where it can be read as that, and else text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.diagnostics.pages import page_to_read
from flowc_compiler.diagnostics.validation_messages import value_problem
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, REPEATABLE

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments

_NEXT_PAIR = re.compile(r",(?=\s*\w+\s*=)")


@dataclass(eq=False)
class CliDecorator:
    """A decorator of the command line."""

    name: str
    arguments: Arguments
    used: bool = False
    """Whether a step has taken it: those that have it themselves keep their own."""


def read_cli_decorators(texts: Sequence[str], sink: DiagnosticSink) -> tuple[CliDecorator, ...]:
    """The decorators that `--with` names. Collects FC401, FC403 to FC405 and FC507, without a span."""
    found: list[CliDecorator] = []
    for text in texts:
        name, _, rest = (part.strip() for part in text.partition(":"))
        model = ARGUMENTS.get(name)
        if model is None:
            message = f"`--with {text}`: there is no step decorator `{name}`"
            help_text = suggest(name, sorted(ARGUMENTS), f"there are {', '.join(sorted(ARGUMENTS))}").help
            sink.error("FC401", message, None, help=help_text)
        elif name in INSTEAD:
            sink.error("FC401", f"`--with {text}`: not every step can have `@{name}`", None, help=INSTEAD[name])
        elif name not in REPEATABLE and any(item.name == name for item in found):
            sink.error("FC405", f"`--with {name}` is given twice", None, help="keep one of them")
        elif (arguments := _arguments(text, rest, model, sink)) is not None:
            found.append(CliDecorator(name, arguments))
    return tuple(found)


INSTEAD = {"fuse": "leave it out, and give --fuse, which fuses all steps that it can"}
"""Decorators that an option stands for."""


def report_unused(decorators: Sequence[CliDecorator], sink: DiagnosticSink) -> None:
    """Warn (FC506) of decorators of the command line that every step has itself."""
    for decorator in decorators:
        if not decorator.used:
            message = f"`--with {decorator.name}` has no effect: every step has @{decorator.name} itself"
            sink.warning("FC506", message, None, help="change the decorators in the file, or leave it out")


def _arguments(text: str, rest: str, model: type[Arguments], sink: DiagnosticSink) -> Arguments | None:
    values: dict[str, object] = {}
    for key, value in pairs(rest):
        if key not in model.model_fields:
            takes = ", ".join(model.model_fields) or "no arguments"
            help_text = suggest(key, model.model_fields, f"it takes {takes}").help
            sink.error("FC403", f"`--with {text}`: no argument `{key}`", None, help=help_text)
            return None
        if key in values:
            sink.error("FC507", f"`--with {text}`: `{key}` is given twice", None, help="keep one of them")
            return None
        if value is MISSING:
            sink.error("FC404", f"`--with {text}`: `{key}` has no value", None, help=f"write {key}=VALUE")
            return None
        values[key] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            key = f"`{problem['loc'][0]}`: " if problem["loc"] else ""
            message, help_text = value_problem(problem)
            help_text = help_text or f"see {page_to_read('decorators')}"
            sink.error("FC404", f"`--with {text}`: {key}{message}", None, help=help_text)
        return None


def pairs(rest: str) -> Iterator[tuple[str, object]]:
    """Names and values. Commas within JSON do not part pairs, nor do those of a text that no `name=` follows."""
    while rest.strip():
        key, separator, rest = rest.partition("=")
        if not separator:
            yield key.strip(), MISSING
            return
        try:
            value, end = _JSON.raw_decode(rest := rest.lstrip())
            tail = rest[end:].lstrip()
        except ValueError:
            value, tail = MISSING, rest
        if tail and not tail.startswith(","):
            text = _NEXT_PAIR.split(rest, maxsplit=1)
            value, tail = text[0].strip(), f",{text[1]}" if len(text) > 1 else ""
        yield key.strip(), value
        rest = tail.removeprefix(",")


MISSING = object()
"""The value of a name that has none."""
_JSON = json.JSONDecoder()
