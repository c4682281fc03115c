"""`@catch`, `@timeout` and `@secrets` in single tasks: which attempt runs the step's code, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.shim import Shim

pytestmark = pytest.mark.process

FLOW = """
    import os, sys, time
    from flowc import FlowSpec, catch, current, retry, secrets, step, timeout

    class Caught(FlowSpec):
        @catch(var="failure", print_exception=False)
        @retry(times=1, minutes_between_retries=0)
        @step
        def start(self):
            self.before = current.retry_count
            mode = os.environ.get("MODE", "")
            if mode == "raise":
                raise ValueError("no luck")
            if mode == "first" and current.retry_count == 0:
                raise ValueError("once")
            if mode == "exit":
                sys.exit(4)
            if mode == "lambda":
                self.bad = (item for item in "ab")
            self.next(self.slow)

        @catch
        @timeout(seconds=1)
        @step
        def slow(self):
            self.begun = True
            if os.environ.get("MODE") == "slow":
                try:
                    time.sleep(30)
                finally:
                    print("cleaned up")
            self.next(self.plain)

        @timeout(seconds=1)
        @step
        def plain(self):
            if os.environ.get("MODE") == "slow":
                time.sleep(30)
            if os.environ.get("MODE") == "C":
                sum(range(10**12))
            if os.environ.get("MODE") in ("deaf", "late"):
                try:
                    time.sleep(30)
                except Exception:
                    if os.environ["MODE"] == "deaf":
                        print("going on"); time.sleep(30)
                    print("late")
            self.next(self.secret)

        @secrets(sources=[
            {"type": "inline", "id": "one", "options": {"env_vars": {"TOKEN": "1"}}},
            {"type": "kubernetes", "id": "in-the-pod"},
        ])
        @step
        def secret(self):
            self.token = os.environ["TOKEN"]
            self.next(self.cloud)

        @secrets(sources=["aws-secrets-manager.db.password"])
        @step
        def cloud(self):
            self.next(self.end)

        @catch(var="failure")
        @step
        def end(self):
            if os.environ.get("MODE") == "raise":
                raise ValueError("the last \\ud800")
