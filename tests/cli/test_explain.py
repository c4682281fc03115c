"""The pages of diagnostics: printed by `flowc explain`, and their addresses in every format."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from flowc._version import __version__
from flowc_cli.output import Form
from flowc_compiler.diagnostics import CODES
from flowc_compiler.diagnostics.pages import documentation_address
from tests.conftest import REPOSITORY
from tests.docs.pages import DIAGNOSTICS, DOCS
from tests.support import flowc

BAD = "from flowc import FlowSpec, step\n\n\nclass A(FlowSpec):\n    pass\n"
ADDRESS = "https://docs.example/flowc"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation whose `[project.urls]` names an address."""
    info = tmp_path / "site" / f"flowc-{__version__}.dist-info"
    info.mkdir(parents=True)
    urls = f"Project-URL: Source, https://else.example\nProject-URL: Documentation, {ADDRESS}/\n"
    (info / "METADATA").write_text(f"Name: flowc\nVersion: {__version__}\n{urls}\nProject-URL: Documentation, no\n")
    monkeypatch.setattr(sys, "path", [str(info.parent), *sys.path])
    documentation_address.cache_clear()
    yield
    documentation_address.cache_clear()


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A flowc without metadata, such as one in a folder of its own on the path."""
    monkeypatch.setattr("flowc_compiler.diagnostics.pages.__version__", "0.0.0")
    documentation_address.cache_clear()
    yield
    documentation_address.cache_clear()


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.usefixtures("installed")
def test_every_format_carries_the_address(form: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(BAD)
    done = flowc(tmp_path, "check", "flow.py", "--format", form)
    assert f"{ADDRESS}/diagnostics/FC206/" in done.stdout + done.stderr


@pytest.mark.usefixtures("installed")
def test_text_has_each_address_once(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(BAD)
    printed = flowc(tmp_path, "check", "flow.py").stderr
    assert printed.count("error[FC206]") == 2
    assert printed.count(f" = page: {ADDRESS}/diagnostics/FC206/\n") == 1


@pytest.mark.parametrize("form", get_args(Form))
@pytest.mark.usefixtures("not_installed")
def test_without_metadata_there_is_no_address(form: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(BAD)
    done = flowc(tmp_path, "check", "flow.py", "--format", form)
    assert done.returncode == 2
    assert "/diagnostics/FC206" not in done.stdout + done.stderr


@pytest.mark.usefixtures("installed")
def test_explain_prints_pages(tmp_path: Path) -> None:
    done = flowc(tmp_path, "explain", "fc317", "FC101")
    assert done.returncode == 0
    first, second = ((DIAGNOSTICS / f"{code}.md").read_text() for code in ("FC317", "FC101"))
    addresses = [f"{ADDRESS}/diagnostics/{code}/\n" for code in ("FC317", "FC101")]
    assert done.stdout == f"{first}\n{addresses[0]}\n{second}\n{addresses[1]}"


def test_explain_lists_all_codes(tmp_path: Path) -> None:
    listed = flowc(tmp_path, "explain").stdout
    assert listed.splitlines() == [f"{code}  {entry.title}" for code, entry in CODES.items()]


@pytest.mark.parametrize(("code", "wanted"), [("FC3177", "did you mean `FC317`?"), ("E501", "lists all codes")])
def test_explain_knows_no_other_code(code: str, wanted: str, tmp_path: Path) -> None:
    done = flowc(tmp_path, "explain", code)
    assert done.returncode == 2
    assert f"there is no diagnostic `{code}`" in done.stderr
    assert wanted in done.stderr


SHOWN: dict[str, tuple[str, list[str]]] = {
    "decorators": ("{imports}\n@retry(times='x')\n@step\ndef work() -> int:\n    return 1\n{pipeline}", []),
    "approvals": ("from flowc import approve\n{imports}{pipeline}    approve(after=work, timeout='x')\n", []),
    "zenml": ("{imports}\n@step(settings={{'docker': 'x'}})\ndef work() -> int:\n    return 1\n{pipeline}", []),
    "metaflow": ("{imports}from metaflow import nothing_like_it\nnothing_like_it()\n{pipeline}", []),
    "notifications": ("{imports}{pipeline}", ["--notify-on-error", "--notify-slack-webhook-url", "https://a.example"]),
}
"""By the page that a help line names: a file, and options of `flowc compile`."""
PARTS = {
    "imports": "from flowc import pipeline, retry, step\n\n@step\ndef work() -> int:\n    return 1\n\n",
    "pipeline": "\n@pipeline\ndef p():\n    work()\n",
}


@pytest.mark.parametrize("page", SHOWN)
@pytest.mark.usefixtures("installed")
def test_help_lines_name_pages_by_their_address(page: str, tmp_path: Path) -> None:
    text, options = SHOWN[page]
    (tmp_path / "flow.py").write_text(text.format(**PARTS))
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://bucket/x", "-o", "-", *options)
    assert f"see {ADDRESS}/{page}/\n" in done.stderr
    assert (DOCS / f"{page}.md").is_file()


@pytest.mark.usefixtures("not_installed")
def test_without_metadata_help_lines_name_files_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(SHOWN["decorators"][0].format(**PARTS))
    assert "help: see docs/decorators.md of flowc's repository\n" in flowc(tmp_path, "check", "flow.py").stderr


def test_no_text_names_a_file_that_is_not_installed() -> None:
    found: list[str] = []
    for folder in ("compiler", "targets"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                inner = [item for item in ast.iter_child_nodes(node) if not isinstance(node, ast.Expr)]  # no docstrings
                texts = [item.value for item in inner if isinstance(item, ast.Constant) and isinstance(item.value, str)]
                found += [f"{path}: {text}" for text in texts if re.search(r"\bdocs/[\w-]+\.md", text)]
    assert not found


def test_help_lists_few_of_many_names(tmp_path: Path) -> None:
    text = "from flowc import gpu, zzz\nfrom metaflow.exception import Nothing\ngpu()\nzzz()\nNothing()\n"
    text += "from flowc.errors import Artifact\n"
    (tmp_path / "flow.py").write_text(text)
    said = re.findall(r"help: (it (?:serves|has) .*)", flowc(tmp_path, "check", "flow.py").stderr)
    assert [len(re.findall(r"\w+, ", item.partition(" and ")[0])) < 12 for item in said] == [True] * 4
    assert re.match(r"it serves gpu_profile, \w+ and \d+ others: see \S+$", said[0]), said
    assert re.match(r"it serves \d+ other names: see ", said[1]), said
    assert re.match(r"it has (\w*Artifact\w*, )+\w*Artifact\w* and \d+ others$", said[3]), said
