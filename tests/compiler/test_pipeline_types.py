"""Types of a pipeline: what annotations are read as, and which values go where."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowc_compiler.ir.type_model import UNKNOWN, describe, describe_annotation, type_of_value
from tests.compiler.pipeline_types import TYPING, Types

READ = {
    "int": "int",
    '"int"': "int",
    "t.List[int]": "list[int]",
    "typing.Dict[str, 'list[int]']": "dict[str, list[int]]",
    "Optional[int]": "int | None",
    "Union[int, None, str]": "int | None | str",
    "int | str | None": "int | str | None",
    "Annotated[list[int], 'name', 3]": "list[int]",
    "Tuple[int, str]": "tuple[int, str]",
    "tuple[int, ...]": "tuple[int, ...]",
    "Tuple[()]": "tuple[()]",
    "t.Sequence[int]": "Sequence[int]",
    "dt.datetime": "datetime.datetime",
    "pathlib.Path": "pathlib.Path",
    "Path": "pathlib.Path",
    "Any": "Any",
    "NoReturn": "Never",
    "Literal['a', 1, True, None]": "Literal['a', 1, True] | None",
    "Literal[-1]": "Literal[-1]",
    "Text": "str",
    "T": "Any",
    "List[T]": "list[Any]",
    "type[int]": "Any",
    "absent.Name": "Any",
    "1 +": "Any",
    "f(x)": "Any",
    "lambda: 0": "Any",
    "Frame": "pandas.DataFrame",
    "pd.DataFrame": "pandas.DataFrame",
    "npt.NDArray[np.float64]": "numpy.ndarray",
    "Rows": "list[dict[str, int]]",
    "UserId": "int",
    "Own": "Own",
    "Guarded": "numpy.ndarray",
    "Twice": "Any",
    "Maybe": "Any",
    "Round": "Any",
    "Deep": "Any",
    "Number": "int | float",
    "Modern": "dict[str, int]",
    "Generic2": "Any",
}


@pytest.mark.parametrize("annotation", READ)
def test_reading(tmp_path: Path, annotation: str) -> None:
    text = TYPING + """
import numpy as np
import numpy.typing as npt
import pandas as pd
if TYPE_CHECKING:
    from numpy import ndarray as Guarded
T = TypeVar("T")
Frame = pd.DataFrame
Rows = list[dict[str, int]]
UserId = NewType("UserId", int)
class Own: ...
class Twice: ...
class Twice(int): ...
if len(UserId):
    Maybe = int
else:
    Maybe = str
Round = Around
Around = Round
Number: TypeAlias = Union[int, float]
Deep = """ + "list[" * 50 + "int" + "]" * 50  # fmt: skip
    if sys.version_info >= (3, 12):
        text += "\ntype Modern = dict[str, int]\ntype Generic2[X] = dict[str, X]\n"
    types = Types(tmp_path, text)
    found = types.read(annotation)
    if annotation == "Modern" and sys.version_info < (3, 12):
        pytest.skip("`type` is of Python 3.12")
    shown = describe_annotation(found)
    assert shown == READ[annotation] or (annotation == "Deep" and shown.startswith("list[list["))


def test_builtin_names_may_be_others(tmp_path: Path) -> None:
    assert Types(tmp_path, "class int: ...\n").verdict("int", "str") == "NO"
    assert Types(tmp_path, "from shapes import *\n").read("int") == UNKNOWN
    assert Types(tmp_path, "from flowc import *\nfrom typing import *\n").verdict("int", "List[str]") == "NO"
    assert Types(tmp_path, "int = make()\n").verdict("int", "str") == "UNKNOWN"


def test_classes_of_local_files(tmp_path: Path) -> None:
    models = (
        "import pydantic\nfrom shared.base import Base\nclass Config(Base): ...\nclass Other(pydantic.BaseModel): ...\n"
    )
    base = "import datetime\nclass Base: ...\nclass Strange(somewhere.Base): ...\nRows = list[int]\n"
    text = """