"""


def test_a_task_that_succeeds_has_none(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.task("start")
    assert shim.value("start", "failure") is None
    assert "caught" not in shim.manifest("start")


def test_an_attempt_before_the_last_fails(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    done = shim.attempt("start", MODE="raise")
    assert done.returncode == 1
    assert "no luck" in done.stderr
    assert "caught" not in done.stdout


def test_the_last_attempt_is_caught(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    out = shim.task("start", attempt=1, MODE="raise")
    assert "caught" not in out, "print_exception=False"
    failure = shim.value("start", "failure")
    assert (failure.exception, failure.type) == ("no luck", "builtins.ValueError")
    assert failure.stacktrace.startswith("Traceback")
    assert "ValueError: no luck" in failure.stacktrace
    assert "body.py" not in failure.stacktrace
    assert shim.value("start", "before") == 1, "what was set before is kept"
    assert shim.manifest("start")["caught"] is True
    assert shim.manifest("start")["caught_failure"] == {"type": "ValueError", "message": "no luck"}


def test_a_retry_that_succeeds(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    assert shim.attempt("start", MODE="first").returncode == 1
    shim.task("start", attempt=1, MODE="first")
    assert shim.value("start", "failure") is None


@pytest.mark.parametrize("mode", ["exit", "lambda"])
def test_a_fallback_does_not_run_the_step(tmp_path: Path, mode: str) -> None:
    """Nothing in the process can catch these: the last attempt fails, and the one behind it is the fallback."""
    shim = Shim(tmp_path, FLOW)
    assert shim.attempt("start", attempt=1, MODE=mode).returncode == 1
    shim.task("start", attempt=2, MODE=mode)
    failure = shim.value("start", "failure")
    assert failure.type.endswith(".FailureHandledByCatch")
    said = {"exit": "called sys.exit(4).", "lambda": "UnpicklableArtifact: artifact 'bad'"}[mode]
    assert failure.exception.startswith("Task execution kept failing over 2 attempts. The last one")
    assert said in failure.exception
    assert "before" not in shim.manifest("start")["artifacts"]


def test_fallbacks_may_be_repeated(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.task("start", attempt=4)
    assert shim.value("start", "failure").exception.endswith(
        "over 4 attempts. Your code did not raise an exception. "
        "Something in the execution environment caused the failure."
    ), "nothing is on record: its processes were killed"


def test_attempts_count_from_the_first(tmp_path: Path) -> None:
    """An engine that starts a task over goes on counting: attempt 7, begun at 6, is the second, and no fallback."""
    shim = Shim(tmp_path, FLOW)
    assert shim.attempt("start", attempt=7, first=6, MODE="raise").returncode == 0
    assert shim.value("start", "failure").exception == "no luck"
    assert shim.attempt("start", attempt=8, first=8, MODE="raise").returncode == 1


def test_a_timeout_is_an_exception_that_is_caught(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.task("start")
    out = shim.task("slow", MODE="slow")
    assert out.startswith("cleaned up\n@catch caught an exception from slow\n>  Traceback")
    assert ">  flowc.errors.TimeoutException: the task ran longer than its timeout of 1 s" in out
    assert shim.value("slow", "begun") is True
    assert "var" not in shim.manifest("slow")["artifacts"]


def test_a_timeout_that_is_not_caught(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow")
    done = shim.attempt("plain", MODE="slow")
    assert done.returncode == 124
    assert "time.sleep(30)" in done.stderr
    assert "TimeoutException: the task ran longer than its timeout of 1 s" in done.stderr


def test_a_step_that_ignores_its_timeout_is_ended(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow")
    done = shim.attempt("plain", MODE="deaf", FLOWC_TIMEOUT_GRACE="5")
    assert done.returncode == 124
    assert done.stdout == "going on\n"
    failure = shim.layout.read_json(f"{shim.layout.folder('plain', (), 0)}/error.json")
    assert failure is not None
    assert failure["type"] == "TimeoutException"
    assert failure["message"] == "the task ran longer than its timeout of 1 s, and went on for 1 s more"
    assert 'print("going on"); time.sleep(30)' in failure["traceback"]
    assert "step_call" not in failure["traceback"]


def test_c_code_that_holds_the_lock_is_ended(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow")
    done = shim.attempt("plain", MODE="C", FLOWC_TIMEOUT_GRACE="5")
    assert done.returncode == 1
    assert "Timeout (0:00:02.5" in done.stderr


def test_a_step_may_end_well_after_its_timeout(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow")
    assert shim.task("plain", MODE="late") == "late\n"


def test_a_timeout_that_does_not_come_costs_nothing(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow", "plain")


def test_inline_secrets(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow", "plain", "secret")
    assert shim.value("secret", "token") == "1"


def test_a_secret_does_not_replace_what_is_there(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow", "plain")
    done = shim.attempt("secret", TOKEN="mine")
    assert done.returncode == 1
    assert "sets the variable 'TOKEN', which is there already" in done.stderr


def test_a_cloud_secret_says_what_is_missing(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "slow", "plain", "secret")
    done = shim.attempt("cloud", AWS_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true")
    assert done.returncode == 1
    assert "db.password (aws-secrets-manager) cannot be fetched" in done.stderr
    assert "for lack of keys; looked for AWS_ACCESS_KEY_ID" in done.stderr


def test_the_end_step_can_be_caught(tmp_path: Path) -> None:
    source = FLOW.replace('sources=["aws-secrets-manager.db.password"]', "sources=[]")
    shim = Shim(tmp_path, source)
    shim.tasks("start", "slow", "plain", "secret", "cloud")
    out = shim.task("end", MODE="raise")
    assert "@catch caught an exception from end" in out
    assert "ValueError: the last \\ud800" in out
    assert shim.value("end", "failure").exception == "the last \ud800"
