"""`metaflow.S3` as flowc serves it: what it does is what real Metaflow was seen to do, in a folder and in a bucket."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from flowc import S3
from flowc.compat.served_modules import find
from flowc.datatools import configuration
from flowc.errors import FlowError
from flowc.protocol.metaflow_names import CONFIGURATION
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from tests.local.flows import Local
from tests.runtime.s3rows import differing, outcomes, recorded

if TYPE_CHECKING:
    from pathlib import Path

OF_BUCKETS = {"a_bucket_that_is_missing", "a_bucket_without_a_key"}
"""Rows that a folder has no counterpart for."""


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment counts."""
    for name in (
        "METAFLOW_DATATOOLS_S3ROOT",
        "METAFLOW_DATASTORE_SYSROOT_S3",
        "METAFLOW_S3_ENDPOINT_URL",
        "FLOWC_ROOT",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.process
def test_rows_in_a_folder(tmp_path: Path) -> None:
    theirs = {name: outcome for name, outcome in recorded().items() if name not in OF_BUCKETS}
    assert len(theirs) > 55
    found = differing(theirs, outcomes((tmp_path / "root folder").as_uri().replace("%20", " "), tmp_path, theirs))
    assert not found, "\n".join(found)


def warnings_of(file: Path) -> list[str]:
    """What the compiler says of a file that it compiles."""
    sink = DiagnosticSink()
    compile_file(file, sink)
    return [item.message for item in sink.diagnostics]


FLOW = """
    from metaflow import S3, FlowSpec, Run, current, step
    from metaflow.metaflow_config import DATATOOLS_S3ROOT

    class KeepFlow(FlowSpec):
        @step
        def start(self):
            with S3(run=self) as s3:
                self.url = s3.put("model/a", "weights")
                s3.put_many([("b", "1"), ("c", "2")])
            self.next(self.branch, foreach="letters")

        letters = ["x", "y"]

        @step
        def branch(self):
            with S3(run=self) as s3:
                s3.put(f"branch/{self.input}", self.input)
            self.next(self.join)

        @step
        def join(self, inputs):
            with S3(run=self) as s3, S3(s3root=DATATOOLS_S3ROOT) as all_runs, S3() as urls:
                self.texts = {item.key: item.text for item in s3.get_all()}
                self.keys = sorted(item.key for item in all_runs.list_recursive())
                self.again = urls.get(inputs[0].url).text
                self.object = s3.get("b")
            with S3(run=self, prefix="elsewhere") as s3:
                self.elsewhere = s3.put("k", "v")
            with S3(run=Run(f"{current.flow_name}/{current.run_id}")) as s3:
                self.of_run = s3.get("b").text
            self.next(self.end)

        @step
        def end(self):
            assert not self.object.path or not __import__("os").path.exists(self.object.path)
            assert self.object.key == "b" and self.object.size == 1
"""


@pytest.mark.process
def test_the_objects_of_a_run(tmp_path: Path) -> None:
    """They are below the root, and no flow by that name appears."""
    from flowc.client import Metaflow, namespace

    local = Local(tmp_path, FLOW)
    assert not warnings_of(local.file)
    result = local.run()
    assert result.ok, local.says.err
    data = local.client(result)["join"].task.data
    assert data.texts == {"b": "1", "branch/x": "x", "branch/y": "y", "c": "2", "model/a": "weights"}
    run = f"KeepFlow/{result.run_id}"
    assert data.keys == [f"{run}/{key}" for key in data.texts]
    assert (data.again, data.of_run) == ("weights", "1")
    assert data.elsewhere == f"file://{local.root}/.data/elsewhere/{run}/k"
    assert (tmp_path / "root" / ".data" / run / "model" / "a").read_text(encoding="utf-8") == "weights"
    namespace(None)
    assert [flow.id for flow in Metaflow(root=local.root)] == ["KeepFlow"]


def test_a_working_directory_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in pods without a user of root's: the system's temporary directory is taken, unless a folder was named."""
    make = tempfile.mkdtemp

    def refusing(dir: str | None = None, **names: str) -> str:
        if dir is not None:
            raise PermissionError(13, "Permission denied", dir)
        return make(dir=tmp_path, **names)

    monkeypatch.setattr(tempfile, "mkdtemp", refusing)
    with S3() as s3:
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())
    del s3
    with pytest.raises(PermissionError):
        S3(tmproot="/read/only")


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        (
            {"FLOWC_ROOT": "s3://b/p/"},
            {"DATATOOLS_S3ROOT": "s3://b/p/.data", "DATASTORE_SYSROOT_S3": "s3://b/p", "DEFAULT_DATASTORE": "s3",
             "DATASTORE_SYSROOT_LOCAL": None, "DATATOOLS_LOCALROOT": None, "DATATOOLS_SUFFIX": ".data"},
        ),
        (
            {"FLOWC_ROOT": "file:///a%20b"},
            {"DATATOOLS_S3ROOT": "file:///a b/.data", "DATASTORE_SYSROOT_S3": None, "DEFAULT_DATASTORE": "local",
             "DATASTORE_SYSROOT_LOCAL": "/a b", "DATATOOLS_LOCALROOT": "/a b/.data"},
        ),
        ({"FLOWC_ROOT": "gs://b"}, {"DATASTORE_SYSROOT_GS": "gs://b", "DEFAULT_DATASTORE": "gs"}),
        (
            {"FLOWC_ROOT": "/a", "METAFLOW_DATASTORE_SYSROOT_S3": "s3://theirs/x"},
            {"DATATOOLS_S3ROOT": "s3://theirs/x/data", "DATASTORE_SYSROOT_S3": "s3://theirs/x"},
        ),
        (
            {"FLOWC_ROOT": "/a", "METAFLOW_DATATOOLS_S3ROOT": "s3://tools", "METAFLOW_S3_RETRY_COUNT": "3",
             "METAFLOW_S3_LOG_TRANSIENT_RETRIES": "false", "METAFLOW_SERVICE_HEADERS": '{"a": "b"}',
             "METAFLOW_KUBERNETES_NAMESPACE": "team", "METAFLOW_MAX_ATTEMPTS": "9"},
            {"DATATOOLS_S3ROOT": "s3://tools", "S3_RETRY_COUNT": 3, "S3_LOG_TRANSIENT_RETRIES": False,
             "SERVICE_HEADERS": {"a": "b"}, "KUBERNETES_NAMESPACE": "team", "MAX_ATTEMPTS": 6,
             "KUBERNETES_QOS": "burstable", "DEFAULT_DECOSPECS": "", "UI_URL": None},
        ),
    ],
)  # fmt: skip
def test_the_configuration(environment: dict[str, str], names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert {name: find("metaflow.metaflow_config", name) for name in names} == names


def test_a_setting_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_S3_RETRY_COUNT", "many")
    with pytest.raises(FlowError, match="METAFLOW_S3_RETRY_COUNT is 'many', and not a int"):
        find("metaflow.metaflow_config", "S3_RETRY_COUNT")


def test_every_name_of_the_configuration_has_a_value() -> None:
    for name in CONFIGURATION:
        find("metaflow.metaflow_config", name)
    with pytest.raises(AttributeError, match="NOTHING"):
        configuration.NOTHING  # noqa: B018


def test_a_list_of_a_folder_reads_nothing_else(tmp_path: Path) -> None:
    """Links to nothing and into themselves, and what is beside the folder, as a home or a /tmp has them."""
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "b.txt").write_text("b")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.txt").write_text("d")
    for name, target in {
        "data/gone": "nowhere", "data/up": "..", "data/self": ".", "data/sub/top": "..", "other": "nowhere",
        "round": ".", "data/near": "../elsewhere",
    }.items():  # fmt: skip
        (tmp_path / name).symlink_to(target)
    with S3(s3root=root.as_uri()) as s3:
        assert [found.key for found in s3.get_all()] == ["a.txt", "near/d.txt", "sub/b.txt"]
        assert [found.key for found in s3.list_recursive()] == ["a.txt", "near/d.txt", "sub/b.txt"]
        assert {found.key for found in s3.list_paths()} >= {"a.txt", "sub", "near"}