from models import Config, Other, Base as Common
from shared import base
from shared.base import Rows
import shared.base as b
import models
class Mine(Config): ...
"""
    types = Types(tmp_path, text, models=models, shared____init__="", shared__base=base)
    assert types.verdict("Config", "models.Config") == "FITS"
    assert types.verdict("Config", "b.Base") == "FITS"
    assert types.verdict("Config", "Common") == "FITS"
    assert types.verdict("Mine", "base.Base") == "FITS"
    assert types.verdict("base.Base", "Mine") == "MAYBE"
    assert types.verdict("Config", "Other") == "NO"
    assert types.verdict("Other", "Config") == "NO"
    assert types.verdict("Config", "int") == "NO"
    assert types.verdict("dict", "Other") == "NO"
    assert types.verdict("b.Strange", "int") == "UNKNOWN"
    assert types.verdict("int", "b.Strange") == "UNKNOWN"
    assert types.verdict("b.Strange", "Config") == "UNKNOWN"
    assert types.verdict("Rows", "list[str]") == "NO"
    assert types.verdict("Rows", "b.Rows") == "FITS"
    assert not types.sink.diagnostics


def test_equal_names_need_no_reading(tmp_path: Path) -> None:
    types = Types(tmp_path, "from models import Config\nimport models\n", models="this is = not Python")
    assert types.verdict("list[Config]", "list[models.Config]") == "FITS"
    assert not types.sink.diagnostics


def test_a_local_file_may_have_the_name_of_a_standard_one(tmp_path: Path) -> None:
    types = Types(tmp_path, "import uuid\nfrom decimal import Decimal\n", uuid="class UUID(str): ...\n")
    assert types.verdict("uuid.UUID", "str") == "FITS"
    assert types.verdict("Decimal", "str") == "NO"


FOREIGN = """
import numpy as np, pandas as pd, torch, odd
from pydantic import BaseModel
from dataclasses import dataclass
from typing import *
class Config(BaseModel): ...
@dataclass
class Data: ...
class Frames(pd.DataFrame): ...
class Odd(odd.Thing): ...
"""


@pytest.mark.parametrize(
    ("source", "target", "verdict"),
    [
        ("pd.DataFrame", "int", "NO"),
        ("int", "pd.DataFrame", "NO"),
        ("pd.DataFrame", "np.ndarray", "UNKNOWN"),
        ("pd.DataFrame", "pd.DataFrame", "FITS"),
        ("pd.DataFrame", "Iterable[int]", "UNKNOWN"),
        ("np.float64", "float", "UNKNOWN"),
        ("float", "np.float64", "UNKNOWN"),
        ("list[float]", "np.ndarray", "NO"),
        ("Union[np.ndarray, list[float]]", "np.ndarray", "MAYBE"),
        ("Config", "BaseModel", "FITS"),
        ("Config", "int", "NO"),
        ("dict[str, int]", "Config", "NO"),
        ("Frames", "pd.DataFrame", "FITS"),
        ("Frames", "int", "NO"),
        ("pd.DataFrame", "Frames", "UNKNOWN"),
        ("Data", "pd.DataFrame", "NO"),
        ("Odd", "pd.DataFrame", "UNKNOWN"),
        ("Odd", "int", "UNKNOWN"),
        ("int", "Odd", "UNKNOWN"),
        ("torch.Tensor", "Any", "UNKNOWN"),
        ("torch.Tensor", "object", "FITS"),
        ("Optional[torch.Tensor]", "torch.Tensor", "MAYBE"),
        ("odd.thing", "int", "UNKNOWN"),
        ("list[odd.Thing]", "list[int]", "UNKNOWN"),
        ("list[odd.Thing]", "dict[str, int]", "NO"),
        ("pd.DataFrame | None", "Optional[int]", "MAYBE"),
    ],
)
def test_foreign_classes(tmp_path: Path, source: str, target: str, verdict: str) -> None:
    assert Types(tmp_path, FOREIGN).verdict(source, target) == verdict


@pytest.mark.parametrize(
    ("value", "annotation", "verdict"),
    [
        (3, "int", "FITS"),
        (3, "str", "NO"),
        (3, "float", "FITS"),
        (3.5, "int", "NO"),
        (1, "bool", "MAYBE"),
        (3, "bool", "NO"),
        (True, "int", "FITS"),
        (None, "Optional[int]", "FITS"),
        (None, "int", "NO"),
        ("a", "Literal['a', 'b']", "FITS"),
        ("c", "Literal['a', 'b']", "NO"),
        (True, "Literal[1]", "NO"),
        ([], "list[int]", "FITS"),
        ([1, 2], "list[float]", "FITS"),
        ([1, "2"], "list[int]", "NO"),
        ([1, "2"], "list[int | str]", "FITS"),
        ([[1], []], "list[list[int]]", "FITS"),
        ((1, "a"), "tuple[int, str]", "FITS"),
        ((1, "a", 2), "tuple[int, str]", "NO"),
        ((1, 2), "tuple[int, ...]", "FITS"),
        ((1, 2), "list[int]", "NO"),
        ({"a": 1}, "dict[str, int]", "FITS"),
        ({"a": 1}, "Mapping[str, str]", "NO"),
        ({"a": 1}, "Entries", "UNKNOWN"),
        ({}, "Config", "NO"),
        ("red", "Color", "NO"),
        ("data.csv", "pathlib.Path", "NO"),
        (range(3), "Sequence[int]", "FITS"),
        (range(3), "list[int]", "NO"),
        ({1, 2}, "Set[int]", "FITS"),
        (b"x", "bytes", "FITS"),
        (object(), "int", "UNKNOWN"),
        ("abc", "Iterable[int]", "NO"),
    ],
)
def test_values(tmp_path: Path, value: object, annotation: str, verdict: str) -> None:
    text = (
        TYPING
        + "class Entries(TypedDict):\n    a: int\nclass Config: ...\nclass Color(str, enum.Enum):\n    RED = 'red'\n"
    )
    types = Types(tmp_path, text)
    assert types.rules.verdict(type_of_value(value), types.read(annotation)).name == verdict


@pytest.mark.parametrize(
    ("annotation", "verdict", "element"),
    [
        ("list[int]", "FITS", "int"),
        ("Iterator[int]", "FITS", "int"),
        ("dict[str, int]", "FITS", "str"),
        ("tuple[int, str]", "FITS", "int | str"),
        ("str", "FITS", "str"),
        ("int", "NO", "Any"),
        ("None", "NO", "Any"),
        ("datetime.date", "NO", "Any"),
        ("object", "UNKNOWN", "Any"),
        ("Any", "UNKNOWN", "Any"),
        ("Optional[list[int]]", "MAYBE", "int"),
        ("list[int] | set[str]", "FITS", "int | str"),
        ("Plain", "NO", "Any"),
        ("Walks", "UNKNOWN", "Any"),
        ("Level", "NO", "Any"),
        ("Foreign", "UNKNOWN", "Any"),
        ("Point", "UNKNOWN", "Any"),
    ],
)
def test_elements(tmp_path: Path, annotation: str, verdict: str, element: str) -> None:
    text = (
        TYPING
        + """
