"""The operator that runs a step as a process of the worker."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.operators.shim_task import ShimTask, publish
from flowc_targets.airflow.operators.zipped_code import zipped

try:
    from airflow.sdk import BaseOperator
except ImportError:  # Airflow 2
    from airflow.models.baseoperator import BaseOperator

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage


class StepOperator(ShimTask, BaseOperator):
    """Runs a step as a process on the worker."""

    def __init__(self, *, flow: FlowPackage, **kwargs: Any) -> None:
        super().__init__(flow=flow, **kwargs)
        self.process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> None:
        """Run the step."""
        self.run_shim(context)

    def run_shim(self, context: Any) -> None:
        """Run the shim, log what it prints, and publish what it says."""
        with tempfile.TemporaryDirectory(prefix="flowc-") as folder:
            package = Path(folder, "flow.pyz")
            package.write_bytes(zipped(self.flow))
            chosen = os.environ.get("FLOWC_PYTHON") or self.flow.python
            command = [chosen or sys.executable, str(package)]
            command += self.shim_arguments(context)
            with subprocess.Popen(
                [*command, "--outputs", folder],
                env={**os.environ, **self.shim_environment(context)},
                stdin=subprocess.DEVNULL,  # the worker talks to Airflow by its own
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as self.process:
                try:
                    for line in self.process.stdout or ():
                        self.log.info("%s", line.rstrip("\n"))
                    code = self.process.wait()
                finally:
                    self.on_kill()
            if code != 0:
                self.fail_for_good(code)
                raise RuntimeError(f"step {self.task_id} ended with exit code {code}")
            said = [Path(folder, name) for name in ("count", "choice", "label")]
            texts = [path.read_text() for path in said if path.exists()]
            publish(context, "".join(texts))

    def on_kill(self) -> None:
        """End the process if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
