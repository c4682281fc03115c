"""Programs that read their command line with click, typer or argparse, and run pipelines with what they read.

An option is a parameter of the compilation: it has its default, or the value that `-p` gives. What a program passes on
to a pipeline is the default of the pipeline's own parameter, which each run may choose.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from flowc_compiler.evaluate.branches import fork
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.evaluate.functions import SignatureParameter, signature_of
from flowc_compiler.evaluate.values import Foreign, Function, Instance, Undetermined, Unresolved, is_kind
from flowc_compiler.frontend.parameters import text_conversion
from flowc_compiler.ir import Parameter
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.frontend.pipelines.pipeline_evaluator import PipelineEvaluator
    from flowc_compiler.syntax.modules import FunctionNode

_CLICK = frozenset({"asyncclick", "click", "rich_click"})
Kind = Literal["str", "int", "float", "bool", "json"]
_KINDS: dict[str, Kind] = {
    "BOOL": "bool", "FLOAT": "float", "FloatRange": "float", "INT": "int", "IntRange": "int", "bool": "bool",
    "float": "float", "int": "int",
}  # fmt: skip
"""The types of values by the names of Python's types and click's; others are texts."""
Texts = Callable[[Parameter], "str | None"]
"""The text that a parameter was given from outside."""


def no_texts(parameter: Parameter) -> str | None:
    """Nothing from outside."""
    del parameter
    return None


@dataclass(eq=False)
class Option:
    """An option of a command."""

    parameter: Parameter
    default: object
    """`Unresolved` where it has none that is known."""

    @property
    def name(self) -> str:
        """What the program reads it as."""
        return self.parameter.name

    def others(self) -> list[object]:
        """The other values that it may have, where these are few."""
        if self.parameter.type == "bool":
            return [not self.default]
        return [choice for choice in self.parameter.choices if choice != self.default]


@dataclass(eq=False)
class Command:
    """A function that click or typer calls with options."""

    function: Function
    options: tuple[Option, ...]
    nodes: Mapping[str, ast.AST]


@dataclass(eq=False)
class CommandGroup:
    """A command with commands of its own, of which a run calls one."""

    own: Command | None
    commands: list[Command] = field(default_factory=list[Command])


@dataclass(eq=False)
class ArgumentParser:
    """A parser of argparse, with those of its commands."""

    options: dict[str, Option] = field(default_factory=dict[str, Option])
    others: dict[str, object] = field(default_factory=dict[str, object])
    """Names that are bound otherwise, by `set_defaults`."""


class CommandInputs:
    """The values of options: those that are tried, those that are given from outside, else the defaults."""

    def __init__(self, texts: Texts = no_texts, tried: Mapping[str, object] | None = None) -> None:
        self._texts = texts
        self._tried = tried or {}
        self.used: dict[str, tuple[Option, object]] = {}
        """The options that were asked for, with their values."""

    def value(self, option: Option) -> object:
        """The value of an option; `Unresolved` where there is none."""
        found = self._tried[option.name] if option.name in self._tried else self._given(option)
        self.used[option.name] = (option, found)
        return found

    def _given(self, option: Option) -> object:
        text = self._texts(option.parameter)
        if text is None:
            return option.default
        try:
            value: object = text_conversion.converted(text, option.parameter)
        except ValueError:
            return option.default  # what is wrong with the text is reported where parameters are bound
        return tuple(cast("list[object]", value)) if isinstance(value, list) else value

    def parameters(self, *, known: bool = False) -> tuple[Parameter, ...]:
        """The options as parameters that are fixed when the flow is compiled; with `known`, those that have a value."""
        found: list[Parameter] = []
        for option, value in self.used.values():
            is_known = not isinstance(value, Undetermined)
            if known and not is_known:
                continue
            plain = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value
            given = {"default": plain, "has_default": value is not None} if is_known else {}
            found.append(option.parameter.model_copy(update=given))
        return tuple(found)

    def alternatives(self) -> Iterator[dict[str, object]]:
        """Other values of one option, each a way that the program may take."""
        for option, _ in list(self.used.values()):
            yield from ({option.name: value} for value in option.others())


def define_command(evaluator: PipelineEvaluator, node: FunctionNode, function: Function) -> object | None:
    """The command that a function with decorators of click or typer is; `None` for any other function."""
    options: list[Option] = []
    kind = ""
    group: CommandGroup | None = None
    for item in node.decorator_list:
        path = evaluator.view.imported_path(callee(item))
        name = path[1] if len(path) == 2 and path[0] in _CLICK else ""
        owner = _owner(evaluator, item)
        if name in {"command", "group"} or owner is not None:
            kind, group = name or cast("ast.Attribute", callee(item)).attr, owner
        elif name in {"option", "argument"} and isinstance(item, ast.Call):
            option = _option(evaluator, item, is_argument=name == "argument")
            if option is not None:
                options.append(option)
        elif not name:
            return None
    if kind not in {"callback", "command", "group"}:
        return None
    if not options:
        options = [_typed(evaluator, item, function) for item in signature_of(node).named]
    nodes = {item.name: item.node for item in signature_of(node).named}
    command = Command(function, tuple(options), nodes)
    if group is not None and kind == "command":
        group.commands.append(command)
    return CommandGroup(command) if kind == "group" else command


def _owner(evaluator: PipelineEvaluator, item: ast.expr) -> CommandGroup | None:
    """The group or typer application whose decorator this is."""
    function = callee(item)
    if not isinstance(function, ast.Attribute):
        return None
    value, _ = evaluator.attempt(function.value)
    return value if isinstance(value, CommandGroup) else None


def _option(evaluator: PipelineEvaluator, item: ast.Call, *, is_argument: bool) -> Option | None:
    """What `@click.option(...)` and `@click.argument(...)` declare."""
    names = [value for arg in item.args if isinstance(value := evaluator.attempt(arg)[0], str)]
    arguments = {arg.arg: arg.value for arg in item.keywords if arg.arg is not None}
    if not names:
        return None
    name, pair = _click_name(names)
    flag = pair or _known(evaluator, arguments.get("is_flag")) is True
    return _declared(evaluator, name, item, arguments, flag=flag, required=is_argument, missing=None)


def _click_name(names: list[str]) -> tuple[str, bool]:
    """What click calls an option, and whether it is a pair such as `--cache/--no-cache`."""
    plain = [name for name in names if not name.startswith("-")]
    first = max(names, key=lambda name: (name.startswith("--"), len(name)))
    text = plain[0] if plain else first.partition("/")[0]
    return text.strip().lstrip("-").replace("-", "_").lower(), any("/" in name for name in names)


def _declared(
    evaluator: PipelineEvaluator,
    name: str,
    node: ast.AST,
    arguments: Mapping[str, ast.expr],
    *,
    flag: bool,
    required: bool,
    missing: object,
) -> Option:
    """An option by the arguments that click and argparse share."""
    default: object = _value(evaluator, arguments["default"]) if "default" in arguments else missing
    if "default" not in arguments:
        required = bool(_known(evaluator, arguments.get("required"))) or required
        if required and _known(evaluator, arguments.get("required")) is not False:
            default = Unresolved(f"`{name}` has no default", f"give it a value: `-p {name}=...`")
        elif flag:
            default = False
    kind, choices = ("bool", ()) if flag else _kind(evaluator, arguments, default)
    multiple = _known(evaluator, arguments.get("multiple")) is True
    if multiple and default is None:
        default = ()
    parameter = Parameter(
        span=evaluator.span(node), attribute=name, name=name, type=kind, choices=choices, multiple=multiple, fixed=True
    )
    return Option(parameter, default)


def _kind(
    evaluator: PipelineEvaluator, arguments: Mapping[str, ast.expr], default: object
) -> tuple[Kind, tuple[str, ...]]:
    """The type of an option's values, and the texts that it takes."""
    given = arguments.get("type")
    choices = _texts(_known(evaluator, arguments.get("choices")))
    called = given.func if isinstance(given, ast.Call) else given
    if isinstance(given, ast.Call) and isinstance(called, ast.Attribute | ast.Name) and given.args:
        name = called.attr if isinstance(called, ast.Attribute) else called.id
        choices = _texts(_known(evaluator, given.args[0])) if name == "Choice" else choices
    if called is not None:
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        return _KINDS.get(name, "str"), choices
    for kind in (bool, int, float):
        if type(default) is kind:
            return cast("Kind", kind.__name__), choices
    return "str", choices


