"""`Config(...)` in a class body: its value is read from the named file when the flow is compiled.

Parsers that flowc knows read a config as the flow would, and execute nothing of the flow.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import UnresolvedError
from flowc_compiler.frontend.parameters.config_languages import PARSERS, YAML_LOADERS, ParseError, Parser, read_yaml
from flowc_compiler.frontend.parameters.config_sources import (
    GivenConfigs,
    Source,
    SourceFinder,
    UnusableError,
    present,
    tree,
    unportable,
)
from flowc_compiler.frontend.parameters.declaration_calls import METAFLOW_RESERVED, Argument, CallReader
from flowc_compiler.ir import Config
from flowc_compiler.syntax.modules import FunctionNode
from flowc_compiler.syntax.served_imports import dotted

_POSITIONAL = ("name", "default", "default_value", "help", "required", "parser", "plain")


class ConfigTable:
    """The configs of one flow, and their values."""

    def __init__(self, given: GivenConfigs, sink: DiagnosticSink) -> None:
        self._given = given
        self._sink = sink
        self._read: dict[str, Config | None] = {}
        """By name; `None` for one whose value is wrong."""
        self._values: dict[str, object] = {}
        self._names: dict[str, str] = {}
        """Attribute of the flow to name."""

    @property
    def configs(self) -> tuple[Config, ...]:
        """The configs that could be read, in the order of the file."""
        return tuple(config for config in self._read.values() if config is not None)

    def named(self, name: str, node: ast.AST) -> object:
        """The value of a config for an expression. Raises KeyError, and UnresolvedError where there is no value."""
        config = self._read[name]
        if config is None:
            raise UnresolvedError(node, reported=True)
        if config.text is not None:
            raise UnresolvedError(
                node,
                f"config `{name}` is parsed by the flow's own function, which flowc does not execute",
                "let the file be JSON, TOML or YAML, with json.loads, tomllib.loads or yaml.safe_load as its parser",
            )
        if name not in self._values:
            way_out = f"give it with `--config {name} PATH`, or give the Config a `default`"
            raise UnresolvedError(node, f"config `{name}` has no value", way_out, wrong=True)
        return self._values[name]

    def name_of(self, attribute: str) -> str | None:
        """The name of the config that an attribute of the flow is."""
        return self._names.get(attribute)

    def attributes(self) -> dict[str, str]:
        """The names of all configs, by the attributes that they are."""
        return dict(self._names)

    def names(self) -> Iterable[str]:
        """The names of all configs."""
        return self._read

    def read(self, reader: CallReader, attribute: str, call: ast.Call, folder: Path) -> str | None:
        """Read one `Config(...)` and return its name; `None`, with FC301 or FC305 collected, when it has none.

        Other mistakes are collected as FC301, FC306 and FC307. A default path is looked for in `folder`, too.
        """
        arguments = reader.bind("Config", call, _POSITIONAL, ("show_default",))
        name = reader.name(arguments["name"]) if arguments is not None else None
        if arguments is None or name is None:
            return None
        if name in METAFLOW_RESERVED or name in self._read:
            why = "is reserved" if name in METAFLOW_RESERVED else "is taken"
            node = arguments["name"].node
            reader.report(f"the config name `{name}` {why}", node, "choose another name", "FC305")
            return None
        self._read[name] = None
        self._names[attribute] = name
        try:
            finder = SourceFinder(reader, name, call, folder)
            config = self._config(reader, attribute, name, arguments, call)
            self._read[name] = self._with_value(config, reader, arguments, finder)
        except (UnresolvedError, UnusableError):
            pass  # collected
        return name

    def check_given(self, flow: str) -> None:
        """Collect FC306 for what was given to configs that the flow does not have."""
        if self._given.lenient and not self._read:
            return
        known = f"its configs are {', '.join(self._read)}" if self._read else "it has no configs"
        for option, names in (("--config", self._given.files), ("--config-value", self._given.values)):
            for name in names:
                if name not in self._read:
                    self._sink.error("FC306", f"{option} {name}: flow {flow} has no such config", None, help=known)

    def _config(
        self, reader: CallReader, attribute: str, name: str, arguments: dict[str, Argument], call: ast.Call
    ) -> Config:
        kinds: tuple[tuple[str, type], ...] = (("required", bool), ("plain", bool), ("help", str))
        found = {key: reader.literal(key, arguments[key], kind) for key, kind in kinds if key in arguments}
        return Config(
            span=reader.view.span(call),
            attribute=attribute,
            name=name,
            plain=bool(found.get("plain")),
            required=bool(found.get("required")),
            help=str(found.get("help") or ""),
        )

    def _with_value(
        self, config: Config, reader: CallReader, arguments: dict[str, Argument], finder: SourceFinder
    ) -> Config:
        """The config with its value, or with the text that the flow's own parser takes."""
        name = config.name
        if name in self._given.kept:
            return self._kept(config, self._given.kept[name])
        source = finder.find(self._given, arguments)
        if source.text is None:
            if config.required:
                finder.fail(f"config `{name}` is required", f"give it with `--config {name} PATH`")
            return config
        parser = present(arguments, "parser")
        parse = known_parser(parser.node, reader.view.tree) if parser is not None else PARSERS["json.loads"]
        if parse is None:
            if parser is not None and (read := outside_read(parser.node, reader.view.tree)):
                self._sink.warning(
                    "FC315", f"the parser of config `{name}` reads more than its text (`{read}`), in each task",
                    reader.view.span(parser.node),
                    help="let it use its argument only: Metaflow calls it before the run, and flowc where a task runs",
                )  # fmt: skip
            return config.model_copy(update={"text": source.text, "origin": source.origin})
        if config.plain and parser is None:
            self._values[name] = source.text
            return config.model_copy(update={"value": source.text, "origin": source.origin})
        value = _parsed(name, source, source.text, parse, finder)
        shown = value if config.plain else tree(value)
        if not config.plain and not isinstance(shown, dict):
            kind = type(value).__name__
            finder.fail(f"the value of config `{name}` is a {kind}, not a mapping", "or say `plain=True`")
        self._values[name] = shown
        return config.model_copy(update={"value": value, "origin": source.origin})

    def _kept(self, config: Config, kept: Mapping[str, object]) -> Config:
        """The config as the run had it that is resumed."""
        if "text" in kept:
            return config.model_copy(update=dict(kept))
        if kept["value"] is not None:
            self._values[config.name] = kept["value"] if config.plain else tree(kept["value"])
        return config.model_copy(update=dict(kept))


