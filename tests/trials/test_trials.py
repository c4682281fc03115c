"""The trials themselves: what is wrong is found. `tests/trials/run --sample` tries a few attempts of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials import fuzz
from tests.trials.__main__ import SLOWDOWN
from tests.trials.bombs import Bomb, bombs, check
from tests.trials.trial import Choice, Outcome, in_a_process
from tests.trials.workers import Work, in_workers

pytestmark = pytest.mark.process

WORST = ("lists_of_lists.pipeline", "sorted_again.pipeline", "equal_hashes_of_a_range.module", "yaml_aliases.config")
FLOW = "from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):\n    @step\n    def start(self):\n        self.next"


@pytest.mark.parametrize("bomb", [item for item in bombs() if item.name in WORST], ids=lambda bomb: bomb.name)
def test_a_bomb_does_not_go_off(bomb: Bomb) -> None:
    outcome = check(bomb).slowed(SLOWDOWN)
    assert outcome.problem is None, outcome


@pytest.mark.parametrize("name", ["editing", "many_runs", "values"])
def test_a_trial_says_how_to_repeat_it(name: str) -> None:
    command = [str(REPOSITORY / "tests" / "trials" / "run"), name, "1", "--sample", "--seed", "17"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{name}: tried 1, failed 0, " in done.stdout
    assert done.stdout.endswith(f"; again: tests/trials/run {name} 1 --seed 17\n")


def test_the_same_seed_gives_the_same_files() -> None:
    corpus = fuzz.Corpus(fuzz.seeds())
    files = [corpus.malformed(1, number) for number in range(20)]
    assert files == [corpus.malformed(1, number) for number in range(20)]
    assert len({content for _, content in files}) == 20


def _ended(folder: Path, code: str) -> Outcome:
    """How a process ends that executes the code as a check of a file would have to."""
    (folder / "project").mkdir()
    (folder / "project" / "flow.py").write_text(code, encoding="utf-8")

    def execute() -> None:
        fuzz.watch(folder / "project")
        exec(compile(code, "flow.py", "exec"), {"time": time})

    return in_a_process(execute, folder / "project")


def test_code_that_is_executed_is_noticed(tmp_path: Path) -> None:
    _ended(tmp_path, "pass")
    assert (tmp_path / "project" / fuzz.CANARY).exists()


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("while time.process_time() < 2.2: pass", "s"),
        ("x = bytearray(400 << 20)", "MB"),
        ("1 / 0", "exit code 99"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_what_a_process_does_wrong_is_noticed(tmp_path: Path, code: str, problem: str) -> None:
    found = _ended(tmp_path, f"{code}\nimport os\nos._exit(0)").problem
    assert found is not None
    assert found.endswith(problem)


def test_a_malformed_file_is_no_fault_and_a_traceback_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, executed = fuzz.attempt(f"{FLOW}(".encode())
    assert (outcome.code, outcome.problem, executed) == (2, None, False)

    def broken(*_: object, **__: object) -> None:
        raise KeyError("broken")

    monkeypatch.setattr("flowc_cli.flow_options.FlowOptions.compile_with_values", broken)
    outcome, _ = fuzz.attempt(FLOW.encode())
    assert outcome.problem == "exit code 70"
    assert "KeyError: 'broken'" in outcome.output


PLANTED = {
    "raise KeyError('broken')": "exit code 99",
    "open('CANARY', 'w').close()": "executed",
    "exec(compile('1', str(Path('flow.py').absolute()), 'exec'))": "executed",
    "while True: pass": "exit code -9",
    "x = bytearray(400 << 20)": "MB",
    "os.kill(os.getpid(), 11)": "exit code -11",
    "print('Traceback (most recent call last)', file=sys.stderr)": "a traceback",
}
"""What flowc might do with a file, and what the trial says then."""


@pytest.mark.parametrize("code", PLANTED)
def test_what_goes_wrong_among_many_files_in_one_process_is_noticed(
    code: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The third of six files makes flowc do it, and no other is said to have failed."""
    fuzz.load()
    monkeypatch.setattr("tests.trials.trial.STOPPED_AFTER", 1)
    monkeypatch.setattr(fuzz, "STOPPED_AFTER", 1)
    monkeypatch.setattr(fuzz, "OWN_PROCESS", 6)
    work = fuzz.Fuzz(Choice(6, 17, slowdown=SLOWDOWN), tmp_path)
    bad = work.corpus.malformed(17, 3)[1]
    check = fuzz.flowc

    def broken(*arguments: str) -> int:
        if arguments[0] == "check" and Path("flow.py").read_bytes() == bad:
            exec(code, {"os": os, "sys": sys, "Path": Path})
        return check(*arguments)

    monkeypatch.setattr(fuzz, "flowc", broken)
    attempts = list(in_workers(Work(work.execute, work.alone, work.begin), range(6), batch=6))
    assert sorted(int(attempt.name) for attempt in attempts) == list(range(6))
    (failed,) = [attempt for attempt in attempts if attempt.problem]
    assert failed.name == "3"
    assert PLANTED[code] in str(failed.problem)
