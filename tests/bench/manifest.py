"""How large the manifest is, a step, and how long it takes to write, beside Hera and KFP."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import yaml

from tests.bench import specs
from tests.bench.cases import FLOWC, HERE, Row
from tests.bench.measure import repeat_in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = (10, 100, 2_000)


def manifest(folder: Path) -> Iterator[Row]:
    """Bytes a step of what the cluster stores for a run, without and with the code, and the time, in turn."""
    for kind in specs.KINDS:
        for steps in SIZES:
            yield from _one(folder / f"{kind}-{steps}", kind, steps)


def _one(folder: Path, kind: str, steps: int) -> Iterator[Row]:
    """One size and kind, flowc first. Each program writes out.yaml into a folder of its own."""
    (folder / "flowc").mkdir(parents=True)
    (folder / "flowc" / "flow.py").write_text(specs.flowc_chain(steps, kind))
    crds = "minimal" if kind == "own" and steps > 150 else "full"
    options = (
        "--root",
        "s3://bucket/prefix",
        "--image",
        "python:3.11",
        "--set",
        f"crds={crds}",
        "-o",
        "flowc/out.yaml",
    )
    commands: dict[str, tuple[str | Path, ...]] = {"flowc": (*FLOWC, "compile", "flowc/flow.py", *options)}
    for name, text in (("hera", specs.hera_chain(steps, kind)), ("kfp", specs.kfp_chain(steps, kind))):
        python = HERE / f"env-{name}" / "bin" / "python"
        if python.is_file():
            (folder / name).mkdir()
            (folder / name / "bench.py").write_text(text)
            # The peers write to the folder that they are in.
            commands[name] = (python, "-c", f"import os, runpy; os.chdir('{name}'); runpy.run_path('bench.py')")
    times = 5 if steps <= SIZES[1] else 1
    for name, usage in zip(commands, repeat_in_turn(list(commands.values()), folder, times), strict=True):
        written = folder / name / "out.yaml"
        note = _size(written, steps) if usage.exit_code == 0 else "refused: " + usage.stderr.partition("\n")[0][:110]
        yield Row(f"{name}: {steps:,} steps, {kind}", usage, note)
    shutil.rmtree(folder)


def _size(written: Path, steps: int) -> str:
    """Bytes a step: of the object that describes the run as YAML and as JSON, and of all that is written."""
    text = written.read_text()
    described = text.rpartition("\n---\n")[2]
    stored = json.dumps(yaml.load(described, Loader=yaml.CSafeLoader), separators=(",", ":"))
    whole = f", with the code {len(text) / steps:.0f}" if len(described) < len(text) else ""
    return f"{len(described) / steps:.0f} bytes a step ({len(stored) / steps:.0f} as JSON{whole})"


MANIFEST_CASES = (manifest,)
"""In the order of the table."""
