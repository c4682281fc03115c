"""What a position means and what may stand there, in texts that somebody is typing: `|` is the position."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from flowc_cli.lsp.analysis import analyze
from flowc_cli.lsp.completion import complete
from flowc_cli.lsp.cursor import cursor_at
from flowc_cli.lsp.hover import hover
from flowc_cli.lsp.navigation import definition, references
from flowc_cli.lsp.session import OpenFile, Session
from flowc_cli.lsp.symbol_lookup import Lookup

CLASS_FLOW = """\
from metaflow import FlowSpec, Parameter, current, retry, step

class Shop(FlowSpec):
    rate = Parameter("rate", type=float, default=0.1)

    @retry(times=2)
    @step
    def start(self):
        self.items = [1, 2]
        self.kind = "a"
        self.next(self.left, self.right)

    @step
    def left(self):
        self.model = {"a": 1}
        self.next(self.both)

    @step
    def right(self):
        self.score = len(self.items)
        self.next(self.both)

    @step
    def both(self, inputs):
        self.best = inputs.right.score
        self.merge_artifacts(inputs, include=["kind"])
        self.next(self.choose)

    @step
    def choose(self):
        self.next({"a": self.first, "b": self.second}, condition="kind")

    @step
    def first(self):
        self.next(self.end)

    @step
    def second(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.best, current.run_id)
"""
PIPELINE = """\
from zenml import pipeline, step

@step
def load() -> int:
    return 1

@step
def train(data: int, rate: float) -> float:
    \"\"\"Fit it.\"\"\"
    return data * rate

@step
def warm() -> None:
    pass

@pipeline
def training(rate: float = 0.5):
    data = load()
    warm(after=["load"])
    train(data, rate)
    train(data, 0.1, id="second")

if __name__ == "__main__":
    training()
