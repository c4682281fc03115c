"""`Parameter(...)` in a class body."""

from __future__ import annotations

from typing import Any, Literal, cast

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.literals import NotLiteralError, evaluate
from flowc_compiler.frontend.locate import Locator
from flowc_compiler.frontend.names import Names
from flowc_compiler.ir import Parameter

ParameterType = Literal["str", "int", "float", "bool", "json"]
_TYPES: dict[str, ParameterType] = {"str": "str", "int": "int", "float": "float", "bool": "bool", "JSONType": "json"}
_ARGUMENTS = ("default", "type", "help", "required", "show_default", "separator")

RESERVED = frozenset(
    {
        "params", "with", "tag", "namespace", "obj", "max-num-splits", "max-workers", "run-id-file", "tags",
        "decospecs", "help", "root", "start-method", "run_id_file", "max_num_splits", "max_workers", "param",
        "format", "flow",
    }
)  # fmt: skip
"""Parameter names that would hide options of `run` (Metaflow's and flowc's)."""


class ParameterReader:
    """Reads the parameters of one flow class."""

    def __init__(self, names: Names, locator: Locator, sink: DiagnosticSink) -> None:
        self._names = names
        self._locator = locator
        self._sink = sink

    def read(self, attribute: str, call: cst.Call) -> Parameter | None:
        """The parameter assigned to `attribute`; `None`, with FC301, FC303 or FC305 collected, when it is wrong."""
        span = self._locator.unique(call)
        name_node, arguments = self._arguments(call)
        if name_node is None or arguments is None:
            return None
        try:
            name = evaluate(name_node)
        except NotLiteralError:
            name = None
        if not isinstance(name, str) or not name or not name.replace("-", "_").isidentifier():
            help_text = "use letters, digits, `-` and `_`, in a literal string"
            self._sink.error(
                "FC301", "a parameter's name is not a plain string", self._locator.anywhere(name_node), help=help_text
            )
            return None
        if name.lower() in RESERVED:
            self._sink.error(
                "FC305",
                f"the parameter name `{name}` is reserved",
                self._locator.anywhere(name_node),
                help="choose another name",
            )
            return None
        fields = self._fields(arguments)
        if fields is None:
            return None
        parameter = Parameter(span=span, attribute=attribute, name=name, **fields)
        self._check_default(parameter, arguments)
        return parameter

    def _arguments(self, call: cst.Call) -> tuple[cst.BaseExpression | None, dict[str, cst.BaseExpression] | None]:
        name: cst.BaseExpression | None = None
        arguments: dict[str, cst.BaseExpression] | None = {}
        for arg in call.args:
            if (arg.keyword is None and not arg.star and name is None) or (
                arg.keyword is not None and arg.keyword.value == "name"
            ):
                name = arg.value
            elif arg.keyword is not None and arg.keyword.value in _ARGUMENTS and arguments is not None:
                arguments[arg.keyword.value] = arg.value
            else:
                self._report("FC301", "not an argument of Parameter", arg.value, f"it takes {', '.join(_ARGUMENTS)}")
                arguments = None
        if name is None:
            self._report("FC301", "a parameter has no name", call, "write `Parameter('name', default=...)`")
        return name, arguments

    def _fields(self, arguments: dict[str, cst.BaseExpression]) -> dict[str, Any] | None:
        fields: dict[str, Any] = {}
        for key, python_type in (("required", bool), ("help", str), ("separator", str)):
            if key not in arguments:
                continue
            try:
                value = evaluate(arguments[key])
            except NotLiteralError as error:
                self._report("FC301", f"`{key}` is not a literal", error.node, "write its value here")
                return None
            if value is not None and not isinstance(value, python_type):
                self._report("FC301", f"`{key}` is not a {python_type.__name__}", arguments[key], "correct its type")
                return None
            if value is not None:
                fields[key] = value
        if "default" in arguments:
            fields["has_default"] = True
            try:
                fields["default"] = evaluate(arguments["default"])
            except NotLiteralError:
                fields["dynamic_default"] = True
        declared = self._declared_type(arguments)
        if "type" in arguments and declared is None:
            return None
        fields["type"] = declared or _inferred_type(fields.get("default"))
        return fields

    def _declared_type(self, arguments: dict[str, cst.BaseExpression]) -> ParameterType | None:
        node = arguments.get("type")
        if node is None:
            return None
        name = self._names.resolve(node) or (node.value if isinstance(node, cst.Name) else "")
        if name not in _TYPES:
            self._report("FC301", "not a parameter type", node, "use str, int, float, bool or JSONType")
            return None
        return _TYPES[name]

    def _check_default(self, parameter: Parameter, arguments: dict[str, cst.BaseExpression]) -> None:
        default = parameter.default
        if not parameter.has_default or parameter.dynamic_default or default is None:
            return
        if "type" in arguments and not _fits(default, parameter.type):
            message = f"the default of parameter `{parameter.name}` is not of its type {parameter.type}"
            self._report("FC303", message, arguments["default"], f"write a {parameter.type}, or change `type`")

    def _report(self, code: str, message: str, node: cst.CSTNode, help_text: str) -> None:
        self._sink.error(code, message, self._locator.anywhere(node), help=help_text)


def _inferred_type(default: object) -> ParameterType:
    """Metaflow's rule: the type of the default, `str` where that is missing or None."""
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, (dict, list, tuple)):
        return "json"
    return cast("ParameterType", type(default).__name__) if isinstance(default, (int, float, str)) else "str"


def _fits(value: object, parameter_type: ParameterType) -> bool:
    match parameter_type:
        case "str":
            return isinstance(value, str)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "json":
            return isinstance(value, (str, dict, list, int, float, bool, tuple))
