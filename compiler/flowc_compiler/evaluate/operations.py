"""Operators on values that are known, with bounds: what Python would compute, as far as it stays small."""

from __future__ import annotations

import ast
import operator
import re
import resource
import sys
import time
from collections.abc import Callable, Generator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

MOST_OPERATIONS = 250_000
"""Expressions and statements that are evaluated, each turn of a loop anew."""
MOST_ENTRIES = 2_500_000
"""Entries of lists, tuples, sets and dicts that are made, copied or looked at, in all; 8 characters count as one."""
MOST_SECONDS = 0.8
"""Of the processor, for all that is evaluated of a file; a long one has more. The counts above mostly end it sooner."""
MOST_IMPORT_SECONDS = 0.8
"""The same for all modules that a file imports, together."""
MOST_SECONDS_IN_ALL = 1.5
"""For a file, its imports and the pipeline: checking a file that nobody trusts ends within two seconds."""
MOST_SECONDS_TO_DEFINE = 0.2
"""For the definitions and imports of modules whose time is over, together: what a pipeline calls stays known."""
MOST_MEMORY = 200 << 20
"""Bytes by which evaluating may let the process grow."""
LONGEST = 100_000
"""Entries of a list, tuple, set or dict, and characters of a string, that are computed."""
HEAVIEST = 1_000_000
"""Entries of a value that is written out, those of lists in lists counted each time."""
DEEPEST_TREE = 120
"""How deeply what stands for a result may be nested: an entry of an entry, or what an `if` after an `if` chose."""
MOST_STEPS = 100_000_000
"""Steps of a search that goes over one text for each character of another."""
MOST_COLLISIONS = 1000
"""Different keys of one hash."""
MOST_BITS = 4096
"""Bits of a whole number that is computed."""
DEEPEST_CALLS = 60
"""How deeply functions may call one another."""
DEEPEST_VALUE = 50
"""How deeply lists and dicts may be nested in an argument of a step."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right, ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right, ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right, ast.Mod: lambda left, right: left % right,
    ast.Pow: lambda left, right: left**right, ast.LShift: lambda left, right: left << right,
    ast.RShift: lambda left, right: left >> right, ast.BitAnd: lambda left, right: left & right,
    ast.BitOr: lambda left, right: left | right, ast.BitXor: lambda left, right: left ^ right,
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq), ast.NotEq: ("!=", operator.ne), ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le), ast.Gt: (">", operator.gt), ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_), ast.IsNot: ("is not", operator.is_not),
    ast.In: ("in", lambda left, right: left in right), ast.NotIn: ("not in", lambda left, right: left not in right),
}  # fmt: skip
"""How each comparison is written, and what it does."""
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert, ast.Not: operator.not_,
}  # fmt: skip


class Budget:
    """What evaluating a file may take in all, whatever the counts miss: time of the processor, and memory."""

    __slots__ = (
        "_deadline",
        "_for_definitions",
        "_for_imports",
        "_imports",
        "_last",
        "_memory",
        "_next",
        "_outer",
        "_started",
    )

    def __init__(self, characters: int = 0, outer: Budget | None = None) -> None:
        """`characters` is the length of the file; `outer` is the budget that this one is a part of."""
        now = time.process_time()
        self._outer = outer
        self._deadline = now + MOST_SECONDS + _seconds(characters)
        self._last: float = now + MOST_SECONDS_IN_ALL + _seconds(characters) if outer is None else outer._last
        self._for_imports = MOST_IMPORT_SECONDS
        """What is left for the modules that the file imports."""
        self._for_definitions = MOST_SECONDS_TO_DEFINE
        self._started: float | None = None
        """When the definitions began that are being evaluated after the time was over."""
        self._imports = 0
        self._memory = _peak() + MOST_MEMORY
        self._next = 0.0

    @contextmanager
    def importing(self, characters: int) -> Generator[None]:
        """Charge an imported module of this length to what imports may take, and not to the file that imports it."""
        self._next = 0.0
        self._imports += 1
        self._last += _seconds(characters)
        if self._imports > 1:
            self._deadline += _seconds(characters)
            try:
                yield
            finally:
                self._imports -= 1
            return
        outer, began = self._deadline, time.process_time()
        self._deadline = began + self._for_imports + _seconds(characters)
        try:
            yield
        finally:
            now = time.process_time()
            self._for_imports, self._deadline = max(self._deadline - now, 0), outer + now - began
            self._imports = 0
            self._next = 0.0

    @contextmanager
    def paused(self) -> Generator[None]:
        """Charge nothing for what evaluates nothing: to parse files takes time by their length, to load flowc none."""
        began = time.process_time()
        try:
            yield
        finally:
            self._extend(time.process_time() - began)

    @contextmanager
    def defining(self) -> Generator[None]:
        """Give the definitions of a module whose time is over a little of their own."""
        if self._started is not None:  # one of them imports another module
            outer, self._deadline = self._deadline, self._last
            try:
                yield
            finally:
                self._deadline = outer
            return
        outer, last, self._started = self._deadline, self._last, time.process_time()
        self._deadline = self._last = self._started + self._for_definitions
        self._next = 0.0
        try:
            yield
        finally:
            self._for_definitions -= time.process_time() - self._started
            self._deadline, self._last, self._started, self._next = outer, last, None, 0.0

    def _extend(self, seconds: float) -> None:
        self._deadline += seconds
        self._last += seconds
        self._next = 0.0
        if self._outer is not None:
            self._outer._extend(seconds)

    def overdrawn(self) -> str | None:
        """Why no more may be evaluated; looked up once in a while, since it takes longer than most operations."""
        now = time.perf_counter()  # no less than what the processor has worked since
        if now < self._next:
            return None
        if time.process_time() > min(self._deadline, self._last):
            return "takes too long to evaluate"
        if _peak() > self._memory:
            return "takes too much memory to evaluate"
        self._next = now + 0.02
        return None


def _seconds(characters: int) -> float:
    return MOST_SECONDS * characters / 100_000


def _peak() -> int:
    """The most bytes that the process has had in memory."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used << 10


