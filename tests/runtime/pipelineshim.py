"""Running single tasks of a pipeline as a container would, from a plan that is written by hand."""

from __future__ import annotations

import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from tests.runtime.shim import Shim

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


class _Flow:
    """What a shim needs to know of its flow."""

    name = "pipe"


class PipelineShim(Shim):
    """One pipeline, named `pipe`, in `flow_file.py`, and one run of it."""

    def __init__(
        self,
        folder: Path,
        source: str,
        steps: dict[str, Json],
        *,
        parameters: tuple[Json, ...] = (),
        root: str | None = None,
        python: str = sys.executable,
    ) -> None:
        self.folder = folder
        self.python = python
        self.root = root or str(folder / "root")
        self.file = folder / "flow_file.py"
        self.file.write_text(textwrap.dedent(source), encoding="utf-8")
        self.flow = _Flow()  # type: ignore[assignment]
        self.plan = folder / "plan.json"
        self.env = {}
        names = list(steps)
        plan = {
            "version": 1,
            "flow": "pipe",
            "class": "pipe",
            "module": "flow_file",
            "frontend": "pipeline",
            "start": names[0],
            "end": names[-1],
            "parameters": list(parameters),
            "steps": connected(steps),
        }
        self.plan.write_text(json.dumps(plan), encoding="utf-8")


def connected(steps: dict[str, Json]) -> dict[str, Json]:
    """Steps with their parents filled in from what follows each."""
    for name, step in steps.items():
        step.setdefault("parents", [other for other, before in steps.items() if name in before["next"]])
    return steps


def step(kind: str, following: str = "", depth: int = 0, call: Json | None = None, **more: Any) -> Json:
    """A step of a plan; `following` are names with spaces between."""
    entry: Json = {"kind": kind, "next": following.split(), "depth": depth, **more}
    return entry if call is None else {**entry, "call": call}


def call(function: str, outputs: str = "output", **arguments: Json) -> Json:
    """What a step calls; more than one output makes it a tuple."""
    names = outputs.split()
    return {
        "function": function,
        "module": None,
        "arguments": arguments,
        "outputs": names,
        "many": len(names) > 1,
    }


def literal(value: object) -> Json:
    """A known value."""
    return {"literal": value}


def output(name: str, levels: int = 0, output: str = "output") -> Json:
    """An output of another step."""
    return {"output": [name, output], "levels": levels}


def item(opener: str, source: int = 0) -> Json:
    """The own item."""
    return {"item": opener, "source": source}
