"""What notebooks show of runs, steps and tasks: whatever a store says is escaped."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc.store import open_store
from flowc.store.artifacts import save
from flowc.store.run_layout import RunLayout
from tests.testing.tested_flows import Model

HOSTILE = "<script>alert('x')</script>&\"'"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def run(tmp_path: Path) -> Run:
    layout = RunLayout(open_store(str(tmp_path)), "HtmlFlow", "one")
    record = {"version": 1, "flow": "HtmlFlow", "run": "one", "created": 1.0, "tags": [HOSTILE], "end": "end"}
    layout.write_json("HtmlFlow/one/run.json", record)
    for step, index, attempt in (("start", (), 0), ("each", (0,), 0), ("each", (1,), 1)):
        layout.begin(step, index, attempt, {"version": 1, "started": 2.0, "last": True})
        values = {"text": HOSTILE, "number": 3, "model": Model(1), "long": "x" * 1000, HOSTILE: 1}
        refs = {name: save(layout.store, "HtmlFlow", name, value) for name, value in values.items()}
        head = {"flow": "HtmlFlow", "run": "one", "step": step, "attempt": attempt}
        place = ".".join(map(str, index)) or "-"
        manifest = {**head, "index": place, "created": 65.5, "artifacts": refs, "parameters": {}}
        layout.commit(step, index, attempt, manifest)
    layout.begin("each", (2,), 0, {"version": 1, "started": 2.0, "last": True})
    error = {"version": 1, "type": "E", "module": "m", "message": HOSTILE, "traceback": HOSTILE, "created": 3.0}
    layout.write_json("HtmlFlow/one/each/2/0/error.json", error)
    layout.write_json("HtmlFlow/one/run-end.json", {"version": 1, "status": "failed", "ended": 100.0})
    return Run("HtmlFlow/one", root=str(tmp_path), _namespace_check=False)


def _html(entity: Any) -> str:
    """What IPython asks for."""
    found: str = entity._repr_html_()
    return found


def _text(html: str) -> str:
    return re.sub(r"<[^>]*>", "|", html)


def test_a_run(run: Run) -> None:
    html = _html(run)
    assert _Tags(html).tags == {"div", "b", "span", "table", "thead", "tbody", "tr", "th", "td"}
    assert "script" not in _Tags(html).tags
    text = re.sub(r"\|+", "|", _text(html))
    assert "|Run HtmlFlow/one|" in text
    assert "|each|3|2|1 failed or stopped|" in text
    assert "1 min 39 s" in text


def test_a_step(run: Run) -> None:
    html = _html(run["each"])
    text = re.sub(r"\|+", "|", _text(html))
    assert "|each-0|successful|1|" in text
    assert "|each-2|failed|1|" in text
    assert "tasks 3 &middot; done 2" in text


def test_a_task(run: Run) -> None:
    html = _html(run["each"]["0"])
    assert "script" not in _Tags(html).tags
    text = re.sub(r"\|+", "|", _text(html))
    assert "|number|int|1 bytes|3|" in text
    assert f"|model|{Model.__module__}.Model|" in text
    assert "&lt;script&gt;" in text
    assert len(html) < 3000
    failed = _html(run["each"]["2"])
    assert "script" not in _Tags(failed).tags
    assert "<pre>&lt;script&gt;" in failed


def test_a_store_that_is_damaged(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "HtmlFlow" / "one" / "each" / "0" / "0" / "manifest.json"
    content = json.loads(path.read_text())
    content["step"] = HOSTILE
    path.write_text(json.dumps(content))
    html = _html(Run("HtmlFlow/one", root=str(tmp_path), _namespace_check=False)["each"]["0"])
    assert html.startswith("<pre>Task(")
    assert "script" not in _Tags(html).tags


def test_many_tasks_are_counted(tmp_path: Path) -> None:
    layout = RunLayout(open_store(str(tmp_path)), "WideFlow", "one")
    for index in range(120):
        layout.begin("each", (index,), 0, {"version": 1, "started": 2.0, "last": True})
    html = _html(Run("WideFlow/one", root=str(tmp_path), _namespace_check=False)["each"])
    assert "and 20 more" in html
    assert html.count("<tr>") == 101
