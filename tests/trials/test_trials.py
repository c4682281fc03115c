"""The trials themselves: a few attempts of each, and what is wrong is found. `tests/trials/run --sample` tries more."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.trials import fuzz
from tests.trials.__main__ import SLOWDOWN, TRIALS
from tests.trials.bombs import Bomb, bombs, check
from tests.trials.trial import Outcome, in_a_process

pytestmark = pytest.mark.process

WORST = ("lists_of_lists.pipeline", "sorted_again.pipeline", "equal_hashes_of_a_range.module", "yaml_aliases.config")
FLOW = "from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):\n    @step\n    def start(self):\n        self.next"


@pytest.mark.parametrize("bomb", [item for item in bombs() if item.name in WORST], ids=lambda bomb: bomb.name)
def test_a_bomb_does_not_go_off(bomb: Bomb) -> None:
    outcome = check(bomb).slowed(SLOWDOWN)
    assert outcome.problem is None, outcome


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_says_how_to_repeat_it(name: str) -> None:
    command = [str(REPOSITORY / "tests" / "trials" / "run"), name, "3", "--sample", "--seed", "17"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{name}: tried 3, failed 0, " in done.stdout
    assert done.stdout.endswith(f"; again: tests/trials/run {name} 3 --seed 17\n")


def test_the_same_seed_gives_the_same_files() -> None:
    texts = fuzz.seeds()
    files = [fuzz.malformed(texts, 1, number) for number in range(20)]
    assert files == [fuzz.malformed(texts, 1, number) for number in range(20)]
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
        ("while time.process_time() < 9: pass", "s"),
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
