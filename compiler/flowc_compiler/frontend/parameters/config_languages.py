"""The languages that configs are written in: JSON, TOML, YAML and lists of packages, read within bounds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from flowc.protocol.toml_text import check_keys
from flowc_compiler.evaluate.operations import HEAVIEST, MOST_COLLISIONS

LONGEST_TEXT = 1_000_000
"""Characters of a config; an engine takes no more either, since the value is in what is compiled."""
LONGEST_TOML = 200_000
"""Characters of a config in TOML, which Python reads slowly."""
DEEPEST = 1000
"""How deeply a config may be nested."""


class ParseError(Exception):
    """The text is not of the parser's language; the message says where."""


def _json(text: str) -> Any:
    return _read("JSON", json.loads, text)


def _toml(text: str) -> Any:
    import tomllib

    def load(text: str) -> Any:
        check_keys(text)
        return tomllib.loads(text)

    return _read("TOML", load, text, LONGEST_TOML)


def read_yaml(text: str) -> Any:
    """The value of a text in YAML. Raises ParseError."""
    import yaml

    def load(text: str) -> Any:
        if _nesting(text) > DEEPEST:  # libyaml itself would go on until the stack ends
            raise RecursionError
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        try:
            node = loader.get_single_node()
            if _LONG_NUMBER.search(text):
                _check_numbers(node)
            return None if node is None else loader.construct_document(node)
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from None
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"a value is not what its tag or form says: {error}") from None
        finally:
            loader.dispose()

    return _read("YAML", load, text)


_LONG_NUMBER = re.compile(r"[0-9a-fA-F_:.]{16}")
"""What could be one: shorter ones are different keys of different hashes."""
MOST_DIGITS = 4000
"""Of a number in YAML; in base 60, more would take the square of their number."""
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def _check_numbers(root: Any) -> None:
    """Raise ValueError for numbers in nodes of YAML that would take long to read, or to look for as keys."""
    import yaml

    pending: list[Any] = [root]
    seen, keys = set[int](), 0
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node.value, str):
            if node.tag in _NUMBERS and len(node.value) > MOST_DIGITS:
                raise ValueError(f"the number in line {node.start_mark.line + 1} has more than {MOST_DIGITS} digits")
            continue
        is_mapping = isinstance(node, yaml.MappingNode)
        for key, value in node.value if is_mapping else ((None, item) for item in node.value):
            pending.append(value)
            if key is not None:
                pending.append(key)
                keys += key.tag in _NUMBERS and _LONG_NUMBER.search(key.value) is not None
        if keys > MOST_COLLISIONS:
            raise ValueError(f"it has more than {MOST_COLLISIONS} long numbers as keys")


def _packages(name: str) -> Parser:
    """One of Metaflow's parsers of files that list packages."""

    def load(text: str) -> Any:
        from flowc.protocol import config_parsers

        try:
            return getattr(config_parsers, name)(text)
        except config_parsers.ParserValueError as error:
            raise ValueError(str(error)) from None
        except (AttributeError, TypeError):  # TOML of other types
            raise ValueError("`[project]` is not as PEP 621 has it") from None

    return partial(_read, "as a list of packages", load)


def _read(language: str, load: Callable[[str], Any], text: str, longest: int = LONGEST_TEXT) -> Any:
    """The value of a text. Raises ParseError, also for one that is larger written out than flowc takes."""
    if len(text) > longest:
        raise ParseError(f"has more than {longest:,} characters")
    try:
        value = load(text)
    except RecursionError:
        raise ParseError("is nested too deeply") from None
    except ValueError as error:
        raise ParseError(f"is not valid {language}: {error}") from None
    from flowc_compiler.evaluate.plain_data import weight  # the evaluator, which most flows don't need

    if weight(value) > HEAVIEST:
        raise ParseError(
            f"is nested too deeply, or has more than {HEAVIEST:,} entries with all of its aliases written out"
        )
    return value


def _nesting(text: str) -> int:
    """How deeply a text of YAML is nested, at most: brackets and dashes in a row, and brackets in texts count, too."""
    deepest = depth = 0
    for found in re.finditer(r"[\[{]|[\]}]|(?:[-?:][ \t]+)+", text):
        kind = found[0][0]
        if kind in "[{":
            depth += 1
        elif kind in "]}":
            depth = max(0, depth - 1)
        deepest = max(deepest, depth, depth + len(found[0]) // 2 if kind in "-?:" else 0)
    return deepest


Parser = Callable[[str], Any]
"""Text to the value of a config. Raises ParseError."""


PARSERS: dict[str, Parser] = {
    "json.loads": _json,
    "tomllib.loads": _toml,
    "tomli.loads": _toml,
    "toml.loads": _toml,
    "yaml.safe_load": read_yaml,
    "yaml.full_load": read_yaml,
    "metaflow._vendor.yaml.safe_load": read_yaml,
    **{f"{package}.yaml_parser": read_yaml for package in ("metaflow", "metaflow.plugins.parsers", "flowc")},
    **{
        f"{package}.{name}": _packages(name)
        for package in ("metaflow", "metaflow.plugins.pypi.parsers", "flowc")
        for name in ("conda_environment_yml_parser", "pyproject_toml_parser", "requirements_txt_parser")
    },
}
"""Parsers by the dotted name of the function that a flow names, or calls in a function of its own."""


YAML_LOADERS = frozenset({"SafeLoader", "FullLoader", "CSafeLoader", "CFullLoader"})
"""The loaders of PyYAML that make plain data only."""
