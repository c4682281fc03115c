"""The arguments of `Parameter` that Metaflow passes on to click: what each means, or why flowc cannot honor it."""

from __future__ import annotations

import ast
from typing import Any, cast

from flowc_compiler.evaluate.literals import UnresolvedError
from flowc_compiler.frontend.parameters.declaration_calls import Argument, CallReader
from flowc_compiler.syntax.modules import FunctionNode

_NO_EFFECT = {
    "allow_from_autoenv": "FLOWC_RUN_ and METAFLOW_RUN_ variables always count",
    "confirmation_prompt": "flowc asks for nothing on the terminal",
    "hide_input": "flowc asks for nothing on the terminal; keep passwords in `@secrets`, not in parameters",
    "is_eager": "parameters are read together",
}
"""Arguments that change nothing here, and why. Those that are left at click's own value need no word."""
_DEFAULTS: dict[str, object] = {
    "allow_from_autoenv": True, "confirmation_prompt": False, "hide_input": False, "is_eager": False,
    "expose_value": True, "prompt": False,
}  # fmt: skip


def read_click_arguments(reader: CallReader, fields: dict[str, Any], arguments: dict[str, Argument]) -> None:
    """Fill in what click's arguments say. Raises UnresolvedError with FC301 collected for one that is wrong."""
    given = {key: _value(reader, key, argument) for key, argument in arguments.items() if key in _READ}
    fields["metavar"] = str(given.get("metavar") or "")
    fields["hidden"] = bool(given.get("hidden"))
    fields["multiple"] = bool(given.get("multiple"))
    fields["envvar"] = _texts(reader, given.get("envvar"), arguments, "envvar")
    if (choices := _texts(reader, given.get("choices"), arguments, "choices")) and not fields.get("choices"):
        fields["choices"] = choices
    _read_number_of_values(reader, given, fields, arguments)
    _read_flag(given, fields)
    _warn_of_the_rest(reader, given, fields, arguments)
    if "callback" in arguments:
        _check_callback(reader, arguments["callback"].node)
        fields["converter"] = fields.get("converter") or "callback"


_READ = frozenset(
    {"choices", "count", "envvar", "flag_value", "hidden", "is_flag", "metavar", "multiple", "nargs", "expose_value",
     "prompt", *_NO_EFFECT}
)  # fmt: skip


def _value(reader: CallReader, key: str, argument: Argument) -> object:
    try:
        return argument.evaluate(reader.scope)
    except UnresolvedError as error:
        reader.report_value(error, f"`{key}` is not known", "write its value here")
        raise UnresolvedError(error.node, reported=True) from None


def _texts(reader: CallReader, value: object, arguments: dict[str, Argument], key: str) -> tuple[str, ...]:
    """A text or a list of texts."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        if all(isinstance(item, str | int | float) for item in items):
            return tuple(map(str, items))
    reader.report(f"`{key}` is no list of texts", arguments[key].node, f"write `{key}=[...]` with its texts")
    raise UnresolvedError(arguments[key].node, reported=True)


def _read_number_of_values(
    reader: CallReader, given: dict[str, object], fields: dict[str, Any], arguments: dict[str, Argument]
) -> None:
    nargs = given.get("nargs", fields.get("nargs", 1))
    if not isinstance(nargs, int) or nargs < 1 or (fields["multiple"] and nargs != 1):
        node = arguments["nargs" if "nargs" in arguments else "multiple"].node
        way_out = "write a number of at least 1, without `multiple`; for lists of lists use type=JSONType"
        reader.report(f"flowc does not take {nargs!r} values for each time that it is given", node, way_out)
        raise UnresolvedError(node, reported=True)
    fields["nargs"] = nargs
    if not fields["multiple"] and nargs == 1:
        return
    if fields.get("separator"):
        way_out = "leave one of them out"
        reader.report("a parameter that takes several values has no separator", arguments["separator"].node, way_out)
        raise UnresolvedError(arguments["separator"].node, reported=True)
    default = fields.get("default")
    if isinstance(default, list | tuple) and "type" not in arguments:
        fields["type"] = _type_of_items(cast("list[object]", default))


def _type_of_items(items: list[object]) -> str:
    """The type of the first item, as click has one type for all of them."""
    name = type(items[0]).__name__ if items else "str"
    return name if name in {"bool", "int", "float", "str"} else "json"


def _read_flag(given: dict[str, object], fields: dict[str, Any]) -> None:
    if given.get("count"):
        fields.update(type="int", counted=True)
        if not fields.get("has_default"):
            fields.update(default=0, has_default=True)
    value = given.get("flag_value")
    if value is not None and not isinstance(value, bool):
        fields["flag"] = str(value)
        if fields.get("default"):  # click's rule: a default that is true means that the flag is set
            fields["default"] = value
    elif given.get("is_flag") or value is not None:
        fields["type"] = "bool"
        fields["flag"] = "false" if (fields.get("default") is True if value is None else not value) else "true"


def _warn_of_the_rest(
    reader: CallReader, given: dict[str, object], fields: dict[str, Any], arguments: dict[str, Argument]
) -> None:
    for key, value in given.items():
        if key in _DEFAULTS and value in (_DEFAULTS[key], None):
            continue
        if key == "expose_value":
            node = arguments[key].node
            reader.report("a parameter whose value is not passed on is of no use", node, "leave `expose_value` out")
        elif key == "prompt":
            required = not fields.get("has_default")
            fields["required"] = fields.get("required") or required
            what = "without a value the run does not start" if required else "without a value, the default counts"
            _warn(reader, arguments[key].node, "`prompt` asks for nothing in flowc", f"{what}; give one with `-p`")
        elif key in _NO_EFFECT:
            _warn(reader, arguments[key].node, f"`{key}` has no effect in flowc", f"leave it out: {_NO_EFFECT[key]}")


def _warn(reader: CallReader, node: ast.AST, message: str, help_text: str) -> None:
    reader.sink.warning("FC301", message, reader.view.span(node), help=help_text)


def _check_callback(reader: CallReader, node: ast.expr) -> None:
    """Report a callback that reads click's context: there is none when a task calls it."""
    function = node if isinstance(node, ast.Lambda) else _function(reader, node)
    if function is None:
        return
    names = [*function.args.posonlyargs, *function.args.args]
    body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    context = names[0].arg if names else ""
    for use in (inner for item in body for inner in ast.walk(item)):
        if isinstance(use, ast.Name) and use.id == context:
            message = "this callback reads click's context, which a task does not have"
            reader.report(message, use, "use the value only; compute what needs more in the first step")
            return


def _function(reader: CallReader, node: ast.expr) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    if not isinstance(node, ast.Name):
        return None
    body = reader.view.tree.body
    return next((item for item in body if isinstance(item, FunctionNode) and item.name == node.id), None)
