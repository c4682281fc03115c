"""What random pipelines are written on: choices, variables, and the text so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tests.pipelines.stepfile import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

Kind = Literal["int", "list", "handles", "mapped", "mapped lists", "str"]


@dataclass(frozen=True)
class Variable:
    """A variable of the body."""

    name: str
    kind: Kind
    """`list` is a result that is a list, `handles` a list of results, `mapped` what a map gave."""
    source: str = ""
    """Of `mapped`: what its width is that of."""


@dataclass
class Region:
    """Where statements are written: what they see, and whether they may not run, or run many times."""

    variables: list[Variable] = field(default_factory=list[Variable])
    indent: int = 1
    explicit: bool = False
    """Calls are named by `id=`: the reference cannot count those that do not run."""
    maps: bool = True
    """Whether a map may be written here."""
    known: tuple[str, ...] = ("width", "flag", "word == 'w'", "width in (0, 2)", "not flag and width")
    """What is known when the pipeline is compiled: the first is a number."""


class Page(ABC):
    """A file that is being written. `pick` chooses a number below the one that it is given, and so what is written."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        self.pick, self.numbers = pick, 0
        self.functions: dict[str, None] = {}
        self.extra: list[str] = []
        self.lines: list[str] = []
        self.named: list[str] = []
        """Names of calls so far that `after=` may use."""

    def any_of(self, options: Sequence[str]) -> str:
        return options[self.pick(len(options))]

    def chance(self, of: int) -> bool:
        return self.pick(of) == of - 1

    def fresh(self, stem: str) -> str:
        self.numbers += 1
        return f"{stem}{self.numbers}"

    def seen(self, region: Region, kind: Kind) -> list[Variable]:
        return [variable for variable in region.variables if variable.kind == kind]

    @abstractmethod
    def statements(self, region: Region, count: int, depth: int = 0) -> None:
        """Write some statements of any kind."""

    def use(self, function: str) -> str:
        self.functions.setdefault(function)
        return function

    def line(self, region: Region, text: str) -> None:
        self.lines.append("    " * region.indent + text)

    def number(self, region: Region) -> str:
        """A number: a result, a literal, a parameter."""
        ints = [variable.name for variable in self.seen(region, "int")]
        lists = [f"{variable.name}[0]" for variable in self.seen(region, "handles")]
        return self.any_of([*ints, *lists, *ints[-1:], str(self.pick(10))])

    def result(self, region: Region) -> str:
        ints = [variable.name for variable in self.seen(region, "int") if variable.name not in {"seed", "x", "k"}]
        return self.any_of(ints) if ints else self.bind(region, "int", self.call(region, "inc", [self.number(region)]))

    def bind(self, region: Region, kind: Kind, value: str, source: str = "") -> str:
        name = self.fresh("v")
        self.line(region, f"{name} = {value}")
        region.variables.append(Variable(name, kind, source))
        return name

    def call(self, region: Region, function: str, arguments: list[str], name: str = "") -> str:
        """A call, with an id where it has to have one."""
        self.use(function)
        if not name and (region.explicit or self.chance(5)):
            name = f"{function}_at_{self.fresh('n')}"
            if not region.explicit:
                self.named.append(name)
        said = [*arguments, f'id="{name}"'] if name else arguments
        return f"{function}({', '.join(said)})"

    def copy(self, region: Region, function: str) -> str:
        """A step that nothing else calls where its calls look alike: a map has no `id=`."""
        self.use(function)
        if not region.explicit:
            return function
        copy = f"{function}_{self.fresh('c')}"
        text = STEPS[function].replace(f"def {function}(", f"def {copy}(")
        self.extra.append(text.replace('name="alone"', f'name="{copy}"'))
        return copy

    @contextmanager
    def function(self, name: str, decorator: str, *, explicit: bool = False) -> Generator[Region]:
        """Write a function of `x` and `k`, and keep its text."""
        outer, self.lines = self.lines, []
        named, self.named = self.named, []
        known = ("OFFSET", "LIMITS[0] == 3") if explicit else ("k", "k == 2")
        inside = Region([Variable("x", "int"), Variable("k", "int")], explicit=explicit, known=known)
        yield inside
        head = f"\n{decorator}\n" if decorator else "\n"
        self.extra.append(f"{head}def {name}(x, k=2):\n" + "\n".join(self.lines) + "\n")
        self.lines, self.named = outer, named
