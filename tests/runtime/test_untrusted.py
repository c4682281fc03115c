"""Reading runs of somebody who is not trusted: nothing is unpickled, and no path leads out of the store."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path

import pytest

from flowc import client
from flowc.errors import CorruptArtifact
from flowc.store.artifacts import StoredValue
from flowc.store.file_store import FileStore
from flowc.store.run_layout import RunLayout
from tests.support import flowc, write_files

pytestmark = pytest.mark.process

FLOW = """
    import os

    from flowc import FlowSpec, step

    class Touch:
        def __init__(self, path, padding=""):
            self.path, self.padding = path, padding

        def __reduce__(self):
            return eval, (f"open({self.path!r}, 'w').close()", {"padding": self.padding})

    class Hostile(FlowSpec):
        @step
        def start(self):
            mark = os.environ["MARK"]
            self.count, self.name = 3, "n"
            self.small, self.large = Touch(mark), Touch(mark, "x" * 5000)
            self.items = [Touch(mark)]
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The root of a run whose artifacts create a file when they are unpickled, and that file."""
    folder = tmp_path_factory.mktemp("hostile")
    write_files(folder, {"flow.py": FLOW})
    mark = folder / "executed"
    result = flowc(folder, "run", "flow.py", MARK=str(mark))
    assert result.returncode == 0, result.stderr
    mark.unlink(missing_ok=True)
    return folder / ".flowc", mark


def test_nothing_is_unpickled_where_a_run_is_not_trusted(run: tuple[Path, Path]) -> None:
    root, mark = str(run[0]), run[1]
    found = client.Run.latest("Hostile", root=root, trusted=False)
    spec = found.pathspec
    opened = (
        found["start"].task,
        client.Run(spec, root=root, trusted=False, _namespace_check=False)["start"].task,
        client.Step(f"{spec}/start", root=root, trusted=False, _namespace_check=False).task,
        client.Task(f"{spec}/start/start", root=root, trusted=False, _namespace_check=False),
        client.Flow("Hostile", root=root, trusted=False, _namespace_check=False)[found.id]["start"].task,
        pickle.loads(pickle.dumps(found["start"].task)),
        next(iter(client.Metaflow(root=root, trusted=False)["Hostile"]))["start"].task,
    )
    for task in opened:
        for artifact in task:
            value = artifact.data
            assert isinstance(value, StoredValue)
            assert hashlib.sha256(value.bytes).hexdigest() == value.hash == artifact.sha
            assert len(value.bytes) == value.size == artifact.size
    assert (opened[0].data.count.bytes, opened[0].data.count.type) == (b"3", "int")
    assert opened[0].data.large.type.endswith("Touch")
    one = client.DataArtifact(f"{spec}/start/start/small", root=root, trusted=False, _namespace_check=False)
    assert isinstance(one.data, StoredValue)
    assert isinstance(found.data.name, StoredValue)
    assert not mark.exists()


def test_commands_that_look_at_runs_unpickle_nothing(run: tuple[Path, Path]) -> None:
    root, mark = run
    for arguments in (["show", "Hostile"], ["show", "Hostile", "--json"], ["show", "Hostile/latest/start"],
                      ["logs", "Hostile"], ["fsck"]):  # fmt: skip
        result = flowc(root.parent, *arguments, "--root", root)
        assert result.returncode == 0, result.stderr
        assert not mark.exists(), arguments


def test_a_trusted_run_is_unpickled(run: tuple[Path, Path]) -> None:
    """Else the others would prove nothing."""
    root, mark = run
    client.Run.latest("Hostile", root=str(root))["start"].task.data.large  # noqa: B018
    assert mark.exists()
    mark.unlink()


@pytest.mark.parametrize("digest", ["../../../../victim", "a" * 63, "A" * 64, ""])
def test_a_hash_that_is_none_leads_nowhere(tmp_path: Path, digest: str) -> None:
    """It would be read, be found to be wrong, and be set aside: renamed."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    layout = RunLayout(FileStore(str(tmp_path / "root")), "F", "1")
    ref = {"hash": digest, "codec": "pickle", "size": 8, "type": "bytes"}
    layout.commit("start", (), 0, {"artifacts": {"x": ref}, "parameters": {}, "run": "1", "created": 1.0})
    for trusted in (True, False):
        task = client.Task("F/1/start/start", root=str(tmp_path / "root"), trusted=trusted)
        with pytest.raises(CorruptArtifact, match="is not the hash of a value"):
            task.value("x")
    result = flowc(tmp_path, "fsck", "--root", tmp_path / "root")
    assert (result.returncode, "is not the hash of a value" in result.stdout) == (1, True), result.stderr
    assert victim.read_text() == "precious"
    assert json.loads(flowc(tmp_path, "show", "F/1", "--json", "--root", tmp_path / "root").stdout)["run"] == "F/1"
