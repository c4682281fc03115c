"""What the README and the pages say is so: links resolve, commands exist, and the published schema is linked."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from flowc_cli.app import SUMMARIES, app, load_command
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.registry import load_target, target_names
from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, PAGES, blocks, links

CI = REPOSITORY / ".ci" / "run"
IDS = [path.relative_to(REPOSITORY).as_posix() for path in PAGES]


def shown_commands(page: Path) -> list[list[str]]:
    """The `flowc ...` commands of a page, `&&` taken apart."""
    commands: list[list[str]] = []
    for block in blocks(page.read_text(), "console", "sh"):
        for line in block.commands:
            commands.extend(shlex.split(part) for part in line.split("&&"))
    return [words for words in commands if Path(words[0]).name == "flowc"]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_resolve(page: Path) -> None:
    for target in links(page):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_exist(page: Path) -> None:
    group: Any = get_command(app)
    for words in shown_commands(page):
        name, *rest = words[1:]
        assert name.startswith("-") or name in SUMMARIES, f"{page.name} shows `{shlex.join(words)}`"
        command = group if name.startswith("-") else load_command(name)
        known = {text for parameter in command.params for text in [*parameter.opts, *parameter.secondary_opts]}
        known |= {"--shelves", "--help", "--install-completion"}  # the first is a parameter of the example's
        for word in rest if command is not group else [name]:
            assert not word.startswith("-") or word.partition("=")[0] in known, f"{word} in {page.name}"
        for word in rest:
            assert not word.startswith("examples/") or (REPOSITORY / word).is_file(), f"{word} in {page.name}"


def test_every_command_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    for name in SUMMARIES:
        assert f"`flowc {name}" in text, f"docs/cli.md does not name `flowc {name}`"


def test_every_option_of_targets_is_documented() -> None:
    common = set(TargetOptions.model_fields)
    text = (DOCS / "configuration.md").read_text()
    for name in common - {"gpu"}:
        assert f"`{name}`" in text, f"docs/configuration.md does not name {name}"
    for target in target_names():
        page = (DOCS / f"{target}.md").read_text()
        for name in set(load_target(target).options_model.model_fields) - common:
            assert f"`{name}`" in page, f"docs/{target}.md does not name {name}"


def test_readme_has_two_commands() -> None:
    lines = [line for block in blocks((REPOSITORY / "README.md").read_text(), "sh") for line in block.commands]
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")


def test_ci_runs_the_readme() -> None:
    """CI takes the commands from the README itself, so that they cannot drift apart."""
    text = CI.read_text()
    assert "README.md" in text
    assert "readme_command" in text


def test_python_of_pages_is_valid() -> None:
    for page in PAGES:
        if page.parent.name == "diagnostics":
            continue
        for block in blocks(page.read_text(), "python"):
            compile(block.text, str(page), "exec")


def test_every_page_is_in_the_navigation() -> None:
    text = re.sub(r"!!python/name:\S+", "name", (REPOSITORY / "mkdocs.yml").read_text())
    listed = {path for item in yaml.safe_load(text)["nav"] for path in item.values()}
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert {path for path in pages if not path.startswith("diagnostics/FC")} == listed
