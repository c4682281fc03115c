"""Telling people how a run has ended: the operator of notifications, and what Airflow calls at a missed deadline."""
# pyright: standard

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flowc_targets.airflow.operators.hook_operator import HookOperator
from flowc_targets.airflow.operators.zipped_code import zipped

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class NotifyOperator(HookOperator):
    """Sends the notifications of a run that has ended."""

    def execute(self, context: Any) -> Any:
        """Send them. A pod that does not start is logged, and fails no run."""
        try:
            return super().execute(context)
        except Exception:
            self.log.exception("the notifications are not sent")

    def shim_environment(self, context: Any) -> dict[str, str]:
        """Return the task's variables, with the address of its own log."""
        url = getattr(context["ti"], "log_url", None)
        variables = super().shim_environment(context)
        return {**variables, "FLOWC_RUN_URL": str(url)} if url else variables


def late_notice(flow: FlowPackage, function: str, seconds: int) -> Any:
    """Return what Airflow calls when a run has failed: it tells of a missed deadline.

    Airflow skips all tasks of such a run, the notifications among them. It calls this
    in its DAG processor, whose environment has to have the secrets.
    """

    def tell(context: Any) -> None:
        if context.get("reason") != "timed_out":
            return
        with tempfile.TemporaryDirectory(prefix="flowc-") as folder:
            package = Path(folder, "flow.pyz")
            package.write_bytes(zipped(flow))
            run_id = quote(context["run_id"], safe="").replace("%", "=")
            own = {
                **flow.environment,
                "FLOWC_ROOT": flow.root,
                "FLOWC_RUN_ID": run_id,
                "FLOWC_RUN_SECONDS": str(seconds),
            }
            command = [sys.executable, str(package), "hook", function, "--forgive"]
            environment = {**os.environ, **own}
            subprocess.run(command, env=environment, check=False, timeout=120)

    return tell
