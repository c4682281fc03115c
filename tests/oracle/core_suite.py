"""Runs the flows of Metaflow's core suite on both sides, and says which differ. See `tests/oracle/core`.

Metaflow's harness makes a flow of each test and each graph that fit (`core_flows.py`); each runs as in its context of
local stores, by `run`, and by `resume` where the test says so. Runs and artifacts of both sides are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.oracle.asking import PYTHON, WARM
from tests.oracle.engine import Outcome, Seen, differences, outcome_of, read_flowc

VARIABLES = {
    "METAFLOW_USER": "oracle",
    "METAFLOW_RUN_BOOL_PARAM": "False",
    "METAFLOW_RUN_NO_DEFAULT_PARAM": "test_str",
    "METAFLOW_DEFAULT_METADATA": "local",
}
ARGUMENTS = ["--max-workers", "4", "--max-num-splits", "10000"]
DISABLED = ("LargeArtifactTest", "S3FailureTest")
"""Tests that Metaflow's harness leaves out with local stores."""
TAGS = ["--tag", "刺身 means sashimi", "--tag", "multiple tags should be ok"]
OF_TASKS = frozenset({"task_id", "manual_merge_required", "ignore_me", "task_data", "random_log_prefix"})
"""Artifacts that hold ids of tasks, collect them in the order of a join's inputs, which Metaflow does not fix, or are
random."""
ELSEWHERE = {
    "metaflow.plugins.test_unbounded_foreach_decorator": "unbounded foreach is of Metaflow's test extension",
    "InternalTestUnboundedForeachInput": "unbounded foreach is of Metaflow's test extension",
    "test_unbounded_foreach_internal": "unbounded foreach is of Metaflow's test extension",
    "@card(": "cards are not drawn",
    "get_cards": "cards are not drawn",
    "try_to_get_card(": "cards are not drawn",
    "test_org": "Metaflow's test extension is needed",
    "test_secrets": "Metaflow's test extension is needed",
    "S3(": "it needs a bucket",
}
"""Why a flow makes no sense elsewhere, by what stands in it below its imports."""


def stopped_by(name: str, text: str) -> str:
    """Why a flow makes no sense elsewhere; empty for one that does."""
    if name.startswith(DISABLED):
        return "Metaflow's harness leaves it out with local stores"
    body = text.partition("\nclass ")[2] + text.partition("\n\n")[2]
    return next((why for part, why in ELSEWHERE.items() if part in body), "")


def run_both(entry: dict[str, Any], folder: Path) -> tuple[Outcome, list[str]]:
    """Run one flow on both; what Metaflow made of it, and what differs."""
    file, flow = folder / "test_flow.py", entry["flow"]
    arguments, before = [*ARGUMENTS, "--run-id-file", "run-id"], set(folder.iterdir())
    said = WARM.ask(file, flow, [*arguments, *TAGS], env=VARIABLES)
    text = file.read_text(encoding="utf-8")
    for path in set(folder.iterdir()) - before:
        # What a task leaves behind is not there for the other side; files to include, which the flow makes, must be.
        if path.is_file() and f"./{path.name}'" not in text:
            path.unlink()
    theirs_id = json.loads(said)["run"]
    ours, ours_id = run_here(file, flow, [*ARGUMENTS, *TAGS])
    theirs = outcome_of(said)
    found = differences(plain(theirs, {theirs_id: "RUN"}), plain(ours, {ours_id: "RUN"}))
    for step in entry["resume"]:
        steps = [step] if step else []
        options = [*arguments[-2:], "--origin-run-id", theirs_id, *steps]
        said = WARM.ask(file, flow, options, env=VARIABLES, action="resume")
        ours, resumed_id = run_here(file, flow, ["--origin-run-id", ours_id, *steps], "resume")
        theirs = plain(outcome_of(said), {json.loads(said)["run"]: "RUN", theirs_id: "ORIGIN"})
        lines = differences(theirs, plain(ours, {resumed_id: "RUN", ours_id: "ORIGIN"}))
        found += [f"resumed: {line}" for line in lines]
    return theirs, found


def plain(outcome: Outcome, ids: dict[str, str]) -> Outcome:
    """A run without ids of runs and tasks, which both sides make in their own ways."""
    tasks = {name: replace(task, artifacts=_plain(task, ids)) for name, task in outcome.tasks.items()}
    return replace(outcome, tasks=tasks)


def _plain(task: Seen, ids: dict[str, str]) -> dict[str, str]:
    own = "-".join([task.step, *(str(number) for number in task.path)])
    found = {name: _without_ids(value, ids) for name, value in task.artifacts.items()}
    return {name: "TASK" if name in OF_TASKS or value.strip("'") == own else value for name, value in found.items()}


def _without_ids(value: str, ids: dict[str, str]) -> str:
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value)
    for run_id, word in ids.items():
        text = text.replace(run_id, word) if run_id else text
    return re.sub(r"\b(RUN|ORIGIN)/(\w+)/[\w.-]+", r"\1/\2/TASK", text)


def run_here(file: Path, flow: str, arguments: list[str], action: str = "run") -> tuple[Outcome, str]:
    """The same with `flowc run` or `flowc resume`, and the run's id."""
    id_file, root = file.with_name("run-id"), str(file.parent / "flowc")
    id_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "flowc_cli", action, file.name, *arguments, "--root", root]
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW", "FLOWC"))}
    done = subprocess.run(
        [*command, "--run-id-file", str(id_file)],
        cwd=file.parent,
        env={**variables, **VARIABLES, "PYTHONHASHSEED": "0"},
        capture_output=True,
        check=False,
    )
    log = (done.stdout + done.stderr).decode("utf-8", "replace")
    if not id_file.exists():
        return Outcome(False, {}, log), ""
    return read_flowc(f"{flow}/{id_file.read_text()}", root, log), id_file.read_text()


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/oracle/core", description=__doc__)
    parser.add_argument("suite", type=Path, help="test/core of a checkout of Metaflow")
    parser.add_argument("--only", default="", help="a regular expression that the names of flows match")
    parser.add_argument("--work", type=Path, help="folder to keep the flows and runs in")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        work: Path = options.work or Path(scratch) / "flows"
        command = [PYTHON, "-m", "tests.oracle.core_flows", str(options.suite.resolve()), str(work.resolve())]
        written = subprocess.run(command, check=True, capture_output=True, text=True)
        flows = json.loads(written.stdout.splitlines()[-1])
        skipped, outcomes, tasks = Counter[str](), Counter[str](), 0
        for entry in flows:
            folder = work.resolve() / entry["name"]
            if why := stopped_by(entry["name"], (folder / "test_flow.py").read_text(encoding="utf-8")):
                skipped[why] += 1
            elif re.search(options.only, entry["name"]):
                theirs, found = run_both(entry, folder)
                tasks += len(theirs.tasks)
                outcomes["differ" if found else "succeeded on both" if theirs.ok else "failed on both"] += 1
                print(f"{entry['name']}: {'DIFFERS' if found else 'same'}", *(line[:600] for line in found),
                      sep="\n    ", flush=True)  # fmt: skip
    for why, count in skipped.items():
        print(f"left out, {why}: {count}")
    said = ", ".join(f"{count} {what}" for what, count in outcomes.items())
    print(f"{sum(outcomes.values())} of {len(flows)} flows, {tasks} tasks: {said} ({time.monotonic() - began:.0f} s)")
    return bool(outcomes["differ"])


if __name__ == "__main__":
    raise SystemExit(main())
