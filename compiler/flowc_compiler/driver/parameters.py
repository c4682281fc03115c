"""Values for a flow's parameters from the command line: which are known, of the right type, and all there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.filesystem import exists, expand_user, is_file, is_folder
from flowc_compiler.frontend.parameters import text_conversion
from flowc_compiler.frontend.parameters.text_conversion import FALSE_WORDS, TRUE_WORDS
from flowc_compiler.ir import Parameter
from flowc_compiler.source import Span
from flowc_compiler.syntax.import_root import is_readable, located, outside_help


class HasParameters(Protocol):
    """What values are bound to: a flow, or the signature of a pipeline that is still being read."""

    @property
    def name(self) -> str:
        """The flow's name."""
        ...

    @property
    def span(self) -> Span:
        """Where the flow is."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that it has."""
        ...


def split_assignments(items: Sequence[str], sink: DiagnosticSink) -> list[tuple[str, str]]:
    """(name, value) of `-p name=value` items; FC302 for one without `=`."""
    pairs: list[tuple[str, str]] = []
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            sink.error("FC302", f"`-p {item}` is not name=value", None, help="write `-p name=value`")
        pairs.append((name, value))
    return pairs


def split_options(
    flow: HasParameters, arguments: Sequence[str], sink: DiagnosticSink, own_options: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """(name, value) of `--name value` and `--name=value`; flags and boolean parameters may stand alone.

    `own_options` are those of the command, which a misspelt one may mean.
    """
    pairs: list[tuple[str, str]] = []
    counts: dict[str, int] = {}
    rest = list(arguments)
    while rest:
        item = rest.pop(0)
        name, separator, value = item[2:].partition("=")
        parameter = find_parameter(flow, name)
        if not item.startswith("--") or parameter is None:
            sink.error(
                "FC302", f"unknown option or parameter `{item}`", flow.span, help=_known(flow, name, own_options)
            )
            if rest and not rest[0].startswith("--"):
                rest.pop(0)
        elif parameter.nargs > 1:
            taken = [*([value] if separator else []), *rest][: parameter.nargs]
            del rest[: len(taken) - bool(separator)]
            pairs.append((name, json.dumps(taken)))
        elif separator:
            pairs.append((name, value))
        elif parameter.counted:
            counts[parameter.name] = counts.get(parameter.name, 0) + 1
        elif _stands_alone(parameter, rest):
            pairs.append((name, parameter.flag or "true"))
        elif rest:
            pairs.append((name, rest.pop(0)))
        else:
            sink.error("FC303", f"parameter `{name}` has no value", parameter.span, help=f"write `{item} VALUE`")
    return [*pairs, *((name, str(count)) for name, count in counts.items())]


def _stands_alone(parameter: Parameter, rest: Sequence[str]) -> bool:
    """Whether `--name` has no value behind it, which a flag and a boolean parameter need not have."""
    if parameter.flag is not None and parameter.type != "bool":
        return True
    if parameter.type != "bool" or parameter.multiple:
        return False
    is_word = bool(rest) and rest[0].lower() in TRUE_WORDS | FALSE_WORDS
    return not is_word and (parameter.flag is not None or not rest or rest[0].startswith("-"))


def find_parameter(flow: HasParameters, name: str) -> Parameter | None:
    """The parameter of that name; case and `-` for `_` do not count, as no two names may differ by these only."""
    folded = _folded(name)
    return next((parameter for parameter in flow.parameters if _folded(parameter.name) == folded), None)


def environment_values(
    flow: HasParameters, environment: Mapping[str, str], given: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """(name, value) of FLOWC_RUN_NAME and METAFLOW_RUN_NAME, for parameters that are not given. The first wins.

    FLOWC_RUN_ID is no parameter's: it is the run's id in a task. An empty value is a value, as in Metaflow.
    """
    named = {_folded(name) for name, _ in given}
    found: list[tuple[str, str]] = []
    for parameter in flow.parameters:
        value = _environment_value(parameter, environment)
        if value is None or _folded(parameter.name) in named:
            continue
        if parameter.takes_several:  # as click reads a variable: its words
            value = json.dumps(value.split())
        found.append((parameter.name, value))
    return found


def _environment_value(parameter: Parameter, environment: Mapping[str, str]) -> str | None:
    """The text of the first variable that is set. An empty one of `envvar` does not count, as in click."""
    for variable in parameter.envvar:
        if environment.get(variable):
            return environment[variable]
    suffix = parameter.name.upper().replace("-", "_")
    own = environment.get(f"{PREFIXES[0]}{suffix}") if suffix != "ID" else None
    return own if own is not None else environment.get(f"{PREFIXES[1]}{suffix}")


def check_environment(
    flow: HasParameters, environment: Mapping[str, str], options: frozenset[str], sink: DiagnosticSink
) -> None:
    """Warn (FC302) of variables FLOWC_RUN_X that nothing reads; `options` are those that options read."""
    known = {parameter.name.upper().replace("-", "_") for parameter in flow.parameters}
    for variable in sorted(environment):
        suffix = variable.removeprefix(PREFIXES[0])
        if suffix != variable and suffix not in known and suffix != "ID" and variable not in options:
            message = f"flow {flow.name} has no parameter for the variable {variable}"
            sink.warning("FC302", message, None, help=_known(flow, suffix.lower()))


def bind_parameters(
    flow: HasParameters, given: Sequence[tuple[str, str]], sink: DiagnosticSink, *, to_run: bool = True
) -> dict[str, str]:
    """Parameter name to the text given for it; a path for each IncludeFile that has one.

    Collects FC302 (unknown), FC303 (wrong type), and when the flow is to run FC304 (missing) and FC308 (a file that
    cannot be read).
    """
    bound: dict[str, str] = {}
    named: set[str] = set()
    for name, value in given:
        parameter = find_parameter(flow, name)
        if parameter is not None and parameter.name in named:
            message = f"parameter `{parameter.name}` is given twice"
            sink.error("FC507", message, parameter.span, help="keep one of the values")
            continue
        if parameter is None:
            sink.error("FC302", f"flow {flow.name} has no parameter `{name}`", flow.span, help=_known(flow, name))
            continue
        named.add(parameter.name)
        if problem := why_unfit(value, parameter):
            sink.error("FC303", problem, parameter.span, help=example(parameter))
        elif not (to_run or is_unicode(value)):
            message = f"the value of parameter `{parameter.name}` is not UTF-8 text, which is all that an engine takes"
            sink.error("FC303", message, parameter.span, help="encode it, such as in base64, or pass a file's URL")
        elif parameter.source == "file":
            bound[parameter.name] = check_location(parameter, value, sink)
        else:
            bound[parameter.name] = value
    if to_run:
        _complete(flow, bound, named, sink)
    return bound


def join_repeated(flow: HasParameters, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The values of the command line, those of a parameter that may be given several times as one JSON list."""
    joined: dict[str, list[str]] = {}
    found: list[tuple[str, str]] = []
    for name, value in given:
        parameter = find_parameter(flow, name)
        if parameter is None or not parameter.multiple:
            found.append((name, value))
        else:
            joined.setdefault(parameter.name, []).append(value)
    return [*found, *((name, json.dumps(values)) for name, values in joined.items())]


def _complete(flow: HasParameters, bound: dict[str, str], named: set[str], sink: DiagnosticSink) -> None:
    """Look for what is not named: FC304 for what is required; the default files of IncludeFiles."""
    for parameter in flow.parameters:
        given = parameter.has_default or parameter.name in named
        if parameter.required and not parameter.fixed and not given:  # a pipeline's front end requires the fixed ones
            help_text = f"give it a value: `-p {parameter.name}=...`"
            sink.error("FC304", f"parameter `{parameter.name}` is required", parameter.span, help=help_text)
        if parameter.source == "file" and parameter.name not in named:
            path = default_file(parameter, sink, f"name another file: `-p {parameter.name}=PATH`")
            if path is not None:
                bound[parameter.name] = str(path)


def is_unicode(text: str) -> bool:
    """Whether text can be written in UTF-8; bytes of the command line that are not UTF-8 become surrogates."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


PREFIXES = ("FLOWC_RUN_", "METAFLOW_RUN_")
"""What the variables begin with that give parameters and options of a run."""


_EXAMPLES = {
    "int": "write a whole number, such as 3",
    "float": "write a number, such as 0.5",
    "bool": "write true or false",
    "json": "write JSON, such as '[1, 2]'",
    "str": "write text",
}


def example(parameter: Parameter) -> str:
    """The help for a text that is no value of a parameter."""
    if parameter.choices:
        return f"write one of {', '.join(parameter.choices)}"
    if parameter.type == "json" and parameter.converter:
        return f"""write JSON of {parameter.converter}, such as '{{"name": 1}}'"""
    return _EXAMPLES[parameter.type]


def why_unfit(text: str, parameter: Parameter) -> str:
    """Why a text is no value of a parameter; empty where it is one, and where only the run can know the type."""
    if parameter.deferred_type or parameter.source == "file":
        return ""
    items = text_conversion.items_of(text, parameter)
    if parameter.nargs != 1 and len(items) != parameter.nargs:
        return f"parameter `{parameter.name}` takes {parameter.nargs} values, not {len(items)}"
    for item in items:
        try:
            problem = text_conversion.constraint_violation(text_conversion.converted_item(item, parameter), parameter)
        except ValueError:
            return f"{item!r} is not a value of parameter `{parameter.name}`, which is of type {parameter.type}"
        if problem:
            return f"{item!r} is not a value of parameter `{parameter.name}`: it {problem}"
    return ""


def converted(text: str, parameter: Parameter) -> Any:
    """The value of a text that fits; where only the run can know the type, the text."""
    unknown = parameter.deferred_type or parameter.source == "file"
    return text if unknown else text_conversion.converted(text, parameter)


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _known(flow: HasParameters, wrong: str, own_options: Sequence[str] = ()) -> str:
    names = [parameter.name for parameter in flow.parameters]
    options = [item.removeprefix("--") for item in own_options]
    meant = suggest(wrong, names).help
    if not meant and (option := suggest(wrong, options, cutoff=0.75).help):
        return option.replace("`", "`--", 1)
    return meant or (f"its parameters are {', '.join(names)}" if names else "it has no parameters")


_SCHEMES = ("s3://", "s3a://", "gs://", "gcs://", "az://", "azure://", "abfs://", "abfss://", "file://")
_WEB = ("http://", "https://")


def is_url(location: str) -> bool:
    """Whether the value of an IncludeFile is a URL, which the start task reads, and no path on this machine."""
    return "://" in location or location.startswith("data:")


def check_location(parameter: Parameter, location: str, sink: DiagnosticSink) -> str:
    """A given value as the start task gets it: a path made absolute. Collects FC308 for what cannot be read."""
    if is_url(location):
        if not location.startswith(("data:", *_SCHEMES, *_WEB)):
            scheme = location.partition(":")[0]
            way_out = "give a path, or a URL of s3://, gs://, az://, file://, https:// or data:"
            _report(parameter, f"URLs of {scheme}:// cannot be read", sink, way_out)
        return location
    path = expand_user(location)
    problem = _problem(path)
    if problem:
        _report(parameter, f"the file `{location}` cannot be read: {problem}", sink, "check the path")
    return str(path.absolute())


def default_file(parameter: Parameter, sink: DiagnosticSink, way_out: str) -> Path | None:
    """The file of a default path: relative to the current folder, as in Metaflow, or else next to the flow.

    `None` where there is no default path, it is a URL or computed, or it cannot be read (FC308 is collected).
    """
    location = parameter.default
    if parameter.source != "file" or not isinstance(location, str) or is_url(location):
        return None
    path = expand_user(location)
    places = [path, Path(parameter.span.file).parent / path]
    found = next((place for place in places if exists(place)), None)
    problem = "it is neither in the current folder nor next to the flow" if found is None else _problem(found)
    if path.is_absolute() and found is None:
        problem = "there is no such file"
    if found is not None and not is_readable(found, located(Path(parameter.span.file)).parent):
        problem, way_out = "it is not in the flow's project", outside_help(location)
    if problem:
        _report(parameter, f"the default file `{location}` cannot be read: {problem}", sink, way_out)
        return None
    return found.absolute() if found is not None else None


def _problem(path: Path) -> str:
    """Why a file cannot be read; empty when it can."""
    try:
        if not is_file(path):
            kind = "it is a folder" if is_folder(path) else "it is not a regular file"
            return kind if exists(path) else "there is no such file"
        with path.open("rb"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _report(parameter: Parameter, problem: str, sink: DiagnosticSink, way_out: str) -> None:
    sink.error("FC308", f"parameter `{parameter.name}`: {problem}", parameter.span, help=way_out)
