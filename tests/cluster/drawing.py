"""Random flows for a cluster: small ones, with the parameters that they are to be given."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.flowgen.blocks import Block, flows, tasks
from tests.flowgen.details import RichFlow, rich_flows
from tests.flowgen.plain import Program
from tests.flowgen.rich import Writer
from tests.pipelines.writer import Writer as PipelineWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KINDS = ("rich", "pipeline", "rich", "plain")
"""Whose turn it is: flows with everything, pipelines, and graphs only (these have foreach over nothing)."""
BATCH = 25
"""Flows of one seed of hypothesis: what is drawn depends on the seed alone."""
MOST_PLAIN_TASKS = 20
FAILING = 5
"""Every so many pipelines one is to fail."""
_BY_FILES = """\
    with (Path(os.environ["MARKS"]) / mark).open("a") as file:
        file.write("x")
        file.flush()
        if file.tell() < 3:
            raise ValueError(mark)
"""
_BY_ATTEMPT = """\
    if current.retry_count < 2:
        raise ValueError(mark)
"""


@dataclass(frozen=True)
class Drawn:
    """One random flow: the text of its file, and what its parameters are to be."""

    name: str
    """Tells the kind and the seed."""
    text: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    arguments: tuple[str, ...] = ()
    """Further arguments of `flowc compile`."""

    @property
    def needs_numpy(self) -> bool:
        """Whether its steps import numpy."""
        return "import numpy" in self.text


def draw(first: int, kinds: Sequence[str] = KINDS) -> Iterator[Drawn]:
    """Flows of these kinds by turns, endlessly; a text that has been drawn before is left out."""
    sources = {"rich": _rich(first), "pipeline": _pipelines(first), "plain": _plain(first)}
    seen: set[str] = set()
    for kind in cycle(kinds):
        drawn = next(each for each in sources[kind] if f"{each.parameters}{each.text}" not in seen)
        seen.add(f"{drawn.parameters}{drawn.text}")
        yield drawn


def _rich(first: int) -> Iterator[Drawn]:
    for number in count(first):
        for place, flow in enumerate(_rich_batch(number)):
            yield Drawn(f"rich-{number}-{place}", Writer(flow).source, flow.params)


def _rich_batch(number: int) -> list[RichFlow]:
    found: list[RichFlow] = []

    @seed(number)
    @_just_draw
    @given(rich_flows())
    def keep(flow: RichFlow) -> None:
        found.append(flow)

    keep()
    return found


def _plain(first: int) -> Iterator[Drawn]:
    for number in count(first):
        for place, blocks in enumerate(_plain_batch(number)):
            if tasks(blocks) <= MOST_PLAIN_TASKS:
                yield Drawn(f"plain-{number}-{place}", Program(blocks).source)


def _plain_batch(number: int) -> list[tuple[Block, ...]]:
    found: list[tuple[Block, ...]] = []

    @seed(number)
    @_just_draw
    @given(flows())
    def keep(blocks: tuple[Block, ...]) -> None:
        found.append(blocks)

    keep()
    return found


_just_draw = settings(
    deadline=None,
    max_examples=BATCH,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def _pipelines(first: int) -> Iterator[Drawn]:
    """Those of `tests.pipelines.many`; a step that fails twice counts its attempts, since pods share no folder."""
    for number in count(1000 * first):
        text = PipelineWriter(random.Random(number).randrange, failing=number % FAILING == 0).text
        text = text.replace(_BY_FILES, _BY_ATTEMPT).replace(
            "import os\n", "import os\n\nfrom flowc import current\n", 1
        )
        yield Drawn(f"pipeline-{number}", text)
