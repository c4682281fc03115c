"""`Parameter(...)` and `IncludeFile(...)` in a class body."""

from __future__ import annotations

import ast
import codecs
from typing import TYPE_CHECKING, Any, cast

from flowc.protocol.metaflow_names import OPTION_ARGUMENTS
from flowc_compiler.evaluate.literals import UnresolvedError, path_from_here
from flowc_compiler.frontend.parameters.click_arguments import read_click_arguments
from flowc_compiler.frontend.parameters.config_sources import present, unportable
from flowc_compiler.frontend.parameters.declaration_calls import METAFLOW_RESERVED, RUN_OPTIONS, Argument, CallReader
from flowc_compiler.frontend.parameters.text_conversion import constraint_violation, read_json
from flowc_compiler.ir import Parameter
from flowc_compiler.syntax.served_imports import Names
from flowc_compiler.syntax.tree_walk import walk

if TYPE_CHECKING:
    from flowc_compiler.frontend.parameters.declared_types import DeclaredType, ParameterType

_POSITIONAL = ("name", "default", "type", "help", "required", "show_default")
_INCLUDE_POSITIONAL = ("name", "required", "is_text", "encoding", "help", "parser")
_KINDS: dict[str, type] = {"required": bool, "help": str, "separator": str, "show_default": bool}
_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})