"""


def _open(text: str, folder: Path) -> OpenFile:
    session = Session()
    file = session.open((folder / "flow.py").as_uri(), 1, text)
    file.accept(analyze(file.document, session.texts()))
    return file


def _lookup(folder: Path, text: str, old: str, new: str) -> Lookup:
    """The position of `|` in a text that was checked, and in which the only `old` has become `new` since."""
    file = _open(text, folder)
    assert text.count(old) == 1, old
    marked = text.replace(old, new)
    offset = marked.index("|")
    change = types.TextDocumentContentChangeWholeDocument(marked.replace("|", "", 1))
    file.document = file.document.changed(2, [change])
    return Lookup(file, types.Position(marked.count("\n", 0, offset), offset - marked.rfind("\n", 0, offset) - 1))


STEPS = ["both", "choose", "end", "first", "left", "right", "second", "start"]
RETRY = [
    *("backoff", "cpu", "disk", "factor", "gpu", "max_wait", "memory", "minutes_between_retries", "never"),
    *("node_selector", "on", "times", "tolerations"),
]
COMPLETED: dict[str, tuple[str, str, list[str]]] = {
    "next": ("self.next(self.left, self.right)", "self.next(self.|", STEPS),
    "second_argument": ("self.next(self.left, self.right)", "self.next(self.left, self.|", STEPS),
    "prefix": ("self.next(self.left, self.right)", "self.next(self.l|, self.right)", STEPS),
    "case": ('"b": self.second}', '"b": self.|}', STEPS),
    "lines": ("self.next(self.left, self.right)", "self.next(\n            self.|\n        )", STEPS),
    "foreach": ("self.left, self.right)", 'self.left, foreach="|', ["best", "items", "kind", "model", "score"]),
    "condition": ('condition="kind"', 'condition="|"', ["best", "items", "kind", "model", "score"]),
    "include": ('include=["kind"]', 'include=["kind", "|"]', ["best", "items", "kind", "model", "score"]),
    "inputs": ("inputs.right.score", "inputs.|", ["left", "right"]),
    "input": ("inputs.right.score", "inputs.right.|", ["best", "items", "kind", "model", "score"]),
    "any_input": ("inputs.right.score", "inputs[0].|", ["best", "items", "kind", "model", "score"]),
    "each_input": ("inputs.right.score", "[i.| for i in inputs]", ["best", "items", "kind", "model", "score"]),
    "current": ("current.run_id", "current.retr|", ["retry_count"]),
    "argument": ("@retry(times=2)", "@retry(|", RETRY),
    "next_argument": ("@retry(times=2)", "@retry(times=2, |)", [name for name in RETRY if name != "times"]),
    "value": ("@retry(times=2)", "@retry(times=|", []),
    "comment": ("print(self.best, ", "# self.|\n        print(self.best, ", []),
    "doc": ("print(self.best, ", "'self.|'\n        print(self.best, ", []),
    "other_object": ("print(self.best, ", "print(x.|", []),
    "outside": ("class Shop", "self.|\nclass Shop", []),
}
"""What is replaced, by what, and what may stand at `|`."""


@pytest.mark.parametrize(("old", "new", "labels"), COMPLETED.values(), ids=COMPLETED)
def test_what_may_stand_at_a_position(tmp_path: Path, old: str, new: str, labels: list[str]) -> None:
    lookup = _lookup(tmp_path, CLASS_FLOW, old, new)
    found = [item.label for item in complete(lookup) if item.label.startswith(lookup.cursor.prefix) or labels is STEPS]
    assert sorted(found) == labels


def test_artifacts_come_with_those_that_are_there_first(tmp_path: Path) -> None:
    lookup = _lookup(tmp_path, CLASS_FLOW, "print(self.best, current.run_id)", "print(self.|)")
    found = sorted(complete(lookup), key=lambda item: item.sort_text or "")
    assert [item.label for item in found][:3] == ["best", "kind", "rate"]
    details = {item.label: item.detail for item in found}
    assert details["model"] == "dict[str, int], set in left"
    assert details["rate"] == "Parameter, float"
    assert {"next", "input", "merge_artifacts"} <= details.keys()


def test_a_decorator_comes_with_its_import(tmp_path: Path) -> None:
    lookup = _lookup(tmp_path, CLASS_FLOW, "    @retry(times=2)\n", "    @|\n")
    items = {item.label: item for item in complete(lookup)}
    assert {"step", "retry", "resources", "kubernetes", "catch"} <= items.keys()
    assert "schedule" not in items
    assert items["retry"].additional_text_edits is None
    (edit,) = list(items["resources"].additional_text_edits or ())
    place = types.Position(0, len(CLASS_FLOW.partition("\n")[0]))
    assert (edit.range.start, edit.range.end, edit.new_text) == (place, place, ", resources")
    lookup = _lookup(tmp_path, CLASS_FLOW, "class Shop", "@|\nclass Shop")
    assert {"schedule", "project", "trigger"} <= {item.label for item in complete(lookup)}


IN_PIPELINES = {
    "after": ('after=["load"]', 'after=["|', ["load", "second", "train", "warm"]),
    "step_argument": ("@step\ndef warm", "@step(ret|\ndef warm", ["retry"]),
    "decorator": ("@step\ndef warm", "@pip|\ndef warm", ["pipeline"]),
}


@pytest.mark.parametrize(("old", "new", "labels"), IN_PIPELINES.values(), ids=IN_PIPELINES)
def test_what_may_stand_in_a_pipeline(tmp_path: Path, old: str, new: str, labels: list[str]) -> None:
    lookup = _lookup(tmp_path, PIPELINE, old, new)
    assert sorted(item.label for item in complete(lookup) if item.label.startswith(lookup.cursor.prefix)) == labels


PLACES = {
    "step": ("self.next(self.left, ", "self.next(self.l|eft, ", ["def left"], 2),
    "case": ('"b": self.second}', '"b": self.sec|ond}', ["def second"], 2),
    "input": ("inputs.right.score", "inputs.rig|ht.score", ["def right"], 3),
    "artifact": ("print(self.best, ", "print(self.be|st, ", ["self.best = "], 2),
    "foreach": ('condition="kind"', 'condition="ki|nd"', ['self.kind = "a"'], 1),
    "parameter": ("    rate = Para", "    ra|te = Para", ["    rate = "], 1),
}
"""What is replaced, by what, the texts at whose names the definitions are, and how many references there are."""


@pytest.mark.parametrize(("old", "new", "texts", "count"), PLACES.values(), ids=PLACES)
def test_where_names_lead(tmp_path: Path, old: str, new: str, texts: list[str], count: int) -> None:
    lookup = _lookup(tmp_path, CLASS_FLOW, old, new)
    lines = CLASS_FLOW.split("\n")
    for found, text in zip(definition(lookup), texts, strict=True):
        line = lines[found.range.start.line]
        assert text in line
        assert line[found.range.start.character : found.range.end.character] == lookup.cursor.word
    assert len(references(lookup, with_definition=True)) == count


def test_a_pipeline_leads_to_its_steps(tmp_path: Path) -> None:
    lookup = _lookup(tmp_path, PIPELINE, "    train(data, rate)", "    tr|ain(data, rate)")
    (found,) = definition(lookup)
    assert PIPELINE.split("\n")[found.range.start.line].startswith("def train")
    assert len(references(lookup, with_definition=False)) == 2
    lookup = _lookup(tmp_path, PIPELINE, 'after=["load"]', 'after=["lo|ad"]')
    (found,) = definition(lookup)
    assert PIPELINE.split("\n")[found.range.start.line].startswith("def load")


SHOWN = {
    "call": (
        "    train(data, rate)", "    tr|ain(data, rate)",
        ["**step `train`**", "`train(data=load, rate=rate)`", "Fit it."],
    ),
    "other_call": ("train(data, 0.1", "tr|ain(data, 0.1", ["**step `second`**", "rate=0.1"]),
    "function": ("def train(", "def tra|in(", ["2 steps: `train`, `second`", "after: `load`"]),
    "text": ('after=["load"]', 'after=["lo|ad"]', ["**step `load`**", "before: `warm`, `train`, `second`"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "texts"), SHOWN.values(), ids=SHOWN)
def test_what_is_shown_in_a_pipeline(tmp_path: Path, old: str, new: str, texts: list[str]) -> None:
    shown = hover(_lookup(tmp_path, PIPELINE, old, new))
    assert shown is not None
    assert isinstance(shown.contents, types.MarkupContent)
    for text in texts:
        assert text in shown.contents.value


CALLS = """\
from flowc import FlowSpec, call_flow, step

