"""What steps wait for, on a live Airflow: a file that comes later, and persons who choose by `flowc approve`.

From 3.1 on Airflow itself asks, and is answered by its API; 2.11 has a sensor that looks into the store.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Run
from tests.airflow.live import Live
from tests.gatesflow import CHOICES, GATES, check_ended, waits

pytestmark = pytest.mark.live


def test_a_file_and_persons(live: Live, tmp_path: Path) -> None:
    go = tmp_path / "go"
    file = tmp_path / "gates.py"
    file.write_text(GATES.format(url=go))
    done = live.submit(file)
    assert done.returncode == 0, done.stderr + live.said()
    name, root = done.stdout.splitlines()[0], str(live.root)
    (waiting,) = waits(name, root, bool)
    assert (waiting.step, waiting.question) == ("start", None)
    go.touch()
    asked = waits(name, root, lambda found: len(found) == 2)
    assert [task.place for task in asked] == list(CHOICES)
    for step, choice in CHOICES.items():
        done = live.flowc("approve", name, step, "--choose", choice, "--note", f"the {step}", "--root", root)
        assert done.returncode == 0, done.stdout + done.stderr + live.said()
    live.until(name, "succeeded")
    check_ended(Run(name, root=root))
    assert all(task["attempts"] == 1 for task in live.status(name)["tasks"])
