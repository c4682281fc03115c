"""How long Airflow takes to read a DAG file of 1,000 steps, beside files of the same operators as people write them."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from tests.bench import specs
from tests.bench.cases import FLOWC, HERE, Row
from tests.bench.measure import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEPS = 1_000
ROUNDS = 7
SERIES = ("3.3", "2.11")
KINDS = ("bare", "kinds")
HAND = ("spelled out", "in a loop")
_NAMES = {"import": "import", "bag": "DagBag", "compile": "import without bytecode"}
_STEP = re.compile(r'StepOperator\((\s*)task_id="(\w+)"')
_TASK = re.compile(r"^    (\w+) = StepOperator\((.*?)\)$", re.MULTILINE | re.DOTALL)


def airflow_parse(folder: Path) -> Iterator[Row]:
    """CPU seconds of an import and of a DagBag in a process that has imported Airflow, in turn."""
    for kind in KINDS:
        (folder / kind).mkdir()
        files = _files(folder / kind, kind)
        for series in SERIES:
            python = HERE.parent / "airflow" / f"env-{series}" / "bin" / "python"
            work = f"{STEPS:,} steps, {kind}, Airflow {series}"
            if python.is_file():
                yield from _rows(folder / kind, python, files, work)
            else:
                yield Row(f"flowc: {work}", None, f"left out: tests/airflow/setup {series} has not been run")


def _files(folder: Path, kind: str) -> dict[str, str]:
    """The compiled file and those by hand, by label."""
    (folder / "flow.py").write_text(specs.flowc_chain(STEPS, kind))
    options = ("--target", "airflow", "--root", "s3://bucket/prefix", "-o", "flowc.py")
    done = run((*FLOWC, "compile", "flow.py", *options), folder)
    assert done.exit_code == 0, done.stderr
    text = (folder / "flowc.py").read_text()
    (folder / "spelled.py").write_text(spelled_out(text))
    (folder / "loop.py").write_text(in_a_loop(text))
    return {"flowc": "flowc.py", **dict(zip(HAND, ("spelled.py", "loop.py"), strict=True))}


def spelled_out(text: str) -> str:
    """The DAG of a compiled file with Airflow's own operator, each with the same arguments and with its command."""
    body, _, _ = text.partition("\n\n\ndef arguments(")
    own = r'KubernetesPodOperator(\1cmds=["python3"], arguments=["flow.py", "run", "\2"], task_id="\2"'
    return _STEP.sub(own, body).replace("variables=", "env_vars=") + "\n\n\nflow()\n"


def in_a_loop(text: str) -> str:
    """The same, where what several steps have is written once, as who writes it would: by the number of the step."""
    body, _, _ = text.partition("\n\n\ndef arguments(")
    head, _, _ = body.partition("\ndef flow():\n")
    tasks = _TASK.findall(body)
    assert len(tasks) == STEPS
    kinds = [re.sub(r'\s*task_id="\w+",?', "", options).replace("variables=", "env_vars=") for _, options in tasks[4:8]]
    listed = "".join(f"    dict({options}),\n" for options in kinds)
    return f"""{head}
def flow():
    kinds = [
{listed}    ]
    names = ["start", *(f"s{{number}}" for number in range({STEPS} - 2)), "end"]
    before = None
    for number, name in enumerate(names):
        task = KubernetesPodOperator(
            task_id=name, cmds=["python3"], arguments=["flow.py", "run", name], **kinds[number % 4]
        )
        if before is not None:
            before >> task
        before = task


flow()
"""


def _rows(folder: Path, python: Path, files: dict[str, str], work: str) -> Iterator[Row]:
    env = {"AIRFLOW_HOME": os.fspath(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONWARNINGS": "ignore"}
    done = run((python, HERE / "parse.py", "out.json", str(ROUNDS), *files.values()), folder, env)
    if done.exit_code:
        yield Row(work, None, f"failed: {done.stderr[-100:]}")
        return
    found: dict[str, dict[str, float]] = json.loads((folder / "out.json").read_text())
    ours = found[files["flowc"]]
    for label, file in files.items():
        each = found[file]
        assert each["tasks"] == STEPS
        times = ", ".join(f"{each[name]:.2f} s" for name in _NAMES)
        ratios = ", ".join(f"{ours[name] / each[name]:.2f}" for name in _NAMES)
        beside = "" if label == "flowc" else f" (flowc takes {ratios} of that)"
        yield Row(f"{label}: {work}", None, f"{', '.join(_NAMES.values())}: {times}{beside}")


DAG_CASES = (airflow_parse,)
"""In the order of the table."""
