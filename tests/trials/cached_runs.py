"""Random flows, run twice with a cache: the second run takes all from the cache, and has what a plain run has."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.flowgen.blocks import Block, flows
from tests.flowgen.plain import Program
from tests.serial_engine import SerialEngine
from tests.trials.trial import Attempt, Choice


def trial(choice: Choice) -> Iterator[Attempt]:
    """One flow a time."""
    programs: list[Program] = []

    @seed(choice.seed)
    @settings(
        max_examples=choice.count, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(flows())
    def collect(blocks: tuple[Block, ...]) -> None:
        programs.append(Program(blocks))

    collect()
    for number, program in enumerate(programs[: choice.count]):
        name = f"flow{number}"
        if choice.allows(name):
            problem, tasks = _problem(program)
            yield Attempt(name, problem, {"random_flow.py": program.source.encode()} if problem else {}, tasks)


def _problem(program: Program) -> tuple[str | None, dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random_flow.py"
        path.write_text(program.source)
        engine = SerialEngine(path, Path(folder) / "root", cache=True)
        first, second = engine.run("first"), engine.run("second")
        plain = engine.run("plain", env={"FLOWC_CACHE": "off"})
        for run in (first, second, plain):
            if run.failed:
                return f"{run.failed[0]} failed: {run.output.strip().splitlines()[-1]}", {}
        tasks = {"tasks": len(first.manifests)}
        if second.ran:
            return f"ran again: {', '.join(sorted(second.ran))}", tasks
        if plain.value("end", "v") != program.expected:
            return "the plain run is wrong", tasks
        if not first.identities() == second.identities() == plain.identities():
            return "the runs differ", tasks
        return None, tasks
