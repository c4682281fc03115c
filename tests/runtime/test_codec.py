"""Values to bytes and back, for values that nobody thought of."""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowc.errors import CorruptArtifact, MissingKey, UnloadableArtifact, UnpicklableArtifact
from flowc.store import artifacts, codec, open_store
from flowc.store.file_store import FileStore
from flowc.store.run_layout import RunLayout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowc.store import Buffer

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=5000)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def same(a: Any, b: Any) -> bool:
    """Equal, and of the same types: `repr` shows all there is to these values, NaN and -0.0 included."""
    return repr(a) == repr(b)


@RELAXED
@given(value=VALUES)
def test_artifacts_come_back_as_they_were(tmp_path: Path, value: Any) -> None:
    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "a", value)
    assert same(artifacts.load(store, "F", "a", ref), value)
    assert artifacts.save(store, "F", "b", value)["hash"] == ref["hash"]


@RELAXED
@given(items=st.lists(VALUES, max_size=8))
def test_items_come_back_one_by_one(tmp_path: Path, items: list[Any]) -> None:
    store = open_store(str(tmp_path))
    ref = artifacts.save_items(store, "F", "items", iter(items))
    assert ref["count"] == len(items)
    assert all(same(artifacts.load_item(store, "F", "items", ref, i), item) for i, item in enumerate(items))


@RELAXED
@given(sizes=st.lists(st.integers(0, 20_000), max_size=5))
def test_buffers_stand_beside_the_pickle(sizes: list[int]) -> None:
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.full(size, index % 7, dtype="uint8") for index, size in enumerate(sizes)]
    encoded = codec.encode(arrays, "arrays")
    data = bytearray().join(encoded.parts)
    assert len(data) == encoded.size
    assert codec.has_buffers(data) == any(size >= codec.OUT_OF_BAND_FROM for size in sizes)
    loaded = codec.decode(data, "it")
    assert all((a == b).all() and b.flags.writeable for a, b in zip(arrays, loaded, strict=True))


@RELAXED
@given(data=st.data())
def test_any_changed_byte_is_found_out(tmp_path: Path, data: st.DataObject) -> None:
    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "a", b"x" * 5000)
    key = artifacts.data_key("F", ref["hash"])
    content = bytearray(store.read(key))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    store.write(key, [content])
    with pytest.raises(CorruptArtifact, match="artifact 'a'"):
        artifacts.load(store, "F", "a", ref)
    assert not (tmp_path / key).exists(), "it is set aside, and stored anew"
    assert artifacts.save(store, "F", "a", b"x" * 5000) == ref
    assert artifacts.load(store, "F", "a", ref) == b"x" * 5000


class Faulty(FileStore):
    """A store that answers wrongly once: that nothing is there, or with other bytes."""

    remote = True

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path)
        self.fault = fault

    def _once(self, data: Buffer) -> Buffer:
        fault, self.fault = self.fault, ""
        if fault == "404":
            raise MissingKey("a lie")
        return bytes(len(data)) if fault == "bytes" else data[: len(data) // 2] if fault == "short" else data

    def read(self, key: str) -> Buffer:
        """The bytes, but for one time."""
        return self._once(super().read(key))

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """The bytes, but for one time."""
        return self._once(super().read_range(key, start, length))


@pytest.mark.parametrize("fault", ["404", "bytes", "short"])
def test_what_a_store_answers_wrongly_once_is_read_again(tmp_path: Path, fault: str) -> None:
    right = open_store(str(tmp_path))
    ref = artifacts.save(right, "F", "a", b"x" * 5000)
    items = artifacts.save_items(right, "F", "items", [b"x" * 9000, b"y" * 9000])
    layout = RunLayout(right, "F", "r")
    layout.commit("start", (), 0, {"artifacts": {"a": ref}, "parameters": {}, "foreach": items})
    assert artifacts.load(Faulty(str(tmp_path), fault), "F", "a", ref) == b"x" * 5000
    assert artifacts.load_item(Faulty(str(tmp_path), fault), "F", "items", items, 1) == b"y" * 9000
    found = RunLayout(Faulty(str(tmp_path), fault), "F", "r").manifest("start", (), 0)
    assert found == layout.manifest("start", (), 0)


class Forgetful(FileStore):
    """A bucket whose lists lack everything, now and then."""

    remote = True
    lists = 0

    def keys(self, prefix: str) -> Iterator[str]:
        """Nothing, every third time."""
        self.lists += 1
        return iter(()) if self.lists % 3 == 1 else super().keys(prefix)


def test_a_list_that_lacks_what_must_be_there_is_asked_for_again(tmp_path: Path) -> None:
    store = Forgetful(str(tmp_path))
    layout = RunLayout(store, "F", "r")
    for number in range(9):
        layout.commit("loop", (number,), 0, {"artifacts": {"n": {"hash": str(number)}}, "parameters": {}})
    for begin in range(3):
        store.lists = begin
        assert layout.manifest("loop", (3,))["artifacts"] == {"n": {"hash": "3"}}
        assert layout.latest_iteration("loop", ()) == 8


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.json", '{"flow":"F","run":"other","created":1.0}'),
        ("run.json", "{}"),
        ("run-end.json", '{"ended":3}'),
        ("parameters.json", '{"parameters":[]}'),
        ("start/-/0/error.json", '{"type":"E"}'),
        ("start/-/0/failed.json", '{"artifacts":{},"parameters":{},"step":"start","index":"-","attempt":1}'),
    ],
)
def test_a_file_with_something_else_is_damaged(tmp_path: Path, name: str, text: str) -> None:
    store = open_store(str(tmp_path))
    store.write(f"F/r/{name}", [text.encode()])
    with pytest.raises(CorruptArtifact, match=f"F/r/{name}"):
        RunLayout(store, "F", "r").read_json(f"F/r/{name}")


