"""Parameters: their declaration in a flow, and their values when a run starts."""

from __future__ import annotations

import os
import sys

from flowc.errors import ParameterError
from flowc.generics import Generic, T_co

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Literal, Tuple, TypedDict, TypeVar, Union, overload

    from typing_extensions import Self, Unpack

    from flowc.shim.task_state import TaskState

    T = TypeVar("T")

    class ReadOnly:
        """What a step may set a parameter to: nothing is of this class."""

    class Options(TypedDict, total=False):
        """Arguments that click takes, by which the value is of the same type."""

        help: Union[str, None]
        show_default: Union[bool, str, None]
        allow_from_autoenv: bool
        callback: Callable[..., Any]
        choices: Any
        confirmation_prompt: bool
        envvar: Any
        expose_value: bool
        flag_value: Any
        hidden: bool
        hide_input: bool
        is_eager: bool
        is_flag: bool
        metavar: str
        prompt: Union[bool, str]
        show_choices: bool
        show_envvar: bool


class _JSONType:
    """The type of parameters that are given as JSON."""

    name = "JSON"

    def convert(self, value: Any, param: Any = None, ctx: Any = None) -> Any:
        """The value of a JSON text; anything else as it is. Raises ParameterError."""
        from flowc.type_conversion import convert

        del ctx
        return convert(getattr(param, "name", ""), "json", value) if isinstance(value, str) else value

    def __repr__(self) -> str:
        return "JSON"


JSONType = _JSONType()
"""`Parameter("p", type=JSONType)`."""


_PLAIN_TYPES = (str, int, float, bool, list, dict, tuple)
_SHAPING = {"choices", "count", "flag_value", "is_flag", "multiple", "nargs"}
"""Arguments for click by which a value is another one."""


def option_values() -> Any:
    """The module for what click's arguments and types mean, which few flows need."""
    from flowc import click_options

    return click_options


class Declaration:
    """What a parameter declares, apart from the object in the class body."""

    kind = "Parameter"
    """The name of the class in the user's file."""

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        self.name = name
        self.attribute = name
        self.fields = fields
        """The arguments as written in the file; some may come from configs, which are read on demand."""

    def field(self, key: str) -> Any:
        """An argument's value."""
        configs = _configs()
        return self.fields.get(key) if configs is None else configs.resolve(configs.unpacked(self.fields).get(key))

    def value(self, flow_name: str, *, given: bool = True) -> Any:
        """The value for this run, from the environment or the default. Only the start task asks.

        Nothing is `given` to a flow that another one calls.
        """
        from flowc.shim.loaded_plan import given_text

        text = given_text(self.name) if given else None
        text = self._text_of_file() if text is None and given else text
        if given and text is None and self.fields.get("envvar") is not None:
            text = option_values().environment_text(self)
        value = scheduled_default(self.name, self._default(flow_name)) if text is None else self._given(text)
        return self._finished(value)

    def written(self, value: Any) -> Any:
        """The value that the call of another flow has for it: a text as if it was given to a run."""
        return self._finished(self._given(value) if isinstance(value, str) else value)

    def _finished(self, value: Any) -> Any:
        if self.fields.get("callback") is not None:
            value = option_values().called_back(self, value)
        separator = self.field("separator")
        if separator and isinstance(value, str) and value:
            return value.split(separator)
        return value

    def read(self, state: TaskState) -> Any:
        """The value as a step reads it."""
        return state.parameter(self.attribute)

    def _text_of_file(self) -> str | None:
        from flowc.shim.loaded_plan import text_of_file

        return text_of_file(self.name)

    def _given(self, text: str) -> Any:
        from flowc.type_conversion import convert, type_of

        declared, default = self.field("type"), self.field("default")
        default = None if callable(default) else default
        if self.is_plain(type(default) if declared is None and default is not None else declared):
            return convert(self.name, type_of(declared, default), text)
        return option_values().given(self, text)

    def is_plain(self, kind: Any) -> bool:
        """Whether a value is one of a plain type, and of nothing that click would do more for."""
        return (
            kind is None or kind in _PLAIN_TYPES or isinstance(kind, _JSONType)
        ) and not _SHAPING & self.fields.keys()

    def _default(self, flow_name: str) -> Any:
        from flowc.type_conversion import convert_default, type_of

        value = self.field("default")
        if value is None:
            if self.field("required") or (self.field("prompt") and not self.field("is_flag")):
                raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")
            return option_values().nothing(self) if _SHAPING & self.fields.keys() else None
        declared = self.field("type")
        if callable(value):
            value = self._computed(value, flow_name, declared)
        if not self.is_plain(declared):
            return option_values().default(self, value)
        return value if declared is None else convert_default(self.name, type_of(declared, None), value)

    def _computed(self, function: Any, flow_name: str, declared: Any) -> Any:
        """The result of a default that is a function. It must be of the declared type, or text, as in Metaflow."""
        from flowc.deploy_time import call_default
        from flowc.type_conversion import type_of

        value = call_default(function, flow_name, self.name)
        expected = type_of(declared, "")
        wanted = {"int": int, "float": float, "bool": bool, "str": str}.get(expected)
        if wanted is not None and type(value) is not wanted and value is not None:
            raise ParameterError(
                f"the default of parameter {self.name!r} is a function that returned {value!r} of type "
                f"{type(value).__name__}, not {expected}; return that, or declare the type: type=..."
            )
        return value


