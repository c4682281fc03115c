"""Pages that a reader goes through from top to bottom: each is done, command by command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks
from tests.docs.walkthrough import walk
from tests.support import START_AND_END, flowc, write_files

PROJECT = """
    [tool.flowc]
    root = "s3://my-bucket/flows"
    image = "python:3.12-slim"
    namespace = "flows"
"""


def flow_file(name: str) -> str:
    """A file with the smallest flow of that name."""
    return f"from flowc import FlowSpec, step\n\n\nclass {name}(FlowSpec):{START_AND_END}"


# Of the reader's own files, those that a page does not show.
PREPARED = {
    "first-flow": {},
    "testing": {},
    "debugging": {},
    "events": {},
    "schedules": {},
    "ci": {"pyproject.toml": PROJECT, "flows/hello.py": flow_file("HelloFlow")},
    "gitops": {"flows/report.py": flow_file("ReportFlow")},
    "upgrading": {
        "pyproject.toml": PROJECT,
        "flows/hello.py": flow_file("HelloFlow"),
        "manifests/hello-flow.yaml": "# Made by flowc, by the release before.\n",
    },
}


@pytest.mark.process
@pytest.mark.parametrize("name", PREPARED)
def test_the_page_works(name: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write_files(tmp_path, PREPARED[name])
    walk(DOCS / f"{name}.md", tmp_path)


def test_the_picture_of_the_first_flow_is_what_graph_prints(tmp_path: Path) -> None:
    page = blocks((DOCS / "first-flow.md").read_text(encoding="utf-8"))
    (flow,) = [block.text for block in page if block.title == "hottest.py"]
    (picture,) = [block.text for block in page if block.language == "mermaid"]
    write_files(tmp_path, {"hottest.py": flow.replace("meen", "mean")})
    assert flowc(tmp_path, "graph", "hottest.py").stdout == picture
