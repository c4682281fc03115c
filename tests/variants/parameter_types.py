"""What a `Parameter` may declare beside its default: click's arguments and types, classes, functions.

Each step gets what Metaflow gives it for the same command line, but for what docs/parameters.md says is different.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tests.variants.variant import Variant

HEAD = """
import datetime
import decimal
import enum
import json
import uuid
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Dict, List, Literal, NamedTuple, Optional, Union

from metaflow import FlowSpec, JSONType, Parameter, environment, step
from metaflow._vendor import click
from metaflow.parameters import JSONTypeClass


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(int, enum.Enum):
    LOW = 1
    HIGH = 2


@dataclass
class Optimizer:
    name: str = "adam"
    rate: float = 0.1


@dataclass(frozen=True)
class Settings:
    optimizer: Optimizer = field(default_factory=Optimizer)
    sizes: List[int] = field(default_factory=list)
    where: Optional[Path] = None
    color: Color = Color.RED


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Percent(click.ParamType):
    name = "percent"

    def convert(self, value, param, ctx):
        if not str(value).endswith("%"):
            self.fail("no percent sign", param, ctx)
        return float(str(value)[:-1]) / 100


MODES = click.Choice(["fast", "slow"])


def shout(text):
    return text.upper()


def rounded(ctx, param, value):
    return None if value is None else round(value, 1)


class TypedFlow(FlowSpec):
    value = Parameter("value", DECLARED)

    @environment(vars=VARIABLES)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print("RESULT", type(self.value).__name__, repr(self.value))


if __name__ == "__main__":
    TypedFlow()
