"""Every diagnostic code has a page; its example triggers it, its fix does not; and a test or fixture names it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import CODES
from flowc_targets.package.images.lock_resolution import uv_program
from tests.argoserver import ENDED, Replay, replaying
from tests.conftest import REPOSITORY
from tests.docs.pages import DIAGNOSTICS, blocks, sections
from tests.images.wheel_index import index_variables, write_index
from tests.support import flowc

CODE = re.compile(r"FC\d{3}")
OF_STORES = {"FC601"}
"""Problems of a store: exit code 1. All others are problems of the input."""
OF_SERVERS = {"FC610"}
"""Problems of an engine's server: exit code 3."""
SERVED = {"FC610", "FC611"}
"""Codes whose pages talk to a server: one that answers as Argo Server has."""
WARNINGS = {
    "FC116",
    "FC117",
    "FC119",
    "FC120",
    "FC121",
    "FC225",
    "FC311",
    "FC315",
    "FC316",
    "FC319",
    "FC409",
    "FC410",
    "FC412",
    "FC414",
    "FC506",
    "FC508",
    "FC510",
    "FC612",
    "FC613",
}
"""No errors: exit code 0."""


def run_all(section: str, folder: Path) -> tuple[int, str]:
    """Save a section's files, run its commands, and return the last exit code and everything printed."""
    for block in blocks(section, "python", "text"):
        if block.title:
            (folder / block.title).write_text(block.text)
    code, printed = 0, ""
    for command in blocks(section, "console")[0].commands:
        program, *arguments = shlex.split(command)
        assert program == "flowc"
        done = flowc(folder, *arguments)
        code, printed = done.returncode, printed + done.stdout + done.stderr
    return code, printed


@pytest.fixture(scope="module")
def argo_server() -> Iterator[Replay]:
    with replaying(ENDED) as replay:
        yield replay


def pages() -> Iterator[Any]:
    """Every code; pages that run a flow, or resolve packages, start processes."""
    for code in CODES:
        text = (DIAGNOSTICS / f"{code}.md").read_text()
        runs = any(f"$ flowc {command}" in text for command in ("run", "resume", "image"))
        yield pytest.param(code, marks=[pytest.mark.process] if runs else [])


@pytest.mark.parametrize("code", list(pages()))
def test_page(code: str, tmp_path: Path, argo_server: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DIAGNOSTICS / f"{code}.md").read_text()
    assert text.startswith(f"# {code}: {CODES[code].title}\n")
    parts = sections(text)
    if code in SERVED:
        monkeypatch.setenv("ARGO_SERVER", argo_server.address)
        monkeypatch.setenv("ARGO_SECURE", "false")
        monkeypatch.setenv("ARGO_NAMESPACE", "default")
    if "$ flowc image" in text:
        if uv_program() is None:
            pytest.skip("uv is not installed: pip install 'flowc[image]'")
        for name, value in index_variables(write_index(tmp_path)).items():
            monkeypatch.setenv(name, value)
    exit_code, printed = run_all(parts["Example"], tmp_path)
    assert code in printed
    expected = 0 if code in WARNINGS else 1 if code in OF_STORES else 3 if code in OF_SERVERS else 2
    assert exit_code == expected, printed
    exit_code, printed = run_all(parts["Fix"], tmp_path)
    assert not re.search(r"\[FC\d{3}\]", printed), printed
    assert exit_code == 0, printed


def test_no_page_without_code() -> None:
    assert {page.stem for page in DIAGNOSTICS.glob("*.md")} == {*CODES, "index"}


def test_index_lists_every_code() -> None:
    text = (DIAGNOSTICS / "index.md").read_text()
    for code, entry in CODES.items():
        assert f"| [{code}]({code}.md) | {entry.title} |" in text


def test_every_code_is_produced_by_a_test() -> None:
    named: set[str] = set()
    for path in (REPOSITORY / "tests").rglob("*.py"):
        if path.is_relative_to(Path(__file__).parent) or any(part.startswith("env") for part in path.parts):
            continue
        named.update(CODE.findall(path.read_text()))
    assert set(CODES) - named == set()
    assert named <= set(CODES)
