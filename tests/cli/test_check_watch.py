"""`flowc check --watch`, and what a check imports and starts."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from flowc_cli.batch.check_batch import report_of
from flowc_cli.batch.check_watch import changes_result, is_of_interest, watched_folders
from flowc_cli.checking import CheckOptions
from flowc_compiler.filesystem import look
from tests.support import START_AND_END, flowc_process, write_files

GOOD = f"from flowc import FlowSpec, step\n\n\nclass Good(FlowSpec):{START_AND_END}"
BROKEN = GOOD.replace("self.next(self.end)", "self.next(self.ende)")
COMMAND = [sys.executable, "-m", "flowc_cli", "check"]


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)


@pytest.mark.process
@pytest.mark.parametrize("place", [".", "flow.py"])
def test_a_change_is_checked_until_an_interrupt(tmp_path: Path, place: str) -> None:
    pytest.importorskip("watchfiles")
    write_files(tmp_path, {"flow.py": GOOD, "pyproject.toml": "[tool.flowc]\n"})
    log = tmp_path / "watch.log"
    with log.open("w") as output:
        process = subprocess.Popen([*COMMAND, place, "--watch"], cwd=tmp_path, stderr=output, stdout=output)
    try:
        wait_for(lambda: "watching" in log.read_text())
        assert "no errors in 1 file" in log.read_text()
        (tmp_path / "notes.txt").write_text("hello")
        (tmp_path / "flow.py").write_text(BROKEN)
        wait_for(lambda: "FC201" in log.read_text())
        (tmp_path / "flow.py").write_text(GOOD)
        wait_for(lambda: log.read_text().count("no errors in 1 file") == 2)
        write_files(tmp_path, {"new.py": BROKEN} if place == "." else {"pyproject.toml": "[tool.flowc.check]\nx = 1\n"})
        wait_for(lambda: log.read_text().count("error[") == 2)
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    text = log.read_text()
    assert "Traceback" not in text
    assert text.count("watching") == 4
    assert "\x1b" not in text  # no terminal is there to be cleared


@pytest.mark.process
def test_a_terminal_is_cleared(tmp_path: Path) -> None:
    pytest.importorskip("watchfiles")
    write_files(tmp_path, {"flow.py": GOOD})
    master, slave = pty.openpty()
    process = subprocess.Popen([*COMMAND, ".", "--watch"], cwd=tmp_path, stderr=slave, stdout=slave)
    os.close(slave)
    text = b""
    while b"watching" not in text:
        text += os.read(master, 1000)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    os.close(master)
    assert text.startswith(b"\x1b[2J")


@pytest.mark.process
@pytest.mark.parametrize("seconds", [0.5, 0.7, 0.9, 1.5])
def test_an_interrupt_of_a_check_in_processes_ends_all_of_them(tmp_path: Path, seconds: float) -> None:
    """Whenever it comes: Python drops some that come in callbacks, and the pool's own threads print others."""
    write_files(tmp_path, {f"f{n}.py": GOOD for n in range(4000)})
    process = subprocess.Popen(
        [*COMMAND, ".", "--jobs", "2", "--no-cache"], cwd=tmp_path, stderr=subprocess.PIPE, start_new_session=True
    )
    wait_for(lambda: catches_interrupts(process.pid))
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130, text
    assert b"Traceback" not in text
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def catches_interrupts(pid: int) -> bool:
    """Whether Python has begun: before, an interrupt ends a process as the system does."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), 16)
    return bool(caught >> (signal.SIGINT - 1) & 1)


def interrupt_in_a_callback() -> None:
    """An interrupt that comes while a weak reference is cleared, where Python drops what is raised."""

    class Object:
        pass

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    target = Object()
    reference = weakref.ref(target, interrupt)
    del target
    assert reference() is None
    time.sleep(30)


@pytest.mark.process
def test_an_interrupt_that_python_drops_comes_again() -> None:
    code = "from flowc_cli import app, __main__; from tests.cli.test_check_watch import interrupt_in_a_callback as i\n"
    code += "app.app = lambda *_, **__: i()\n__main__.main([])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")


def test_what_is_watched(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/.git/HEAD": "", "a/flows/x.py": "", "b/y.py": ""})
    folder = tmp_path
    assert watched_folders([folder / "a/flows/x.py", folder / "a", folder / "a/**/*.py"]) == [folder / "a"]
    assert watched_folders([folder / "b/y.py"]) == [folder / "b"]
    rows = {"flows/x.py": True, "settings.json": True, ".git/index": False, ".flowc_cache/1.json": False}
    rows |= {"flows/__pycache__/x.pyc": False, "dist/x.py": False}
    assert {name: is_of_interest(folder / "build/p" / name, [folder / "build/p"]) for name in rows} == rows


def test_what_changes_the_result_of_a_check(tmp_path: Path) -> None:
    """Code and settings, and of other files those that were seen, or missed: a log in the folder does not."""
    configs = "".join(f'    {name} = Config("{name}", default="{name}.data")\n' for name in ("one", "two"))
    flow = GOOD.replace("FlowSpec, step", "Config, FlowSpec, step").replace("(FlowSpec):", f"(FlowSpec):\n{configs}")
    write_files(tmp_path, {"flow.py": flow, "one.data": "{}", "a/x.txt": "", "real/b.json": "{}", "gone/c.json": "{}"})
    (tmp_path / "link.json").symlink_to("real/b.json")
    others = [str(tmp_path / name) for name in ("link.json", "gone/c.json")]
    seen = [report_of(tmp_path / "flow.py", CheckOptions())[1]]
    seen.append({("content", path): look("content", path) for path in others})

    def change(name: str, text: str | None) -> bool:
        path = tmp_path / name
        if text is None:
            shutil.rmtree(path)
        else:
            write_files(tmp_path, {name: text})
        return changes_result([path], seen)

    assert not change("watch.log", "checked")
    assert not change("a/x.txt", "changed")
    assert not change("one.data", "{}"), "it has the same content"
    assert change("one.data", '{"a": 1}')
    write_files(tmp_path, {"one.data": "{}"})
    assert change("two.data", "{}"), "it was missed"
    assert change("real/b.json", "{} ")
    assert change("gone", None)
    assert change("a/new.py", "")
    assert change("pyproject.toml", "")


@pytest.mark.process
def test_jobs_give_the_same_in_the_same_order(tmp_path: Path) -> None:
    write_files(tmp_path, {f"team{n % 7}/f{n}.py": BROKEN if n % 3 else GOOD for n in range(120)})
    texts = [
        flowc_process(tmp_path, "check", ".", "--no-cache", *options).stderr
        for options in (("--jobs", "1"), ("--jobs", "3"))
    ]
    assert texts[0] == texts[1]
    assert "80 errors in 80 of 120 files" in texts[0]


@pytest.mark.process
def test_processes_that_are_spawned_are_told_everything(tmp_path: Path) -> None:
    """As on macOS and Windows."""
    write_files(tmp_path, {f"f{n}.py": BROKEN for n in range(12)})
    start = "from flowc_cli.batch import check_batch; check_batch.START_METHOD = 'spawn'; check_batch.SOON = 0; "
    start += "from flowc_cli.__main__ import main; main()"
    options = ["check", ".", "--jobs", "2", "--no-cache", "--with", "retry:tmes=1", "--env-at-compile", "REGION"]
    command = [sys.executable, "-c", start, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "13 errors, 1 warning in 12 of 12 files" in done.stderr, done.stderr  # that of `--with` once


IMPORTED = """
import json, sys
sys.argv = ["flowc", *sys.argv[1:]]
from flowc_cli.__main__ import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {"libcst", "rich", "yaml", "watchfiles", "multiprocessing", "asyncio", "xml", "html", "pygls", "email", "http"}


@pytest.mark.process
def test_a_check_imports_little(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": GOOD, "other.py": GOOD})

    def imported(*arguments: str) -> set[str]:
        command = [sys.executable, "-c", IMPORTED, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
        return set(json.loads(done.stdout))

    one, many = imported("check", "flow.py"), imported("check", ".")
    assert not HEAVY & one
    assert not {name for name in one if name.startswith("flowc_cli.batch")}
    assert not HEAVY - {"multiprocessing"} & many
    warm = imported("check", ".")
    assert not {name for name in warm if name.startswith("flowc_compiler.frontend.classflow")}  # all is known