"""

SAME: Mapping[str, tuple[str, str | None]] = {
    "flag_that_is_not": ("is_flag=True, default=False", None),
    "flag_without_default": ("is_flag=True", None),
    "flag_on": ("is_flag=True, default=True, type=bool", None),
    "flag_value": ('is_flag=True, flag_value="x"', None),
    "flag_value_by_default": ('is_flag=True, flag_value="x", default="y"', None),
    "count": ("count=True", None),
    "count_from": ("count=True, default=1", None),
    "several": ("multiple=True", "a"),
    "several_of_none": ("multiple=True", None),
    "several_ints": ("multiple=True, type=int", "3"),
    "several_by_default": ('multiple=True, type=str, default=["a", "b"]', None),
    "several_floats_by_default": ("multiple=True, type=float, default=[1, 2]", None),
    "several_of_json": ("multiple=True, type=JSONType", '{"a": 1}'),
    "several_choices": ('multiple=True, type=click.Choice(["a", "b"]), default=["a"]', "b"),
    "pair_of_none": ("nargs=2, type=int", None),
    "pair_by_default": ("nargs=2, type=int, default=(3, 4)", None),
    "pair_of_types_by_default": ('type=(str, int), default=("a", 1)', None),
    "own_variable": ('envvar="OWN_VALUE", default="d"', None),
    "given_before_its_variable": ('envvar="OWN_VALUE", default="d"', "given"),
    "own_int_variable": ('envvar=["NOT_SET", "OWN_NUMBER"], type=int', None),
    "own_empty_variable": ('envvar="OWN_EMPTY", default=3', None),
    "several_in_a_variable": ('envvar="OWN_WORDS", multiple=True', None),
    "pair_in_a_variable": ('envvar="OWN_WORDS", nargs=2', None),
    "choice": ('type=click.Choice(["a", "b"]), default="a"', "b"),
    "choice_by_default": ('type=click.Choice(["a", "b"]), default="a"', None),
    "choice_in_any_case": ('type=click.Choice(["A", "b"], case_sensitive=False)', "a"),
    "choice_of_the_module": ("type=MODES", "slow"),
    "range": ("type=click.IntRange(0, 5), default=2", "5"),
    "range_that_clamps": ("type=click.IntRange(0, 5, clamp=True)", "7"),
    "range_of_floats": ("type=click.FloatRange(0, 1), default=0.5", None),
    "range_of_a_text": ('type=click.IntRange(min=1), default="3"', None),
    "path_of_click": ("type=click.Path()", "x/y"),
    "time_of_click": ("type=click.DateTime()", "2024-01-02"),
    "time_in_its_format": ('type=click.DateTime(formats=["%d.%m.%Y"]), default="2.1.2024"', None),
    "uuid_of_click": ("type=click.UUID", "12345678-1234-5678-1234-567812345678"),
    "int_of_click": ("type=click.INT", "5"),
    "own_type_of_click": ("type=Percent()", "30%"),
    "json_type_class": ("type=JSONTypeClass()", "[1]"),
    "path": ("type=Path", "x/y"),
    "path_of_a_text": ('type=Path, default="x/y"', None),
    "path_by_default": ('default=Path("x/y")', None),
    "path_for_a_path": ('default=Path("x/y")', "z"),
    "member": ("type=Color", "red"),
    "member_by_default": ("default=Color.RED", None),
    "member_for_a_member": ("default=Color.RED", "blue"),
    "member_of_a_text": ('type=Color, default="blue"', None),
    "value_of_a_member": ("default=Color.RED.value", "blue"),
    "function": ("type=shout", "abc"),
    "function_of_the_default": ('type=shout, default="def"', None),
    "lambda": ('type=lambda text: text.split(",")', "a,b"),
    "json_loads": ("type=json.loads", '{"a": 1}'),
    "json_loads_of_the_default": ('type=json.loads, default="[1, 2]"', None),
    "date": ('type=datetime.date.fromisoformat, default="2024-01-02"', "2023-03-04"),
    "duration": ("type=lambda days: datetime.timedelta(int(days)), default=3", None),
    "decimal": ('type=decimal.Decimal, default="1.50"', None),
    "decimal_for_a_decimal": ('default=decimal.Decimal("1.5")', "2.50"),
    "complex": ("default=1 + 2j", "3j"),
    "only_for_the_help": ('metavar="X", hidden=True, show_envvar=True, show_choices=False, default="q"', None),
    "callback": ("type=float, callback=rounded", "1.26"),
    "callback_of_the_default": ("type=float, callback=rounded, default=1.26", None),
    "callback_of_nothing": ("type=float, callback=rounded", None),
    "callback_that_is_a_lambda": ("callback=lambda ctx, param, value: (param.name, value)", "q"),
    "is_no_flag": ('type=str, is_flag=False, default="z"', None),
}
"""By name the arguments, and the text that is given: the answer is Metaflow's."""

