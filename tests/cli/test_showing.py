"""`flowc show` and `flowc logs` on a run that a user made."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import REPOSITORY
from tests.support import flowc, write_files

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    result = flowc(folder, "run", REPOSITORY / "examples" / "retry_once.py", "--tag", "nightly")
    assert result.returncode == 0, result.stderr
    return folder / ".flowc"


def look(store: Path, *arguments: str) -> CompletedProcess[str]:
    return flowc(store.parent, *arguments, "--root", store)


def test_show(store: Path) -> None:
    text = look(store, "show", "RetryOnceFlow").stdout
    assert "successful" in text
    assert "tags: nightly" in text
    assert "tasks: 6 of 6 done\n" in text
    assert re.search(r"^  work  3 of 3 tasks, 1 retried  \d\d:\d\d:\d\d, [\d.]+ m?s$", text, re.MULTILINE)
    assert "    attempts, values\n" in text


def test_show_as_json(store: Path) -> None:
    document = json.loads(look(store, "show", "RetryOnceFlow", "--json").stdout)
    assert document["status"] == "successful"
    assert [task["attempt"] for task in document["steps"]["work"]] == [0, 1, 0]
    one = json.loads(look(store, "show", "RetryOnceFlow/latest/join", "--json").stdout)
    assert list(one["steps"]) == ["join"]


@pytest.mark.parametrize(
    "name", [("RetryOnceFlow", "work/1"), ("RetryOnceFlow/latest", "work-1"), ("RetryOnceFlow/latest/work/1",)]
)
def test_show_one_task(store: Path, name: tuple[str, ...]) -> None:
    shown = look(store, "show", *name).stdout
    assert shown == look(store, "show", "RetryOnceFlow", "--task", "work/1").stdout
    assert re.findall("attempt [0-9]  [a-z]+", shown) == ["attempt 0  failed", "attempt 1  successful"]
    step = json.loads(look(store, "show", "RetryOnceFlow", "work", "--json").stdout)["steps"]
    assert [*step] == ["work"]
    twice = look(store, "show", *name, "--task", "work")
    assert (twice.returncode, "is given twice" in twice.stderr) == (2, True)


def test_show_says_what_a_failed_task_had(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": """
        from flowc import FlowSpec, step

        class Fails(FlowSpec):
            @step
            def start(self):
                self.rows = [1, 2]
                self.rate = 1 / len(self.rows[2:])
                self.next(self.end)

            @step
            def end(self):
                pass
    """})  # fmt: skip
    assert flowc(tmp_path, "run", "flow.py").returncode == 1
    text = flowc(tmp_path, "show", "Fails").stdout
    assert "    start failed: ZeroDivisionError: division by zero\n    start had, when it failed: rows\n" in text
    document = json.loads(flowc(tmp_path, "show", "Fails", "--json").stdout)
    assert list(document["steps"]["start"][0]["artifacts"]) == ["rows"]


def test_logs_show_failed_attempts_too(store: Path) -> None:
    text = look(store, "logs", "RetryOnceFlow").stdout
    assert "[end] attempts: [0, 1, 0]\n" in text
    assert "[work-1 attempt 0] Traceback (most recent call last):\n" in text
    only = look(store, "logs", "RetryOnceFlow/latest/work/1", "--stdout").stdout
    assert "Traceback" not in only


def test_logs_of_a_run_on_an_engine_are_there(store: Path, tmp_path: Path) -> None:
    """The store may have none of them, and silence would say that nothing was printed."""
    shutil.copytree(store, tmp_path / "copy")
    (folder,) = {path.parent for path in tmp_path.glob("copy/RetryOnceFlow/*/run.json")}
    for path in (folder / "run.json", *folder.rglob("*.log")):
        path.unlink()
    for run, target in (("argo-1", "argo"), ("manual__1", "airflow")):
        for path in folder.rglob("*.json"):  # written anew for its place, as release 0.1.0 did
            document = json.loads(path.read_text().replace(folder.name, run))
            known = {key: value for key, value in document.items() if key not in ("digest", "place")}
            path.write_text(json.dumps({**known, "version": 1}))
        folder = folder.rename(folder.with_name(run))
        result = look(tmp_path / "copy", "logs", f"RetryOnceFlow/{run}")
        assert (result.returncode, result.stdout) == (0, ""), result.stderr
        assert f"`flowc logs RetryOnceFlow/{run} --target {target}`" in result.stderr


def test_a_store_that_does_not_answer(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWC_STORE_PATIENCE", "0")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    for command in ("show", "logs"):
        result = flowc(store.parent, command, "RetryOnceFlow", "--root", "s3://bucket/prefix")
        assert result.returncode == 1
        assert "error[FC601]" in result.stderr
        assert "AWS_ENDPOINT_URL names an S3 server" in result.stderr


@pytest.mark.parametrize(
    "name", ["Other", "RetryOnceFlow/1", "RetryOnceFlow/latest/none", "RetryOnceFlow/latest/work/7", "/"]
)
def test_what_is_not_there(store: Path, name: str) -> None:
    for command in ("show", "logs"):
        result = look(store, command, name)
        if command == "show" and name.endswith("/7"):
            continue
        assert result.returncode == 2
        assert "error[FC602]" in result.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RetryOnce", "did you mean `RetryOnceFlow`?"),
        ("Unlike", "its flows are RetryOnceFlow"),
        ("RetryOnceFlow/1", "`flowc runs RetryOnceFlow` lists its runs"),
    ],
)
def test_what_is_there_instead(store: Path, name: str, said: str) -> None:
    assert said in look(store, "show", name).stderr


def test_an_empty_store_says_so(tmp_path: Path) -> None:
    assert "no run has been stored there" in look(tmp_path / ".flowc", "show", "Any").stderr