class Plain: ...
class Walks(Plain):
    def __iter__(self): ...
class Level(enum.Enum):
    LOW = 1
class Foreign(odd.Thing): ...
class Point(NamedTuple):
    x: int
"""
    )
    types = Types(tmp_path, text)
    found, of = types.rules.element(types.read(annotation))
    assert (found.name, describe(of)) == (verdict, element)


@pytest.mark.parametrize(
    ("annotation", "key", "verdict", "element"),
    [
        ("tuple[int, str]", 1, "FITS", "str"),
        ("tuple[int, str]", 2, "NO", "Any"),
        ("tuple[int, str]", -1, "FITS", "str"),
        ("list[int]", 5, "FITS", "int"),
        ("list[int]", "a", "NO", "Any"),
        ("dict[str, int]", "a", "FITS", "int"),
        ("Mapping[str, int]", "a", "FITS", "int"),
        ("int", 0, "NO", "Any"),
        ("None", 0, "NO", "Any"),
        ("object", 0, "UNKNOWN", "Any"),
        ("Optional[dict[str, int]]", "a", "MAYBE", "int"),
        ("Plain", "a", "NO", "Any"),
        ("odd.Thing", "a", "UNKNOWN", "Any"),
    ],
)
def test_entries(tmp_path: Path, annotation: str, key: str | int, verdict: str, element: str) -> None:
    types = Types(tmp_path, TYPING + "import odd\nclass Plain: ...\n")
    found, of = types.rules.entry(types.read(annotation), key)
    assert (found.name, describe(of) if found.name != "NO" else "Any") == (verdict, element)


def test_aliases_that_double_are_bounded(tmp_path: Path) -> None:
    lines = [f"A{n} = tuple[A{n + 1}, A{n + 1}]" for n in range(60)]
    types = Types(tmp_path, "\n".join([*lines, "A60 = int", ""]))
    assert types.verdict("A0", "A1") == "FITS"
    assert types.verdict("A0", "str") == "NO"


def test_files_that_refer_to_each_other(tmp_path: Path) -> None:
    types = Types(
        tmp_path,
        "import one, two\n",
        one="import two\nA = list[two.B]\nC = two.C\n",
        two="import one\nB = list[one.A]\nC = one.C\n",
    )
    assert types.verdict("one.A", "two.B") in {"UNKNOWN", "FITS"}
    assert types.verdict("one.C", "int") == "UNKNOWN"


def test_wide_values_are_cheap() -> None:
    assert describe(type_of_value(list(range(100_000)))) == "list[int]"
    deep: object = 1
    for _ in range(900):
        deep = [deep]
    assert type_of_value(deep) != UNKNOWN