class ParameterReader:
    """Reads the parameters of one class body."""

    def __init__(self, names: Names, reader: CallReader) -> None:
        self._names = names
        self._reader = reader

    def read(self, attribute: str, call: ast.Call) -> Parameter | None:
        """The parameter assigned to `attribute`; `None`, with FC301, FC303 or FC305 collected, when it is wrong."""
        arguments = self._reader.bind("Parameter", call, _POSITIONAL, OPTION_ARGUMENTS)
        fields = self._common(attribute, arguments, call)
        if arguments is None or fields is None:
            return None
        declared = self._declared_type(arguments)
        if present(arguments, "type") is not None and declared is None:
            return None
        try:
            self._read_default(fields, arguments)
            self._settle_type(fields, declared)
            read_click_arguments(self._reader, fields, arguments)
        except UnresolvedError:
            return None
        parameter = Parameter.model_construct(**fields)  # whose values have been checked
        if not self._check(parameter, arguments):
            return parameter
        return parameter.model_copy(update={"default": _converted(parameter.default, parameter.type)})

    def read_include(self, attribute: str, call: ast.Call) -> Parameter | None:
        """The IncludeFile assigned to `attribute`; `None`, with FC301 or FC305 collected, when it is wrong."""
        arguments = self._reader.bind("IncludeFile", call, _INCLUDE_POSITIONAL, ("default", "show_default"))
        fields = self._common(attribute, arguments, call)
        if arguments is None or fields is None:
            return None
        try:
            encoding = self._reader.literal("encoding", arguments["encoding"], str) if "encoding" in arguments else None
            if "is_text" in arguments:
                self._reader.literal("is_text", arguments["is_text"], bool)
            own = self._path_of_file(fields["name"])
            arguments = arguments if own is None else {**arguments, "default": own}
            self._read_default(fields, arguments, is_file=True)
        except UnresolvedError:
            return None
        if isinstance(encoding, str) and not _is_encoding(encoding):
            self._reader.report(f"there is no encoding {encoding!r}", arguments["encoding"].node, "such as 'utf-8'")
        if fields.get("default") is not None and not isinstance(fields["default"], str):
            self._reader.report("the default of an IncludeFile is a path", arguments["default"].node, "write a string")
        return Parameter.model_construct(source="file", **fields)

    def _path_of_file(self, name: str) -> Argument | None:
        """The path that the file itself gives: `os.environ["METAFLOW_RUN_NAME"] = path`, as Metaflow's click reads it.

        Raises UnresolvedError, with FC301 collected, where it sets the variable in any other way.
        """
        view = self._reader.view
        variable = f"METAFLOW_RUN_{name.replace('-', '_').upper()}"
        if variable not in view.source.text:
            return None
        top = [part for item in view.tree.body for part in _setting_parts(item)]
        found = [value for node in top if (value := _value_set(node, variable)) is not None]
        values = [value for node in walk(view.tree) if (value := _value_set(node, variable)) is not None]
        if values == found[:1]:
            return Argument(found[0]) if found else None
        unclear = next((value for value in values if value not in found), values[-1])
        way_out = "set it at the top level of the file, once, or give the path in the IncludeFile"
        self._reader.report(f"where the file sets {variable}, the path of `{name}`, is not known", unclear, way_out)
        raise UnresolvedError(unclear, reported=True)

    def _common(self, attribute: str, arguments: dict[str, Argument] | None, call: ast.Call) -> dict[str, Any] | None:
        """The fields that both kinds have."""
        name = self._reader.name(arguments["name"]) if arguments is not None else None
        if arguments is None or name is None or not self._is_free(name, arguments["name"].node):
            return None
        fields: dict[str, Any] = {"attribute": attribute, "name": name, "span": self._reader.view.span(call)}
        for key, kind in _KINDS.items():
            if key not in arguments:
                continue
            try:
                value = self._reader.literal(key, arguments[key], kind)
            except UnresolvedError:
                return None
            if value is not None:
                fields[key] = value
        return fields

    def _is_free(self, name: str, node: ast.AST) -> bool:
        """Whether the name may be that of a parameter; FC305 is collected when not, and a warning where it hides."""
        if name in METAFLOW_RESERVED:
            self._reader.report(f"the parameter name `{name}` is reserved", node, "choose another name", "FC305")
            return False
        if name.lower().replace("_", "-") in RUN_OPTIONS:
            self._reader.sink.warning(
                "FC305", f"`--{name}` is an option of `flowc run`, and does not set this parameter",
                self._reader.view.span(node), help=f"give it as `-p {name}=VALUE`",
            )  # fmt: skip
        return True

    def _read_default(self, fields: dict[str, Any], arguments: dict[str, Argument], *, is_file: bool = False) -> None:
        """Fill in the default, or that it is not known yet. Raises UnresolvedError with FC301 collected."""
        argument = present(arguments, "default")
        if argument is None:
            return
        fields["has_default"] = True
        try:
            scope = self._reader.scope
            fields["default"] = self._reader.path(argument) if is_file else argument.certain(scope)
        except UnresolvedError as error:
            if error.wrong or error.reported:
                self._reader.report_value(error, "the default fails", "correct it")
                raise
            path = self._path_of_function(fields["name"], argument.node) if is_file else None
            if path is not None:
                fields["default"] = path
                return
            fields["dynamic_default"] = True
            fields["deferred_type"] = not self._is_function(argument.node)
        else:
            fields["has_default"] = fields["default"] is not None
            if unportable(fields["default"]):  # bytes, a set: only the shim can make it
                fields.update(default=None, dynamic_default=True, deferred_type=True)

    def _path_of_function(self, name: str, node: ast.expr) -> str | None:
        """The path that a function gives as the default of an IncludeFile; `None` where only a run knows it."""
        from flowc_compiler.evaluate.values import Unresolved

        context = {"parameter_name": name, "flow_name": Unresolved("the flow's name is not known here")}
        try:
            function = self._reader.scope.definition(node)
            value = self._reader.scope.called(function, context, node, located=True)
        except UnresolvedError:
            return None
        found = path_from_here(value, self._reader.view.source)
        return found if isinstance(found, str) else None

    def _is_function(self, node: ast.expr) -> bool:
        """Whether a default is a function: its parameter is text then, unless a type is declared."""
        return isinstance(node, ast.Lambda) or (isinstance(node, ast.Name) and node.id in self._reader.view.functions)

    def _declared_type(self, arguments: dict[str, Argument]) -> DeclaredType | None:
        argument = present(arguments, "type")
        if argument is None:
            return None
        from flowc_compiler.frontend.parameters.declared_types import declared_type  # brings the evaluator's values

        try:
            found = declared_type(argument.node, self._reader.view, self._reader.scope)
        except UnresolvedError as error:
            self._reader.report_value(error, "the type fails", "correct it")
            return None
        if found is None:
            self._reader.report("not a parameter type", argument.node, _TYPE_HELP)
        elif found.refusal:
            self._reader.report("no step can read a parameter of this type", argument.node, found.refusal)
            return None
        return found

    def _settle_type(self, fields: dict[str, Any], declared: DeclaredType | None) -> None:
        """The declared type, else that of the default. A default is converted to it, as Metaflow does."""
        if declared is None:
            fields["type"] = _inferred_type(fields.get("default"))
            return
        fields.update(declared.fields())
        fields["deferred_type"] = False

    def _check(self, parameter: Parameter, arguments: dict[str, Argument]) -> bool:
        default = parameter.default
        if parameter.takes_several or parameter.flag is not None:
            return False
        fits = default is None or bool(parameter.converter) or _fits(default, parameter.type)
        problem = constraint_violation(default, parameter) if fits and default is not None else ""
        if not fits or problem:
            message = f"the default of parameter `{parameter.name}` {problem or f'is not of its type {parameter.type}'}"
            way_out = (
                "write a value that it takes"
                if problem
                else f"write a value of type {parameter.type}, or change `type`"
            )
            self._reader.report(message, arguments["default"].node, way_out, "FC303")
        if parameter.separator and not (_is_text(parameter) and isinstance(default, str | None)):
            message = f"parameter `{parameter.name}` has a separator and is not of type str"
            self._reader.report(message, arguments["separator"].node, "remove the separator, or let it be a str")
        return fits and not parameter.converter


