"""What is measured: each case is a function that yields rows of the table.

Nothing of flowc is imported here: a child's peak memory begins at that of the process that started it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import generate, specs
from tests.bench.measure import Usage, repeat, repeat_in_turn, run
from tests.support import write_package, yaml_documents

HERE = Path(__file__).parent
FLOWC = (sys.executable, "-m", "flowc_cli")
MANY = 10_000


@dataclass(frozen=True)
class Row:
    """One line of the table; `usage` is `None` for what was left out, and `note` says why."""

    work: str
    usage: Usage | None
    note: str = ""


def compile_command(folder: Path, text: str, output: str = "out.yaml") -> tuple[str | Path, ...]:
    """Write a flow, and return the command that compiles it to Argo."""
    (folder / "flow.py").write_text(text)
    # Minimal CRDs: the full ones of Argo 4 allow 200 tasks a DAG, and the point here is time.
    options = ("--target", "argo", "--root", "s3://bucket/prefix", "--image", "python:3.11", "--set", "crds=minimal")
    return (*FLOWC, "compile", "flow.py", *options, "-o", output)


def compile_flow(folder: Path, text: str, times: int = 5) -> Usage:
    """`flowc compile` to Argo, as a whole process."""
    return repeat(compile_command(folder, text), folder, times)


def compiled_row(work: str, usage: Usage, folder: Path) -> Row:
    """The row of a compilation."""
    if usage.exit_code == 0:
        return Row(work, usage, f"{(folder / 'out.yaml').stat().st_size / 1000:.0f} KB of YAML")
    return Row(work, usage, "refused: " + usage.stderr.partition("\n")[0])


def compiling(folder: Path) -> Iterator[Row]:
    """Chains of growing length."""
    for steps, times in ((3, 5), (100, 5), (1_000, 5), (10_000, 1)):
        (folder / "out.yaml").unlink(missing_ok=True)
        usage = compile_flow(folder, generate.chain(steps), times)
        yield compiled_row(f"flowc: compile {steps:,} steps to Argo", usage, folder)


def in_turn(commands: dict[str, tuple[str | Path, ...]], folder: Path, times: int) -> Iterator[Row]:
    """Commands that are compared; each note says how the CPU seconds compare with those of the first."""
    usages = repeat_in_turn(list(commands.values()), folder, times)
    for work, usage in zip(commands, usages, strict=True):
        note = f"{usage.cpu / usages[0].cpu:.2f} times the first"
        yield Row(work, usage, note if usage.exit_code == 0 else "failed: " + usage.stderr[-100:])


def checking(folder: Path) -> Iterator[Row]:
    """`flowc check`, in turn with the import of the two packages that every command needs."""
    flows = {
        "flowc: check 5 steps": generate.chain(5),
        "flowc: check 5 steps with specs": specs.flowc_chain(5, "kinds"),
        "flowc: check 10,000 steps": generate.chain(MANY),
    }
    commands: dict[str, tuple[str | Path, ...]] = {
        "python -c 'import typer, pydantic'": (sys.executable, "-c", "import typer, pydantic")
    }
    for number, (work, text) in enumerate(flows.items()):
        (folder / f"flow{number}.py").write_text(text)
        commands[work] = (*FLOWC, "check", f"flow{number}.py")
    yield from in_turn(commands, folder, 7)


def peers(folder: Path) -> Iterator[Row]:
    """100 steps and a loop, and 2,000 steps with four sets of specs in turn, beside Hera, and the former beside KFP."""
    loop = {"kfp": generate.kfp_chain(100), "hera": generate.hera_chain(100)}
    yield from _beside("100 steps and a foreach", generate.chain_with_loop(100), loop, folder / "loop", 9)
    kinds = {"hera": specs.hera_chain(2_000, "kinds")}  # KFP takes 40 seconds
    yield from _beside("2,000 steps, four sets of specs", specs.flowc_chain(2_000, "kinds"), kinds, folder / "kinds", 3)


def _beside(work: str, flow: str, others: dict[str, str], folder: Path, times: int) -> Iterator[Row]:
    folder.mkdir()
    commands = {f"flowc: {work}": compile_command(folder, flow, "flowc.yaml")}
    for name, text in others.items():
        python = HERE / f"env-{name}" / "bin" / "python"
        if python.is_file():
            (folder / f"{name}_bench.py").write_text(text)
            commands[f"{name}: the same"] = (python, f"{name}_bench.py")
        else:
            yield Row(f"{name}: the same", None, "left out: tests/bench/setup has not been run")
    yield from in_turn(commands, folder, times)


def shapes(folder: Path) -> Iterator[Row]:
    """Diamonds in a row, each beside a chain of as many steps."""
    for count in (18, 200):
        steps = 4 * count + 2
        yield compiled_row(
            f"flowc: {count} diamonds in a row ({steps} steps)", compile_flow(folder, generate.diamonds(count)), folder
        )
        yield compiled_row(f"flowc: a chain of {steps} steps", compile_flow(folder, generate.chain(steps)), folder)


def local_foreach(folder: Path) -> Iterator[Row]:
    """`flowc run` of a foreach with its join, the engine's start included."""
    for width, times in ((100, 5), (1_000, 3)):
        (folder / "flow.py").write_text(generate.foreach(width))
        command = (*FLOWC, "run", "flow.py", "--root", folder / "store", "--max-num-splits", str(width))
        usage = repeat(command, folder, times)
        yield Row(f"flowc run: a foreach of {width:,} and its join", usage, "" if usage.exit_code == 0 else "failed")
        shutil.rmtree(folder / "store", ignore_errors=True)


