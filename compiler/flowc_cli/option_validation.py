"""All that is wrong with the values of a target's options, at the lines of settings where these have them."""

from __future__ import annotations

import typing
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from flowc_cli.project_config import ProjectSettings
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.diagnostics.validation_messages import literal_kind_problem, value_problem
from flowc_compiler.ir.manifest_schema import SchemaProblem
from flowc_targets.base.options import TargetOptions

CORRECT = "correct its value"


def validated_options(
    model: type[TargetOptions], values: Mapping[str, Any], texts: Container[str] = ()
) -> tuple[TargetOptions | None, list[SchemaProblem]]:
    """The options with these values, and what is wrong with them: their paths begin with the option's name.

    What the values that are right say of manifests is checked where others are wrong, too. `texts` are options that
    come from a command line, where `3` is a number.
    """
    found = [
        {"type": kind, "loc": (name,), "input": value}
        for name, value in values.items()
        if name not in texts and (kind := literal_kind_problem(model.model_fields[name].annotation, value))
    ]
    right = {name: value for name, value in values.items() if name not in {item["loc"][0] for item in found}}
    options: TargetOptions | None = None
    try:
        options = model.model_validate(right)
    except ValidationError as error:
        found += typing.cast("list[dict[str, Any]]", error.errors())
        wrong = {item["loc"][0] for item in found if item["loc"]}
        options = _or_none(model, {name: value for name, value in right.items() if name not in wrong})
    problems = [*(_problem(item, model) for item in found), *(options.manifest_problems() if options else ())]
    return (options if not problems else None), problems


def _or_none(model: type[TargetOptions], values: Mapping[str, Any]) -> TargetOptions | None:
    try:
        return model.model_validate(values)
    except ValidationError:
        return None


def _problem(error: Mapping[str, Any], model: type[TargetOptions]) -> SchemaProblem:
    path: tuple[Any, ...] = tuple(error["loc"])
    field = model.model_fields.get(str(path[0])) if path else None
    if error["type"] == "extra_forbidden":
        known = _keys_of(field.annotation if field is not None else None)
        help_text = suggest(str(path[-1]), known, f"it has {', '.join(known)}" if known else "leave it out").help
        return SchemaProblem(path, "there is no such key", help_text)
    message, help_text = value_problem(error, field)
    return SchemaProblem(path, message, help_text or CORRECT)


def _keys_of(annotation: object) -> list[str]:
    """The fields of the model in an annotation such as `dict[str, GpuProfile]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    nothing: list[str] = []
    return next((found for item in typing.get_args(annotation) if (found := _keys_of(item))), nothing)


def report_option_problems(
    problems: Sequence[SchemaProblem], target: str, settings: ProjectSettings, given: Container[str],
    sink: DiagnosticSink,
) -> None:  # fmt: skip
    """Collect FC505 for each problem, at its line where `settings` have the option, and the command line does not.

    `target` is empty for options of all targets.
    """
    for problem in problems:
        name = str(problem.path[0]) if problem.path else ""
        where = SchemaProblem(problem.path, "", "").text().removesuffix(": ")
        message = f"option `{where}`{f' of target {target}' if target else ''}: {problem.message}"
        keys = next(_places(problem, target, settings), None) if name not in given else None
        if keys is None:
            sink.error("FC505", message, None, help=problem.help)
        else:
            settings.error(sink, "FC505", message, keys, help=problem.help)


def _places(problem: SchemaProblem, target: str, settings: ProjectSettings) -> Iterator[tuple[str, ...]]:
    """The keys of settings to the value that a problem is about, or to what is around it: the target's own first."""
    parts = [str(part) for part in problem.path]
    for head in ((target,), ()):
        for length in range(len(parts), 0, -1):
            keys = (*head, *parts[:length])
            layer = settings.layer_of(*keys)
            if layer is not None and settings.span(*keys, profile=layer.profile) is not None:
                yield keys
