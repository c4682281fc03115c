"""What is known of flows with errors, and that nothing is shown of a text that is no longer there."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types

from flowc_cli.lsp.analysis import analyze
from flowc_cli.lsp.completion import complete
from flowc_cli.lsp.document_symbols import document_symbols
from flowc_cli.lsp.hover import hover
from flowc_cli.lsp.navigation import definition
from flowc_cli.lsp.session import OpenFile, Session
from flowc_cli.lsp.symbol_lookup import Lookup
from tests.lsp.test_lsp_positions import CLASS_FLOW, PIPELINE

MERGE = '\n        self.merge_artifacts(inputs, include=["kind"])'
LEFT, FIRST = "    @step\n    def left", "def first(self):\n        "
MISTAKES = {
    "artifact": ("print(self.best,", "print(self.bset,", "FC317"),
    "target": ("self.next(self.left, self.right)", "self.next(self.left, self.rihgt)", "FC201"),
    "case": ('"b": self.second', '"b": self.scond', "FC201"),
    "foreach": ("self.next(self.left, self.right)", "self.next(self.wrong, foreach='items')", "FC201"),
    "no_next": (LEFT, f"    @step\n    def extra(self):\n        pass\n\n{LEFT}", "FC202"),
    "unreached": (LEFT, f"    @step\n    def extra(self):\n        self.next(self.end)\n\n{LEFT}", "FC205"),
    "loop": (f"{FIRST}self.next(self.end)", f"{FIRST}self.next(self.choose)", "FC204"),
    "all_in_a_loop": ("current.run_id)", "current.run_id)\n        self.next(self.start)", "FC213"),
    "no_end": ("    def end(self):", "    def last(self):", "FC202"),
    "no_start": ("def start(self):", "def begin(self):\n        self.xs = len(self.xz)", ""),
    "two_ends": ("    @step\n    def second", "    @step(end=True)\n    def second", "FC217"),
    "no_inputs": ("both(self, inputs):\n        self.best = inputs.right.score" + MERGE, "both(self):", "FC210"),
    "arm_left_out": ("self.model = {}\n        self.next(self.both)", "self.next(self.end)", "FC207"),
    "async": ("    def second", "    async def second", "FC107"),
    "option": ("times=2", "tmies=2", "FC403"),
    "value": ("times=2", "times='x'", "FC404"),
    "parameter": ("default=0.1", "default='x'", "FC303"),
    "written": ("self.items = [1, 2]", "self.items = [1, 2]; self.rate = 2.0", "FC321"),
    "half_a_character": ("@retry(times=2)", '@environment(vars={"a": "\\ud800"})', "FC118"),
    "statement": (
        "    @retry(times=2)",
        "    try:\n        import a\n    finally:\n        pass\n\n    @retry(times=2)",
        "FC108",
    ),
}  # fmt: skip
"""What is replaced, by what, and a diagnostic of that; none where the class may be the base of a flow."""


def flow_with(old: str, new: str) -> str:
    text = CLASS_FLOW.replace('{"a": 1}', "{}").replace("current, ", "current, environment, ")
    assert text.count(old) == 1, old
    return text.replace(old, new)


def opened(text: str, folder: Path) -> OpenFile:
    session = Session()
    file = session.open((folder / "flow.py").as_uri(), 1, text)
    file.accept(analyze(file.document, session.texts()))
    return file


def at(file: OpenFile, mark: str) -> Lookup:
    """The position of `|` in a part of a text that has the rest of it."""
    text = file.document.plain
    offset = text.index(mark.replace("|", "")) + mark.index("|")
    return Lookup(file, types.Position(text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1))


def shown(file: OpenFile, mark: str) -> str:
    """What is shown of the name behind `|`; empty for nothing."""
    found = hover(at(file, mark))
    assert found is None or isinstance(found.contents, types.MarkupContent)
    return found.contents.value if found is not None else ""  # type: ignore[union-attr]


@pytest.mark.parametrize(("old", "new", "code"), MISTAKES.values(), ids=MISTAKES)
def test_a_flow_with_a_mistake_is_shown_as_far_as_it_is_known(tmp_path: Path, old: str, new: str, code: str) -> None:
    file = opened(flow_with(old, new), tmp_path)
    assert file.latest is not None
    assert not code or code in {item.code for item in file.latest.diagnostics}
    assert "sets: `score" in shown(file, "def |right")
    assert "**step `choose`**: chooses the next step by `kind`" in shown(file, "def |choose")
    assert "**artifact `items: list[int]`**" in shown(file, "self.|items)")
    assert "**parameter `rate" in shown(file, "|rate = Para")
    if ": self.first" in file.document.plain:
        assert "**step `first`**" in shown(file, '"a": self.|first')
    labels = [item.label for item in complete(at(file, "self.|items)"))]
    assert len(labels) == len(set(labels))
    assert {"items", "rate", "kind"} <= {*labels}
    assert [item.name for item in document_symbols(file)] == ["Shop"]
    assert definition(at(file, "self.|items)"))


def test_a_target_that_is_no_step_is_left_out(tmp_path: Path) -> None:
    file = opened(flow_with("self.next(self.left, self.right)", "self.next(self.left, self.rihgt)"), tmp_path)
    assert "- before: `left`\n" in shown(file, "def |start")
    assert "- after: `start`\n" in shown(file, "def |left")
    assert "after" not in shown(file, "def |right")
    file = opened(flow_with('"b": self.second', '"b": self.scond'), tmp_path)
    assert "- before: `first` if 'a'\n" in shown(file, "def |choose")


@pytest.mark.parametrize(
    "line", ["train(data, wrong)", "train('x', rate)", "load(after=['lod'])", "train(data, 1, 2)", "train()"]
)
def test_a_pipeline_with_a_mistake_is_shown_as_far_as_it_is_known(tmp_path: Path, line: str) -> None:
    call = "    train(data, rate)\n"
    assert PIPELINE.count(call) == 1
    file = opened(PIPELINE.replace(call, f"{call}    {line}\n"), tmp_path)
    assert file.latest is not None
    assert file.latest.diagnostics
    assert "`train(data=load, rate=rate)`" in shown(file, "    |train(data, rate)\n")
    assert "before: " in shown(file, "def |load")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print(self.best,", "print(self.other,"),
        ("self.next(self.left, self.right)", "self.next(self.left, self.rihgt)"),
        ("class Shop(FlowSpec)", "class Shop"),
        ("from metaflow", "from elsewhere"),
    ],
)
def test_nothing_old_is_shown_of_a_text_that_can_be_read(tmp_path: Path, old: str, new: str) -> None:
    file = opened(CLASS_FLOW, tmp_path)
    assert "read in: `end`" in shown(file, "self.|best = ")
    text = flow_with(old, new).replace("self.model =", "self.modl =").replace("print(self.best,", "print(")
    file.document = file.document.changed(2, [types.TextDocumentContentChangeWholeDocument(text)])
    file.accept(analyze(file.document, {file.document.path: text}))
    assert file.latest is not None
    assert file.latest.is_parsed
    assert "read in" not in shown(file, "self.|best = ")
    assert "model" not in {item.label for item in complete(at(file, "self.|items)"))}
    assert "`model" not in shown(file, "def |left")
