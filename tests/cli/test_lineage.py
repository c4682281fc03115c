"""`flowc lineage` on runs that a user made: who made a value, who passed it on, and who read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.noticeserver import served
from tests.support import flowc, write_files

pytestmark = pytest.mark.process

ORDERS = """
    import os

    from flowc import FlowSpec, Parameter, cache, step

    class Orders(FlowSpec):
        rate = Parameter("rate", default=7)

        @step
        def start(self):
            self.rows = [1, 2, 3]
            self.table = {"a": list(range(1000))}
            self.names = {"x", "y"}
            self.next(self.score, foreach="rows")

        @step
        def score(self):
            self.total = self.factor() * self.input
            self.next(self.join)

        def factor(self):
            return self.rate

        @step
        def join(self, inputs):
            self.best = max(each.total for each in inputs)
            self.merge_artifacts(inputs, exclude=["total"])
            self.next(self.count)

        @cache
        @step
        def count(self):
            self.size = len(self.table["a"])
            self.next(self.end)

        @step
        def end(self):
            if os.environ.get("ORDERS_FAIL"):
                raise ValueError("no")
            name = "ta" + "ble"
            print(len(getattr(self, name)))
"""
SQUARES = """
    from flowc import pipeline, step

    @step
    def load(n: int) -> list:
        return list(range(n))

    @step
    def square(x: int) -> int:
        return x * x

    @step
    def total(values: list, rows: list) -> int:
        return sum(values) + len(rows) + 90

    @step
    def other(n: int) -> str:
        return str(n)

    @pipeline
    def squares(n: int = 3):
        rows = load(n)
        total(square.map(rows), rows)
        other(n)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that fails at its end, the run that resumes it, one more, and one of a pipeline."""
    folder = tmp_path_factory.mktemp("lineage")
    write_files(folder, {"orders.py": ORDERS, "squares.py": SQUARES})
    assert flowc(folder, "run", "orders.py", ORDERS_FAIL="1").returncode == 1
    for command in (("resume", "orders.py"), ("run", "orders.py", "-p", "rate=8"), ("run", "squares.py")):
        done = flowc(folder, *command)
        assert done.returncode == 0, done.stderr
    return folder


def lineage(folder: Path, value: str, *arguments: str) -> dict[str, Any]:
    done = flowc(folder, "lineage", value, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def rows(document: dict[str, Any], number: int) -> list[tuple[str, str, str, str]]:
    """Task, name, how and read of the uses in a run."""
    return [(use["task"], use["name"], use["how"], use["read"]) for use in document["runs"][number]["uses"]]


def runs(folder: Path) -> list[str]:
    """The runs of Orders, the oldest first."""
    found = json.loads(flowc(folder, "runs", "Orders", "--json").stdout)
    return [str(run["run"]) for run in found][::-1]


def test_a_value_that_a_run_made_and_another_took_over(store: Path) -> None:
    first, resumed, last = runs(store)
    found = lineage(store, f"{first}/start/table")
    assert [(run["run"], run["engine"]) for run in found["runs"]] == [
        (name, "local") for name in (first, resumed, last)
    ]
    assert rows(found, 0) == [
        ("start", "table", "made", ""),
        ("score-0", "table", "inherited", "no"),
        ("score-1", "table", "inherited", "no"),
        ("score-2", "table", "inherited", "no"),
        ("join", "table", "merged", "no"),
        ("count", "table", "inherited", "read"),  # by the trace of its cache
        ("end", "table", "", "unknown"),  # it failed
    ]
    assert rows(found, 1) == [
        *((task, "table", "taken over", "") for task in ("start", "score-0", "score-1", "score-2", "join", "count")),
        ("end", "table", "inherited", "unknown"),  # by a name that it computes
    ]
    assert {use["origin"] for use in found["runs"][1]["uses"]} == {first, None}
    again = found["runs"][2]["uses"]
    assert (again[0]["how"], again[0]["origin"]) == ("made again", f"{first}/start")
    assert [(use["how"], use["read"]) for use in again if use["task"] == "count"] == [
        ("inherited", "")
    ]  # it did not run


def test_a_cached_result(store: Path) -> None:
    first, _, last = runs(store)
    found = lineage(store, f"{last}/count/size")
    last_uses = found["runs"][-1]["uses"]
    assert (last_uses[0]["task"], last_uses[0]["how"], last_uses[0]["origin"]) == ("count", "cached", f"{first}/count")


def test_items_inputs_and_parameters(store: Path) -> None:
    first = runs(store)[0]
    found = lineage(store, f"{first}/start/rows")
    assert [row[3] for row in rows(found, 0)[1:4]] == ["item"] * 3
    found = lineage(store, f"{first}/score/1/total")  # 14, which nothing else is
    assert rows(found, 0) == [("score-1", "total", "made", ""), ("join", "total", "", "by its code")]
    found = lineage(store, f"{first}/rate", "--in-flow", "Orders")
    assert rows(found, 0)[:4] == [
        ("", "rate", "parameter", ""),
        ("score-0", "rate", "", "by its code"),  # in the method that it calls
        ("score-0", "total", "made", ""),  # 7 as well
        ("score-1", "rate", "", "by its code"),
    ]


def test_parameters_of_a_called_flow_are_not_those_of_the_run(tmp_path: Path) -> None:
    code = """
        from flowc import FlowSpec, Parameter, call_flow, step

        class Score(FlowSpec):
            rows = Parameter("rows", type=int, required=True)

            @step
            def start(self):
                self.sum = self.rows + 1
                self.next(self.end)

            @step
            def end(self):
                pass

        class Weekly(FlowSpec):
            @step
            def start(self):
                self.size = 31
                self.next(self.score)

            @call_flow(Score, artifacts={"rows": "size"}, returns=["sum"])
            @step
            def score(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    write_files(tmp_path, {"weekly.py": code})
    assert flowc(tmp_path, "run", "weekly.py").returncode == 0
    assert rows(lineage(tmp_path, "Weekly/latest/start/size"), 0) == [
        ("start", "size", "made", ""),
        ("score", "size", "inherited", "no"),
        ("score__start", "rows", "parameter", "unknown"),
        ("score__start", "size", "", "unknown"),
        ("score__end", "size", "made again", ""),
        ("end", "size", "inherited", "no"),
    ]
    done = flowc(tmp_path, "lineage", "Weekly/latest/start/size")
    assert "score__start  rows  parameter, may have read it" in done.stdout


def test_a_value_with_sets_is_one_whatever_their_order(store: Path) -> None:
    """Each process has its own order of strings in a set, and so its own hash."""
    found = lineage(store, f"{runs(store)[2]}/start/names")
    assert "equal" in found["value"]
    assert len(found["runs"]) == 3


def test_a_pipeline_reads_what_its_arguments_say(store: Path) -> None:
    found = lineage(store, "squares/latest/load/output")
    assert rows(found, 0) == [
        ("load", "output", "made", ""),
        ("square-0", "load.output", "", "item"),
        ("square-1", "load.output", "", "item"),
        ("square-2", "load.output", "", "item"),
        ("total", "load.output", "", "by its code"),
    ]
    found = lineage(store, "squares/latest/n", "--in-flow", "squares")
    assert {row[0] for row in rows(found, 0) if row[3] == "by its code"} == {"load", "other"}


def test_the_text_has_tasks_that_do_the_same_together(store: Path) -> None:
    first = runs(store)[0]
    digest = lineage(store, f"{first}/start/table")["value"]["hash"]
    done = flowc(store, "lineage", digest[:10])
    assert done.returncode == 0, done.stderr
    assert f", {digest}\n{first}  local, " in done.stdout
    assert "\n  start            table  made\n  score (3 tasks)  table  passed on, not read\n" in done.stdout
    assert f"  taken over from {first}\n" in done.stdout


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("Orders/latest/start/rowz", "has no artifact rowz"),
        ("Orders/latest/score/total", "tasks of score have several values of total"),
        ("Orders/latest", "is a run: name a value of it"),
        ("Orders/latest/nothing", "has no parameter nothing"),
        ("0123456789abcdef", "has a value with the hash 0123456789abcdef"),
        ("Nothing/1/start/x", "there is no run Nothing/1"),
    ],
)
def test_what_is_no_value(store: Path, value: str, said: str) -> None:
    done = flowc(store, "lineage", value)
    assert done.returncode == 2
    assert "error[FC602]" in done.stderr
    assert said in done.stderr