def _texts(value: object) -> tuple[str, ...]:
    if not is_kind(value, list, tuple):
        return ()
    return tuple(str(item) for item in cast("list[object]", value) if not isinstance(item, Undetermined))


def _typed(evaluator: PipelineEvaluator, item: SignatureParameter, function: Function) -> Option:
    """An option of typer, which a parameter of the function is."""
    annotation = item.node.annotation
    default: object = function.defaults.get(item.name)
    node = item.default
    if isinstance(node, ast.Call):  # typer.Option(default, ...)
        named = {arg.arg: arg.value for arg in node.keywords}
        first = node.args[0] if node.args else named.get("default")
        default = _value(evaluator, first) if first is not None else None
    if node is None or default is ...:
        default = Unresolved(f"`{item.name}` has no default", f"give it a value: `-p {item.name}=...`")
    kind = _KINDS.get(annotation.id, "str") if isinstance(annotation, ast.Name) else "str"
    parameter = Parameter(
        span=evaluator.view.name_span(item.node), attribute=item.name, name=item.name, type=kind, fixed=True
    )
    return Option(parameter, default)


def _value(evaluator: PipelineEvaluator, node: ast.expr) -> object:
    value, problem = evaluator.attempt(node)
    if problem is not None:
        return Unresolved(problem.message, problem.help)
    return value