_BUDGET: ContextVar[Budget | None] = ContextVar("_BUDGET", default=None)


@contextmanager
def spending(characters: int) -> Generator[None]:
    """Let all evaluators of a file of this length share a budget."""
    token = _BUDGET.set(Budget(characters, _BUDGET.get()))
    try:
        yield
    finally:
        _BUDGET.reset(token)


def current_budget() -> Budget:
    """The budget of the file that is compiled."""
    return _BUDGET.get() or Budget()


class TooLargeError(Exception):
    """The result would be larger than what is computed."""


def binary(op: ast.operator, left: object, right: object) -> object:
    """`left op right`. Raises what Python does, and TooLargeError."""
    function = _BINARY.get(type(op))
    if function is None:
        raise TypeError("flowc does not evaluate this operator")
    _check_size(op, left, right)
    return checked(function(left, right))


def checked(value: object) -> object:
    """A value that was computed. Raises TooLargeError."""
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise TooLargeError
    elif size(value) > LONGEST:
        raise TooLargeError
    return value


def size(value: object) -> int:
    """How many entries or characters a value has; 0 for one without."""
    sized = isinstance(value, str | bytes | list | tuple | set | frozenset | dict)
    return len(cast("Sized", value)) if sized else 0


def range_length(value: range) -> int:
    """How many numbers a range has, which `len` does not say of a very long one."""
    try:
        return len(value)
    except OverflowError:
        return sys.maxsize


def cost(value: object) -> int:
    """How many entries it costs to make or to go over a value; what a set or dict has takes more memory."""
    match value:
        case str() | bytes():
            return len(value) // 8
        case set() | frozenset() | dict():
            return 2 * len(cast("Sized", value))
        case int():
            return value.bit_length() >> 6
        case _:
            return size(value)


def costs_nothing(value: object) -> bool:
    """Whether a value is so small that neither it nor its use as a key is counted: most are, in long lists."""
    kind = type(value)
    if kind is int:
        return -_SMALL < cast("int", value) < _SMALL
    return kind is bool or value is None or (kind is str and len(cast("str", value)) < _SHORT)


_SMALL, _SHORT = 1 << 32, 8


def _check_size(op: ast.operator, left: object, right: object) -> None:
    """Refuse what would take long to compute at all."""
    if isinstance(op, ast.Mult):
        for count, sequence in ((left, right), (right, left)):
            if isinstance(count, int) and count * size(sequence) > LONGEST:
                raise TooLargeError
    elif isinstance(op, ast.Mod) and isinstance(left, str | bytes):
        _check_widths(left if isinstance(left, str) else left.decode("latin-1"))
    elif isinstance(left, int) and isinstance(right, int):
        bits = abs(right) * max(1, left.bit_length()) if isinstance(op, ast.Pow) else 0
        if max(bits, right if isinstance(op, ast.LShift) else 0) > MOST_BITS:
            raise TooLargeError


def check_format(*specs: str) -> None:
    """Refuse the formats of fields with, together, a width of many characters. Raises TooLargeError."""
    _check_sum([width for spec in specs for width in re.findall(r"\d+", spec)])


def _check_widths(text: str) -> None:
    """Refuse a text for `%` whose fields have, together, a width of many characters, or one that is an operand."""
    starts = "[%)]" if "%(" in text else "%"
    widths = re.findall(starts + r"[#0\- +]*(\*|\d+)?(?:\.(\*|\d+))?", text)
    _check_sum([width for found in widths for width in found if width])


def _check_sum(widths: list[str]) -> None:
    total = 0
    for width in widths:
        total += LONGEST + 1 if width == "*" or len(width) > len(str(LONGEST)) else int(width)
        if total > LONGEST:
            raise TooLargeError
