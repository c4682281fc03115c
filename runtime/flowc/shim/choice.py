"""What a recursive switch has chosen in the end, for an engine that cannot pass it on from iteration to iteration."""

from __future__ import annotations

import os

from flowc.errors import MissingInput, ProtocolError
from flowc.protocol import env_names
from flowc.shim.task_runner import write_output
from flowc.store import open_store
from flowc.store.run_layout import RunLayout, task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.protocol.plan import Plan
    from flowc.store.run_layout import Path


def look_up(plan: Plan, step: str, path: Path, outputs: str) -> None:
    """Write the choice of the last iteration of a step at `path` to the folder `outputs`.

    Raises MissingInput, ProtocolError and StoreError.
    """
    try:
        root, run = os.environ[env_names.ROOT], os.environ[env_names.RUN_ID]
    except KeyError as error:
        raise ProtocolError(f"the environment has no {error.args[0]}") from None
    layout = RunLayout(open_store(root), plan.flow, run)
    last = layout.latest_iteration(step, path)
    if last is None:
        raise MissingInput(f"no iteration of {task_id(step, path)} has finished in run {plan.flow}/{run}")
    write_output(outputs, "choice", layout.manifest(step, (*path, last))["choice"])
