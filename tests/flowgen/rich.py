"""Writes a rich random flow in Metaflow's language: `from metaflow import ...`, for Metaflow and flowc alike.

Every step keeps what it saw: `seen` (every artifact that it began with), `where` (step, attempt, index, stack), `v`
(the path that led to it), `item`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.flowgen.blocks import Named, lasts
from tests.flowgen.details import ARTIFACTS, CONSTANT, NOT_ITERABLE, PARAMETER, UNMATCHED, Details

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.flowgen.details import RichFlow

NAME = "RichFlow"

HEAD = '''\
import collections
import datetime
import threading
from decimal import Decimal
from fractions import Fraction

import numpy as np

from metaflow import FlowSpec, JSONType, Parameter, {catch}current, retry, step

NAMES = {names}


def seen(flow):
    """What a task begins with."""
    return {{name: getattr(flow, name) for name in NAMES if hasattr(flow, name)}}


def where(flow):
    """Which task it is."""
    return [current.step_name, current.retry_count, flow.index, [(i, n) for i, n, _ in flow.foreach_stack()]]


def item(flow, variables):
    """Its items: Metaflow knows them as long as the iterables are there."""
    if not variables or not all(hasattr(flow, name) for name in variables):
        return "no item"
    return [flow.input, flow.foreach_stack()]


def settle(flow, inputs, names):
    """Decide what inputs may disagree on."""
    for name in names:
        values = [getattr(each, name) for each in inputs if hasattr(each, name)]
        if values:
            setattr(flow, name, values)


class {flow}(FlowSpec):
    """A random flow."""

    alpha = Parameter("alpha", default=3)
    words = Parameter("words", default="w")
    shape = Parameter("shape", type=JSONType, default='[1, {{"x": 2}}]')
    flag = Parameter("flag", type=bool, default=False)
    LIMIT = 5
    TABLE = {{"a": [1, 2]}}
    ROWS1 = ["r"]
    ROWS2 = ("r", None)
    ROWS3 = "abc"

'''
TAIL = f"""

if __name__ == "__main__":
    {NAME}()
