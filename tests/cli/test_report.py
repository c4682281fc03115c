"""`flowc report`: the page of a run, as a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import flowc, write_files

pytestmark = pytest.mark.process

HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
FORM = '''
    """A flow for its report."""
    import sys
    from flowc import FlowSpec, Parameter, card, current, retry, step
    from flowc.cards import Artifact, Image, Markdown, MetaflowCardComponent, ProgressBar, Table, VegaChart

    HOSTILE = "<quoted>"

    class Own(MetaflowCardComponent):
        def render(self):
            return HOSTILE

    class Shown(FlowSpec):
        """Trains a little. <plain>"""
        rate = Parameter("rate", default=0.5)
        text = Parameter("text", default=HOSTILE)

        @card(id="only")
        @step
        def start(self):
            current.card.append(Markdown(f"# Fine\\n{HOSTILE} [a](javascript:alert(1))"))
            tiny = Image(b"GIF89a\\x01\\x00\\x01\\x00\\x00\\x00\\x00;")
            current.card["only"].append(Table([[HOSTILE, tiny]], headers=[HOSTILE]))
            current.card.extend([Artifact(HOSTILE, name=HOSTILE), Image(HOSTILE), Own(), HOSTILE])
            current.card.append(ProgressBar(max=4, label="Epochs"), id="bar")
            current.card.components["bar"].update(3)
            current.card.append(VegaChart({"data": {"url": "http://127.0.0.1:1/x.json"}}))
            self.items = list(range(40))
            self.rows = [{"name": "a", "n": 1}, {"name": HOSTILE, "n": 2}]
            self.losses = [1.0, 0.5, 0.25, 0.125]
            self.scores = {"left": 1, "right": 2.5}
            self.picture = b"GIF89a\\x01\\x00\\x01\\x00\\x00\\x00\\x00;"
            print(HOSTILE)
            self.next(self.work, foreach="items")

        @retry(times=1, minutes_between_retries=0)
        @step
        def work(self):
            if self.input == 3:
                current.card.append(f"attempt {current.retry_count}")
            if self.input == 3 and not current.retry_count:
                raise ValueError(HOSTILE)
            self.next(self.join)

        @step
        def join(self, inputs):
            raise RuntimeError("it ends here")
            self.next(self.end)

        @step
        def end(self):
            pass
'''
FLOW = FORM.replace("<quoted>", HOSTILE.replace('"', '\\"')).replace("<plain>", HOSTILE.replace('"', "'"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_files(folder, {"flow.py": FLOW})
    assert flowc(folder, "run", "flow.py").returncode == 1
    result = flowc(folder, "report", "Shown", "-o", "run.html", "--details", "5")
    assert result.returncode == 0, result.stderr
    return folder


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="run-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def test_the_page_has_what_the_store_has(folder: Path) -> None:
    run = data_of((folder / "run.html").read_text(encoding="utf-8"))
    assert [run["flow"], run["state"], run["engine"]] == ["Shown", "failed", "local"]
    assert [(step["name"], step.get("total", 0)) for step in run["steps"]] == [
        ("start", 1), ("work", 40), ("join", 1), ("end", 1),
    ]  # fmt: skip
    assert len(run["tasks"]) == 42
    retried = next(row for row in run["tasks"] if row[1] == "3")
    assert [attempt[1] for attempt in retried[4]] == ["failed", "successful"]
    assert all(row[3] is not None for row in run["tasks"][1:]), "each knows since when it could have begun"
    assert sum(key.startswith("work/") for key in run["details"]) == 5
    assert "work/3" in run["details"], "what was tried again comes first"
    assert run["details"]["join"]["attempts"]["0"]["failure"]["message"] == "it ends here"
    kinds = {item["name"]: run["values"][item["value"]]["kind"] for item in run["details"]["start"]["artifacts"]}
    assert kinds == {
        "items": "plot", "losses": "plot", "picture": "image", "rate": "text", "rows": "table", "scores": "bars",
        "text": "text",
    }  # fmt: skip
    assert [item["name"] for item in run["parameters"]] == ["rate", "text"]
    assert list(run["code"]["files"]) == ["flow.py"]


def test_the_page_has_the_cards(folder: Path) -> None:
    details = data_of((folder / "run.html").read_text(encoding="utf-8"))["details"]
    (card,) = details["start"]["cards"]
    kinds = [part["kind"] for part in card["components"]]
    assert kinds == ["markdown", "rich table", "artifact", "error", "html", "text", "progress", "vega"]
    tree = card["components"][0]["tree"]
    assert tree[0] == ["h1", {}, ["Fine"]]
    assert "[a](javascript:alert(1))" in "".join(part for part in tree[1][2] if isinstance(part, str))
    assert card["components"][6]["value"] == 3
    assert "loads data" in card["components"][7]["note"]
    assert details["work/3"]["cards"][0]["components"] == [{"kind": "text", "text": "attempt 1"}]


def test_the_page_runs_nothing_of_the_run_and_loads_nothing(folder: Path) -> None:
    page = (folder / "run.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert 'src="http' not in re.sub(r'xmlns="http://www.w3.org/2000/svg"|"http://www.w3.org/2000/svg"', "", page)


@pytest.mark.parametrize("width", [1400, 400])
def test_a_browser_shows_it(folder: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    if browser is None:
        pytest.skip("there is no Chromium")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder / 'browser'}",
        f"--window-size={width},900",
    ]
    address = (folder / "run.html").as_uri()
    done = subprocess.run(
        [browser, *options, "--dump-dom", f"{address}#task/join"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    shown = done.stdout
    assert "<title>Shown/" in shown
    assert "taken" not in re.sub(r"document\.title='taken'", "", shown.partition("</title>")[0])
    assert '<iframe class="html" sandbox=""' in shown
    panel = shown[shown.index('<aside id="panel"') :]
    assert "it ends here" in panel
    assert "Why it failed" in shown
    assert shown.count('class="lane"') == 4
    assert 'role="button" aria-label="work: 40 successful' in shown
