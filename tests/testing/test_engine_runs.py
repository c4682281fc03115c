"""`run_flow` and `simulate_flow`: the same on the local engine and of the manifest, with steps replaced and faults."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from flowc import Flow, Run
from flowc.testing import CompileFailed, RunFlow, UnusedFault, UsageError, run_flow, simulate_flow
from tests.support import write_files
from tests.testing.tested_flows import AskingFlow, AskingItemsFlow, Model, OddFlow, TrainFlow, scale, scaled

BOTH = pytest.mark.parametrize("engine", [run_flow, simulate_flow], ids=["local", "simulated"])
FACTOR = 4


def doubled(number: int) -> int:
    return 2 * number


class Tiny(Model):
    """A class of the test's module, which artifacts are of."""


def _attempts(run: Run, step: str) -> list[str]:
    return [attempt.state for attempt in run[step].task.attempts]


@pytest.mark.process
@BOTH
def test_steps_are_replaced(engine: RunFlow, tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    def left(self: Any) -> None:
        marker.touch()
        self.model = Tiny(doubled(FACTOR))

    def gather(self: Any, inputs: Any) -> None:
        self.results = [each.result for each in inputs] + [100]

    replace = {"left": left, "each": {"result": 3}, "gather": gather}
    run = engine(TrainFlow, {"title": "t", "rows": 2}, replace=replace, root=tmp_path / "store")
    assert run.successful
    assert marker.exists()
    assert run["join"].task.data.model == Tiny(8)
    assert run["decide"].task.data.results == [3, 3, 100]
    assert "keep" in run
    assert Flow("TrainFlow", root=str(tmp_path / "store")).latest_run is not None


@pytest.mark.process
def test_functions_of_pipelines_are_replaced() -> None:
    def fake(number: int, factor: int) -> int:
        return doubled(number) + factor

    run = run_flow(scale, {"count": 3}, replace={"scaled": fake})
    assert run.successful
    assert run["report"].task.data.total == 15


@pytest.mark.process
def test_outputs_of_pipelines_and_artifacts_of_switches_are_replaced() -> None:
    run = run_flow(scale, {"count": 3}, replace={"scaled": {"product": 5}})
    assert run.successful
    assert run["report"].task.data.total == 15
    run = run_flow(TrainFlow, {"title": "t"}, replace={"decide": {"verdict": "bad"}})
    assert run.successful
    assert "drop" in run
    assert "keep" not in run


GIVEN: dict[str, dict[str, Any]] = {"TrainFlow": {"title": ""}, "scale": {"count": 1}}
IMPOSSIBLE: list[tuple[Any, dict[str, Any], str]] = [
    (TrainFlow, {"decide": {"other": 1}}, "'decide' goes on by 'verdict'"),
    (OddFlow, {"start": {"x": 1}}, "give a function that calls `self.next` with num_parallel="),
    (scale, {"scaled": {"scaled": 1}}, "the outputs of 'scaled' are 'product', and"),
    (scale, {"scaled": 5}, "give a function or the artifacts that it sets for 'scaled', not 5"),
]


@pytest.mark.parametrize(("flow", "replace", "message"), IMPOSSIBLE)
def test_replacements_that_cannot_work_are_refused(flow: Any, replace: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        run_flow(flow, GIVEN.get(flow.__name__), replace=replace)


@pytest.mark.process
@BOTH
def test_attempts_fail_and_are_killed(engine: RunFlow) -> None:
    given: dict[str, Any] = {"fail": {"right": [0]}, "kill": {"right": [1]}, "slow": {"each/1": 0.1}}
    run = engine(TrainFlow, {"title": "", "rows": 2}, **given)
    assert run.successful
    assert _attempts(run, "right")[:1] == ["failed"]
    assert len(_attempts(run, "right")) == 3
    assert run["right"].task.data.quotient == 0.5


@pytest.mark.process
def test_a_run_that_fails_is_returned() -> None:
    run = run_flow(TrainFlow, {"title": ""}, fail={"each/1": True})
    assert not run.successful
    failure = run["each"]["1"].exception
    assert failure is not None
    assert "the test lets attempt 0 of each/1 fail" in failure.exception
    assert failure.stacktrace == "flowc: InjectedFailure: the test lets attempt 0 of each/1 fail\n"


@pytest.mark.process
def test_tracebacks_begin_in_the_code_of_the_test() -> None:
    def start(self: Any) -> None:
        self.data = [1 // 0]

    failure = run_flow(TrainFlow, {"title": ""}, replace={"start": start}, slow={"start": 0.01})["start"].task.exception
    assert failure is not None
    assert failure.stacktrace is not None
    assert failure.stacktrace.count("  File ") == 1, failure.stacktrace
    assert f'File "{__file__}", line' in failure.stacktrace


@pytest.mark.process
def test_what_is_slow_reaches_its_timeout_and_catch_takes_the_failure() -> None:
    run = run_flow(TrainFlow, {"title": ""}, slow={"right": 3})
    assert run.successful
    assert run["right"].task.data.failure.type.endswith("TimeoutException")


UNUSED = ("fail={'each/7'", "replace={'drop'")


@pytest.mark.process
def test_what_has_not_happened_is_a_warning() -> None:
    given: dict[str, Any] = {"fail": {"each/7": [0]}, "replace": {"drop": {"x": 1}}}
    with pytest.warns(UnusedFault) as caught:
        run_flow(TrainFlow, {"title": "", "rows": 6}, **given)
    messages = sorted(str(item.message) for item in caught)
    assert messages == [
        f"{what}: ...}} had no effect: no such task has run" for what in ("fail={'each/7'", "replace={'drop'")
    ]
    assert {Path(item.filename).name for item in caught} == {"test_engine_runs.py"}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "replaced": ({"replace": {"train": doubled}}, "replace: TrainFlow has no step 'train'; it has start, left, right"),
    "replaced by no function": (
        {"replace": {"left": 3}},
        "give a function or the artifacts that it sets for 'left', not",
    ),
    "misspelt": ({"replace": {"lefft": doubled}}, "has no step 'lefft'; did you mean 'left'. it has start"),
    "failing": ({"fail": {"train": [0]}}, "fail: TrainFlow has no step 'train'"),
    "no attempts": (
        {"fail": {"left": 2}},
        r"fail: 'left' needs the numbers of attempts, as in \[0, 1\], or True, not 2",
    ),
    "no numbers": ({"kill": {"left": ["a"]}}, r"kill: 'left' needs the numbers of attempts"),
    "no task": ({"kill": {"left/1": [0]}}, "kill: 'left/1' is no task of step 'left'; .* like 'left'"),
    "no item": ({"slow": {"each/1.2": 1}}, "slow: 'each/1.2' is no task of step 'each'; .* like 'each/0'"),
    "no seconds": ({"slow": {"each": "1s"}}, "slow: 'each' needs seconds, not '1s'"),
}


@pytest.mark.parametrize("row", REFUSED)
def test_what_the_flow_does_not_have_is_refused(row: str) -> None:
    given, message = REFUSED[row]
    with pytest.raises(UsageError, match=message) as caught:
        run_flow(TrainFlow, {"title": ""}, **given)
    assert len(caught.traceback) == 2


def test_functions_that_cannot_be_sent_are_refused() -> None:
    def fake(self: Any) -> None:
        self.lock = lock.name

    with Path(os.devnull).open() as lock, pytest.raises(UsageError, match="left: fake uses lock, which is a TextIO"):
        run_flow(TrainFlow, {"title": ""}, replace={"left": fake})


def test_parameters_are_checked_as_by_the_command(tmp_path: Path) -> None:
    with pytest.raises(CompileFailed) as missing:
        run_flow(TrainFlow)
    with pytest.raises(CompileFailed) as unknown:
        run_flow(TrainFlow, {"title": "", "row": 1})
    with pytest.raises(CompileFailed) as wrong:
        run_flow(TrainFlow, {"title": "", "rows": "many"})
    assert (missing.value.codes, unknown.value.codes, wrong.value.codes) == (["FC304"], ["FC302"], ["FC303"])
    with pytest.raises(UsageError, match=r"scaled is a step: run_step\(...\) runs it alone"):
        run_flow(scaled)


def test_options_of_the_target_are_checked() -> None:
    with pytest.raises(CompileFailed) as caught:
        simulate_flow(OddFlow, options={"imagine": "x"})
    assert caught.value.codes == ["FC504"]


@pytest.mark.process
def test_the_fixtures(flowc_root: Path, run_flow: RunFlow, simulate_flow: RunFlow) -> None:
    for run in (run_flow(scale, {"count": 2}), simulate_flow(scale, {"count": "2"})):
        assert run.data.total == 3
        assert Path(re.sub("^file://", "", run.root)) == flowc_root
    assert len(list(Flow("scale"))) == 2


@pytest.mark.process
def test_the_flows_of_the_users_run_as_from_the_command_line(tmp_path: Path) -> None:
    text = """
        import os
        from metaflow import FlowSpec, step
        import helper

        class UserFlow(FlowSpec):
            @step
            def start(self):
                self.seen = (helper.VALUE, os.environ["SEEN"], __name__)
                self.next(self.end)

            @step
            def end(self):
                pass

        if __name__ == "__main__":
            UserFlow()
    """
    write_files(tmp_path, {"user_flow_of_test.py": text, "helper.py": "VALUE = 5\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEN", "yes")
        run = run_flow(tmp_path / "user_flow_of_test.py")
    assert run.data.seen == (5, "yes", "user_flow_of_test")


@pytest.mark.process
@BOTH
def test_persons_choose(engine: RunFlow) -> None:
    run = engine(AskingFlow, approvals={"start": "True", "end": "go"})
    assert run.successful
    assert (run.data.good, run.data.answer) == (True, "go")
    assert "yes" in run
    with pytest.raises(CompileFailed, match="'perhaps' cannot be chosen"):
        engine(AskingFlow, approvals={"start": "perhaps"})


@pytest.mark.process
@BOTH
def test_persons_choose_for_items(engine: RunFlow) -> None:
    run = engine(AskingItemsFlow, approvals={"ask": "yes", "ask/1": "no"})
    assert run.data.answers == ["0: yes", "1: no", "2: yes"]
    with pytest.raises(CompileFailed, match="no step 'ask/one' with"):
        engine(AskingItemsFlow, approvals={"ask/one": "yes"})
