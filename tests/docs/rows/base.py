"""A row of docs/metaflow.md: a name, argument or rule of Metaflow, with the least code that uses it.

A row's code is put into a flow and compiled for every target; what comes of it is what the page says. Code that stands
in a step is run, too.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

FLOW = '''
from metaflow import *
{top}

{above}
class RowFlow(FlowSpec):
    """A flow."""
{members}
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

{step}
    @step
    def work(self):
        self.x = self.input
{body}
        self.next(self.join)

    @step
    def join(self, inputs):
{join}
        self.next(self.end)

    @step
    def end(self):
        pass
'''
"""A foreach with a join, which the parts of a row are put into."""


class Row(NamedTuple):
    """One line of a table: the name as the page has it, and where its code belongs."""

    name: str
    place: str
    """`top`, `above` (the class), `members`, `step` (a decorator), `body`, `join`, or `file` for a whole file."""
    code: str
    fails: bool = False
    """Whether the run of the file has to fail."""

    @property
    def source(self) -> str:
        """The flow file."""
        if self.place == "file":
            return textwrap.dedent(self.code)
        parts = {"top": "", "above": "", "members": "", "step": "", "body": "", "join": "pass"}
        parts[self.place] = self.code
        depth = {"members": 4, "step": 4, "body": 8, "join": 8}
        for place, text in parts.items():
            parts[place] = textwrap.indent(textwrap.dedent(text), " " * depth.get(place, 0))
        return FLOW.format(**parts)


def graph(body: str) -> str:
    """A whole file of one class: the text after `class RowFlow(FlowSpec):`."""
    return "from metaflow import *\n\n\nclass RowFlow(FlowSpec):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def steps(**bodies: str) -> str:
    """A file whose steps have these bodies; `name__decorator=...` puts a decorator above, a join's body uses inputs."""
    text = ""
    for name, body in bodies.items():
        joins = ", inputs" if body.startswith("inputs;") else ""
        text += f"@step\ndef {name}(self{joins}):\n"
        lines = [part.strip() for part in body.removeprefix("inputs;").split(";")]
        text += textwrap.indent("\n".join(lines), "    ") + "\n\n"
    return graph(text)


END = "pass"
NEXT = "self.next(self.end)"

PARAMETER = """
from metaflow import *

class RowFlow(FlowSpec):
    p = Parameter('p', {given})

    @step
    def start(self):
        {body}
        self.next(self.end)

    @step
    def end(self):
        pass
"""
