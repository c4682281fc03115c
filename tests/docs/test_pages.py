"""What the README and the pages say is so: links resolve, commands exist, and the published schema is linked."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from flowc_cli.app import SUMMARIES, app, load_command
from flowc_compiler.diagnostics import CODES, DiagnosticSink
from flowc_compiler.diagnostics.codes import DiagnosticCode
from flowc_compiler.driver import compile_file
from flowc_targets.base.options import TargetOptions
from flowc_targets.base.target import load_target, target_names
from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, PAGES, blocks, links
from tests.support import flowc

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
        known |= {"--shelves", "--rounds", "--help", "--install-completion"}  # the first two are parameters of examples
        known |= {f"--{parameter}" for parameter in re.findall(r'Parameter\("([\w-]+)"', page.read_text())}
        for word in rest if command is not group else [name]:
            assert not word.startswith("-") or word.partition("=")[0] in known, f"{word} in {page.name}"
        for word in rest:
            assert not word.startswith("examples/") or any(REPOSITORY.glob(word)), f"{word} in {page.name}"


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
    groups = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())["nav"]
    listed = {path for group in groups for pages in group.values() for page in pages for path in page.values()}
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert {path for path in pages if not path.startswith("diagnostics/FC")} == listed


def shown_module(page: Path, title: str) -> str:
    """The text of a module that a page shows in full."""
    return next(block.text for block in blocks(page.read_text(), "python") if block.title == title)


def test_the_example_of_a_target_compiles_a_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a distribution of its own, which needs no change here."""
    text = shown_module(DOCS / "architecture.md", "targets/flowc_targets/make/target.py")
    (tmp_path / "make_target_of_a_page.py").write_text(text)
    info = tmp_path / "make_target_of_a_page-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: make-target-of-a-page\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[flowc.targets]\nmake = make_target_of_a_page:TARGET\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    options = ("--target", "make", "--root", str(tmp_path))
    done = flowc(REPOSITORY, "compile", "examples/two_models.py", *options)
    assert done.returncode == 0, done.stderr
    assert "\tpython3 flow.pyz task --step end\n" in done.stdout
    refused = flowc(REPOSITORY, "compile", "examples/nested_foreach.py", *options)
    assert (refused.returncode, refused.stderr.count("error[FC501]")) == (2, 2)


def test_the_example_of_a_pass_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    title = "compiler/flowc_compiler/passes/failures.py"
    exec(compile(shown_module(REPOSITORY / "CONTRIBUTING.md", title), title, "exec"), names)
    monkeypatch.setitem(CODES, "FC412", DiagnosticCode("FC412", "a caught failure is not stored"))
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(
        "from flowc import FlowSpec, catch, step\n\n\nclass F(FlowSpec):\n    @catch\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @catch(var='failure')\n    @step\n    def end(self):\n        pass\n"
    )
    sink = DiagnosticSink()
    flow = compile_file(flow_file, sink).flow
    assert names["check_failures"](flow, sink) is flow
    assert [(item.code, item.span.line) for item in sink.diagnostics if item.span] == [("FC412", 5)]
