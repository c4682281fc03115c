"""Where the runs of a backfill are started: on an engine, or as processes of `flowc run` here."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from flowc_cli.backfilling import State
from flowc_cli.compiled_submission import CompiledSubmission
from flowc_targets.base.engine import EngineError

_PHASES: dict[str, State] = {"pending": "running", "running": "running", "failed": "failed"}
_UNREACHABLE_SECONDS = 600.0
"""How long an engine may be out of reach while its runs go on."""
_BEGIN_SECONDS = 0.05
"""Between two looks at whether a process has begun its run."""


class EngineRuns:
    """Runs on an engine, as `flowc submit` starts them."""

    poll_seconds = 2.0

    def __init__(self, submission: CompiledSubmission) -> None:
        self._submission = submission
        self._names: dict[str, str] = {}
        self._reached = time.monotonic()

    def start(self, scheduled: str) -> str:
        """Submit the run for a time."""
        state = self._submission.start(None, scheduled)
        self._names[state.run_id] = state.name
        return state.run_id

    def state(self, run_id: str) -> State | None:
        """What the engine says. It may be out of reach for a while."""
        name = self._names.get(run_id, f"{self._submission.flow.name}/{run_id}")
        try:
            found = self._submission.client.status(name)
        except EngineError as error:
            if error.code == "FC602":
                return (
                    "lost" if run_id.startswith("argo-") == (self._submission.compiled.target.name == "argo") else None
                )
            if error.code != "FC610" or time.monotonic() - self._reached > _UNREACHABLE_SECONDS:
                raise
            return "running"
        self._reached = time.monotonic()
        self._names[run_id] = found.name
        return _PHASES.get(found.phase, "successful")

    def interrupted(self) -> None:
        """The runs go on."""


class LocalRuns:
    """Runs on this machine, each a process of its own, as `flowc run` starts them."""

    poll_seconds = 0.1

    def __init__(self, file: Path, words: Sequence[str]) -> None:
        """`words` are further options of the command."""
        self._command = [sys.executable, "-m", "flowc", "run", str(file), "--quiet", *words]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, scheduled: str) -> str:
        """Start a process. Raises EngineError where it ends before there is a run: it has said why."""
        with tempfile.TemporaryDirectory(prefix="flowc-backfill-") as folder:
            written = Path(folder, "run-id")
            options = [f"--scheduled-time={scheduled}", f"--run-id-file={written}"]
            process = subprocess.Popen([*self._command, *options], stdin=subprocess.DEVNULL)
            while True:
                ended = process.poll() is not None
                run_id = written.read_text(encoding="utf-8") if written.exists() else ""
                if run_id:
                    self._processes[run_id] = process
                    return run_id
                if ended:
                    message = f"the run for {scheduled} did not begin"
                    raise EngineError("FC611", message, "correct what it has said, and start the backfill again")
                time.sleep(_BEGIN_SECONDS)

    def state(self, run_id: str) -> State | None:
        """How its process has ended; `None` for one that another backfill has started."""
        process = self._processes.get(run_id)
        if process is None:
            return None
        code = process.poll()
        return "running" if code is None else "successful" if code == 0 else "failed"

    def interrupted(self) -> None:
        """Let the processes end that the interrupt has reached, too."""
        for process in self._processes.values():
            process.wait()
