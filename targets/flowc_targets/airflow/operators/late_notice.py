"""What Airflow calls when a run has missed its deadline: it notifies people, with the code in the DAG file."""
# pyright: standard

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flowc_targets.airflow.operators.zipped_code import zipped

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


def late_notice(flow: FlowPackage, function: str, seconds: int) -> Any:
    """Return what sends the notifications about a missed deadline.

    The DAG processor calls it as the DAG's `on_failure_callback`, or a process of the
    executor as the callback of a deadline alert. Its environment needs the secrets.
    """

    def send(context: Any) -> None:
        run = context.get("dag_run") if "deadline" in context else {}
        if not run and context.get("reason") != "timed_out":
            return
        if run and run["end_date"] and run["duration"] < seconds:
            return  # Airflow keeps the alert of a run that has failed in time.
        run_id = run["dag_run_id"] if run else context["run_id"]
        with tempfile.TemporaryDirectory(prefix="flowc-") as folder:
            package = Path(folder, "flow.pyz")
            package.write_bytes(zipped(flow))
            own = {
                **flow.environment,
                "FLOWC_ROOT": flow.root,
                "FLOWC_RUN_ID": quote(run_id, safe="").replace("%", "="),
                "FLOWC_RUN_SECONDS": str(seconds),
            }
            command = [sys.executable, str(package), "hook", function, "--forgive"]
            environment = {**os.environ, **own}
            subprocess.run(command, env=environment, check=False, timeout=120)

    return send