def test_a_wrong_number_of_items_does_not_set_aside_the_file_that_has_them(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    items = artifacts.save_items(store, "F", "items", [b"x" * 9000, b"y" * 9000])
    for index in (0, 2):
        with pytest.raises(CorruptArtifact, match="the number of items"):
            artifacts.load_item(store, "F", "items", {**items, "count": 3}, index)
    assert artifacts.load_item(store, "F", "items", items, 1) == b"y" * 9000


def test_the_number_of_items_is_that_of_their_table(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for items in ([b"x" * 9000, b"y" * 9000], [1, 2, 3], [b"x"], []):
        ref = artifacts.save_items(store, "F", "items", items)
        artifacts.check_items(store, "F", "items", ref)
        for count in (len(items) + 1, len(items) - 1, -1, 10**6, True, None, "1"):
            if count == 0 and count is not True:
                continue
            with pytest.raises(CorruptArtifact, match="items"):
                artifacts.check_items(store, "F", "items", {**ref, "count": count})
            ref = artifacts.save_items(store, "F", "items", items)


def test_scalars_are_readable_in_the_manifest_and_numpy_scalars_keep_their_type(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    store = open_store(str(tmp_path))
    assert artifacts.save(store, "F", "a", 0.5)["inline"] == 0.5
    ref = artifacts.save(store, "F", "a", numpy.float64(0.5))
    assert type(artifacts.load(store, "F", "a", ref)) is numpy.float64


def test_what_cannot_be_pickled_is_named(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(UnpicklableArtifact) as caught:
        artifacts.save(open_store(str(tmp_path)), "F", "log", file)
    assert "artifact 'log' of type _io.TextIOWrapper cannot be stored" in str(caught.value)


def test_what_cannot_be_loaded_is_reported_and_does_not_look_like_a_missing_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = types.ModuleType("here_today")
    exec("class Thing: pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "here_today", module)
    store = open_store(str(tmp_path))
    ref = artifacts.save(store, "F", "thing", module.Thing())
    items = artifacts.save_items(store, "F", "things", [1, module.Thing()])
    del module.Thing
    with pytest.raises(UnloadableArtifact, match=r"artifact 'thing' of type here_today.Thing cannot .* AttributeError"):
        artifacts.load(store, "F", "thing", ref)
    with pytest.raises(UnloadableArtifact, match="item 1 of things cannot be loaded"):
        artifacts.load_item(store, "F", "things", items, 1)
    assert artifacts.load_item(store, "F", "things", items, 0) == 1


OLD_CLASSES = [
    "flowc.cards.Markdown",
    "flowc.caught.FailureHandledByCatch",
    "flowc.client.artifact.DataArtifact",
    "flowc.client.artifact.TaskData",
    "flowc.client.flow.Flow",
    "flowc.client.run.Run",
    "flowc.client.step.Step",
    "flowc.client.task.Metadata",
    "flowc.client.task.Task",
    "flowc.config.Config",
    "flowc.configvalue.ConfigValue",
    "flowc.deploytime.ParameterContext",
    "flowc.errors.ExceptionWrapper",
    "flowc.gang.Parallel",
    "flowc.includefile.IncludeFile",
    "flowc.parameters.Parameter",
    "flowc.pipelines.client.PipelineRun",
    "flowc.pipelines.context.StepContext",
    "flowc.pipelines.enums.ArtifactType",
    "flowc.pipelines.mapping.MappedResults",
    "flowc.pipelines.launch.PipelineRunFailed",
    "flowc.pipelines.steps.StepFunction",
    "flowc.pipelines.settings.ArtifactConfig",
    "flowc.pipelines.settings.Resources",
    "flowc.pipelines.texts.HTMLString",
    "flowc.store.files.FileStore",
    "flowc.store.s3.S3Store",
    "flowc.timelimit.TimeoutException",
    "flowc.triggers.MetaflowEvent",
    "flowc.triggers.Trigger",
]
"""Classes of flowc that artifacts of release 0.1.0 can name, as it names them."""


@pytest.mark.parametrize("old", OLD_CLASSES)
def test_artifacts_of_an_older_release_load(old: str) -> None:
    module, _, name = old.rpartition(".")
    found = codec.decode(b"\x80\x05c" + f"{module}\n{name}\n.".encode(), "it")
    assert found.__name__ == name
    with pytest.raises(UnloadableArtifact, match=r"No module named 'flowc\.no_such'"):
        codec.decode(b"\x80\x05cflowc.no_such\nName\n.", "it")
