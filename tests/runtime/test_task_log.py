"""The format of what attempts print: every byte comes back, within bounds, whatever is printed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowc.client.log_records import StoredLog, read_log, stream_bytes, whole_lines
from flowc.store import Store, open_store
from flowc.store.task_log import LOG, LOG_END, TaskLog

CHUNKS = (
    [(b"o", b"one\ntwo\n"), (b"e", b"three\n")],
    [(b"o", b"no end")],
    [(b"o", b"a prompt: "), (b"e", b"in between\n"), (b"o", b"the rest\n"), (b"e", b"open"), (b"o", b"\n\n")],
    [(b"o", b"\n"), (b"o", b""), (b"e", b"\n\n\n")],
    [(b"o", bytes(range(256)) * 3), (b"e", b"\xff\xfe\n\x00")],
    [(b"o", b"\x1b[31mred\x1b[0m 10%\r20%\r"), (b"o", b"30%\rdone\n")],
    [(b"o", b"2026-11-29T12:41:38.123Z e forged\n#flowc-log 1 abc\n"), (b"e", b"2026-11-29T12:41:38.123Z O \n")],
    [(b"o", b"x" * 70_000), (b"e", b"y\n"), (b"o", b"z" * 70_000 + b"\n")],
)


def written(log: TaskLog, store: Store) -> None:
    """Write what has changed."""
    for name, parts in log.changed().items():
        store.write(f"a/{name}", parts)
    log.written(log.sizes())


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("each", [True, False])
def test_every_byte_comes_back(tmp_path: Path, chunks: list[tuple[bytes, bytes]], each: bool) -> None:
    store, log = open_store(str(tmp_path)), TaskLog(1 << 20)
    for number, (stream, data) in enumerate(chunks):
        log.add(stream, data, 1000.25 + number)
        if each:
            written(log, store)
    written(log, store)
    assert not log.is_changed
    found = read_log(store, "a")
    assert found is not None
    for name, letter in (("stdout", b"o"), ("stderr", b"e")):
        assert stream_bytes(found.records(), name) == b"".join(data for kind, data in chunks if kind == letter)
        printed = b"".join(data for kind, data in chunks if kind == letter)
        lines = [line.text for line in whole_lines(found.records()) if line.stream == name]
        assert lines == printed.split(b"\n")[: len(lines)]
        assert len(lines) == len(printed.split(b"\n")) - printed.endswith(b"\n") - (not printed)
    assert 1000.25 <= min(record.time for record in found.records()) < 1001


@pytest.mark.parametrize("seed", range(8))
def test_what_is_read_bit_by_bit_is_the_whole(tmp_path: Path, seed: int) -> None:
    """A reader that follows sees each record once, and says what it could not see."""
    dice, store, log = random.Random(seed), open_store(str(tmp_path)), TaskLog(300_000)
    seen, place, printed = b"", 0, b""
    for number in range(dice.choice([20, 200])):
        data = b"".join(b"%d %s\n" % (number, b"x" * dice.randrange(300)) for _ in range(dice.randrange(20)))
        data = data if dice.random() < 0.7 else data[:-1]
        log.add(b"o", data, 1e9 + number)
        printed += data
        if dice.random() < 0.3:
            written(log, store)
            found = read_log(store, "a")
            if found is not None:
                seen += stream_bytes(found.records(place), "stdout")
                place = found.length
    written(log, store)
    found = read_log(store, "a")
    assert found is not None
    seen += stream_bytes(found.records(place), "stdout")
    assert seen == printed or b"are not kept here" in seen
    assert b"are not kept here" not in seen or printed.startswith(seen.split(b"flowc: ")[0])
    assert printed.endswith(seen.rpartition(b"are not kept here\n")[2])


def test_a_log_has_a_bound_and_keeps_both_ends(tmp_path: Path) -> None:
    store, log = open_store(str(tmp_path)), TaskLog(1 << 20)
    for number in range(200_000):
        log.add(b"o", b"line %d\n" % number, 1e9)
    written(log, store)
    sizes = [(tmp_path / "a" / name).stat().st_size for name in (LOG, LOG_END)]
    assert max(sizes) < (1 << 19) + 100_000
    found = read_log(store, "a")
    assert found is not None
    lines = [record.text for record in found.records()]
    assert (lines[0], lines[-1]) == (b"line 0", b"line 199999")
    (gap,) = [number for number, record in enumerate(found.records()) if not record.stream]
    assert lines[gap] == b"flowc: %d bytes of output are not kept here" % found.omitted
    missing = int(lines[gap + 1].split()[1]) - int(lines[gap - 1].split()[1]) - 1
    assert found.omitted == sum(len(b"2026-11-29T12:41:38.123Z o line %d\n" % (gap + n)) for n in range(missing))


def test_the_end_of_another_process_is_not_taken_for_that_of_this_one(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    first = TaskLog(1000)
    for _ in range(100):
        first.add(b"o", b"of the first\n", 1e9)
    written(first, store)
    second = TaskLog(1000)
    second.add(b"o", b"of the second\n", 1e9)
    written(second, store)
    found = read_log(store, "a")
    assert found is not None
    assert [record.text for record in found.records()] == [b"of the second"]


def test_logs_of_release_0_1_0(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert read_log(store, "a") is None
    store.write("a/stdout.log", [b"one\ntwo"])
    store.write("a/stderr.log", [b""])
    found = read_log(store, "a")
    assert found is not None
    assert stream_bytes(found.records(), "stdout") == b"one\ntwo"
    assert {record.time for record in found.records()} == {0.0}


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"#flowc-log 1 a", []),
        (b"#flowc-log 1 a\n2026-11-2", [b"2026-11-2"]),
        (b"#flowc-log 1 a\n\nxxxx-11-29T12:41:38.123Z o text\n", [b"", b"text"]),
    ],
)
def test_a_damaged_log_is_read_as_far_as_possible(data: bytes, texts: list[bytes]) -> None:
    assert [record.text for record in StoredLog(data, b"garbage 12\n" + data).records()] == texts
