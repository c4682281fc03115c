"""Runs one flow on real Metaflow and prints what its client says of every task. Runs in `tests/oracle/env`.

    python -m tests.oracle.reading FILE FLOW [argument of `run` ...]

The last line of stdout is a JSON object: `ok`, `log`, and `tasks`, a list of what `Seen` of `engine.py` holds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.oracle.values import ELSEWHERE, failure, text


def run(
    file: str, flow: str, arguments: list[str], start: Any = subprocess.Popen, action: str = "run"
) -> dict[str, Any]:
    """Run the flow, or `resume` one, in a process that `start` makes, and read it."""
    with tempfile.TemporaryDirectory() as folder:
        if "--run-id-file" not in arguments:
            arguments = ["--run-id-file", str(Path(folder) / "id"), *arguments]
        id_file = Path(arguments[arguments.index("--run-id-file") + 1])
        id_file.unlink(missing_ok=True)
        command = [sys.executable, file, "--quiet", "--no-pylint", action, *arguments]
        process = start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        metaflow: Any = import_module("metaflow")  # while the run is on its way
        with ThreadPoolExecutor(1) as pool:  # both at once: neither pipe may fill up
            errors = pool.submit(process.stderr.read)
            log = (process.stdout.read() + errors.result()).decode("utf-8", "replace")
        process.wait()
        if not id_file.exists():
            return {"ok": False, "log": log, "tasks": [], "run": ""}
        metaflow.namespace(None)
        run_id = id_file.read_text()
        found = metaflow.Run(f"{flow}/{run_id}")
        tasks = [task(each) for step in found for each in step]
        number_iterations(tasks)
        return {"ok": process.returncode == 0, "log": log, "tasks": tasks, "run": run_id}


def number_iterations(tasks: list[dict[str, Any]]) -> None:
    """Count a recursive step's iterations from 0: Metaflow goes on counting in a loop that follows a loop."""
    counted: dict[str, int] = {}
    for each in sorted(tasks, key=lambda each: list(each["iteration"])):
        place = f"{each['step']}{each['path']}"
        if each.pop("iteration"):
            counted[place] = counted.get(place, -1) + 1
            each["path"] = [*each["path"], counted[place]]


def task(each: Any) -> dict[str, Any]:
    """One task."""
    artifacts = {artifact.id: artifact for artifact in each}
    internal = {name: _data(each, name) for name in ("_foreach_stack", "_iteration_stack", "_task_ok", "_exception")}
    exception = internal["_exception"]
    return {
        "step": each.path_components[2],
        "path": [frame.index for frame in internal["_foreach_stack"] or ()],
        "iteration": list(internal["_iteration_stack"] or ()),
        "ok": bool(internal["_task_ok"]),
        "successful": bool(each.successful),
        "artifacts": {name: value(artifacts[name]) for name in sorted(artifacts) if name != "name"},
        "failure": failure(exception.type, exception.exception) if exception is not None else None,
    }


def value(artifact: Any) -> str:
    """An artifact as text. Those whose class only the flow's file has are not for other processes, on both sides."""
    try:
        return text(artifact.data)
    except (AttributeError, ImportError):
        return ELSEWHERE


def _data(each: Any, name: str) -> Any:
    try:
        return each[name].data
    except KeyError:
        return None


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], sys.argv[2], sys.argv[3:])))