def _known(evaluator: PipelineEvaluator, node: ast.expr | None) -> object:
    value = _value(evaluator, node) if node is not None else None
    return None if isinstance(value, Undetermined) else value


def command_call(evaluator: PipelineEvaluator, callee: object, arguments: CallArguments, node: ast.expr) -> object:
    """What a program's call of its command does: the function is called with the values of its options."""
    if isinstance(callee, CommandGroup):
        if callee.own is not None:
            command_call(evaluator, callee.own, CallArguments(), node)
        ways = [partial(command_call, evaluator, command, CallArguments(), node) for command in callee.commands]
        unknown = Unresolved("a run names one of its commands", "pass the value with `-p`")
        return fork(evaluator, ways, node, unknown) if ways else None
    command = cast("Command", callee)
    options = {option.name: option for option in command.options}
    given: dict[str, BoundValue] = {}
    for name, where in command.nodes.items():
        if name in options:
            value = evaluator.command_inputs.value(options[name])
        elif name in command.function.defaults:
            continue
        else:
            value = Unresolved(f"`{name}` is not known before the file runs", "pass the value with `-p`")
        given[name] = BoundValue(value, where)
    given.update((name, item) for name, item in arguments.keywords.items() if name in command.nodes)
    return evaluator.call(command.function, CallArguments([], given), node)


def program_call(
    evaluator: PipelineEvaluator, callee: Foreign, arguments: CallArguments, node: ast.expr
) -> object | None:
    """What a call of argparse's or typer's own gives; `None` for any other call."""
    match callee.path:
        case ("argparse", "ArgumentParser"):
            return ArgumentParser()
        case ("typer", "Typer"):
            return CommandGroup(None)
        case ("typer", "run") if arguments.positional:
            function = arguments.positional[0].value
            if isinstance(function, Function) and not isinstance(function.node, ast.Lambda):
                named = signature_of(function.node).named
                options = tuple(_typed(evaluator, item, function) for item in named)
                command = Command(function, options, {item.name: item.node for item in named})
                command_call(evaluator, command, CallArguments(), node)
                return ()
        case _:
            pass
    return None


_PARSER_METHODS = frozenset(
    {"add_argument", "add_argument_group", "add_mutually_exclusive_group", "add_parser", "add_subparsers",
     "parse_args", "parse_known_args", "set_defaults"}
)  # fmt: skip


def parser_call(
    evaluator: PipelineEvaluator, parser: ArgumentParser, method: str, arguments: CallArguments, node: ast.expr
) -> object:
    """What a method of a parser gives."""
    call = cast("ast.Call", node)
    match method:
        case "add_argument":
            _add_argument(evaluator, parser, arguments, call)
            return None
        case "add_subparsers":
            dest = arguments.keywords.get("dest")
            if dest is not None and isinstance(dest.value, str):
                parser.others[dest.value] = Unresolved(f"`{dest.value}` is the command that a run names")
            return parser
        case "set_defaults":
            parser.others.update((name, given.value) for name, given in arguments.keywords.items())
            return None
        case "parse_args" | "parse_known_args":
            found = _namespace(evaluator, parser, whole=not arguments.all())
            rest: list[object] = []
            return found if method == "parse_args" else (found, rest)
        case _ if method in _PARSER_METHODS:
            return parser
        case _:
            return None


def _add_argument(
    evaluator: PipelineEvaluator, parser: ArgumentParser, arguments: CallArguments, node: ast.Call
) -> None:
    names = [item.value for item in arguments.positional if isinstance(item.value, str)]
    named = {arg.arg: arg.value for arg in node.keywords if arg.arg is not None}
    dest = _known(evaluator, named.get("dest"))
    if not names and not isinstance(dest, str):
        return
    longest = next((name for name in names if name.startswith("--")), names[0] if names else "")
    name = dest if isinstance(dest, str) else longest.lstrip("-").replace("-", "_")
    action = _known(evaluator, named.get("action"))
    flag = action in {"store_true", "store_false"}
    optional = any(item.startswith("-") for item in names) or _known(evaluator, named.get("nargs")) in {"?", "*"}
    if action in {"help", "version"}:
        return
    option = _declared(evaluator, name, node, named, flag=flag, required=not optional, missing=None)
    if action == "store_false" and "default" not in named:
        option.default = True
    if _known(evaluator, named.get("nargs")) in {"+", "*"} or action == "append":
        option.parameter = option.parameter.model_copy(update={"multiple": True})
    parser.options[name] = option


def _namespace(evaluator: PipelineEvaluator, parser: ArgumentParser, *, whole: bool) -> Instance:
    """What `parse_args()` gives. What it is given itself, instead of the command line, is not followed."""
    unknown = Unresolved("the program parses a text of its own", "pass the value with `-p`")
    found: dict[str, Any] = dict(parser.others)
    for name, option in parser.options.items():
        value = evaluator.command_inputs.value(option) if whole else unknown
        found[name] = list(cast("tuple[object]", value)) if isinstance(value, tuple) else value
    return Instance(None, found)
