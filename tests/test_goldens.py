"""Goldens: every example on every target, and its IR and graph, byte by byte.

`pytest tests/test_goldens.py --update-goldens` writes them, and is the only thing that does; a missing golden fails.
The code package in a manifest is compressed, and its bytes differ between zlib versions and with every change of the
shim: goldens hold a mark in its place, and in the place of the content hash that names depend on.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flowc_cli.app import app
from flowc_compiler.ir import Flow
from tests.conftest import REPOSITORY

GOLDENS = Path(__file__).parent / "goldens"
GITOPS = REPOSITORY / "examples" / "gitops"
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))
OUTPUTS = {
    "ir.json": ["ir"],
    "graph.mermaid": ["graph"],
    "graph.dot": ["graph", "--format", "dot"],
    "graph.svg": ["graph", "--format", "svg", "--artifacts"],
    "graph.json": ["graph", "--format", "json", "--artifacts"],
    "argo.yaml": ["compile", "--target", "argo", "--root", "s3://bucket/prefix"],
    "argo-template.yaml": ["compile", "--target", "argo", "--root", "s3://bucket/prefix", "--kind", "template"],
    "airflow.py": ["compile", "--target", "airflow", "--root", "s3://bucket/prefix", "--output"],
    "airflow-local.py": ["compile", "--target", "airflow", "--root", "/tmp/store", "--operator", "local", "--output"],
}
DEPLOYED = ["compile", "--target", "argo", "--root", "s3://bucket/prefix", "--namespace", "flows"]
DEPLOYMENTS = {
    "argo-cron.yaml": [*DEPLOYED, "--kind", "cron", "--set", "event_source=shops"],
    "argo-cron-3.5.yaml": [*DEPLOYED, "--kind", "cron", "--set", "event_source=shops", "--argo-version", "3.5"],
}
"""Outputs of the example that is made to be deployed."""
FUSED = {
    "graph-fused.mermaid": ["graph", "--pods", "--fuse"],
    "graph-fused.svg": ["graph", "--pods", "--fuse", "--format", "svg"],
    "argo-fused.yaml": ["compile", "--target", "argo", "--root", "s3://bucket/prefix", "--fuse"],
    "airflow-fused.py": ["compile", "--target", "airflow", "--root", "s3://bucket/prefix", "--fuse", "--output"],
}
"""Outputs of an example with a foreach, a switch and a loop, whose steps share pods."""
PACKAGE = re.compile(r"[A-Za-z0-9+/=]{70,}(?:\n[A-Za-z0-9+/=]+(?=\n))*")
HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{10}(?:[0-9a-f]{54})?(?![0-9a-f])")
QUOTED = re.compile(r'(?<=flowc/version: )"(<hash>)"')
"""As YAML has a hash that looks like a number."""
VERSION = re.compile(r"(?<=flowc )\d+\.\d+\.\d+\S*")
RUNTIME = re.compile(r"(?<=flowc_runtime_)\w+")
PAGE = re.compile(r"^ *= page: .*\n", re.MULTILINE)


def stable(text: str) -> str:
    """Text without the package's bytes, content hashes, the version and addresses, which only an installation has."""
    marked = HASH.sub("<hash>", PACKAGE.sub("<package>", PAGE.sub("", RUNTIME.sub("version_hash", text))))
    return VERSION.sub("<version>", QUOTED.sub(r"\1", marked))


def compare(path: Path, text: str, *, update: bool) -> None:
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path} is missing: look at the output, then run with --update-goldens"
    assert text == path.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("output", OUTPUTS)
def test_golden(
    example: Path, output: str, update_goldens: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(REPOSITORY)
    text, failed = written(example, OUTPUTS[output], tmp_path)
    name = f"{output}.diagnostics" if failed else output
    compare(GOLDENS / example.stem / name, stable(text), update=update_goldens)


def written(example: Path, command: list[str], folder: Path) -> tuple[str, bool]:
    """What a command writes for an example, and whether it refuses that."""
    in_folder = [str(folder)] if command[-1:] == ["--output"] else []
    result = CliRunner().invoke(app, [command[0], f"examples/{example.name}", *command[1:], *in_folder])
    if command[0] == "compile" and result.exit_code == 2:
        return result.stderr, True
    assert result.exit_code == 0, result.stderr
    if not in_folder:
        return result.stdout, False
    # Beside the module that the files of all flows share.
    (file,) = (path for path in folder.glob("*.py") if not path.name.startswith("flowc_runtime_"))
    return file.read_text(), False


@pytest.mark.parametrize("output", FUSED)
def test_fused(output: str, update_goldens: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(REPOSITORY)
    text, failed = written(REPOSITORY / "examples" / "choose_model.py", FUSED[output], tmp_path)
    assert not failed, text
    compare(GOLDENS / "choose_model" / output, stable(text), update=update_goldens)


@pytest.mark.parametrize("output", DEPLOYMENTS)
def test_deployment(output: str, update_goldens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    command, *options = DEPLOYMENTS[output]
    result = CliRunner().invoke(app, [command, "examples/daily_report.py", *options])
    assert result.exit_code == 0, result.stderr
    compare(GOLDENS / "daily_report" / output, stable(result.stdout), update=update_goldens)


@pytest.mark.parametrize("profile", ["staging", "prod"])
def test_gitops(profile: str, update_goldens: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(GITOPS, tmp_path / "gitops")
    monkeypatch.chdir(tmp_path / "gitops")
    result = CliRunner().invoke(app, ["compile", "flows", "--profile", profile])
    assert result.exit_code == 0, result.stderr
    written = {path.name: path for path in Path("deploy", profile, "flows").iterdir()}
    kept = [name for name in written if not name.startswith("flowc-runtime-")]
    assert sorted(kept) == ["clean-up.yaml", "kustomization.yaml", "shop-totals.yaml"]
    for name in kept:
        compare(GOLDENS / "gitops" / profile / name, stable(written[name].read_text()), update=update_goldens)


def test_no_golden_is_left_over() -> None:
    assert {path.name for path in GOLDENS.iterdir()} == {GITOPS.name, *(path.stem for path in EXAMPLES)}


def test_published_picture(update_goldens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    result = CliRunner().invoke(app, ["graph", "examples/choose_model.py", "--format", "svg", "--artifacts"])
    compare(REPOSITORY / "docs" / "graph.svg", result.stdout, update=update_goldens)


def test_published_schema(update_goldens: bool) -> None:
    text = json.dumps(Flow.model_json_schema(), indent=2) + "\n"
    compare(REPOSITORY / "docs" / "ir.schema.json", text, update=update_goldens)
