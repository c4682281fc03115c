"""The pages of diagnostics: printed by `flowc explain`, and their addresses in every format."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from flowc._version import __version__
from flowc_cli.output import Form
from flowc_compiler.diagnostics import CODES
from flowc_compiler.diagnostics.pages import documentation_address
from tests.docs.pages import DIAGNOSTICS
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
