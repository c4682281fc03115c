"""`flowc logs` from the store: which lines, of which attempts, in which order, now and while they come."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from flowc.store import open_store
from flowc.store.run_layout import RunLayout
from flowc.store.task_log import TaskLog
from flowc_cli import stored_logs, stored_runs
from flowc_cli.__main__ import main
from flowc_cli.stored_runs import task_parts
from tests.support import flowc

BEGUN = 1_800_000_000.0


def layout_of(folder: Path, run: str = "argo-1") -> RunLayout:
    """A run in the store of a folder."""
    return RunLayout(open_store(str(folder / ".flowc")), "F", run)


def printed(layout: RunLayout, step: str, path: tuple[int, ...], attempt: int, *lines: str, at: float = BEGUN) -> None:
    """An attempt that has printed lines; those that begin with `!` to stderr."""
    layout.begin(step, path, attempt, {"version": 1, "started": at, "host": "pod", "last": False})
    log = TaskLog(1 << 20)
    for number, line in enumerate(lines):
        log.add(b"e" if line.startswith("!") else b"o", f"{line}\n".encode(), at + number / 1000)
    for name, parts in log.changed().items():
        layout.store.write(f"{layout.folder(step, path, attempt)}/{name}", parts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    layout = layout_of(tmp_path)
    printed(layout, "start", (), 0, "one", "!two", "three")
    printed(layout, "each", (0,), 0, "item 0")
    printed(layout, "each", (1,), 0, "item 1 fails", "!Traceback", at=BEGUN + 10)
    printed(layout, "each", (1,), 1, "item 1 works", at=BEGUN + 20)
    printed(layout, "each", (10,), 0, "10%\r20%\r30%\r")
    layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, "status": "failed", "ended": BEGUN + 30})
    return tmp_path


ALL = (
    "[start] one\n[start] !two\n[start] three\n[each-0] item 0\n[each-1 attempt 0] item 1 fails\n"
    "[each-1 attempt 0] !Traceback\n[each-1 attempt 1] item 1 works\n[each-10] 30%\n"
)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (["F"], set(ALL.splitlines())),
        (["F/argo-1", "start"], {"[start] one", "[start] !two", "[start] three"}),
        (["F", "--step", "start", "--tail", "1"], {"[start] three"}),
        (["F", "--step", "start", "--tail", "0"], set[str]()),
        (["F/argo-1/each/1", "--attempt", "1", "--tail", "9" * 20], {"[each-1 attempt 1] item 1 works"}),
        (["F/argo-1/each/1", "--tail", "1"], {"[each-1 attempt 0] !Traceback", "[each-1 attempt 1] item 1 works"}),
        (["F", "each/1", "--attempt", "1"], {"[each-1 attempt 1] item 1 works"}),
        (["F", "--stderr"], {"[start] !two", "[each-1 attempt 0] !Traceback"}),
        (["F", "--step", "each/10", "--timestamps"], {"2027-01-15T08:00:00.000Z [each-10] 30%"}),
        (["F", "--attempt", "7"], set[str]()),
    ],
)
@pytest.mark.parametrize("follow", [False, True])
def test_which_lines(folder: Path, arguments: list[str], lines: set[str], follow: bool) -> None:
    done = flowc(folder, "logs", *arguments, *(["--follow"] if follow else []))
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()) == lines
    assert len(done.stdout.splitlines()) == len(lines)


def test_the_order_is_that_of_tasks_and_times(folder: Path) -> None:
    text = flowc(folder, "logs", "F/argo-1/each").stdout
    assert text == ALL.partition("[start] three\n")[2]


@pytest.mark.parametrize("arguments", [["F/argo-1/start", "--step", "each"], ["F", "start", "--step", "start"]])
def test_a_step_that_is_named_twice(folder: Path, arguments: list[str]) -> None:
    done = flowc(folder, "logs", *arguments)
    assert done.returncode == 2
    assert "the step is given twice" in done.stderr


def test_following_a_run_that_is_over_keeps_its_order(folder: Path) -> None:
    """That in which its steps began, as without --follow, and not the alphabet's."""
    layout = layout_of(folder, "argo-2")
    for number, step in enumerate(("zero", "each", "after")):
        printed(layout, step, (), 0, f"line of {step}", at=BEGUN + 100 + number)
        parts = {"step": step, "index": "-", "attempt": 0, "flow": "F", "run": "argo-2", "version": 2}
        manifest: dict[str, object] = {**parts, "artifacts": {}, "parameters": {}, "created": BEGUN + 100.5 + number}
        layout.write_json(f"{layout.folder(step, (), 0)}/manifest.json", manifest)
    layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, "status": "failed", "ended": BEGUN + 130})
    done = flowc(folder, "logs", "F/argo-2", "--follow")
    assert done.stdout == "[zero] line of zero\n[each] line of each\n[after] line of after\n"
    assert done.stdout == flowc(folder, "logs", "F/argo-2").stdout