def _parsed(name: str, source: Source, text: str, parse: Parser, finder: SourceFinder) -> object:
    where = f"the file `{source.origin}`" if source.origin else "the value"
    try:
        value = parse(text)
    except ParseError as error:
        finder.fail(f"{where} of config `{name}` {error}", "correct it, or name another `parser`")
    wrong = unportable(value)
    if wrong:
        finder.fail(f"{where} of config `{name}` has a {wrong} in it, which JSON cannot hold", "write it as a string")
    return value


def known_parser(node: ast.expr, module: ast.Module) -> Parser | None:
    """The parser that an expression names: a function of the table, or one that only calls such a function."""
    if isinstance(node, ast.Constant):
        name = node.value
        return PARSERS.get(f"metaflow{name}" if name.startswith(".") else name) if isinstance(name, str) else None
    aliases = _aliases(module.body)
    if isinstance(node, ast.Lambda):
        return _called(node.body, node.args, aliases)
    if isinstance(node, ast.Name):
        functions = [item for item in module.body if isinstance(item, FunctionNode) and item.name == node.id]
        if functions:
            return _of_function(functions[0], aliases) if len(functions) == 1 else None
    return PARSERS.get(_full_name(node, aliases))


_READERS = frozenset({
    "open", "io.open", "codecs.open", "input", "exec", "eval", "os.getenv", "os.getcwd", "os.listdir", "os.scandir",
    "os.walk", "os.stat", "os.popen", "os.system", "fileinput.input", "importlib.import_module", "__import__",
    "linecache.getlines", "configparser.ConfigParser.read", "runpy.run_path", "socket.gethostname", "socket.socket",
})  # fmt: skip
"""Functions that read something other than their arguments, or may."""
_READING_MODULES = frozenset({
    "boto3", "glob", "http", "httpx", "psycopg2", "requests", "shelve", "sqlite3", "subprocess", "urllib3",
})  # fmt: skip
_READING_PREFIXES = ("os.path.is", "os.path.exists", "os.path.get", "pathlib.Path.cwd", "pathlib.Path.home",
                     "sys.stdin", "urllib.request")  # fmt: skip
