"""`Config(...)` in a class body: its value is read from the named file when the flow is compiled."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.literals import UnresolvedError
from flowc_compiler.frontend.parameters.config_parsers import PARSERS, ParseError, Parser, known_parser
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
