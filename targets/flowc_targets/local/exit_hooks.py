"""The functions of `@exit_hook` after a run on this machine, each in a process of its own."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc.protocol import NOTIFY_FAILURE, NOTIFY_SUCCESS, env_names
from flowc.shim.fork_server import BOOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Flow
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.signal_watch import SignalWatch


@dataclass(frozen=True, slots=True)
class ExitHooks:
    """What calls the hooks of a run."""

    flow: Flow
    python: str
    env: Mapping[str, str]
    run_id: str
    begun: float
    """When the run began, by the monotonic clock."""
    signals: SignalWatch
    reporter: Reporter

    def run(self, *, successful: bool) -> None:
        """Call the functions for this end, one after the other. One that fails changes nothing else."""
        names = [name for spec in self.flow.specs.hooks for name in (spec.on_success if successful else spec.on_error)]
        for name in names:
            shown = "notifications" if name in {NOTIFY_SUCCESS, NOTIFY_FAILURE} else f"exit hook {name}"
            output, code = self._call(name)
            if lines := output.splitlines():
                self.reporter.lines("stdout", f"[{self.run_id}/{shown}] ", lines)
            if code:
                self.reporter.warn(f"the {shown} failed with exit code {code}")

    def _call(self, name: str) -> tuple[str, int]:
        """What a hook prints, and its exit code. A signal, or another one, ends it."""
        before = self.signals.caught
        with subprocess.Popen(
            [self.python, "-c", BOOT, "hook", name],
            env={**self.env, env_names.RUN_SECONDS: f"{time.monotonic() - self.begun:.3f}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as hook:
            while True:
                try:
                    output, _ = hook.communicate(timeout=0.2)
                except subprocess.TimeoutExpired:
                    if self.signals.caught > before:
                        hook.kill()
                else:
                    return output, hook.returncode
