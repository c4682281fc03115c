"""`flowc lsp` without pygls, which is not a requirement of flowc."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc


def test_without_pygls_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str) -> None:
        del name

    monkeypatch.setattr("flowc_cli.commands.lsp.find_spec", find_nothing)
    result = flowc(tmp_path, "lsp")
    assert result.returncode == 2
    assert "pip install 'flowc[lsp]'" in result.stderr
