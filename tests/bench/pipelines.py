"""Function pipelines: the seed's shape beside ZenML, compiling pipelines of growing length, and a wide map."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.bench.cases import FLOWC, HERE, Row, compile_flow, compiled_row
from tests.bench.measure import repeat, repeat_in_turn, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FAN_OUT = """\
from zenml import get_step_context, pipeline, step
from zenml.client import Client


@step
def load_step() -> str:
    return "Hello from ZenML!"


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(step_prefix: str, output_name: str) -> None:
    steps = Client().get_pipeline_run(get_step_context().pipeline_run.name).steps
    found = {name: said.outputs[output_name][0].load() for name, said in steps.items() if name.startswith(step_prefix)}
    print(",".join(f"{name}: {value}" for name, value in found.items()))


@pipeline(enable_cache=False)
def fan_out_fan_in_pipeline(parallel_count: int) -> None:
    input_data = load_step()
    after = []
    for i in range(parallel_count):
        process_step(input_data, id=f"process_{i}")
        after.append(f"process_{i}")
    combine_step(step_prefix="process_", output_name="output", after=after)


fan_out_fan_in_pipeline(parallel_count=8)
"""
"""The pipeline of the seed: ten steps, of which eight run at the same time."""

HEAD = """\
from flowc import pipeline, step


@step
def load(n: int = 1) -> list[int]:
    return list(range(n))


@step
def work(x: int) -> int:
    return x


@step
def total(xs: list[int]) -> int:
    return sum(xs)


@pipeline
def bench():
"""


def chain(steps: int) -> str:
    """Calls in a row, each given what the one before gave, from a loop."""
    body = f"    x = work(0)\n    for _ in range({steps - 1}):\n        x = work(x)\n"
    return HEAD + body + "\n\nbench()\n"


def written(steps: int) -> str:
    """The same, each call a line of the file."""
    body = "    x = work(0)\n" + "    x = work(x)\n" * (steps - 1)
    return HEAD + body + "\n\nbench()\n"


def fan(steps: int) -> str:
    """Calls next to each other, and one that collects."""
    return HEAD + f"    total([work(i) for i in range({steps - 1})])\n" + "\n\nbench()\n"


def mapped(width: int) -> str:
    """A map over as many items, and one that collects."""
    return HEAD + f"    total(work.map(load({width})))\n" + "\n\nbench()\n"


def pipeline(folder: Path) -> Iterator[Row]:
    """The seed of function pipelines as a whole process, in turn with ZenML, and the first time."""
    (folder / "fan.py").write_text(FAN_OUT)
    ours = (*FLOWC, "run", "fan.py", "--root", folder / "store", "--max-workers", "8")
    cold = run((*FLOWC[:1], "-X", "pycache_prefix=" + os.fspath(folder / "pyc"), *FLOWC[1:], *ours[3:]), folder)
    yield Row("flowc run: the seed pipeline of 8, nothing cached", cold, "")
    home = HERE / "env-zenml"
    if not (home / "ready").is_file():
        yield Row("flowc run: the seed pipeline of 8", repeat(ours, folder, 9))
        yield Row("ZenML: the same", None, "left out: tests/bench/setup has not been run")
        return
    variables = {"ZENML_CONFIG_PATH": os.fspath(folder / "zenml"), "ZENML_ANALYTICS_OPT_IN": "false"}
    begun = run((home / "bin" / "zenml", "init"), folder, variables)
    assert begun.exit_code == 0, begun.stderr
    theirs = (home / "bin" / "python", "fan.py")
    names = ("flowc run: the seed pipeline of 8", "ZenML: the same")
    for name, usage in zip(names, repeat_in_turn([ours, theirs], folder, 5, variables), strict=True):
        yield Row(name, usage, "in turn" if usage.exit_code == 0 else "failed: " + usage.stderr[-100:])


def pipeline_cached(folder: Path) -> Iterator[Row]:
    """The seed with a cache, run again: all of its steps are there."""
    (folder / "fan.py").write_text(FAN_OUT.replace("enable_cache=False", "enable_cache=True"))
    ours = (*FLOWC, "run", "fan.py", "--root", folder / "store", "--max-workers", "8")
    commands: list[Sequence[str | Path]] = [ours]
    names, variables = ["flowc run: the seed pipeline of 8, all of it cached"], dict[str, str]()
    home = HERE / "env-zenml"
    if (home / "ready").is_file():
        variables = {"ZENML_CONFIG_PATH": os.fspath(folder / "zenml"), "ZENML_ANALYTICS_OPT_IN": "false"}
        begun = run((home / "bin" / "zenml", "init"), folder, variables)
        assert begun.exit_code == 0, begun.stderr
        commands.append((home / "bin" / "python", "fan.py"))
        names.append("ZenML: the same")
    for name, usage in zip(names, repeat_in_turn(commands, folder, 5, variables), strict=True):
        yield Row(name, usage, "in turn" if usage.exit_code == 0 else "failed: " + usage.stderr[-100:])


def pipeline_compiling(folder: Path) -> Iterator[Row]:
    """Pipelines of growing length: from a loop, as lines of the file, and next to each other."""
    for name, write in (("from a loop", chain), ("a line each", written), ("side by side", fan)):
        for steps, times in ((8, 5), (100, 5), (1_000, 3), (10_000, 1)):
            (folder / "out.yaml").unlink(missing_ok=True)
            usage = compile_flow(folder, write(steps), times)
            yield compiled_row(f"flowc: compile a pipeline of {steps:,} calls, {name}", usage, folder)


def pipeline_checking(folder: Path) -> Iterator[Row]:
    """The front end and the passes alone."""
    for steps, times in ((8, 5), (100, 5), (1_000, 3), (10_000, 1)):
        (folder / "flow.py").write_text(chain(steps))
        usage = repeat((*FLOWC, "check", "flow.py"), folder, times)
        note = "" if usage.exit_code == 0 else "refused: " + usage.stderr.partition("\n")[0]
        yield Row(f"flowc check: a pipeline of {steps:,} calls from a loop", usage, note)


def pipeline_map(folder: Path) -> Iterator[Row]:
    """`flowc run` of a map and of what collects it."""
    for width, times in ((100, 5), (1_000, 3)):
        (folder / "flow.py").write_text(mapped(width))
        command = (*FLOWC, "run", "flow.py", "--root", folder / "store", "--max-num-splits", str(width))
        usage = repeat(command, folder, times)
        note = "" if usage.exit_code == 0 else "failed: " + usage.stderr[-100:]
        yield Row(f"flowc run: a pipeline's map of {width:,}", usage, note)
        shutil.rmtree(folder / "store", ignore_errors=True)


PIPELINE_CASES = (pipeline, pipeline_cached, pipeline_compiling, pipeline_checking, pipeline_map)
"""In the order of the table."""