def bucket_foreach(folder: Path) -> Iterator[Row]:
    """`flowc run` of a foreach of 1,000 on an S3 server of this machine, beside the same on a folder."""
    from tests.trials.faulty_s3 import server

    (folder / "flow.py").write_text(generate.foreach(1_000))
    roots = {"a folder": os.fspath(folder / "store"), "S3": "s3://bucket/bench"}
    common = (*FLOWC, "run", "flow.py", "--max-num-splits", "1000", "--root")
    with server(1) as (url, _):
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
        usages = repeat_in_turn(
            [(*common, root) for root in roots.values()], folder, 3, {**keys, "AWS_ENDPOINT_URL": url}
        )
    for place, usage in zip(roots, usages, strict=True):
        note = f"{usage.wall / usages[0].wall:.1f} times as long" if usage.exit_code == 0 else "failed"
        yield Row(f"flowc run: a foreach of 1,000 on {place}", usage, note)


def shim(folder: Path) -> Iterator[Row]:
    """One task in a fresh interpreter, as in a container, beside one that does nothing, and the same task of Metaflow.

    The first pods of a store compile the shim; where the store is a folder, those that follow find its bytecode there.
    """
    env = package(folder, generate.chain(3))
    one = (sys.executable, "flowc.pyz", *task("start", "-"))
    commands: dict[str, tuple[str | Path, ...]] = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "shim: one task, which compiles the shim": (
            "env", "PYTHONDONTWRITEBYTECODE=1", f"FLOWC_ROOT={folder / 'other'}", *one
        ),
        "shim: one task, with bytecode in the store": one,
    }  # fmt: skip
    metaflow = HERE.parent / "oracle/env/bin/python"
    if metaflow.is_file():
        text = generate.chain(3).replace("from flowc import", "from metaflow import")
        (folder / "metaflow_bench.py").write_text(f'{text}\nif __name__ == "__main__":\n    BenchFlow()\n')
        env |= {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder), "METAFLOW_USER": "bench"}
        words = ["--quiet", "--no-pylint", "--datastore", "local", "--metadata", "local"]
        run((metaflow, "metaflow_bench.py", *words, "init", "--run-id", "1", "--task-id", "0"), folder, env)
        step = ["step", "start", "--run-id", "1", "--task-id", "1", "--input-paths", "1/_parameters/0"]
        commands["metaflow: the same task"] = (metaflow, "metaflow_bench.py", *words, *step)
    usages = repeat_in_turn(list(commands.values()), folder, 20, env)
    for work, usage in zip(commands, usages, strict=True):
        note = f"{usage.cpu / usages[0].cpu:.1f} times python -c pass"
        yield Row(work, usage, note if usage.exit_code == 0 else "failed: " + usage.stderr[-100:])


def wide_join(folder: Path) -> Iterator[Row]:
    """A join that reads one scalar of each of 10,000 branches, from a folder."""
    env = package(folder, generate.foreach(MANY))
    for step, index in (("start", "-"), ("work", "0")):
        done = run((sys.executable, "flowc.pyz", *task(step, index)), folder, env)
        if done.exit_code:
            yield Row(f"shim: a join of {MANY:,}", None, f"step {step} failed: {done.stderr.strip().splitlines()[-1]}")
            return
    template = json.loads((folder / "store/BenchFlow/bench/work/0/0/manifest.json").read_text())
    for number in range(1, MANY):
        target = folder / f"store/BenchFlow/bench/work/{number}/0"
        target.mkdir(parents=True)
        (target / "manifest.json").write_text(json.dumps({**template, "index": str(number)}))
    usage = run((sys.executable, "flowc.pyz", *task("join", "-")), folder, env)
    note = f"{usage.wall / MANY * 1e6:.0f} us a branch" if usage.exit_code == 0 else "failed"
    yield Row(f"shim: a join that reads one scalar of {MANY:,}", usage, note)


def package(folder: Path, text: str) -> dict[str, str]:
    """Put a flow's code package, out of the manifest, into the folder; the environment that its tasks need."""
    usage = compile_flow(folder, text, times=1)
    assert usage.exit_code == 0, usage.stderr
    write_package(yaml_documents((folder / "out.yaml").read_text()), folder)
    (folder / "outputs").mkdir(exist_ok=True)
    return {"FLOWC_ROOT": os.fspath(folder / "store"), "FLOWC_RUN_ID": "bench"}


def task(step: str, index: str) -> tuple[str, ...]:
    """The arguments of one task."""
    return ("task", "--step", step, "--index", index, "--attempt", "0", "--outputs", "outputs")


CASES = (checking, peers, compiling, shapes, local_foreach, bucket_foreach, shim, wide_join)
"""In the order of the table."""
