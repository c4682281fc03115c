"""`IncludeFile`: a parameter that is given as a path, and that steps read as the content of the file."""

from __future__ import annotations

import os

from flowc.errors import FlowError, ParameterError
from flowc.flow_configs import load_parser
from flowc.flow_parameters import Declaration, Parameter, merged
from flowc.generics import T_co
from flowc.shim.loaded_plan import parameter_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Literal, TypeVar, Union, overload

    T = TypeVar("T")
    from flowc.shim.task_state import TaskState
_STORES = ("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "file")
_SECONDS = 60
"""How long a web server may take to answer."""


class IncludeFile(Parameter[T_co]):
    """A file's content. `is_text=False` gives bytes; `parser` is called with the content wherever it is read."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: IncludeFile[T],
            name: str,
            required: bool | None = None,
            is_text: bool | None = None,
            encoding: str | None = None,
            help: str | None = None,
            *,
            parser: Callable[[Any], T],
            default: Union[str, Callable[[Any], str], None] = None,
            show_default: bool | str | None = None,
        ) -> None: ...

        @overload
        def __init__(
            self: IncludeFile[Any],
            name: str,
            required: bool | None = None,
            is_text: bool | None = None,
            encoding: str | None = None,
            help: str | None = None,
            *,
            parser: str,
            default: Union[str, Callable[[Any], str], None] = None,
            show_default: bool | str | None = None,
        ) -> None: ...

        @overload
        def __init__(
            self: IncludeFile[bytes],
            name: str,
            required: bool | None = None,
            *,
            is_text: Literal[False],
            encoding: str | None = None,
            help: str | None = None,
            default: Union[str, Callable[[Any], str], None] = None,
            show_default: bool | str | None = None,
        ) -> None: ...

        @overload
        def __init__(
            self: IncludeFile[str],
            name: str,
            required: bool | None = None,
            is_text: Literal[True] | None = None,
            encoding: str | None = None,
            help: str | None = None,
            *,
            default: Union[str, Callable[[Any], str], None] = None,
            show_default: bool | str | None = None,
        ) -> None: ...

    def __init__(
        self,
        name: str,
        required: bool | None = None,
        is_text: bool | None = None,
        encoding: str | None = None,
        help: str | None = None,
        parser: Any = None,
        **other: Any,
    ) -> None:
        given = {"required": required, "is_text": is_text, "encoding": encoding, "help": help, "parser": parser}
        fields = merged(f"IncludeFile {name!r}", given, other, ("default", "show_default"))
        self._declare(_IncludeDeclaration(name, fields))


class _IncludeDeclaration(Declaration):
    """What an IncludeFile is. The run keeps the content, not the path."""

    kind = "IncludeFile"

    def read(self, state: TaskState) -> Any:
        """The content, parsed."""
        parser = self.fields.get("parser")
        if parser is None:
            return state.parameter(self.attribute)
        return state.derived(
            self.attribute, lambda content: content if content is None else self._parsed(parser, content)
        )

    def _text_of_file(self) -> str | None:
        return None if "file" in parameter_entry(self.name) else super()._text_of_file()  # it is what was compiled

    def written(self, value: Any) -> Any:
        """The content itself, as the call of another flow has it, and no path."""
        return value

    def _given(self, text: str) -> Any:
        return self._content(read_location(self.name, text))

    def _default(self, flow_name: str) -> Any:
        member = parameter_entry(self.name).get("file")
        if member is not None:
            from flowc.shim.loaded_plan import read_package

            return self._content(read_package(member))
        value = self.field("default")
        if value is None:
            return super()._default(flow_name)
        if callable(value):
            value = self._computed(value, flow_name, str)
        return self._given(str(value))

    def _content(self, data: bytes) -> Any:
        """The content as the flow declares it: text has `\\n` at the ends of its lines, as a file opened as text."""
        is_text = self.field("is_text")
        if is_text is False:
            return data
        encoding = self.field("encoding") or "utf-8"
        try:
            text = data.decode(encoding)
        except (LookupError, ValueError) as error:
            raise ParameterError(
                f"the file of {self.name!r} is not text in {encoding} ({error}); declare its encoding, or is_text=False"
            ) from None
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _parsed(self, parser: Any, content: Any) -> Any:
        try:
            return load_parser(parser)(content)
        except Exception as error:
            raise ParameterError(f"the parser of {self.name!r} raised {type(error).__name__}: {error}") from error


def read_location(name: str, location: str) -> bytes:
    """The bytes at a path or URL: of a store, a web server, or `data:`, which has them in it. Raises ParameterError."""
    scheme, separator, _ = location.partition(":")
    try:
        if separator and scheme == "data":
            return _data(location)
        if "://" not in location:
            with open(os.path.expanduser(location), "rb") as file:
                return file.read()
        if scheme in _STORES:
            return _from_store(location)
        if scheme in ("http", "https"):
            return _from_web(location)
    except (OSError, ValueError, FlowError) as error:
        raise ParameterError(f"the file of parameter {name!r}, {location[:200]!r}, cannot be read: {error}") from error
    raise ParameterError(f"the file of parameter {name!r}: URLs of {scheme}:// cannot be read")


def _from_web(url: str) -> bytes:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 (http and https only)
            content: bytes = answer.read()
            return content
    except HTTPError as error:
        error.close()  # it holds the connection, with what the server says of the error
        raise


def _from_store(url: str) -> bytes:
    from flowc.store import open_store

    root, _, key = url.rpartition("/")
    return bytes(open_store(root).read(key))


def _data(url: str) -> bytes:
    """The content of `data:[type][;base64],content`."""
    head, comma, body = url[len("data:") :].partition(",")
    if not comma:
        raise ValueError("a data URL is data:[type][;base64],content")
    from urllib.parse import unquote_to_bytes

    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    import base64

    return base64.b64decode(unquote_to_bytes(body), validate=True)