_READING_METHODS = frozenset({"exists", "glob", "is_dir", "is_file", "iterdir", "read_bytes", "read_text", "rglob"})


def outside_read(node: ast.expr, module: ast.Module) -> str:
    """What a parser of the flow's file reads beside the text that it gets, such as `open`; empty where nothing is seen.

    Functions of the file that it calls count, too.
    """
    aliases = _aliases(module.body)
    functions = {item.name: item for item in module.body if isinstance(item, FunctionNode)}
    pending: list[ast.AST] = [node]
    seen: set[str] = set()
    while pending:
        for item in ast.walk(pending.pop()):
            match item:
                case ast.Name(id=name) if name in functions and name not in seen:
                    seen.add(name)
                    function = functions[name]
                    aliases |= _aliases(function.body)
                    pending.append(function)
                case ast.Call(func=func) if shown := _reads(func, aliases):
                    return shown
                case ast.Attribute() if _full_name(item, aliases) in ("os.environ", "sys.argv"):
                    return _full_name(item, aliases)
                case _:
                    pass
    return ""


def _reads(function: ast.expr, aliases: dict[str, str]) -> str:
    """The name of what is called, if it reads."""
    name = _full_name(function, aliases)
    if name in _READERS or name.partition(".")[0] in _READING_MODULES or name.startswith(_READING_PREFIXES):
        return name
    return function.attr if isinstance(function, ast.Attribute) and function.attr in _READING_METHODS else ""


def _of_function(function: FunctionNode, aliases: dict[str, str]) -> Parser | None:
    """The parser of `def f(text): return parser(text)`, with imports and a docstring before the return."""
    *before, last = function.body
    if function.decorator_list or not isinstance(last, ast.Return) or last.value is None:
        return None
    if not all(map(_is_idle, before)):
        return None
    return _called(last.value, function.args, aliases | _aliases(before))


def _called(body: ast.expr, params: ast.arguments, aliases: dict[str, str]) -> Parser | None:
    """The parser that is called with the one parameter of a function, and nothing else."""
    if not isinstance(body, ast.Call) or not body.args or len(params.args) != 1:
        return None
    first, *rest = [*body.args, *(keyword.value for keyword in body.keywords)]
    if not isinstance(first, ast.Name) or first.id != params.args[0].arg:
        return None
    parser = _full_name(body.func, aliases)
    if parser == "yaml.load" and len(rest) == 1:
        return read_yaml if _full_name(rest[0], aliases).partition(".")[2] in YAML_LOADERS else None
    return PARSERS.get(parser) if not rest else None


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement is an import, a docstring or `pass`."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str())) | ast.Import() | ast.ImportFrom() | ast.Pass():
            return True
        case _:
            return False


def _aliases(body: Sequence[ast.stmt]) -> dict[str, str]:
    """What the import statements of a body bind, as dotted names; those in a `try` included."""
    found: dict[str, str] = {}
    for statement in body:
        match statement:
            case ast.Try(handlers=handlers):
                for handler in handlers:
                    found.update(_aliases(handler.body))
                found.update(_aliases(statement.body))
            case ast.Import(names=names):
                found.update({alias.asname: alias.name for alias in names if alias.asname})
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found.update({alias.asname or alias.name: f"{module}.{alias.name}" for alias in names})
            case _:
                pass
    return found


def _full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    """`a.b.c` as text, its first name replaced by what it was imported as; empty for any other expression."""
    root, *rest = dotted(node) or ("",)
    return ".".join((aliases.get(root, root), *rest))