"""
KEYS = {
    "int": ("0", "1", "2"),
    "str": ("'x'", "'y z'", "'é'"),
    "float": ("0.5", "1.0", "2"),
    "bool": ("True", "False", "'neither'"),
}


class Writer:
    """The source text of one flow: `source`."""

    def __init__(self, flow: RichFlow) -> None:
        self._details = flow.details
        self._steps: list[str] = []
        self._own: list[str] = [*ARTIFACTS, "shared", "_private"]
        """Names that inputs of a join may disagree on."""
        self._items: list[str] = []
        first = flow.blocks[0].name if flow.blocks else "end"
        body = ["self.seen = seen(self)", "self.where = where(self)", "self.v = ['start']", "self.item = 'no item'"]
        self._write("start", body, f"self.next(self.{first})")
        self._sequence(flow.blocks, "end", ())
        self._step("end", (), "")
        names = (*self._own, *self._items)
        catching = any(details.catch for details in flow.details.values())
        head = HEAD.format(names=names, flow=NAME, catch="catch, " if catching else "")
        self.source = (head + "\n".join(self._steps) + TAIL).replace("__OWN__", repr(tuple(self._own)))

    def _sequence(self, blocks: Sequence[Named], follower: str, variables: tuple[str, ...]) -> None:
        followers = [*(block.name for block in blocks[1:]), follower][: len(blocks)]
        for block, after in zip(blocks, followers, strict=True):
            self._block(block, after, variables)

    def _block(self, block: Named, follower: str, variables: tuple[str, ...]) -> None:
        name, details = block.name, self._details.get(block.name, Details())
        heads = [part[0].name if part else follower for part in block.parts]
        after, inner = follower, variables
        match block.kind:
            case "foreach":
                variable, leads = self._foreach(block, heads[0], details)
                inner = (*variables, variable)
            case "branch":
                leads = f"self.next({', '.join('self.' + head for head in heads)})"
            case "switch":
                leads = self._switch(name, heads, details)
            case "loop":
                self._own += [f"rounds_{name}", f"again_{name}"]
                leads = (
                    f"self.rounds_{name} = getattr(self, 'rounds_{name}', 0) + 1\n"
                    f"        self.again_{name} = self.rounds_{name} <= {block.width}\n"
                    f"        self.next({{True: self.{name}, False: self.{follower}}}, condition='again_{name}')"
                )
            case _:
                leads = f"self.next(self.{follower})"
        self._step(name, variables, leads)
        if block.joined:
            after = block.join
        for part in block.parts:
            self._sequence(part, after, inner)
        if block.joined:
            self._join(block, follower, variables)

    def _foreach(self, block: Named, head: str, details: Details) -> tuple[str, str]:
        """The variable, and the lines that go over it."""
        if details.items == CONSTANT and details.fault != NOT_ITERABLE:
            variable = f"ROWS{block.width}"
            return variable, f"self.next(self.{head}, foreach='{variable}')"
        variable = f"items_{block.name}"
        self._items.append(variable)
        plain = [f"{block.name}-{number}" for number in range(block.width)]
        items = "self.LIMIT" if details.fault == NOT_ITERABLE else details.items.format(width=block.width, plain=plain)
        return variable, f"self.{variable} = {items}\n        self.next(self.{head}, foreach='{variable}')"

    def _switch(self, name: str, heads: list[str], details: Details) -> str:
        keys = KEYS.get(details.keys, KEYS["bool"])[: len(heads)]
        cases = ", ".join(f"{key}: self.{head}" for key, head in zip(keys, heads, strict=True))
        if details.keys == PARAMETER and details.fault != UNMATCHED:
            return f"self.next({{{cases}}}, condition='flag')"
        self._own.append(f"pick_{name}")
        chosen = f"[{', '.join(keys)}][((self.index or 0) + {details.choice}) % {len(keys)}]"
        if details.fault == UNMATCHED:
            chosen = "'unmatched'"
        return f"self.pick_{name} = {chosen}\n        self.next({{{cases}}}, condition='pick_{name}')"

    def _step(self, name: str, variables: tuple[str, ...], leads: str) -> None:
        body = [
            "self.seen = seen(self)",
            "self.where = where(self)",
            f"self.v = [*self.v, '{name}']",
            f"self.item = item(self, {variables!r})",
        ]
        self._write(name, body, leads)

    def _join(self, block: Named, follower: str, variables: tuple[str, ...]) -> None:
        name, details = block.join, self._details.get(block.join, Details())
        ends = {end for part in block.parts for end in lasts(part)}
        one_each = block.kind == "branch" and all(len(lasts(part)) == 1 for part in block.parts)
        if block.kind == "foreach" and len(ends) == 1:
            ordered = "list(inputs)"
        else:  # Metaflow's order of these is that of a set of names
            ordered = f"sorted(inputs, key=lambda each: str(each.where[{0 if block.kind == 'branch' else 2}]))"
        body = [
            f"ordered = {ordered}",
            "self.seen = [seen(each) for each in ordered], seen(self)",
            "self.where = where(self)",
            "self.item = [(each.index, each.item) for each in ordered]",
            f"self.v = [[each.v for each in ordered], '{name}']",
            "self.by_name = None",
        ]
        if one_each:
            body.append(f"self.by_name = [{', '.join(f'inputs.{end}.v' for end in sorted(ends))}]")
        elif block.kind == "foreach" and len(ends) == 1:
            body.append(f"self.by_name = [inputs[0].where, inputs[-1].v, inputs.{next(iter(ends))}.where]")
        body += self._merge(details.merge)
        self._write(name, body, f"self.next(self.{follower})", "self, inputs")

    def _merge(self, rule: str) -> list[str]:
        """The lines of a rule: settle all that inputs may disagree on, exclude or include, or hope."""
        match rule:
            case "settle":
                return ["settle(self, ordered, __OWN__)", "self.merge_artifacts(inputs)"]
            case "exclude":
                return ["self.merge_artifacts(inputs, exclude=[*__OWN__])"]
            case "include":
                wanted = "[name for name in ('a1', *NAMES[-2:]) if any(hasattr(each, name) for each in inputs)]"
                return ["settle(self, ordered, ('a1',))", f"self.merge_artifacts(inputs, include={wanted})"]
            case "blind":
                return ["self.merge_artifacts(inputs)"]
            case _:
                return []

    def _write(self, name: str, body: list[str], leads: str, arguments: str = "self") -> None:
        details = self._details.get(name, Details())
        lines = [*body, *details.actions]
        if details.retries:
            # The caught and the failed attempts leave nothing behind.
            lines.append("if current.retry_count == 0: self.a2 = 'of the first attempt'")
            lines.append(f"if current.retry_count < {details.retries}: raise ValueError('{name} begins badly')")
        if details.fault and details.fault not in (NOT_ITERABLE, UNMATCHED):
            lines += [details.fault, "self.a1 = 'behind the fault'"]
        lines += leads.split("\n        ") if leads else []
        decorators: list[str] = []
        if details.catch is not None:
            decorators.append(details.catch)
            if "var=" in details.catch:
                self._own.append(f"caught_{name}")
        if details.retries:
            decorators.append(f"@retry(times={details.retries}, minutes_between_retries=0)")
        text = "".join(f"    {decorator}\n" for decorator in [*decorators, "@step"])
        self._steps.append(f"{text}    def {name}({arguments}):\n" + "".join(f"        {line}\n" for line in lines))
