"""Random flows on real Airflow, one at a time: most in a process that runs many, some by `airflow dags test`."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc import Run
from flowc.errors import NotFound
from flowc_targets.airflow.server.client import conf_of
from tests.support import flowc

if TYPE_CHECKING:
    from tests.airflow.engine import Airflow
    from tests.cluster.random_runs import Case

BY_COMMAND = 12
"""Every so many flows one is run by `airflow dags test`, the first one included."""
TOLD = 20_000
"""Characters of what Airflow has printed, of a flow that differs."""


class HungError(Exception):
    """No answer came in time."""


class Driver:
    """A process of `driver.py`."""

    def __init__(self, airflow: Airflow, folder: Path, timeout: float) -> None:
        folder.mkdir()
        self.dags = folder / "dags"
        self.dags.mkdir()
        home = airflow.new_home(folder)
        self._timeout = timeout
        self._log = folder / "log"
        here, there = os.pipe()
        self._answers = os.fdopen(here)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [airflow.environment / "bin" / "python", Path(__file__).with_name("driver.py"), str(there)],
                env=airflow.variables(home, self.dags), stdin=subprocess.PIPE, stdout=log, stderr=log, text=True,
                pass_fds=[there], start_new_session=True,
            )  # fmt: skip
        os.close(there)

    def ask(self, **question: object) -> dict[str, Any]:
        """The answer. Raises HungError where it does not come in time, or the process is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise HungError("the process is gone") from None
        if not select.select([self._answers], [], [], self._timeout)[0]:
            raise HungError(f"no end in {self._timeout:.0f} s")
        line = self._answers.readline()
        if not line:
            raise HungError("the process is gone")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def printed(self) -> str:
        """All that it and its tasks have printed so far."""
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        """End it, and what it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._answers.close()
        assert self._process.stdin is not None
        self._process.stdin.close()


class OnAirflow:
    """Runs a DAG file when it is started. `timeout` is how many seconds it may take."""

    busy = 0
    room = True

    def __init__(self, airflow: Airflow, folder: Path, timeout: float) -> None:
        self._airflow, self._folder, self._timeout = airflow, folder, timeout
        self._driver: Driver | None = None
        self._started = 0
        self._done: list[Case] = []
        self.by_command = 0
        """How many were run by the command."""

    def compile(self, case: Case) -> tuple[str, str]:
        """What `flowc compile` prints, and what it says."""
        options = ("--target", "airflow", "--operator", "local", "--root", str(_root(case)), *case.options)
        made = flowc(case.file.parent, "compile", case.file.name, *options)
        return made.stdout if made.returncode == 0 else "", made.stderr

    def start(self, case: Case, manifest: str) -> None:
        """Run it to its end, and compare."""
        began = time.monotonic()
        number, self._started = self._started, self._started + 1
        if self._driver is None:
            self._driver = Driver(self._airflow, self._folder / f"driver-{number}", self._timeout)
        before = len(self._driver.printed)
        printed = ""
        try:
            for _ in range(case.runs):
                if not case.found:
                    ok, printed = self._run(case, manifest, number, self._driver)
                    case.found = _compared(case, ok)
            case.state = "differs" if case.found else "same"
        except HungError as error:
            case.state, case.found, printed = "hung", [str(error)], self._driver.printed[before:]
            self.close()
        if case.found:
            case.found.append(printed[-TOLD:])
        case.seconds = time.monotonic() - began
        self._done.append(case)

    def poll(self) -> list[Case]:
        """What has run since."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """End the process that runs many."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None

    def _run(self, case: Case, manifest: str, number: int, driver: Driver) -> tuple[bool, str]:
        """Whether the run succeeded, and what was printed."""
        before = len(driver.printed)
        file = driver.dags / f"flow_{number}.py"
        file.write_text(manifest, encoding="utf-8")
        try:
            dag = driver.ask(load=str(file))
            if "error" in dag:
                return False, str(dag["error"])
            conf = conf_of(dag, case.drawn.parameters)
            if number % BY_COMMAND == 0:
                return self._command(manifest, conf, self._folder / f"command-{self.by_command}")
            answer = driver.ask(run=conf)
        finally:
            file.unlink()
        case.pods = sum(count for state, count in answer.get("states", {}).items() if state in {"success", "failed"})
        return answer.get("ok") is True, driver.printed[before:] + str(answer.get("error", ""))

    def _command(self, manifest: str, conf: dict[str, object], folder: Path) -> tuple[bool, str]:
        """The same by the command of users."""
        folder.mkdir()
        done = self._airflow.run(manifest, folder, json.dumps(conf))
        self.by_command += 1
        return done.returncode == 0, done.stdout + done.stderr


def _root(case: Case) -> Path:
    return case.file.parent / "airflow"


def _compared(case: Case, ok: bool) -> list[str]:
    flow = case.local.run.pathspec.partition("/")[0]
    try:
        run = Run.latest(flow, root=str(_root(case)))
    except NotFound as error:
        return [f"no run there: {error}"]
    return case.compare(run, ok)
