"""What the steps of a rich random flow do, drawn step by step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.flowgen.blocks import KINDS, Block, Named, flows, named, tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ARTIFACTS = ("a0", "a1", "a2", "box")
"""The names that steps set as they like."""
PARAMETER = "a parameter"
"""Of a switch: its condition is the parameter `flag`."""
FEWEST_TASKS = 4
MOST_TASKS = 16

VALUES = (
    "None",
    "True",
    "0",
    "-1.5",
    "10**30",
    "float('inf')",
    "2 + 3j",
    "''",
    "'é \\u2028 {{x}} ${y}'",
    "'long ' * 700",
    "b'\\x00\\xff'",
    "bytearray(b'ab')",
    "(1, 'two', None)",
    "[]",
    "list(range(300))",
    "{'k': [1, {'n': ()}], 2: 'int key'}",
    "{3, 1, 2}",
    "frozenset({'x', 'y'})",
    "range(2, 9, 3)",
    "datetime.date(2024, 2, 29)",
    "Decimal('1.10')",
    "Fraction(1, 3)",
    "collections.OrderedDict(b=1, a=2)",
    "collections.deque([1, 2], maxlen=2)",
    "np.arange(4).reshape(2, 2)",
    "np.float32(0.5)",
    "self.index",
    "current.step_name",
    "self.alpha + 1",
    "[self.words, self.shape]",
    "self.LIMIT * 2",
    "self.TABLE['a']",
    "len(self.v)",
)
"""What artifacts are set to."""
ACTIONS = (
    "self.{name} = {value}",
    "self.{name} = [getattr(self, '{name}', None), '{step}']",
    "self.{name} = getattr(self, '{other}', 'unset')",
    "if isinstance(getattr(self, 'box', None), list): self.box.append('{step}')",
    "setattr(self, '{name}', {value})",
    "self.{name}, self.{other} = {value}, self.index",
    "self.shared = self.{name} = [{value}]",
    "self._private = {value}",
    "[self.{name} for self.{name} in ({value},)]",
)
"""What steps do with them."""
CONSTANT = "a class constant"
ITEMS = (
    "list({plain})",
    "tuple({plain})",
    "range({width})",
    "'xyz'[:{width}]",
    "set(range({width}))",
    "frozenset(range({width}))",
    "b'xyz'[:{width}]",
    "np.arange({width}) * 2",
    "[None, {{'k': 1}}, ('t', [2])][:{width}]",
    "collections.deque({plain})",
    "[[]] * {width}",
    CONSTANT,
)
"""What foreach goes over; `plain` is a list of that width."""
FAULTS = (
    "raise ValueError('{step} fails')",
    "raise KeyError('{step}')",
    "self.never_set",
    "flow = self; flow.alpha = 1",
    "flow = self; flow.LIMIT = 1",
    "self.a0 = threading.Lock()",
    "self.merge_artifacts([])",
    "1 / 0",
)
"""How steps fail. In Metaflow's words or in Python's."""
UNMATCHED = "no case has the value of the condition"
NOT_ITERABLE = "foreach over a number"
JOIN_FAULTS = (
    "self.merge_artifacts(inputs, include=['never_set'])",
    "self.merge_artifacts(inputs, include=['a0'], exclude=['a1'])",
    "self.merge_artifacts(inputs)",
    "getattr(inputs, 'no_such_step')",
    "inputs[99]",
    "self.a0",
    "raise ValueError('{step} fails')",
)
"""How joins fail. Some of them do only where inputs differ."""
MERGES = ("nothing", "settle", "settle", "exclude", "include", "blind")
"""How a join merges: see `rich._merge`."""


@dataclass(frozen=True)
class Details:
    """One step's part that is not the graph's."""

    actions: tuple[str, ...] = ()
    retries: int = 0
    """How many attempts fail first; the step has @retry then."""
    fault: str | None = None
    """A statement that fails, whatever the attempt."""
    catch: str | None = None
    """`@catch` as it is written, or `None`."""
    items: str = ITEMS[0]
    choice: int = 0
    keys: str = "int"
    merge: str = "settle"


@dataclass(frozen=True)
class RichFlow:
    """A random flow with everything drawn."""

    blocks: tuple[Named, ...]
    details: dict[str, Details] = field(hash=False)
    params: dict[str, str] = field(hash=False)


def _actions(step: str) -> st.SearchStrategy[tuple[str, ...]]:
    names = st.sampled_from(ARTIFACTS)

    def action_of(pattern: str, name: str, other: str, value: str) -> str:
        return pattern.format(step=step, name=name, other=other, value=value)

    action = st.builds(
        action_of,
        st.sampled_from(ACTIONS),
        names,
        names,
        st.sampled_from(VALUES),
    )
    return st.lists(action, max_size=3).map(tuple)


@st.composite
def rich_flows(draw: st.DrawFn, kinds: Sequence[str] = KINDS, *, catching: bool = True) -> RichFlow:
    """A whole flow of FEWEST_TASKS to MOST_TASKS tasks, and start and end."""
    plan = flows(kinds, widths=(1, 3), max_leaves=6).filter(lambda each: FEWEST_TASKS <= tasks(each) <= MOST_TASKS)
    drawn: tuple[Block, ...] = draw(plan)
    blocks = named(drawn)
    steps = [("start", "step"), *_steps(blocks), ("end", "step")]
    fails = draw(st.sampled_from([False, False, False, True]))
    faulty = draw(st.sampled_from([name for name, _ in steps])) if fails else None
    details = {name: draw(_details(name, kind, faulty=name == faulty, catching=catching)) for name, kind in steps}
    params = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "alpha": st.sampled_from(["7", "-2"]),
                "words": st.sampled_from(["", "two words", "é'\""]),
                "shape": st.sampled_from(["[1, null]", '{"k": "v"}']),
                "flag": st.sampled_from(["true", "False"]),
            },
        )
    )
    return RichFlow(blocks, details, params)


@st.composite
def _details(draw: st.DrawFn, step: str, kind: str, *, faulty: bool, catching: bool) -> Details:
    actions = draw(_actions(step))
    retries = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
    fault = None
    if faulty:
        faults = {"join": JOIN_FAULTS, "switch": (UNMATCHED, *FAULTS), "foreach": (NOT_ITERABLE, *FAULTS)}
        fault = draw(st.sampled_from(faults.get(kind, FAULTS))).format(step=step)
    catch = None
    if catching and kind in ("step", "join", "branch"):
        plain = ("@catch(print_exception=False)", "@catch")
        often = (None, None, *plain) if faulty else (None,) * 6
        catch = draw(st.sampled_from([*often, f"@catch(var='caught_{step}')"]))
    return Details(
        actions,
        retries,
        fault,
        catch,
        draw(st.sampled_from(ITEMS)) if kind == "foreach" else ITEMS[0],
        draw(st.integers(0, 2)) if kind == "switch" else 0,
        draw(st.sampled_from(["int", "str", "float", "bool", PARAMETER])) if kind == "switch" else "int",
        draw(st.sampled_from(MERGES)) if kind == "join" else "settle",
    )


def _steps(blocks: Sequence[Named]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        yield block.name, block.kind
        for part in block.parts:
            yield from _steps(part)
        if block.joined:
            yield block.join, "join"
