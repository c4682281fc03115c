"""Executing cells on a real kernel, and what they show."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest


def executed(folder: Path, texts: list[str]) -> list[list[Any]]:
    """The outputs of each cell of a notebook in a folder. Cells after one with an error are executed, too."""
    client, formats = pytest.importorskip("nbclient"), importlib.import_module("nbformat.v4")
    notebook: Any = formats.new_notebook(cells=[formats.new_code_cell(text) for text in texts])
    resources = {"metadata": {"path": str(folder)}}
    options: dict[str, Any] = {"timeout": 300, "allow_errors": True, "kernel_name": "python3", "resources": resources}
    client.NotebookClient(notebook, **options).execute()
    return [cell.outputs for cell in notebook.cells]


def printed(outputs: list[Any]) -> str:
    """What a cell prints."""
    return "".join(item.text for item in outputs if item.output_type == "stream")


def result(outputs: list[Any], kind: str = "text/plain") -> str:
    """The value of a cell, as it is shown."""
    found = [item.data[kind] for item in outputs if item.output_type == "execute_result"]
    assert found, outputs
    return str(found[0])
