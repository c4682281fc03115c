"""Values for a flow's parameters from the command line: which are known, of the right type, and all there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import Flow, Parameter

TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})


def split_assignments(items: Sequence[str], sink: DiagnosticSink) -> list[tuple[str, str]]:
    """(name, value) of `-p name=value` items; FC302 for one without `=`."""
    pairs: list[tuple[str, str]] = []
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            sink.error("FC302", f"`-p {item}` is not name=value", None, help="write `-p name=value`")
        pairs.append((name, value))
    return pairs


def split_options(flow: Flow, arguments: Sequence[str], sink: DiagnosticSink) -> list[tuple[str, str]]:
    """(name, value) of `--name value` and `--name=value`; a boolean parameter may stand alone, as in Metaflow."""
    pairs: list[tuple[str, str]] = []
    rest = list(arguments)
    while rest:
        item = rest.pop(0)
        name, separator, value = item[2:].partition("=")
        parameter = find_parameter(flow, name)
        if not item.startswith("--") or parameter is None:
            sink.error("FC302", f"unknown option or parameter `{item}`", flow.span, help=_known(flow, name))
            if rest and not rest[0].startswith("--"):
                rest.pop(0)
        elif separator:
            pairs.append((name, value))
        elif parameter.type == "bool" and (not rest or rest[0].lower() not in TRUE_WORDS | FALSE_WORDS):
            pairs.append((name, "true"))
        elif rest:
            pairs.append((name, rest.pop(0)))
        else:
            sink.error("FC303", f"parameter `{name}` is given no value", parameter.span, help=f"write `{item} VALUE`")
    return pairs


def find_parameter(flow: Flow, name: str) -> Parameter | None:
    """The parameter of that name; case and `-` for `_` do not count, as no two names may differ by these only."""
    folded = _folded(name)
    return next((parameter for parameter in flow.parameters if _folded(parameter.name) == folded), None)


def bind_parameters(flow: Flow, given: Sequence[tuple[str, str]], sink: DiagnosticSink) -> dict[str, str]:
    """Parameter name to the text given for it. Collects FC302 (unknown), FC303 (wrong type), FC304 (missing)."""
    bound: dict[str, str] = {}
    for name, value in given:
        parameter = find_parameter(flow, name)
        if parameter is None:
            sink.error("FC302", f"flow {flow.name} has no parameter `{name}`", flow.span, help=_known(flow, name))
        elif not fits(value, parameter):
            sink.error(
                "FC303",
                f"{value!r} is not a value of parameter `{parameter.name}`, which is of type {parameter.type}",
                parameter.span,
                help=_EXAMPLES[parameter.type],
            )
        else:
            bound[parameter.name] = value
    for parameter in flow.parameters:
        if parameter.required and not parameter.has_default and parameter.name not in bound:
            help_text = f"give it a value: `-p {parameter.name}=...`"
            sink.error("FC304", f"parameter `{parameter.name}` is required", parameter.span, help=help_text)
    return bound


_EXAMPLES = {
    "int": "write a whole number, such as 3",
    "float": "write a number, such as 0.5",
    "bool": "write true or false",
    "json": "write JSON, such as '[1, 2]'",
    "str": "write text",
}


def fits(text: str, parameter: Parameter) -> bool:
    """Whether text converts to a parameter's type; one with a computed default takes all until the run starts."""
    if parameter.dynamic_default:
        return True
    try:
        match parameter.type:
            case "int":
                int(text)
            case "float":
                float(text)
            case "bool":
                return text.lower() in TRUE_WORDS | FALSE_WORDS
            case "json":
                json.loads(text)
            case "str":
                pass
    except ValueError:
        return False
    return True


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")


def _known(flow: Flow, wrong: str) -> str:
    names = [parameter.name for parameter in flow.parameters]
    close = difflib.get_close_matches(wrong, names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"its parameters are {', '.join(names)}" if names else "it has no parameters"