_TYPE_HELP = "use str, int, float, bool, JSONType, a class, or a function of the text"


def _is_text(parameter: Parameter) -> bool:
    return parameter.type == "str" and not parameter.converter and not parameter.choices


def _inferred_type(default: object) -> ParameterType:
    """Metaflow's rule: the type of the default, `str` where that is missing or None."""
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, (dict, list, tuple, set)):
        return "json"
    return cast("ParameterType", type(default).__name__) if isinstance(default, (int, float, str)) else "str"


def _fits(value: object, parameter_type: ParameterType) -> bool:
    """Whether Metaflow's command line would take a default for that type: it converts, as `int("3")` does."""
    if parameter_type == "bool":
        return isinstance(value, bool) or (isinstance(value, str) and value.lower() in _TRUE | _FALSE)
    try:
        _converted(value, parameter_type)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _setting_parts(statement: ast.stmt) -> list[ast.AST]:
    """What of a statement may set a variable: itself, a call, and the arguments of `os.environ.update(...)`."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="update"), args=args, keywords=keywords)):
            return [*args, *keywords]
        case ast.Expr(value=value):
            return [value]
        case _:
            return [statement]


def _value_set(node: ast.AST, variable: str) -> ast.expr | None:
    """The value in `x["VARIABLE"] = value`, `x.setdefault("VARIABLE", value)`, and of such a key or keyword."""
    match node:
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=name))], value=value) if name == variable:
            return value
        case ast.Call(func=ast.Attribute(attr="setdefault"), args=[ast.Constant(value=name), value]) if (
            name == variable
        ):
            return value
        case ast.keyword(arg=name, value=value) if name == variable:
            return value
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return next(
                (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == variable), None
            )
        case _:
            return None


def _converted(value: object, parameter_type: ParameterType) -> object:
    """A default as a value of the type. One that is no text stays what it is for a `str`, as in Metaflow."""
    if value is None or parameter_type == "str":
        return value
    if parameter_type == "int":
        return int(cast("str", value))
    if parameter_type == "float":
        return float(cast("str", value))
    if not isinstance(value, str):
        return value
    return value.lower() in _TRUE if parameter_type == "bool" else read_json(value)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
