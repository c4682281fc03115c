"""DAG files in a folder: one for each flow, which a change of the flow changes little, and what all of them share."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from flowc_targets.airflow import target
from flowc_targets.airflow.dag_model import RUNTIME_NAME
from tests.airflow.emitting import CLEAN, ROOT, ruff, write
from tests.airflow.engine import Airflow
from tests.airflow.flows import PLAIN
from tests.conftest import examples_on
from tests.support import flowc
from tests.test_goldens import GOLDENS

EXAMPLES = examples_on("airflow.py")
LOAD = """\
import json, sys
try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization as Serialized
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG as Serialized
bag = DagBag(sys.argv[1])
kept = {dag_id: Serialized.to_dict(dag) for dag_id, dag in bag.dags.items()}
files = [stat.file.rpartition("/")[2] for stat in bag.dagbag_stats if "runtime" in stat.file]
print(json.dumps({"errors": bag.import_errors, "dags": kept, "read": files}))
"""
"""What a DAG processor does: it reads a folder, and keeps the DAGs as JSON."""


def compiled(folder: Path, *files: Path, operator: str = "local", check: bool = False) -> list[Path]:
    """The Python files in a folder into which flows are compiled."""
    options = ("-t", "airflow", "--root", ROOT, "--operator", operator, "-o", f"{folder}/", *(["--check"] * check))
    done = flowc(Path(), "compile", *files, *options)
    assert done.returncode == 0, done.stderr + done.stdout
    return sorted(folder.glob("*.py"))


def test_flows_share_one_module(tmp_path: Path) -> None:
    files = compiled(tmp_path, EXAMPLES["two_models"], EXAMPLES["fan_in_direct"])
    (runtime,) = (path for path in files if path.name.startswith(RUNTIME_NAME))
    assert [path.name for path in files if path != runtime] == ["TwoModelsFlow.py", "fan_in_direct.py"]
    for path in files:
        assert path == runtime or f"from {runtime.stem} import (\n" in path.read_text()
    again = compiled(tmp_path, EXAMPLES["fan_out_map"])
    assert [path.name for path in again if path.name.startswith(RUNTIME_NAME)] == [runtime.name]
    compiled(tmp_path, EXAMPLES["two_models"], EXAMPLES["fan_in_direct"], check=True)


def test_another_release_leaves_the_files_of_the_first_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_text() for path in compiled(tmp_path, EXAMPLES["two_models"])}
    monkeypatch.setattr(target, "__version__", "9.0.1rc1")
    after = compiled(tmp_path, EXAMPLES["fan_in_direct"])
    assert len([path for path in after if path.name.startswith(RUNTIME_NAME)]) == 2
    assert any(path.name.startswith("flowc_runtime_9_0_1rc1_") for path in after)
    assert all(path.read_text() == text for path, text in before.items())


@pytest.mark.parametrize("operator", ["kubernetes", "local"])
def test_airflow_does_not_look_for_dags_in_the_module(operator: str, tmp_path: Path) -> None:
    """It reads files in which these words are, wherever they are."""
    files = compiled(tmp_path, EXAMPLES["two_models"], operator=operator)
    (text,) = (path.read_text().lower() for path in files if path.name.startswith(RUNTIME_NAME))
    assert "airflow" in text
    assert "dag" not in text
    assert "asset" not in text


@pytest.mark.process
@pytest.mark.parametrize("operator", ["kubernetes", "local"])
def test_the_form_of_the_module(operator: str, tmp_path: Path) -> None:
    files = compiled(tmp_path, EXAMPLES["two_models"], operator=operator)
    (text,) = (path.read_text() for path in files if path.name.startswith(RUNTIME_NAME))
    assert ruff("format", "--check", "--diff", text=text) == ""
    assert ruff("check", *CLEAN, text=text) == ""


@pytest.mark.parametrize(
    "path", sorted(GOLDENS.glob("*/airflow*.py")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_the_files_of_the_examples_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 300


@pytest.mark.process
def test_a_changed_comment_changes_little(tmp_path: Path) -> None:
    source = PLAIN.replace("    def end(self):\n", "    def end(self):\n        # what people read\n")
    file = write(tmp_path, source)
    folders = [tmp_path / "a", tmp_path / "b"]
    compiled(folders[0], file)
    file.write_text(file.read_text().replace("what people read", "what they read"))
    compiled(folders[1], file)
    git = ["git", "diff", "--no-index", "--unified=0", str(folders[0]), str(folders[1])]
    changed = subprocess.run(git, capture_output=True, text=True, check=False).stdout
    lines = [line for line in changed.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    assert len(lines) == 6, "the comment, and the hashes of the source and of the code"
    assert len(changed.encode()) < 2048


@pytest.mark.airflow
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_airflow_reads_a_folder_of_its_dags_folder(series: str, tmp_path: Path) -> None:
    airflow = Airflow.of_series(series, tmp_path)
    dags = tmp_path / "dags" / "team"
    compiled(dags, *EXAMPLES.values(), operator="kubernetes")
    env = airflow.variables(tmp_path, tmp_path / "dags")
    command = [str(airflow.environment / "bin" / "python"), "-c", LOAD, str(tmp_path / "dags")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert len(found["dags"]) >= len(EXAMPLES)
    assert found["read"] == []
    kept = json.dumps(found["dags"])
    assert "FlowPackage('TwoModelsFlow', " in kept
    assert "def start(self)" not in kept, "Airflow's database has no code"


@pytest.mark.airflow
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_a_file_with_a_module_beside_it_runs(series: str, tmp_path: Path) -> None:
    airflow = Airflow.of_series(series, tmp_path)
    flow, runtime = compiled(tmp_path / "out", write(tmp_path, PLAIN))
    text = flow.read_text().replace(ROOT, str(tmp_path / "store"))
    folder = tmp_path / "run"
    folder.mkdir()
    result = airflow.run(text, folder, beside=[runtime])
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
