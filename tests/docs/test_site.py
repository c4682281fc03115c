"""The site: diagrams are those of `flowc graph`, nothing comes from another host, and addresses are in one place."""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from flowc_cli.drawing.graph_languages import mermaid
from flowc_compiler.driver import compile_file
from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, PAGES, blocks

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))
_ADDRESS = re.compile(r"https?://(?:flowc\.example|[\w.]+/OWNER)[^\s`)\"]*")


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_graph_prints_is_drawn(hooks: ModuleType, path: Path) -> None:
    flow = compile_file(path).flow
    text = mermaid(flow)
    document = hooks.read_mermaid(text)
    real = [step for step in flow.steps if not step.virtual]
    assert {node.id for node in document.nodes} == {step.name for step in real}
    assert {node.id for node in document.nodes if node.kind == "join"} == {
        step.name for step in real if step.kind == "join"
    }
    assert len(document.edges) == text.count("-->")
    assert [scope.title for scope in document.scopes] == re.findall(r'subgraph \w+\["(.*)"\]', text)
    picture = hooks.draw_fence(text)
    assert picture.count("<svg") == 1
    assert "<style" not in picture


def test_each_diagram_of_a_page_can_be_drawn(hooks: ModuleType) -> None:
    found = [block for page in PAGES for block in blocks(page.read_text(), "mermaid")]
    assert found
    for block in found:
        hooks.draw_fence(block.text)


@pytest.mark.parametrize("line", ["a --> ", "a -.-> b", "a[b", "style a fill:#fff", "a --> b c"])
def test_a_line_that_is_not_known_is_refused(hooks: ModuleType, line: str) -> None:
    with pytest.raises(ValueError, match="does not know this line"):
        hooks.read_mermaid(f"flowchart TD\n  {line}\n")


def test_two_drawings_of_a_page_share_no_id(hooks: ModuleType) -> None:
    one, two = (hooks.draw_fence(f"flowchart TD\n  a --> {name}\n") for name in "bc")
    ids = [*re.findall(r' id="([^"]+)"', one), *re.findall(r' id="([^"]+)"', two)]
    assert len(ids) == len(set(ids)) == 6
    for drawing in (one, two):
        for name in re.findall(r"url\(#([^)]+)\)", drawing):
            assert f'id="{name}"' in drawing


@pytest.mark.parametrize(
    "loads",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link href="//fonts.example/a.css" rel="stylesheet">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<img alt="" src="http://img.example/x.png">',
    ],
)
def test_a_page_that_loads_from_another_host_is_reported(
    hooks: ModuleType, loads: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    with caplog.at_level(logging.WARNING, "mkdocs.hooks"):
        own = '<script src="assets/x.js"></script><link rel="canonical" href="https://x.example/"><a href="https://y">'
        hooks.on_post_page(own, page=page)
        assert not caplog.records
        hooks.on_post_page(loads, page=page)
    assert [record.getMessage().partition(" would load ")[0] for record in caplog.records] == ["page.md"]


def test_diagrams_have_the_colors_of_the_theme(hooks: ModuleType) -> None:
    styles = hooks.diagram_styles()
    assert "prefers-color-scheme" not in styles
    assert "[data-md-color-scheme=slate] .flow-graph {" in styles
    assert styles.count("{") == styles.count("}")


def test_addresses_are_those_of_pyproject(hooks: ModuleType) -> None:
    """The site writes the repository's address into its pages; a README is read as it is."""
    documentation, repository = hooks.addresses()
    for page in PAGES:
        shown = set(_ADDRESS.findall(page.read_text()))
        pages = page.parent == REPOSITORY
        allowed = (documentation, repository) if pages else (documentation, hooks.PLACEHOLDER)
        wrong = [address for address in shown if not address.startswith(tuple(item.rstrip("/") for item in allowed))]
        assert not wrong, f"{page.name} has {wrong}"
