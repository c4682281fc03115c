"""The run of a deployed flow that a step calls, by `@call_flow(deployed=True)`: its parameters, and what it returns.

Where the engine starts the run, the environment names it. Where there is none, on a laptop, the task starts one itself
by `flowc run`, and waits.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile

from flowc.errors import CalledRunFailed, MissingInput, ParameterError
from flowc.protocol import env_names
from flowc.shim.argument_values import literal
from flowc.shim.called_flow import module_of
from flowc.shim.takeover import copy_value
from flowc.store import artifacts
from flowc.store.run_layout import RunLayout, place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.documents import Document

MOST_BYTES = 3500
"""The most that parameters may have: a pod's termination message has 4096."""
_OF_TASK = frozenset(
    {
        env_names.PLAN, env_names.CODE, env_names.SOURCE, env_names.FILES, env_names.ROOT, env_names.RUN_ID,
        env_names.ORIGIN_RUN_ID, env_names.RERUN_STEPS, env_names.REPLAYED, env_names.TAGS, env_names.TRIGGER,
        env_names.SCHEDULED, env_names.TIMEZONE, env_names.ENGINE, env_names.LOG_KEEPER, env_names.POST_MORTEM,
        env_names.MODEL, env_names.EXTRA, env_names.MAX_NUM_SPLITS,
    }
)  # fmt: skip
"""Variables that are about the calling run alone."""


def run_deployed(state: TaskState, task: Task) -> None:
    """Let the called flow run, and take what it returns. Raises CalledRunFailed, MissingInput and ParameterError."""
    call = state.plan.deployed_call(state.step.within) or {}
    run = os.environ.get(env_names.CALLED_RUN) or started_before(state)
    if not run:
        there = {**state.parameters, **state.inherited}
        run = _run_here(call, given_values(call, there, state), state, task)
    take_results(RunLayout(state.layout.store, call["flow"], run), call, state)


def started_before(state: TaskState) -> str | None:
    """The run that a pod before this task has started, where it has."""
    from flowc.shim.called_workflow import run_of

    return run_of(state)


def given_values(call: Dict[str, Any], there: Refs, state: TaskState) -> Dict[str, Any]:
    """The parameters that a run gets, as JSON values. Raises MissingInput and ParameterError."""
    found = {name: literal(value) for name, value in call["params"].items()}
    for name, artifact in call["artifacts"].items():
        if artifact not in there:
            raise MissingInput(f"there is no artifact {artifact!r}, which flow {call['flow']} gets")
        found[name] = artifacts.load(state.layout.store, state.plan.flow, artifact, there[artifact])
    for name, separator in call.get("separators", {}).items():
        if isinstance(found.get(name), (list, tuple)):
            found[name] = separator.join(map(str, found[name]))
    for name, value in found.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            what = f"parameter {name!r} of the deployed flow {call['flow']} gets what is no JSON: {error}"
            raise ParameterError(f"{what}; hand on a number, a text, or where the data is") from None
    return found


def write_parameters(state: TaskState, task: Task, manifest: Document, *, resumes: bool = False) -> None:
    """Write the parameters for the engine, which starts the run, as the output of a step that chooses nothing else.

    Where a run that this one `resumes` has the result, that is taken over, and the engine told so. Raises
    ParameterError.
    """
    from flowc.shim.takeover import take_over
    from flowc.shim.task_results import write_output

    plan = state.plan
    call = plan.deployed_call(task.step) or {}
    if resumes and take_over(state.layout, plan, plan.step(call["start"]), task.path) is not None:
        write_output(task.outputs or "", "choice", "taken")
        return
    text = json.dumps(given_values(call, {**manifest["parameters"], **manifest["artifacts"]}, state))
    if len(text) > MOST_BYTES:
        what = f"the parameters of the deployed flow {call['flow']} have {len(text):,} bytes, and an engine passes on"
        raise ParameterError(f"{what} {MOST_BYTES:,}: hand on where the data is")
    write_output(task.outputs or "", "choice", text)


def take_results(child: RunLayout, call: Dict[str, Any], state: TaskState) -> None:
    """Take what a run has at its end and the call returns, by reference. Raises MissingInput and StoreError."""
    there: Refs = {}
    if call.get("pipeline"):
        for name, value in call["results"].items():
            step, output = value["output"]
            there[name] = child.manifest(step, ())["artifacts"][output]
    else:
        end = child.manifest(call["deployed"], ())
        there = {**end["parameters"], **end["artifacts"]}
    for name in call["returns"].values():
        if name not in there:
            raise MissingInput(f"run {child.flow}/{child.run} has no {name!r} at its end, which the call returns")
        copy_value(child, state.layout, name, there[name])
        state.inherited[name] = there[name]


def _run_here(call: Dict[str, Any], given: Dict[str, Any], state: TaskState, task: Task) -> str:
    """Run the flow by `flowc run`, in the same store; returns the run's id. Raises CalledRunFailed."""
    import subprocess

    flow, place = call["flow"], f"{state.plan.flow}/{task.run}/{place_text(task.step, task.path)}"
    file = os.path.abspath(str(module_of(state.plan, call).__file__))
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_TASK and not name.startswith((env_names.PARAMETER_PREFIX, env_names.GANG_PREFIX))
    }
    with tempfile.TemporaryDirectory(prefix="flowc-called-") as folder:
        id_file = os.path.join(folder, "id")
        words = [sys.executable, "-m", "flowc", "run", file, "--flow", flow, "--root", task.root, "--quiet"]
        words += ["--run-id-file", id_file, "--tag", f"called_by:{place}", *call.get("options", ())]
        for name, value in given.items():
            words += ["-p", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        code = subprocess.run(words, env=own, stdin=subprocess.DEVNULL, check=False).returncode
        run = ""
        if os.path.exists(id_file):
            with open(id_file, encoding="utf-8") as opened:
                run = opened.read().strip()
    shown = f"run {flow}/{run}" if run else f"flow {flow}"
    if code or not run:
        raise CalledRunFailed(f"{shown}, which step {state.step.within!r} calls, has failed (exit code {code})")
    print(f"{shown} has ended", flush=True)
    return run
