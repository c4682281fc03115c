"""Values beyond 2 GiB, where single calls of the operating system end, and of S3, where they end at 5 GiB."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from flowc.store import artifacts, open_store
from tests.local.flows import Local

if TYPE_CHECKING:
    from pathlib import Path

BIG = (2 << 30) + (200 << 20) + 13
FLOW = """
    from flowc import FlowSpec, step

    SIZE = BIG

    class Big(FlowSpec):
        @step
        def start(self):
            self.raw = bytes(SIZE)
            self.next(self.arrays)

        @step
        def arrays(self):
            import numpy as np
            assert len(self.raw) == SIZE
            del self.raw
            self.array = np.zeros(SIZE, dtype=np.uint8)
            self.array[-1] = 7
            self.next(self.split)

        @step
        def split(self):
            import numpy as np
            assert len(self.array) == SIZE and self.array[-1] == 7
            self.array[0] = 1
            del self.array
            self.items = [b"x" * SIZE, np.ones(100_000)]
            self.next(self.body, foreach="items")

        @step
        def body(self):
            self.size = len(self.input)
            self.next(self.join)

        @step
        def join(self, inputs):
            self.sizes = [i.size for i in inputs]
            self.next(self.end)

        @step
        def end(self):
            print(self.sizes)
"""


@pytest.mark.slow
def test_a_range_beyond_two_gib_is_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(3 << 30)
        file.seek((3 << 30) - 3)
        file.write(b"end")
    data = open_store(str(tmp_path)).read_range("sparse", 5, (3 << 30) - 5)
    assert len(data) == (3 << 30) - 5
    assert bytes(data[-4:]) == b"\0end"
    assert bytes(open_store(str(tmp_path)).read_range("sparse", (3 << 30) - 3, 1 << 20)) == b"end"


def test_an_array_among_items_is_mapped_aligned_and_writable(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    store = open_store(str(tmp_path))
    items = [b"odd", numpy.arange(100_000.0), "x", numpy.arange(7)]
    ref = artifacts.save_items(store, "F", "items", items)
    array = artifacts.load_item(store, "F", "items", ref, 1)
    assert array.flags.aligned
    assert array.flags.writeable
    array += 1
    assert array[99_999] == 100_000.0
    assert artifacts.load_item(store, "F", "items", ref, 1)[0] == 0.0
    assert artifacts.load_item(store, "F", "items", ref, 3).tolist() == list(range(7))


@pytest.mark.slow
def test_a_flow_of_values_beyond_two_gib(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    local = Local(tmp_path, FLOW.replace("BIG", str(BIG)))
    result = local.run()
    shutil.rmtree(local.root)  # pytest would keep the 9 GiB
    assert result.ok, local.says.err
    assert local.says.out == [f"end] [{BIG}, 100000]"]