def scheduled_default(name: str, value: Any) -> Any:
    """A default, with the time that the run is scheduled for in it if it is a text that says `{scheduled}`.

    Raises ParameterError where such a run has no time.
    """
    if not isinstance(value, str) or "{scheduled" not in value:
        return value
    from flowc.protocol.scheduled import fill_scheduled, scheduled_time

    try:
        return fill_scheduled(value, scheduled_time(os.environ))
    except ValueError as error:
        raise ParameterError(
            f"the default of parameter {name!r}: {error}; start it with --scheduled-time, or give the parameter"
        ) from None


class Parameter(Generic[T_co]):
    """A value that is chosen when a run starts, and that every step reads as `self.<attribute>`.

    `Parameter[int]` is one whose value is an `int`; editors see it by `type` and `default` as well.
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: Parameter[List[str]],
            name: str,
            default: Union[str, Callable[[Any], str], None] = None,
            type: type[str] = ...,
            *,
            separator: str,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[Tuple[Any, ...]],
            name: str,
            default: Any = None,
            type: Any = None,
            *,
            multiple: Literal[True],
            nargs: int = 1,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[Any],
            name: str,
            default: Any = None,
            *,
            type: _JSONType,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[T],
            name: str,
            default: Callable[[Any], T],
            type: Callable[[str], T] = ...,
            *,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[T],
            name: str,
            default: T,
            type: Callable[[str], T] = ...,
            *,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(  # pyright: ignore[reportOverlappingOverload]
            self: Parameter[float],
            name: str,
            default: float,
            type: type[float],
            *,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[T],
            name: str,
            *,
            type: Callable[[str], T],
            required: Literal[True],
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[str], name: str, *, required: Literal[True], **options: Unpack[Options]
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[Union[T, None]],
            name: str,
            default: None = None,
            *,
            type: Callable[[str], T],
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

        @overload
        def __init__(
            self: Parameter[Union[str, None]],
            name: str,
            default: None = None,
            *,
            required: Union[bool, None] = None,
            **options: Unpack[Options],
        ) -> None: ...

    def __init__(
        self,
        name: str,
        default: Any = None,
        type: Any = None,
        help: Any = None,
        required: Any = None,
        show_default: Any = None,
        **other: Any,
    ) -> None:
        given = {"default": default, "type": type, "help": help, "required": required, "show_default": show_default}
        known: tuple[str, ...] = ()
        if other:  # most parameters have none of these, and their tasks don't load the names
            from flowc.protocol.metaflow_names import OPTION_ARGUMENTS as known  # noqa: N811
        self._declare(Declaration(name, merged(f"Parameter {name!r}", given, other, known)))

    def _declare(self, declaration: Declaration) -> None:
        self.name = declaration.name
        self._flowc = declaration

    def __set_name__(self, owner: type, name: str) -> None:
        self._flowc.attribute = name

    if TYPE_CHECKING:

        @overload
        def __get__(self, flow: None, owner: type | None = None) -> Self: ...

        @overload
        def __get__(self, flow: object, owner: type | None = None) -> T_co: ...

    def __get__(self, flow: Any, owner: type | None = None) -> Any:
        if flow is None:
            return self
        state = flow.__dict__.get("_flowc")
        return self._flowc.field("default") if state is None else self._flowc.read(state)

    def __set__(self, flow: Any, value: ReadOnly) -> None:
        raise AttributeError(
            f"cannot set {self._flowc.attribute!r}: flow level attributes and Parameters are not modifiable; "
            "assign to another name"
        )

    def __repr__(self) -> str:
        return f"{self._flowc.kind}({self.name!r})"


def declaration(parameter: Parameter[Any]) -> Declaration:
    """What an object in a class body declares."""
    return parameter._flowc  # pyright: ignore[reportPrivateUsage]


def merged(what: str, given: dict[str, Any], other: dict[str, Any], known: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of a declaration that were given. Raises TypeError for one that it does not take."""
    configs = _configs()
    wrong = sorted(key for key in other if key not in known and not (configs and configs.is_unpacked(key)))
    if wrong:
        raise TypeError(f"{what} has unknown arguments: {', '.join(wrong)}")
    return {**{key: value for key, value in given.items() if value is not None}, **other}


def _configs() -> Any:
    """The module of configs; `None` where nothing has imported it, so that nothing here can come from a config."""
    return sys.modules.get("flowc.flow_configs")