def test_a_damaged_manifest_is_named(store: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(store / ".flowc", tmp_path / ".flowc")
    first = runs(store)[0]
    manifest = tmp_path / ".flowc" / first / "count/-/0/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"created"', b'"creates"'))
    done = flowc(tmp_path, "lineage", f"{first}/start/table")
    assert done.returncode == 1
    assert "what cannot be read may name the value, too" in done.stderr
    assert "count/-/0/manifest.json" in done.stderr
    assert "  start            table  made\n" in done.stdout


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def shown(event: dict[str, Any]) -> tuple[str, str, list[str], list[str]]:
    inputs, outputs = ([item["name"] for item in event.get(kind, ())] for kind in ("inputs", "outputs"))
    return event["eventType"], event["job"]["name"], inputs, outputs


def test_events_of_openlineage(store: Path) -> None:
    pytest.importorskip("openlineage.client")
    first, resumed, _ = runs(store)
    done = flowc(store, "lineage", first, "--openlineage", "-")
    assert done.returncode == 0, done.stderr
    found = events(done.stdout)
    assert [shown(event) for event in found if event["eventType"] != "START"] == [
        ("COMPLETE", "Orders.start", [], ["Orders/start/rows", "Orders/start/table", "Orders/start/names"]),
        *([("COMPLETE", "Orders.score", ["Orders/start/rows"], ["Orders/score/total"])] * 3),
        ("COMPLETE", "Orders.join", ["Orders/score/total"], ["Orders/join/best"]),
        ("COMPLETE", "Orders.count", ["Orders/start/table"], ["Orders/count/size"]),
        ("FAIL", "Orders.end", [
            "Orders/start/rows", "Orders/start/table", "Orders/start/names", "Orders/join/best", "Orders/count/size",
        ], []),
        ("FAIL", "Orders", [], []),
    ]  # fmt: skip
    error = next(event for event in found if shown(event)[:2] == ("FAIL", "Orders.end"))
    assert error["run"]["facets"]["errorMessage"]["message"] == "ValueError: no"
    assert error["run"]["facets"]["parent"]["run"]["runId"] == found[0]["run"]["runId"]
    count = next(event for event in found if shown(event)[:2] == ("COMPLETE", "Orders.count"))
    digest = lineage(store, f"{first}/start/table")["value"]["hash"]
    assert count["inputs"][0]["facets"]["version"]["datasetVersion"] == digest
    done = flowc(store, "lineage", resumed, "--openlineage", "-")
    assert {event["job"]["name"] for event in events(done.stdout)} == {"Orders", "Orders.end"}


def test_events_go_to_a_server(store: Path) -> None:
    pytest.importorskip("openlineage.client")
    given = {"OPENLINEAGE_API_KEY": "k3y", "OPENLINEAGE_NAMESPACE": "tests"}
    with served() as server:
        done = flowc(store, "lineage", "squares", "--openlineage", server.url, **given)
    got = server.posts
    assert done.returncode == 0, done.stderr
    assert {(path, headers["Authorization"]) for path, headers, _ in got} == {("/api/v1/lineage", "Bearer k3y")}
    assert f"{len(got)} events\n" in done.stderr
    assert {event["job"]["namespace"] for _, _, event in got} == {"tests"}
    total = [shown(event) for _, _, event in got if shown(event)[:2] == ("COMPLETE", "squares.total")]
    assert total == [
        ("COMPLETE", "squares.total", ["squares/load/output", "squares/square/output"], ["squares/total/output"])
    ]


def test_a_server_that_is_not_there(store: Path) -> None:
    pytest.importorskip("openlineage.client")
    done = flowc(store, "lineage", "squares", "--openlineage", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "has taken 0 of" in done.stderr


def test_events_need_the_library(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "openlineage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    done = flowc(store, "lineage", "squares", "--openlineage", "-")
    assert done.returncode == 2
    assert "pip install 'flowc[openlineage]'" in done.stderr


def test_a_value_among_the_items_of_a_foreach(tmp_path: Path) -> None:
    """Plain values are JSON in a manifest and pickles among items; both are one value."""
    text = ORDERS.replace("self.total = ", "self.row, self.total = self.input, ").replace("[1, 2, 3]", '["one", "two"]')
    text = text.replace("self.factor() * self.input", "len(self.input)").replace('["total"]', '["total", "row"]')
    write_files(tmp_path, {"orders.py": text})
    assert flowc(tmp_path, "run", "orders.py").returncode == 0
    (run,) = runs(tmp_path)
    document = lineage(tmp_path, f"{run}/score/1/row")
    assert rows(document, 0)[:3] == [
        ("start", "rows[1]", "item", ""), ("score-1", "row", "made", ""), ("score-1", "rows[1]", "", "item"),
    ]  # fmt: skip
