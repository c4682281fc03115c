"""The types of click for `Parameter(type=...)`, which Metaflow brings along as `metaflow._vendor.click`."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn, Sequence


class ClickException(Exception):  # noqa: N818 (click's name, as are those below)
    """An error with a message."""

    def __init__(self, message: str = "", *_: Any, **__: Any) -> None:
        super().__init__(message)
        self.message = message


class UsageError(ClickException):
    """Wrong use of an option."""


class BadParameter(UsageError):  # noqa: N818
    """A wrong value of an option."""


class ParamType:
    """A type: `convert` makes a value of a text, and calls `fail` where it cannot."""

    name = "text"

    def __call__(self, value: Any, param: Any = None, ctx: Any = None) -> Any:
        """The value; `None` stays `None`."""
        return None if value is None else self.convert(value, param, ctx)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as it is."""
        del param, ctx
        return value

    def fail(self, message: str, param: Any = None, ctx: Any = None) -> NoReturn:
        """Raise BadParameter."""
        del param, ctx
        raise BadParameter(message)


class _Function(ParamType):
    def __init__(self, function: Callable[[Any], Any], name: str) -> None:
        self._function = function
        self.name = name

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return self._function(value)
        except ValueError:
            return self.fail(f"{value} is not a valid {self.name}", param, ctx)


class Choice(ParamType):
    """One of some texts."""

    name = "choice"

    def __init__(self, choices: Sequence[str], case_sensitive: bool = True) -> None:
        self.choices = choices
        self.case_sensitive = case_sensitive

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The choice as it was listed."""
        for choice in self.choices:
            if choice == value or (not self.case_sensitive and choice.casefold() == str(value).casefold()):
                return choice
        return self.fail(f"invalid choice: {value}. (choose from {', '.join(map(str, self.choices))})", param, ctx)


class _Range(ParamType):
    kind: Callable[[Any], Any] = int

    def __init__(self, min: Any = None, max: Any = None, clamp: bool = False) -> None:
        self.min, self.max, self.clamp = min, max, clamp

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """A number in the range; with `clamp`, the nearest one."""
        number = _Function(type(self).kind, self.name).convert(value, param, ctx)
        below = self.min is not None and number < self.min
        if not below and (self.max is None or number <= self.max):
            return number
        if not self.clamp:
            self.fail(f"{number} is not in the range of {self.min} to {self.max}", param, ctx)
        return self.min if below else self.max


class IntRange(_Range):
    """A whole number in a range."""

    name = "integer range"


class FloatRange(_Range):
    """A number in a range."""

    name = "float range"
    kind = float


class DateTime(ParamType):
    """A `datetime`, by the first of some formats that fits."""

    name = "datetime"

    def __init__(self, formats: Sequence[str] | None = None) -> None:
        self.formats = formats or ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The time; one that is no text stays what it is."""
        from datetime import datetime

        for form in self.formats if isinstance(value, str) else ():
            try:
                return datetime.strptime(value, form)
            except ValueError:
                continue
        if isinstance(value, datetime):
            return value
        return self.fail(f"invalid datetime format: {value}. (choose from {', '.join(self.formats)})", param, ctx)


class Path(ParamType):
    """A path as text, on which the task that starts the run does the checks."""

    name = "path"

    def __init__(
        self,
        exists: bool = False,
        file_okay: bool = True,
        dir_okay: bool = True,
        writable: bool = False,
        readable: bool = True,
        resolve_path: bool = False,
        allow_dash: bool = False,
        path_type: Any = None,
    ) -> None:
        self.exists, self.file_okay, self.dir_okay = exists, file_okay, dir_okay
        self.writable, self.readable, self.resolve_path = writable, readable, resolve_path
        self.allow_dash, self.type = allow_dash, path_type

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The path, absolute with `resolve_path`."""
        if self.file_okay and self.allow_dash and value == "-":
            return self._typed(value)
        found = os.path.realpath(value) if self.resolve_path else value
        try:
            mode = os.stat(found).st_mode
        except OSError:
            if self.exists:
                self.fail(f"path {value!r} does not exist", param, ctx)
            return self._typed(found)
        wrong = {
            "is a file": not self.file_okay and stat.S_ISREG(mode),
            "is a folder": not self.dir_okay and stat.S_ISDIR(mode),
            "is not writable": self.writable and not os.access(value, os.W_OK),
            "is not readable": self.readable and not os.access(value, os.R_OK),
        }
        for problem, is_wrong in wrong.items():
            if is_wrong:
                self.fail(f"path {value!r} {problem}", param, ctx)
        return self._typed(found)

    def _typed(self, found: Any) -> Any:
        if self.type is None or isinstance(found, self.type):
            return found
        return os.fsencode(found) if self.type is bytes else self.type(found)


class File(ParamType):
    """An open file, which cannot be stored for the steps."""

    name = "filename"

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Raise BadParameter."""
        return self.fail(
            f"an open file cannot be stored for the steps: use IncludeFile, or pass {value!r} as text", param, ctx
        )


class Tuple(ParamType):
    """Several values, each of a type of its own."""

    name = "tuple"

    def __init__(self, types: Sequence[Any]) -> None:
        self.types = list(types)


def _uuid(text: Any) -> Any:
    import uuid

    return text if isinstance(text, uuid.UUID) else uuid.UUID(text)


def _bool(value: Any) -> Any:
    from flowc.type_conversion import plain_value

    return value if isinstance(value, bool) else plain_value("bool", value)


UNPROCESSED = ParamType()
STRING = _Function(str, "text")
INT = _Function(int, "integer")
FLOAT = _Function(float, "float")
BOOL = _Function(_bool, "boolean")
UUID = _Function(_uuid, "uuid")
