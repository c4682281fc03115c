"""`--include`: which files patterns match, from where, and the diagnostics of those that match nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.package.included_files import included_files
from tests.argo.manifests import diamond
from tests.support import STORE, code_items, flowc, write_files, yaml_documents

FILES = {
    "flows/data/a.csv": "a",
    "flows/data/b.csv": "b",
    "flows/data/deep/c.csv": "c",
    "flows/data/.git/config": "",
    "flows/data/__pycache__/x.pyc": "",
    "flows/data/out.yaml": "# Made by flowc from flow.py, flow F. Change that file, not this one.\n",
    "flows/data/empty/.keep": "",
    "flows/[odd].txt": "",
    "shared/s.txt": "",
}


def names(folder: Path, *patterns: str) -> list[str]:
    sink = DiagnosticSink()
    found = included_files(patterns, folder, sink)
    assert not sink.diagnostics, sink.diagnostics
    assert all(path.is_file() for path in found.values())
    return list(found)


def test_patterns(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    folder = tmp_path / "flows"
    everything = ["data/a.csv", "data/b.csv", "data/deep/c.csv"]
    assert names(folder, "data") == names(folder, "data/") == names(folder, "./data/../data") == everything
    assert names(folder, str(folder / "data")) == everything
    assert names(folder, "data/*.csv") == ["data/a.csv", "data/b.csv"]
    assert names(folder, "**/*.csv") == everything
    assert names(folder, "data/.git/config") == ["data/.git/config"]
    assert names(folder, "data/out.yaml") == ["data/out.yaml"], "named itself"
    assert names(folder, "[odd].txt") == ["[odd].txt"], "a file of that very name comes before the glob"
    assert names(folder, "../shared/*", "../flows/data/a.csv") == ["../shared/s.txt", "data/a.csv"]


@pytest.mark.parametrize("pattern", ["absent.csv", "*.parquet", "data/empty", "", "/etc/hostname"])
def test_patterns_that_name_nothing(tmp_path: Path, pattern: str) -> None:
    write_files(tmp_path, FILES)
    sink = DiagnosticSink()
    assert not included_files([pattern], tmp_path / "flows", sink)
    [diagnostic] = sink.diagnostics
    assert diagnostic.code == "FC605"
    assert diagnostic.help


def test_the_help_finds_what_is_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, FILES)
    monkeypatch.chdir(tmp_path)
    sink = DiagnosticSink()
    included_files(["shared/s.txt"], tmp_path / "flows", sink)
    assert "`--include ../shared/s.txt`" in sink.diagnostics[0].help


def packaged(*arguments: str | Path) -> list[str]:
    """The user's files in what `flowc compile` writes for Argo."""
    result = flowc(Path(), "compile", *arguments, "--root", STORE)
    assert result.returncode == 0, result.stderr
    paths = sorted(item["path"] for item in code_items(yaml_documents(result.stdout)[-1]))
    return [path for path in paths if path != "plan.json"]


def test_the_command_line_and_pyproject_add_up(tmp_path: Path) -> None:
    write_files(tmp_path, {**FILES, "flows/flow.py": diamond()})
    flow = tmp_path / "flows" / "flow.py"
    assert packaged(flow) == ["files/flow.py"]
    assert packaged(flow, "--include", "data/a.csv", "--include", "data/b.csv") == [
        "files/data/a.csv", "files/data/b.csv", "files/flow.py",
    ]  # fmt: skip
    (tmp_path / "pyproject.toml").write_text(
        '[tool.flowc]\ninclude = ["shared"]\n[tool.flowc.argo]\ninclude = ["flows/data/a.csv"]\n'
    )
    assert packaged(flow, "--include", "data/b.csv") == [
        "files/_above_/data/a.csv", "files/_above_/data/b.csv", "files/_above_/flow.py", "files/shared/s.txt",
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_a_package_that_is_too_large_names_its_files(tmp_path: Path, target: str) -> None:
    import random

    write_files(tmp_path, {"flow.py": diamond(), "small.txt": "x"})
    (tmp_path / "large.bin").write_bytes(random.Random(0).randbytes(1_200_000))
    result = flowc(tmp_path, "compile", "flow.py", "-t", target, "--root", STORE, "--include", "*.*")
    assert result.returncode == 2
    assert "FC503" in result.stderr
    assert re.search(r"the largest are large\.bin \(1,2\d\d,\d\d\d bytes\), flow\.py", result.stderr)


def test_check_reports_local_modules_and_includes(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": "import helper\n" + diamond(), "helper.py": "def broken(:\n"})
    (tmp_path / "pyproject.toml").write_text('[tool.flowc]\ninclude = ["absent"]\n')
    for targets in ([], ["--target", "argo"], ["--target", "airflow"]):
        result = flowc(tmp_path, "check", "flow.py", *targets)
        assert result.returncode == 2
        assert "FC101" in result.stderr
        assert "helper.py:1" in result.stderr
        assert "FC605" in result.stderr
