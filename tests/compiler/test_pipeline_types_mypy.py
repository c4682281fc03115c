"""What flowc says of two annotations, compared with mypy: where mypy finds nothing wrong, flowc does not, either."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from random import Random

import pytest
from mypy import api

from tests.compiler.pipeline_types import TYPING, Types

CLASSES = """
class Plain: ...
class Child(Plain): ...
class Name(str): ...
class Color(str, enum.Enum):
    RED = "red"
class Level(enum.Enum):
    LOW = 1
@dataclasses.dataclass
class Data:
    x: int = 1
class Point(NamedTuple):
    x: int
    y: str
class Entries(TypedDict):
    a: int
class Walks(Protocol):
    def walk(self) -> int: ...
class Walker:
    def walk(self) -> int: return 1
class Rows(list[int]): ...
class Own(Generic[T]):
    def __iter__(self) -> Iterator[int]: return iter(())
Alias = Dict[str, int]
Number = Union[int, float]
UserId = NewType("UserId", int)
"""
NAMES = """
int str float bool bytes complex None object Any Plain Child Name Color Level Data Point Walks Walker Rows Own[int]
Alias Number datetime.date dt.datetime Path pathlib.PurePath Hashable Sized Literal[1] Literal["a","b"]
Literal["a"] LiteralString range list Dict tuple "int" UserId
"""
ATOMS = tuple(NAMES.split())
SHAPES = (
    "list[{0}]", "List[{0}]", "t.Sequence[{0}]", "Iterable[{0}]", "Collection[{0}]", "Mapping[str, {0}]",
    "dict[{1}, {0}]", "Optional[{0}]", "{0} | {1}", "Union[{0}, {1}, None]", "tuple[{0}, ...]", "tuple[{0}, {1}]",
    "Set[{0}]", "frozenset[{0}]", "Annotated[{0}, 'name']", "Iterator[{0}]", "defaultdict[str, {0}]",
    "collections.deque[{0}]", "Tuple[()]", "Counter[str]",
)  # fmt: skip


def grown(chosen: Random, depth: int) -> str:
    if depth == 0 or chosen.random() < 0.3:
        return chosen.choice(ATOMS)
    return chosen.choice(SHAPES).format(grown(chosen, depth - 1), grown(chosen, depth - 1))


def judged(folder: Path, pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether mypy finds an error, for each pair."""
    prelude = TYPING + 'T = TypeVar("T")\n' + CLASSES
    lines = [f"def f{i}(give: Callable[[], {s}], take: Callable[[{t}], None]) -> None: take(give())"
             for i, (s, t) in enumerate(pairs)]  # fmt: skip
    path = folder / "pairs.py"
    path.write_text(prelude + "\n".join(lines) + "\n")
    printed, problems, _ = api.run(
        [str(path), "--config-file", "", "--cache-dir", str(folder / "cache"), "--python-version", "3.11",
         "--no-error-summary", "--no-pretty"]
    )  # fmt: skip
    assert not problems
    first = prelude.count("\n") + 1
    wrong: set[int] = set()
    for line, text, code in re.findall(r"pairs\.py:(\d+): error: (.*?)  \[([\w-]+)\]", printed):
        assert code in {"arg-type", "func-returns-value"}, (text, code, lines[int(line) - first])
        wrong.add(int(line) - first)
    return [number in wrong for number in range(len(pairs))]


def compared(folder: Path, pairs: list[tuple[str, str]]) -> list[tuple[str, str, str, bool]]:
    types = Types(folder, TYPING + 'T = TypeVar("T")\n' + CLASSES)
    wrong = judged(folder, pairs)
    return [(s, t, types.verdict(s, t), bad) for (s, t), bad in zip(pairs, wrong, strict=True)]


def test_atoms(tmp_path: Path) -> None:
    """Pairs without brackets: flowc finds what mypy does, but for what it lets pass on purpose."""
    found = compared(tmp_path, list(product(ATOMS, ATOMS)))
    assert [row for row in found if row[2] in {"NO", "MAYBE"} and not row[3]] == []
    missed = [(s, t) for s, t, verdict, bad in found if bad and verdict not in {"NO", "MAYBE"}]
    lenient = {"Walks", "Hashable", "Sized", "UserId"}  # what needs no telling, and what is an int when it runs
    assert [pair for pair in missed if pair[0] != "None" and not set(pair) & lenient] == []


@pytest.mark.parametrize("seed", range(3))
def test_random_pairs(tmp_path: Path, seed: int) -> None:
    chosen = Random(seed)
    pairs = [(grown(chosen, 3), grown(chosen, 3)) for _ in range(1500)]
    found = [
        row for row in compared(tmp_path, pairs) if not re.search(r"\btuple \||\| tuple(?!\[)", row[0])
    ]  # Any to mypy
    assert [row for row in found if row[2] in {"NO", "MAYBE"} and not row[3]] == []
    assert sum(row[2] == "NO" for row in found) > 300
