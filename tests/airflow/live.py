"""A whole Airflow: scheduler, API and, in 3.x, DAG processor, with the LocalExecutor and a database in a folder.

Each service is a session of processes, which is killed at the end with all that its workers have started. Settings are
made for a machine of two cores: one process that parses, few workers, short waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import flowc

HERE = Path(__file__).parent
USER = "tester"
START_SECONDS = 180
"""How long an Airflow may take until it answers."""
LONGEST = 400
"""How many seconds a command may take."""

COMMON = {
    "PYTHONWARNINGS": "ignore",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__PARALLELISM": "6",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # SQLite locks no rows: a task that schedules what follows it would be in the scheduler's way, which ends of it.
    "AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION": "False",
}
SETTINGS = {
    "3.3": {
        "AIRFLOW__API__WORKERS": "1",
        # On a busy machine Airflow's workers give up on its own API after five seconds, five times.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
    },
    "2.11": {
        # Airflow 2 refuses the LocalExecutor with SQLite, which cannot take many writers; it can take these few.
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__PARSING_PROCESSES": "1",
        "AIRFLOW__SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "600",
        "AIRFLOW__WEBSERVER__WORKERS": "1",
    },
}
SERVICES = {
    "3.3": (("scheduler",), ("dag-processor",), ("api-server", "--port", "{port}")),
    "2.11": (("scheduler",), ("webserver", "--port", "{port}")),
}
TRIGGERER = ("triggerer",)
"""The service that waits for deferred tasks."""
ANSWERS_AT = {"3.3": "/api/v2/monitor/health", "2.11": "/api/v1/health"}


@dataclass(frozen=True)
class Live:
    """A running Airflow, and the commands of flowc that talk to it."""

    series: str
    home: Path
    port: int
    password: str

    @property
    def dags(self) -> Path:
        """Its dags folder."""
        return self.home / "dags"

    @property
    def root(self) -> Path:
        """The artifact store of its runs."""
        return self.home / "store"

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def access(self) -> dict[str, str]:
        """The variables that say where its API is, and who asks."""
        return {"AIRFLOW_API_URL": self.url, "AIRFLOW_API_USER": USER, "AIRFLOW_API_PASSWORD": self.password}

    def flowc(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command as a user types it, with the access in the environment."""
        environment = {**os.environ, **self.access, **variables}
        command = [flowc(), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LONGEST)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command whose output is read while it runs."""
        environment = {**os.environ, **self.access}
        return subprocess.Popen([flowc(), *arguments], env=environment, stdout=subprocess.PIPE, text=True)

    def submit(self, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`flowc submit` of a file, into the dags folder."""
        folder = ["--dags-folder", str(self.dags)]
        options = ["--target", "airflow", "--operator", "local", "--root", str(self.root), *folder]
        return self.flowc("submit", str(file), *options, *arguments)

    def status(self, name: str) -> dict[str, Any]:
        """The state of a run."""
        done = self.flowc("status", name, "--target", "airflow", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """The runs of a flow in the list of the latest, the newest first."""
        done = self.flowc("status", "--target", "airflow", "--json", "--last", "50")
        assert done.returncode == 0, done.stderr
        return [run for run in json.loads(done.stdout) if run["flow"] == flow]

    def logs(self, name: str, *step: str) -> list[str]:
        """The lines that the tasks of a run, or of one of its steps, have printed."""
        done = self.flowc("logs", name, *step, "--target", "airflow")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def until(self, name: str, phase: str, task: str | None = None, seconds: float = 240) -> dict[str, Any]:
        """The state of a run as soon as it, or each task of one of its steps, is in a phase."""
        deadline = time.monotonic() + seconds
        while True:
            state = self.status(name)
            phases = {item["phase"] for item in state["tasks"] if item["step"] == task}
            if (state["phase"] if task is None else phases) in (phase, {phase}):
                return state
            assert time.monotonic() < deadline, json.dumps(state, indent=1) + self.said()
            time.sleep(1)

    def airflow(self, *arguments: str) -> None:
        """A command of Airflow's own, on its database."""
        environment = HERE / f"env-{self.series}"
        command = [str(environment / "bin" / "airflow"), *arguments]
        subprocess.run(command, env=settings(self, environment), check=True, capture_output=True)

    def said(self) -> str:
        """The last words of its services."""
        return "".join(f"\n--- {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.home.glob("*.out")))


@contextmanager
def live_airflow(series: str, home: Path, *more: tuple[str, ...]) -> Generator[Live]:
    """Start an Airflow in a folder, with more services, and stop all of it. Skips where that one is not installed."""
    environment = HERE / f"env-{series}"
    if not (environment / "ready").exists():
        pytest.skip(f"tests/airflow/env-{series} is not there: run tests/airflow/setup {series}")
    live = Live(series, home, free_port(), secrets.token_urlsafe(16))
    live.dags.mkdir()
    variables = settings(live, environment)
    airflow = str(environment / "bin" / "airflow")
    prepare(live, airflow, variables)
    services = [start(live, [airflow, *service], variables) for service in (*SERVICES[series], *more)]
    try:
        wait_for_answers(live, services)
        yield live
    finally:
        for service in services:
            stop(service)


def settings(live: Live, environment: Path) -> dict[str, str]:
    """The environment of all its processes."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FLOWC_"))},
        **COMMON,
        **SETTINGS[live.series],
        "PATH": f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(live.home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(live.dags),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{live.home / 'airflow.db'}?timeout=60",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{live.url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(live.home / "passwords.json"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__BASE_URL": live.url,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__WEBSERVER__SECRET_KEY": secrets.token_urlsafe(16),
        "AIRFLOW__WEBSERVER__WEB_SERVER_HOST": "127.0.0.1",
        # The steps run in the environment of these tests, so that both engines have the same libraries.
        "FLOWC_PYTHON": sys.executable,
    }


def prepare(live: Live, airflow: str, variables: dict[str, str]) -> None:
    """Make the database, which readers and a writer may use at the same time, and the user."""
    subprocess.run([airflow, "db", "migrate"], env=variables, check=True, capture_output=True)
    with contextlib.closing(sqlite3.connect(live.home / "airflow.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
    (live.home / "passwords.json").write_text(json.dumps({USER: live.password}))
    if live.series == "2.11":
        person = ["--firstname", "T", "--lastname", "T", "--email", "t@example.com", "--role", "Admin"]
        # Behind `=`: it may begin with a dash.
        command = [airflow, "users", "create", "--username", USER, *person, f"--password={live.password}"]
        subprocess.run(command, env=variables, check=True, capture_output=True)


def start(live: Live, command: list[str], variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a service as a group of processes of its own, whose output goes to a file."""
    words = [word.format(port=live.port) for word in command]
    with (live.home / f"{words[1]}.out").open("wb") as output:
        return subprocess.Popen(
            words, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def wait_for_answers(live: Live, services: list[subprocess.Popen[bytes]]) -> None:
    """Wait until its API says that the scheduler is there."""
    deadline = time.monotonic() + START_SECONDS
    while not healthy(live):
        assert all(service.poll() is None for service in services), live.said()
        assert time.monotonic() < deadline, live.said()
        time.sleep(0.5)


def healthy(live: Live) -> bool:
    """Whether it answers, and its scheduler works."""
    try:
        with urllib.request.urlopen(live.url + ANSWERS_AT[live.series], timeout=5) as answer:
            return bool(json.load(answer)["scheduler"]["status"] == "healthy")
    except (OSError, ValueError, KeyError):
        return False


def stop(service: subprocess.Popen[bytes]) -> None:
    """End a service with all of its session: workers make process groups of their own, and outlive it."""
    while found := [process for process in processes() if session(process) == service.pid]:
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        service.poll()
        time.sleep(0.05)
    service.wait()


def processes() -> Iterator[int]:
    """All processes of this machine."""
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def session(process: int) -> int:
    """The session that a process is of; 0 for one that has ended."""
    try:
        ended = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return 0 if ended else os.getsid(process)
    except (OSError, IndexError):
        return 0


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
