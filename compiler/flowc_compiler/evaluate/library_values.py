"""What Python's library defines, where flowc computes it: pure functions, constants, and values such as dates.

Nothing here reads the machine, and each function takes time that is linear in its operands. Paths are those of POSIX on
every machine, since that is where tasks run.
"""

from __future__ import annotations

import ast
import base64
import copy
import datetime as dt
import functools
import itertools
import json
import math
import operator
import os.path
import posixpath
import shlex
import string
import sys
import textwrap
import urllib.parse
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, cast

from flowc_compiler.evaluate.operations import LONGEST, MOST_STEPS, TooLargeError, binary, check_format, checked
from flowc_compiler.evaluate.values import LIBRARY_TYPES, MISSING, Builtin, plain_copy
from flowc_compiler.filesystem import real_path


class PosixPath(PurePosixPath):
    """A path as `pathlib.Path` makes it in a task. It reads no files."""

    __slots__ = ()


_ITERTOOLS = ("accumulate", "chain", "combinations", "islice", "pairwise", "permutations", "product", "zip_longest")
_MATH = (
    "ceil", "copysign", "exp", "fabs", "floor", "gcd", "isclose", "isinf", "isnan", "log", "log10", "log2",
    "pow", "sqrt", "trunc",
)  # fmt: skip
_PATHS = ("basename", "commonpath", "commonprefix", "dirname", "isabs", "join", "normpath", "split", "splitext")
_OPERATORS = (
    "add", "eq", "floordiv", "ge", "gt", "itemgetter", "le", "lt", "mod", "mul", "ne", "neg", "not_", "sub", "truediv",
)  # fmt: skip
_URLS = ("quote", "quote_plus", "unquote", "unquote_plus", "urlencode", "urljoin", "urlparse", "urlsplit")
_DATES = {"date": ("fromisoformat", "fromordinal"), "datetime": ("combine", "fromisoformat", "strptime")}
_MODULES: dict[str, tuple[object, tuple[str, ...]]] = {
    "math": (math, _MATH),
    "itertools": (itertools, _ITERTOOLS),
    "itertools.chain": (itertools.chain, ("from_iterable",)),
    "json": (json, ("loads", "dumps")),
    "copy": (copy, ("copy",)),
    "os": (posixpath, ("fspath",)),
    "os.path": (posixpath, _PATHS),
    "posixpath": (posixpath, _PATHS),
    "operator": (operator, _OPERATORS),
    "functools": (functools, ("partial", "reduce", "wraps")),
    "datetime": (dt, ("date", "datetime", "time", "timedelta", "timezone")),
    "datetime.date": (dt.date, _DATES["date"]),
    "datetime.datetime": (dt.datetime, _DATES["datetime"]),
    "datetime.time": (dt.time, ("fromisoformat",)),
    "shlex": (shlex, ("join", "quote", "split")),
    "textwrap": (textwrap, ("dedent",)),
    "urllib.parse": (urllib.parse, _URLS),
    "uuid": (uuid, ("UUID", "uuid3", "uuid5")),
    "base64": (base64, ("b64decode", "b64encode", "urlsafe_b64decode", "urlsafe_b64encode")),
}


def _same(value: object) -> object:
    return value


def nothing(*_: object) -> None:
    """Stands for a function that flowc evaluates itself."""


def _product(values: Iterable[object], *, start: object = 1) -> object:
    return functools.reduce(lambda left, right: binary(ast.Mult(), left, right), values, start)


def _common_multiple(*numbers: int) -> int:
    found = 1
    for number in numbers:
        found = math.lcm(found, number)
        checked(found)
    return found


def _indented(text: str, prefix: str) -> str:
    if (text.count("\n") + 1) * len(prefix) > LONGEST * 10:
        raise TooLargeError
    return textwrap.indent(text, prefix)


def _absolute(path: str | os.PathLike[str]) -> str:
    return Path(os.path.abspath(path)).as_posix()  # noqa: PTH100 - Path.absolute leaves `..`


def _real(path: str | os.PathLike[str]) -> str:
    return Path(real_path(path)).as_posix()