def taken(layout: RunLayout, step: str, path: tuple[int, ...], *, cached: bool = False) -> None:
    """A task that ran in run argo-1: taken over, or from the cache."""
    index = ".".join(map(str, path)) or "-"
    origin = {"run": "argo-1", "step": step, "index": index, "attempt": 0, "created": BEGUN}
    parts = {"step": step, "index": index, "attempt": 0, "flow": "F", "run": layout.run if cached else "argo-1"}
    more = {"cached": origin} if cached else {}
    manifest: dict[str, object] = {**parts, "artifacts": {}, "parameters": {}, "created": BEGUN + 1, **more}
    layout.write_json(f"{layout.folder(step, path, 0)}/manifest.json", {**manifest, "version": 2})


@pytest.mark.parametrize("arguments", [[], ["--step", "start"], ["--step", "each/0"], ["--step", "none"], ["--stderr"]])
def test_following_prints_logs_of_tasks_that_ran_elsewhere(folder: Path, arguments: list[str]) -> None:
    """Those of tasks that were taken over, and from the cache, as without --follow. One may have printed nothing."""
    layout = layout_of(folder, "argo-2")
    taken(layout, "start", ())
    taken(layout, "each", (0,), cached=True)
    taken(layout, "none", ())
    printed(layout, "after", (), 0, "line of after", at=BEGUN + 100)
    layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, "status": "failed", "ended": BEGUN + 130})
    done, at_once = (flowc(folder, "logs", "F/argo-2", *more, *arguments) for more in (["--follow"], []))
    assert (done.returncode, done.stderr) == (0, at_once.stderr)
    assert sorted(done.stdout.splitlines()) == sorted(at_once.stdout.splitlines())
    if not arguments:
        assert "[start] three\n" in done.stdout
        assert "[each-0] flowc: taken from the cache" in done.stdout
        assert "[each-0] item 0\n" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says", "hint"),
    [
        (["show", "F/start/0"], "did you mean F/latest/start/0?", "name it as Flow"),
        (["logs", "F/each"], "did you mean F/latest/each?", "name it as Flow"),
        (["show", "F/nothing"], "`flowc runs F` lists its runs", "name it as Flow"),
        (["tag", "F", ""], "'' is not a tag", ""),
        (["show", "F/argo-3"], "a file of run F/argo-3 cannot be read", "`flowc fsck F/argo-3`"),
    ],
)
def test_help_is_about_what_is_wrong(folder: Path, arguments: list[str], says: str, hint: str) -> None:
    layout = layout_of(folder, "argo-3")
    layout.begin("start", (), 0, {"version": 1, "started": BEGUN - 10, "host": "pod", "last": False})
    layout.store.write(f"{layout.folder('start', (), 0)}/manifest.json", [b"{"])
    done = flowc(folder, *arguments)
    assert done.returncode == (1 if "cannot be read" in says else 2)
    assert says in done.stderr
    assert hint in done.stderr
    assert hint or "help:" not in done.stderr


def test_a_run_by_its_id_alone_and_the_latest(folder: Path) -> None:
    whole = flowc(folder, "show", "F/argo-1").stdout
    assert flowc(folder, "show", "argo-1").stdout == whole != ""
    assert flowc(folder, "show", "argo-1/start").stdout == flowc(folder, "show", "F/argo-1/start").stdout
    assert flowc(folder, "diff-runs", "argo-1", "F/latest").returncode == 0
    assert flowc(folder, "fsck", "F/latest").stdout == flowc(folder, "fsck", "F/argo-1").stdout != ""
    assert flowc(folder, "fsck", "G/latest").returncode == 2


@pytest.mark.parametrize("follow", [False, True])
def test_a_step_that_is_not_there(folder: Path, follow: bool) -> None:
    done = flowc(folder, "logs", "F/argo-1/nothing", *(["--follow"] if follow else []))
    assert done.returncode == 2
    assert "has no step nothing" in done.stderr


def test_following_shows_each_line_once_and_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_logs, "FOLLOW_SECONDS", {False: 0.05, True: 0.05})
    layout = layout_of(tmp_path)
    now = time.time()
    printed(layout, "start", (), 0, "first", at=now)

    def go_on() -> None:
        log = TaskLog(1 << 20)
        place = layout.folder("train", (3,), 0)
        layout.begin("train", (3,), 0, {"version": 1, "started": now, "host": "pod", "last": False})
        for number in range(20):
            log.add(b"o", b"step %d\n" % number, now + number)
            log.add(b"o", b"half ", now + number)
            for name, parts in log.changed().items():
                layout.store.write(f"{place}/{name}", parts)
            log.written(log.sizes())
            time.sleep(0.03)
            log.add(b"o", b"a line\n", now + number)
        log.add(b"e", b"no end", now + 21)
        for name, parts in log.changed().items():
            layout.store.write(f"{place}/{name}", parts)
        printed(layout, "train", (3,), 1, "again", at=now + 30)
        layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, "status": "successful", "ended": now})

    thread = threading.Thread(target=go_on)
    thread.start()
    done = flowc(tmp_path, "logs", "F", "--follow")
    thread.join()
    expected = ["[start] first"]
    for number in range(20):
        expected += [f"[train-3] step {number}", "[train-3] half a line"]
    # A label has the number of the first attempt only if another one is there when it is first seen.
    expected += ["[train-3] no end", "[train-3 attempt 1] again"]
    lines = done.stdout.replace(" attempt 0", "").splitlines()
    assert lines[:-2] == expected[:-2]
    assert sorted(lines[-2:]) == sorted(expected[-2:]), "a line that has no end waits for that of its attempt"