class Inner(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        \"\"\"Work.\"\"\"
        self.total = 1
        self.next(self.end)

    @step
    def end(self):
        print(self.total)

class Outer(FlowSpec):
    @step
    def start(self):
        self.next(self.call, self.other)

    @call_flow(Inner, returns=["total"])
    @step
    def call(self):
        self.next(self.join)

    @step
    def other(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = inputs.call.total
        self.next(self.end)

    @step
    def end(self):
        print(self.total)
"""


def test_the_flows_that_a_flow_of_the_file_calls_are_known(tmp_path: Path) -> None:
    shown = hover(_lookup(tmp_path, CALLS, "def work(", "def wo|rk("))
    assert shown is not None
    assert isinstance(shown.contents, types.MarkupContent)
    for text in ["**step `work`**", "after: `start`", "before: `end`", "sets: `total: int`", "Work."]:
        assert text in shown.contents.value
    file = _open(CALLS, tmp_path)
    assert file.latest is not None
    assert (file.latest.diagnostics, sorted(file.flows)) == ((), ["Inner", "Outer"])
    for new, labels in {"inputs.|": ["call", "other"], "inputs.call.|": ["total"]}.items():
        assert sorted(item.label for item in complete(_lookup(tmp_path, CALLS, "inputs.call.total", new))) == labels


def test_a_long_file_is_read_from_near_the_position() -> None:
    text = (
        CLASS_FLOW.rpartition("    @step")[0]
        + "    def end(self):\n"
        + "        self.x = 1\n" * 20_000
        + "        self.|"
    )
    cursor = cursor_at(text.replace("|", ""), len(text) - 1)
    assert cursor.owner == ("self",)
    assert (cursor.around.method, cursor.around.owner) == ("end", "Shop")