def _expanded(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    return Path(text).expanduser().as_posix() if text.startswith("~") else text


_FUNCTIONS: dict[str, tuple[str, Callable[..., object]]] = {
    "types.SimpleNamespace": ("types.SimpleNamespace", nothing),
    "argparse.Namespace": ("types.SimpleNamespace", nothing),
    "collections.namedtuple": ("collections.namedtuple", nothing),
    "dataclasses.field": ("types.SimpleNamespace", nothing),
    "dataclasses.asdict": ("dataclasses.asdict", nothing),
    "dataclasses.replace": ("dataclasses.replace", nothing),
    "sys.exit": ("exit", nothing),
    "os._exit": ("exit", nothing),
    "asyncio.run": ("typing.cast", _same),
    "typing.cast": ("typing.cast", lambda *values: values[1]),
    "collections.OrderedDict": ("collections.OrderedDict", OrderedDict),
    "copy.deepcopy": ("copy.deepcopy", plain_copy),
    "math.lcm": ("math.lcm", _common_multiple),
    "math.prod": ("math.prod", _product),
    "textwrap.indent": ("textwrap.indent", _indented),
    "os.fspath": ("os.fspath", os.fspath),
    "os.getenv": ("os.getenv", nothing),
    "os.environ.get": ("os.getenv", nothing),
    "pathlib.Path": ("pathlib.Path", PosixPath),
    "pathlib.PosixPath": ("pathlib.Path", PosixPath),
    "pathlib.PurePath": ("pathlib.PurePath", PurePosixPath),
    "pathlib.PurePosixPath": ("pathlib.PurePath", PurePosixPath),
    "os.getcwd": ("os.getcwd", lambda: Path.cwd().as_posix()),
    "os.path.abspath": ("os.path.abspath", _absolute),
    "os.path.realpath": ("os.path.realpath", _real),
    "os.path.expanduser": ("os.path.expanduser", _expanded),
    "pathlib.Path.cwd": ("pathlib.Path.cwd", lambda: PosixPath(Path.cwd().as_posix())),
    "pathlib.Path.home": ("pathlib.Path.home", lambda: PosixPath(Path.home().as_posix())),
}
READING_PLACES = frozenset(
    {"os.getcwd", "os.path.abspath", "os.path.expanduser", "os.path.realpath", "pathlib.Path.cwd", "pathlib.Path.home"}
)
"""Functions whose values depend on the folders of the machine."""
_TEXTS = (
    "ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "hexdigits", "octdigits", "punctuation",
    "printable", "whitespace",
)  # fmt: skip
_CONSTANTS: dict[str, object] = {
    **{f"math.{name}": getattr(math, name) for name in ("e", "inf", "nan", "pi", "tau")},
    **{f"string.{name}": getattr(string, name) for name in _TEXTS},
    **{f"uuid.{name}": getattr(uuid, name) for name in ("NAMESPACE_DNS", "NAMESPACE_OID", "NAMESPACE_URL")},
    "os.sep": "/",
    "os.path.sep": "/",
    "os.linesep": "\n",
    "os.pathsep": ":",
    "os.curdir": ".",
    "os.pardir": "..",
    "sys.maxsize": sys.maxsize,
    "datetime.timezone.utc": dt.UTC,
    "datetime.UTC": dt.UTC,
}


def library(path: tuple[str, ...]) -> object | None:
    """What Python's library defines under a dotted name, where flowc computes it; `None` for any other."""
    name = ".".join(path)
    if name in _FUNCTIONS:
        return Builtin(*_FUNCTIONS[name])
    if name in _CONSTANTS:
        return _CONSTANTS[name]
    module = _MODULES.get(".".join(path[:-1]))
    if module is None or path[-1] not in module[1]:
        return None
    return Builtin(name, getattr(module[0], path[-1]))


_ATTRIBUTES: dict[type, frozenset[str]] = {
    dt.timedelta: frozenset({"days", "microseconds", "seconds"}),
    dt.datetime: frozenset(
        {"day", "fold", "hour", "microsecond", "minute", "month", "second", "tzinfo", "year"},
    ),
    dt.date: frozenset({"day", "month", "year"}),
    dt.time: frozenset({"hour", "microsecond", "minute", "second", "tzinfo"}),
    PurePosixPath: frozenset(
        {"anchor", "drive", "name", "parent", "parents", "parts", "root", "stem", "suffix", "suffixes"}
    ),
    uuid.UUID: frozenset({"bytes", "hex", "int", "urn", "version"}),
}
_DEEPEST_PATH = 100
"""Folders in one another in a path whose `parents` are known."""
_DAYS = frozenset({"ctime", "isoformat", "isoweekday", "replace", "strftime", "toordinal", "weekday"})
_METHODS: dict[type, frozenset[str]] = {
    dt.timedelta: frozenset({"total_seconds"}),
    dt.datetime: _DAYS | {"date", "time", "timetz", "utcoffset"},
    dt.date: _DAYS,
    dt.time: frozenset({"isoformat", "replace", "strftime"}),
    PurePosixPath: frozenset(
        {"as_posix", "is_absolute", "is_relative_to", "joinpath", "match", "relative_to", "with_name", "with_stem",
         "with_suffix"}
    ),
}  # fmt: skip
PLACE_METHODS: dict[str, Callable[[PosixPath], str]] = {
    "absolute": _absolute,
    "expanduser": _expanded,
    "resolve": _real,
}
"""Methods of `Path` whose values depend on the folders of the machine."""


def is_library_value(value: object) -> bool:
    """Whether this is an immutable value of Python's library, a named tuple included."""
    return isinstance(value, LIBRARY_TYPES) or is_named_tuple(value)


def is_named_tuple(value: object) -> bool:
    """Whether this is what a class of `namedtuple` makes."""
    return isinstance(value, tuple) and hasattr(value, "_fields")  # pyright: ignore[reportUnknownArgumentType]


def is_library_method(value: object, name: str) -> bool:
    """Whether a value of Python's library has a method that flowc calls."""
    if is_named_tuple(value):
        return name in {"_asdict", "_replace"}
    if isinstance(value, PosixPath) and name in PLACE_METHODS:
        return True
    kind = next((kind for kind in _METHODS if isinstance(value, kind)), None)
    return kind is not None and name in _METHODS[kind]


def library_attribute(value: object, name: str) -> object:
    """An attribute of a value of Python's library that is no method; MISSING where flowc does not know it."""
    owner = cast("Any", value)
    if is_named_tuple(value):
        return getattr(owner, name) if name in owner._fields or name in {"_fields", "netloc"} else MISSING
    kind = next((kind for kind in _ATTRIBUTES if isinstance(value, kind)), None)
    if kind is None or name not in _ATTRIBUTES[kind]:
        return MISSING
    if name == "parents" and len(owner.parts) > _DEEPEST_PATH:  # all of them are as many texts as the square of that
        return MISSING
    found = getattr(owner, name)
    return tuple(found) if name == "parents" else found


def _moved(name: str, path: PosixPath, *, strict: bool = False) -> PosixPath:
    """`path.resolve()`, `.absolute()` or `.expanduser()`."""
    del strict
    return PosixPath(PLACE_METHODS[name](path))


def _matched(path: PurePosixPath, pattern: str) -> bool:
    """`path.match(pattern)`, for which Python makes a regular expression in the square of the pattern's length."""
    if len(pattern) * (len(pattern) + len(str(path))) > MOST_STEPS // 10:
        raise TooLargeError
    return path.match(pattern)


def library_method(value: object, name: str) -> Callable[..., object]:
    """A method of a value of Python's library, as a function of its arguments."""
    if isinstance(value, PosixPath) and name in PLACE_METHODS:
        return partial(_moved, name, value)
    if isinstance(value, PurePosixPath) and name == "match":
        return partial(_matched, value)
    method: Callable[..., object] = getattr(value, name)
    if name != "strftime":
        return method

    def formatted(form: str) -> object:
        check_format(form)
        return method(form)

    return formatted