def test_a_run_is_named_as_airflow_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(layout_of(tmp_path, "manual__2026-11-29T16=3A00=3A00=2B00=3A00"), "start", (), 0, "here")
    for name in ("manual__2026-11-29T16:00:00+00:00/start", "manual__2026-11-29T16=3A00=3A00=2B00=3A00"):
        with pytest.raises(SystemExit) as ended:
            main(["logs", f"F/{name}", "--root", str(tmp_path / ".flowc")])
        assert (ended.value.code or 0, capsys.readouterr().out) == (0, "[start] here\n")
    assert flowc(tmp_path, "show", "F/manual__2026-11-29T16:00:00+00:00").returncode == 0
    absent = flowc(tmp_path, "show", "F/manual__2026-11-29T17:00:00+00:00")
    assert (absent.returncode, "error[FC602]" in absent.stderr) == (2, True)


@pytest.mark.parametrize("run", ["argo-9", "manual__2026-11-29T16=3A00=3A00"])
def test_following_waits_for_the_first_task_of_an_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    monkeypatch.setattr(stored_runs, "FIRST_TASK_SECONDS", 12.0)

    def begin() -> None:
        time.sleep(0.2)
        layout = layout_of(tmp_path, run)
        printed(layout, "start", (), 0, "first")
        layout.write_json(f"{layout.prefix}/run-end.json", {"version": 1, "status": "successful", "ended": BEGUN})

    thread = threading.Thread(target=begin)
    thread.start()
    done = flowc(tmp_path, "logs", f"F/{run}", "start", "--follow")
    thread.join()
    assert (done.returncode, done.stdout) == (0, "[start] first\n")
    assert done.stderr == f"flowc: the store has nothing of F/{run} yet: waiting for its first task, at most 12 s\n"


@pytest.mark.parametrize(("run", "waits"), [("argo-9", True), ("20261129T160000-abcdef", False), ("latest", False)])
def test_a_run_that_never_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: str, waits: bool) -> None:
    monkeypatch.setattr(stored_runs, "FIRST_TASK_SECONDS", 0.3)
    done = flowc(tmp_path, "logs", f"F/{run}", "--follow")
    assert done.returncode == 2
    assert "error[FC602]" in done.stderr
    assert ("waiting for its first task" in done.stderr) == waits
    assert "waiting" not in flowc(tmp_path, "logs", f"F/{run}").stderr


def test_nothing_in_the_store_points_to_the_engine_unless_that_was_a_simulator(tmp_path: Path) -> None:
    record = {"version": 1, "started": BEGUN, "host": "pod", "last": False}
    for run, engine, hint in (("argo-1", {}, "argo"), ("argo-2", {"engine": "simulate"}, ""), ("x", {}, "airflow")):
        layout = layout_of(tmp_path, run)
        layout.begin("start", (), 0, {**record, **engine})
        done = flowc(tmp_path, "logs", f"F/{run}")
        assert done.returncode == 0
        assert (f"--target {hint}`" in done.stderr) == bool(hint)
        assert bool(done.stderr) == bool(hint)


@pytest.mark.parametrize("text", ["each/10", "each-10", "each[10]"])
def test_a_task_is_named_as_it_is_printed(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    for arguments in (["F", text], ["F", text, "--follow"], [f"F/latest/{text}"]):
        with pytest.raises(SystemExit) as ended:
            main(["logs", *arguments, "--root", str(folder / ".flowc")])
        assert (ended.value.code or 0, capsys.readouterr().out) == (0, "[each-10] 30%\n")


def test_parts_of_a_task() -> None:
    assert task_parts(["price-1.0"], {"price"}) == task_parts(["price[1.0]"], ()) == ["price", "1.0"]
    assert task_parts(["price-1"], {"price-1"}) == ["price-1"]
    assert task_parts(["price", "1"], ()) == ["price", "1"]
    assert task_parts(["price-x"], ()) == ["price-x"]
    assert task_parts([], ()) == []


def test_an_attempt_that_is_not_there(folder: Path) -> None:
    done = flowc(folder, "logs", "F", "--attempt", "7")
    assert (done.returncode, done.stderr) == (0, "flowc: no attempt 7 has printed anything\n")