OURS: Mapping[str, tuple[str, str | None, str]] = {
    "flag_that_is_set": ("is_flag=True, default=False", "true", "bool True"),
    "flag_value_given": ('is_flag=True, flag_value="x"', "y", "str 'y'"),
    "several_by_an_untyped_default": ('multiple=True, default=["a", "b"]', None, "tuple ('a', 'b')"),
    "pair": ("nargs=2, type=int", "1 2", "tuple (1, 2)"),
    "pair_as_json": ("nargs=2, type=float", "[1, 2]", "tuple (1.0, 2.0)"),
    "pair_of_types": ("type=(str, int)", '["a", "2"]', "tuple ('a', 2)"),
    "count_given": ("count=True", "2", "int 2"),
    "choices": ('choices=["a", "b"], default="a"', "b", "str 'b'"),
    "member_of_numbers": ("type=Level", "1", "Level <Level.LOW: 1>"),
    "member_by_its_name": ("type=Level", "HIGH", "Level <Level.HIGH: 2>"),
    "literal": ('type=Literal["a", "b"]', "b", "str 'b'"),
    "literal_of_numbers": ("type=Literal[1, 2], default=1", "2", "int 2"),
    "optional": ("type=Optional[int]", "1", "int 1"),
    "optional_of_null": ("type=Optional[int], default=3", "null", "NoneType None"),
    "optional_text": ("type=Optional[str]", "abc", "str 'abc'"),
    "union": ("type=Union[int, str]", "x", "str 'x'"),
    "list_of_ints": ("type=List[int]", "[1, 2]", "list [1, 2]"),
    "dict_of_paths": ("type=Dict[str, Path]", '{"a": "b"}', "dict {'a': PosixPath('b')}"),
    "set": ("type=set", "[1]", "set {1}"),
    "dataclass": ("type=Optimizer", '{"rate": 1}', "Optimizer Optimizer(name='adam', rate=1.0)"),
    "dataclass_by_default": ("default=Optimizer(rate=0.2)", None, "Optimizer Optimizer(name='adam', rate=0.2)"),
    "dataclass_for_a_dataclass": (
        "default=Optimizer()", '{"name": "sgd"}', "Optimizer Optimizer(name='sgd', rate=0.1)",
    ),
    "dataclass_in_a_dataclass": (
        "type=Settings",
        '{"optimizer": {"rate": 2}, "sizes": [1], "where": "a/b", "color": "blue"}',
        "Settings Settings(optimizer=Optimizer(name='adam', rate=2.0), sizes=[1], where=PosixPath('a/b'), "
        "color=<Color.BLUE: 'blue'>)",
    ),
    "named_tuple": ("type=Point", '{"x": 1, "y": 2}', "Point Point(x=1, y=2.0)"),
    "named_tuple_of_a_list": ("type=Point", "[1]", "Point Point(x=1, y=0.0)"),
    "partial": ("type=partial(int, base=16)", "ff", "int 255"),
    "date_by_default": ("default=datetime.date(2024, 1, 2)", "2023-03-04", "date datetime.date(2023, 3, 4)"),
}  # fmt: skip
"""What Metaflow refuses, or gives in a form that nobody could want: the arguments, the text, and the answer."""

REFUSED: Mapping[str, tuple[str, str | None, str]] = {
    "choice_that_is_not_there": ('type=click.Choice(["a", "b"])', "c", "FC303"),
    "default_that_is_no_choice": ('type=click.Choice(["a", "b"]), default="c"', None, "FC303"),
    "too_large": ("type=click.IntRange(0, 5)", "7", "FC303"),
    "default_that_is_too_small": ("type=click.IntRange(1), default=0", None, "FC303"),
    "literal_that_is_not_there": ('type=Literal["a", "b"]', "c", "FC303"),
    "member_that_is_not_there": ("type=Color", "green", "FC303"),
    "no_json": ("type=Optimizer", "rate=1", "FC303"),
    "no_int_among_several": ("multiple=True, type=int", "x", "FC303"),
    "one_of_two": ("nargs=2", "x", "FC303"),
    "open_file": ("type=click.File()", None, "FC301"),
    "hidden_from_the_flow": ('expose_value=False, default="x"', None, "FC301"),
    "callback_that_reads_the_context": ("callback=lambda ctx, param, value: ctx.params", None, "FC301"),
    "no_type": ('type="int"', None, "FC301"),
    "bytes": ("type=bytes", None, "FC301"),
}
"""What compiling refuses: the arguments, the text, and the code."""

_VARIABLES = {"OWN_VALUE": "fromenv", "OWN_NUMBER": "12", "OWN_EMPTY": "", "OWN_WORDS": "a b"}


def _variant(name: str, arguments: str, text: str | None) -> Variant:
    source = HEAD.replace("DECLARED", arguments).replace("VARIABLES", repr(_VARIABLES))
    return Variant(
        name, {"flow.py": source}, parameters={} if text is None else {"value": text}, environment=_VARIABLES
    )


def _variants() -> Iterator[Variant]:
    for name, (arguments, text) in SAME.items():
        yield _variant(name, arguments, text)
    for name, (arguments, text, answer) in OURS.items():
        yield replace(_variant(name, arguments, text), expected=(f"RESULT {answer}",))
    for name, (arguments, text, code) in REFUSED.items():
        yield replace(_variant(name, arguments, text), refused=code)


VARIANTS: tuple[Variant, ...] = tuple(_variants())
