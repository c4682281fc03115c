"""A pod that waits for its store: the simulator says so while it does, and how to use another store."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from flowc.store import retry
from flowc_targets.base.json_events import JsonEvents
from flowc_targets.simulate import JsonProgress, Progress
from tests.argo.simulated import run, task, workflow

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_targets.simulate.simulated_pods import Pod

WAITS = "flowc: waiting 3 s for the store s3://b at h, and 9 s at most: gaierror"
HINT = "a pod cannot use the root that the manifest was compiled with; --root FOLDER uses another"


def pod_named(name: str) -> Pod:
    """A pod, as far as progress is concerned."""
    return cast("Pod", SimpleNamespace(node=SimpleNamespace(id=name, name=name), arguments=tuple))


@pytest.mark.parametrize("root", [None, "store"])
def test_waits_are_passed_on_once_and_early(tmp_path: Path, root: str | None) -> None:
    """Of several pods that wait for it one says so; what is no whole line yet comes later."""
    written: list[str] = []
    progress = Progress(written.append, output=False)
    progress.begin(root)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text(f"hello\n{WAITS}")
    progress.printed(pod_named("one"), one)
    assert written == []
    one.write_text(f"hello\n{WAITS}\n")
    two.write_text(f"{WAITS}\n")
    for _ in range(2):
        progress.printed(pod_named("one"), one)
        progress.printed(pod_named("two"), two)
    expected = [f"[one] {WAITS}", *([HINT] if root is None else [])]
    assert written == expected
    assert progress.way_out == (HINT if root is None else "")
    one.write_text(f"hello\n{WAITS}\nflowc: the store s3://b at h answers again, after 3 s\n")
    progress.printed(pod_named("one"), one)
    progress.logged(pod_named("one"), one, failed=True)
    assert written[len(expected) :] == ["[one] flowc: the store s3://b at h answers again, after 3 s", "[one] hello"]


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_store_that_refuses_is_named_with_a_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Without credentials nothing waits, and the pod fails at once."""
    progress = Progress(print, output=False) if kind == "text" else JsonProgress(JsonEvents("F/argo-1"))
    log = tmp_path / "log"
    log.write_text("flowc: StoreError: cannot write s3://b/x: no credentials\n")
    progress.logged(pod_named("one"), log, failed=True)
    assert progress.way_out == HINT
    assert HINT in capsys.readouterr().out


@pytest.mark.process
def test_it_is_said_while_the_pod_waits(capsys: pytest.CaptureFixture[str]) -> None:
    script = f'echo "{WAITS}" >&2; sleep 2; echo late; exit 1'
    result = run(workflow(task("a", script)))
    assert result.phase == "Failed"
    lines = capsys.readouterr().out.splitlines()
    assert lines.index(HINT) < lines.index("[wf.a] late")
    assert sum(WAITS in line for line in lines) == 1


def test_a_store_that_was_given_up_is_not_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of a failure, and what else follows it at once, would wait as long again: for nothing."""
    monkeypatch.setattr(retry, "FIRST_DELAY", 0.01)
    monkeypatch.setattr(retry, "_given_up", dict[str, float]())
    first: Any = retry.Retries("the store a", 0.05)
    while first.wait("refused"):
        pass
    assert first.tries > 1
    assert not retry.Retries("the store a", 60.0).wait("refused")
    assert retry.Retries("the store b", 60.0).wait("refused")
    retry.Retries("the store a").answered()
    assert retry.Retries("the store a", 60.0).wait("refused")
    while first.wait("refused"):
        pass
    later = time.monotonic() + retry.JUST + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert retry.Retries("the store a", 60.0).wait("refused"), "by then it may answer again"
