"""`@exit_hook`: functions of the flow's file, called when a run has ended, each in a process of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from flowc.shim.fork_server import BOOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow
    from flowc_targets.local.run_report import Reporter


def run_hooks(flow: Flow, ok: bool, python: str, env: Mapping[str, str], run_id: str, reporter: Reporter) -> None:
    """Call the hooks for how the run ended, one after the other. One that fails is told of, and changes nothing."""
    for spec in flow.specs.exit_hooks:
        for name in spec.on_success if ok else spec.on_error:
            done = subprocess.run(
                [python, "-c", BOOT, "hook", name],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
            lines = done.stdout.splitlines()
            if lines:
                reporter.lines("stdout", f"[{run_id}/exit hook {name}] ", lines)
            if done.returncode:
                reporter.note(f"the exit hook {name} failed with exit code {done.returncode}")
