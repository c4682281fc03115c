"""What a run shows while it runs: a table on a terminal, lines with the time in a pipe, JSON, prompts and debuggers.

On a terminal as a user has it: each test starts `flowc` on a pseudo-terminal, and reads the screen as that draws it.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from flowc_targets.base.live_table import LiveTable, StepProgress, status_line, table_lines
from flowc_targets.local.console_report import JsonReporter, Milestones
from flowc_targets.local.watched_output import WatchedOutput
from tests.support import flowc, write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from flowc_targets.local.attempt_log import AttemptLog
    from flowc_targets.local.run_report import LiveReporter, Stream

FLOW = """
import sys, time
from flowc import FlowSpec, Parameter, retry, step

class Wide(FlowSpec):
    n = Parameter("n", default=12)
    wait = Parameter("wait", default=0.2)
    bad = Parameter("bad", default=-1)

    @step
    def start(self):
        print("a line of start")
        self.items = list(range(self.n))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        time.sleep(self.wait)
        if self.input == self.bad:
            print("about to fail", file=sys.stderr)
            raise ValueError("item " + str(self.input))
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("the end")

if __name__ == "__main__":
    Wide()
"""
ASKS = """
from flowc import pipeline, step

@step
def ask() -> int:
    number = 4
    breakpoint()
    return number + len(input("Name? "))

@step
def divide(number: int) -> float:
    return 1 / (number - 7)

@pipeline
def asks():
    divide(ask())

if __name__ == "__main__":
    asks()
"""


@dataclass
class Session:
    """A command on a terminal: what it wrote, and how it ended."""

    written: str = ""
    code: int = 0
    screen: list[str] = field(default_factory=list[str])

    @property
    def plain(self) -> str:
        """What was written, without colors and movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", self.written).replace("\r\n", "\n")


def on_terminal(
    folder: Path, *arguments: str, answers: tuple[tuple[str, bytes], ...] = (), columns: int = 90, **variables: str
) -> Session:
    """Run `flowc` on a terminal of 30 lines; each answer is typed when its prompt has appeared."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        of_terminals = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
        kept = {name: value for name, value in os.environ.items() if name not in of_terminals}
        command = [sys.executable, "-m", "flowc_cli", *arguments]
        os.execve(sys.executable, command, {**kept, "TERM": "xterm-256color", **variables})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    written, waiting, end = b"", list(answers), time.monotonic() + 90
    seen = 0
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:  # the end, on Linux
                break
            if not data:
                break
            written += data
        if waiting and waiting[0][0].encode() in written[seen:]:
            seen = len(written)
            os.write(terminal, waiting.pop(0)[1])
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    text = written.decode()
    return Session(text, os.waitstatus_to_exitcode(status), screen_of(text, columns))


def screen_of(text: str, columns: int) -> list[str]:
    """The lines that a terminal would show, scrolled ones included."""
    lines, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if part == "\n":
            row += 1
        elif part == "\r":
            column = 0
        elif part.startswith("\x1b["):
            if part.endswith("A"):
                row -= int(part[2:-1] or 1)
            elif part.endswith("J"):
                lines = [*lines[:row], lines[row][:column]]
        else:
            for character in part:
                if column == columns:
                    row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
                lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
                column += 1
        lines += [""] * (row + 1 - len(lines))
    return lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With both flows."""
    write_files(tmp_path, {"wide.py": FLOW, "asks.py": ASKS})
    return tmp_path


@pytest.mark.process
def test_a_table_stands_below_the_output(folder: Path) -> None:
    """Lines of tasks appear above it, it is drawn in place, and its last state stays."""
    done = on_terminal(folder, "run", "wide.py", "--root", "store", "--max-workers", "2", "--wait", "0.4")
    assert done.code == 0
    assert "a line of start" in "".join(done.screen[1:3])
    assert done.written.count("\x1b[J") >= 2, "it was drawn more than once"
    (heads,) = [line for line in done.screen if line.startswith("step")]
    assert heads.split() == ["step", "done", "running", "failed", "total", "rate", "elapsed"]
    assert [line.split()[:5] for line in done.screen if line.startswith("work")] == [["work", "12", "0", "0", "12"]]
    assert "finished: 15 tasks" in done.screen[-2]
    assert not re.search(r"^\d{4}-", done.plain, re.MULTILINE)


@pytest.mark.process
@pytest.mark.parametrize("columns", [30, 50, 200])
def test_no_line_is_wider_than_the_terminal(folder: Path, columns: int) -> None:
    """A narrow terminal has fewer columns, or one line; without colors there are none."""
    done = on_terminal(folder, "run", "wide.py", "--root", "store", "--wait", "0.7", columns=columns, NO_COLOR="1")
    table = [line for line in done.screen if line.startswith(("Wide", "step", "work"))]
    assert done.code == 0
    assert table
    assert max(map(len, table)) < columns
    assert "\x1b[3" not in done.written
    assert len(table) == (1 if columns == 30 else 3), "one table, the last"


@pytest.mark.process
def test_an_interrupt_leaves_the_terminal_as_it_was(folder: Path) -> None:
    """Ctrl-C in the middle: the table stays where it is, and the last lines say how to go on."""
    done = on_terminal(folder, "run", "wide.py", "--wait", "30", "--root", "store", answers=(("running", b"\x03"),))
    assert done.code == 130
    assert "was interrupted" in "".join(done.screen[-4:])
    assert done.screen[-1] == ""
    assert "flowc resume wide.py --origin-run-id" in done.plain
    assert "\x1b[?25l" not in done.written, "the cursor was hidden"


@pytest.mark.process
def test_prompts_and_debuggers_in_a_run(folder: Path) -> None:
    """With one worker, `breakpoint()`, `input()` and --pdb work, while no table is in the way."""
    answers = (
        ("(Pdb) ", b"p number\n"),
        ("(Pdb) ", b"c\n"),
        ("Name? ", b"Ann\n"),
        ("(Pdb) ", b"p number\n"),
        ("(Pdb) ", b"q\n"),
    )
    done = on_terminal(folder, "run", "asks.py", "--root", "store", "--pdb", answers=answers)
    assert done.code == 1
    assert "(Pdb) p number\n4\n" in done.plain
    assert "(Pdb) p number\n7\n" in done.plain
    assert "ZeroDivisionError" in done.plain
    again = on_terminal(folder, "try", "asks.py", "divide", "--pdb", "--root", "store", answers=(("(Pdb) ", b"q\n"),))
    assert again.code == 1
    assert "-> return 1 / (number - 7)" in again.plain


class Shown:
    """A reporter that keeps what it is to show, in its order."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def lines(self, stream: str, prefix: str, lines: list[str]) -> None:
        """Keep lines."""
        del stream, prefix
        self.texts += lines

    def prompt(self, stream: str, text: str) -> None:
        """Keep a prompt."""
        del stream
        self.texts.append(text)

    def prompts_are_over(self) -> None:
        """Nothing to keep."""


def test_what_led_to_a_debugger_stands_above_its_place() -> None:
    """Whichever of the two pipes is read first: pdb's place is on stdout, and the traceback on stderr."""
    place = "> asks.py(46)divide()"
    failure = ["Traceback (most recent call last):", "ZeroDivisionError", "flowc: the debugger begins where that was"]
    shown, log = Shown(), SimpleNamespace(add=print)  # pytest keeps what it gets
    streams: tuple[Stream, Stream] = ("stdout", "stderr")
    out, err = (
        WatchedOutput(stream, "", cast("AttemptLog", log), cast("LiveReporter", shown), prompts=True)
        for stream in streams
    )
    out.partner, err.partner = err, out
    os.write(out.write_end, f"printed\n{place}\n-> 1 / 0\n(Pdb) ".encode())
    os.write(err.write_end, "".join(f"{line}\n" for line in failure).encode())
    out.pump()
    err.pump()
    out.flush_due()
    for output in (out, err):
        output.finish()
        output.release()
    assert [text for text in shown.texts if text] == ["printed", *failure, place, "-> 1 / 0", "(Pdb) "]


@pytest.mark.process
def test_a_breakpoint_without_a_terminal_says_so(folder: Path) -> None:
    """With several workers nobody can answer: the task fails at that line, with a way out; it can be skipped."""
    done = flowc(folder, "run", "asks.py", "--root", "store")
    assert done.returncode == 1
    assert "breakpoint() needs a terminal" in done.stderr
    assert "flowc run --max-workers 1" in done.stderr
    assert flowc(folder, "run", "asks.py", "--pdb", "--max-workers", "2").returncode == 2
    assert "EOFError" in flowc(folder, "run", "asks.py", "--root", "store", PYTHONBREAKPOINT="0").stderr


@pytest.mark.process
def test_lines_in_a_pipe_have_the_time(folder: Path) -> None:
    """What a step does is said once, one traceback comes at the end, and then how to go on."""
    done = flowc(folder, "run", "wide.py", "--bad", "3", "--root", "store")
    assert done.returncode == 1
    own = [line for line in done.stderr.splitlines() if " flowc: " in line]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ flowc: ", line) for line in own)
    assert done.stderr.count("Traceback (most recent call last)") == 1
    assert re.search(r"^\[.*/work/3\] about to fail$", done.stderr, re.MULTILINE)
    (end,) = folder.glob("store/Wide/*/run-end.json")
    assert json.loads(end.read_text())["failed"] == "work/3"
    assert "step start is done: 1 task" in done.stderr
    (ways,) = re.findall(r"alone: (flowc try wide.py work/3 --run \S+ --root store)", done.stderr)
    assert flowc(folder, *ways.split()[1:]).returncode == 1
    (command,) = re.findall(r"from there: (flowc resume wide.py --origin-run-id \S+ --root store)", done.stderr)
    assert flowc(folder, *command.split()[1:]).returncode == 1


@pytest.mark.process
def test_quiet_leaves_the_output_of_tasks(folder: Path) -> None:
    """Nothing but what tasks print; what fails is said."""
    done = flowc(folder, "run", "wide.py", "--quiet", "--root", "store")
    assert (done.returncode, done.stderr) == (0, "")
    assert "the end" in done.stdout
    assert "ValueError: item 1" in flowc(folder, "run", "wide.py", "-q", "--bad", "1", "--root", "store").stderr


@pytest.mark.process
def test_json_lines(folder: Path) -> None:
    """Every line of standard output is an object of the documented form, and nothing else is printed."""
    done = flowc(folder, "run", "wide.py", "--log-format", "json", "--bad", "2", "--root", "store")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (1, "")
    assert [lines[0]["event"], lines[-1]["event"]] == ["run_started", "run_finished"]
    assert {line["event"] for line in lines} <= {"run_started", "output", "note", "step", "run_finished"}
    assert all(line["run"].startswith("Wide/") and line["time"].endswith("Z") for line in lines)
    output = {(line["task"], line["stream"], line["text"]) for line in lines if line["event"] == "output"}
    assert {("start", "stdout", "a line of start"), ("work/2", "stderr", "about to fail")} <= output
    last = lines[-1]
    assert (last["status"], last["failed"]["task"], last["failed"]["attempt"]) == ("failed", "work/2", 0)
    assert last["resume"].startswith("flowc resume wide.py --origin-run-id ")


def test_json_lines_are_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    """A message of a step may have half of a surrogate pair."""
    JsonReporter().lines("stdout", "[start]", ["bad \ud800"])
    assert json.loads(capsys.readouterr().out.encode("utf-8"))["text"] == "bad \ufffd"


def test_a_table_of_many_steps_shows_those_that_run() -> None:
    """It is never higher than the terminal, and says what it leaves out."""
    steps = [StepProgress(f"step{number}", done=1, total=1, began=0.0, changed=float(number)) for number in range(60)]
    steps += [StepProgress(f"later{number}") for number in range(40)]
    steps[3].done, steps[3].running = 0, 1
    steps[5].done, steps[5].failed = 0, 1
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in table_lines("Title", steps, 80, 20)]
    shown = [line for line in lines if re.search(r"\bstep\d", line)]
    assert len(lines) == 20
    assert any("step3" in line for line in shown)
    assert any("step5" in line for line in shown)
    assert "83 other steps" in lines[-1]
    assert "40 not begun" in lines[-1]
    assert "40 skipped" in table_lines("Title", steps, 80, 20, whole=True)[-1]


def test_a_name_that_could_be_markup_is_shown_as_it_is() -> None:
    """Names are the user's."""
    assert "[red]x" in "".join(table_lines("[bold]title", [StepProgress("[red]x", total=1)], 80, 9))


def test_the_rate_has_a_unit_in_which_there_is_something() -> None:
    """`/s`, `/min` or `/h`."""
    step = StepProgress("work", done=30, total=90)
    assert [status_line([step], seconds) for seconds in (3.0, 300.0, 30000.0)] == [
        "30/90 tasks done, 0 running, 10/s, 0:03",
        "30/90 tasks done, 0 running, 6.0/min, 5:00",
        "30/90 tasks done, 0 running, 3.6/h, 8:20:00",
    ]


def test_much_output_does_not_draw_the_table_each_time() -> None:
    """10,000 lines within a moment are few drawings, and none is lost."""
    written: list[str] = []
    table = LiveTable("Flow", lambda: [StepProgress("work", running=1, total=2, began=0.0)], _collect(written))
    table.draw()
    for number in range(10_000):
        table.write(sys.stdout, f"line {number}\n")
        table.tick()
    table.close()
    text = "".join(written)
    assert text.count("\x1b[J") < 40
    assert re.findall(r"line (\d+)\n", text) == [str(number) for number in range(10_000)]


def _collect(written: list[str]) -> Callable[[TextIO, str], object]:
    def put(file: TextIO, text: str) -> None:
        del file
        written.append(text)

    return put


@pytest.mark.process
def test_steps_behind_one_without_a_task_are_told_and_no_command_counts_it(tmp_path: Path) -> None:
    """A join that a pipeline's graph only has for its shape."""
    code = """
from flowc import pipeline, step

@step
def load() -> list[int]:
    return [1, 2]

@step
def double(number: int) -> int:
    return 2 * number

@step
def total(numbers: list[int]) -> int:
    return sum(numbers)

@step
def high(number: int) -> None: ...

@step
def low(number: int) -> None: ...

@pipeline
def tested() -> None:
    found = total(double.map(load()))
    if found > 5:
        high(found)
    else:
        low(found)
"""
    write_files(tmp_path, {"tested.py": code})
    done = flowc(tmp_path, "run", "tested.py", "--log-format", "json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = [line["step"] for line in events if line["event"] == "step" and line["done"] == line["total"]]
    assert ended == ["load", "double", "total", "high"]
    assert "next: total\n" in flowc(tmp_path, "try", "tested.py", "double/1").stdout
    assert "5 steps, no errors" in flowc(tmp_path, "check", "tested.py").stderr


def test_a_step_is_done_when_nothing_can_come_any_more() -> None:
    """A nested foreach gets more tasks while the steps before it are not done; arms that were not taken are nothing."""
    outer = StepProgress("outer", total=2)
    inner = StepProgress("inner", parents=("outer",))
    other = StepProgress("other", parents=("outer",))
    told = Milestones()
    outer.start()
    assert [text for _, text in told.new([outer, inner, other])] == ["step outer has begun"]
    outer.end(done=True)
    inner.total = 1
    inner.start()
    inner.end(done=True)
    assert [step.name for step, _ in told.new([outer, inner, other])] == ["inner"]
    outer.start()
    outer.end(done=True)
    assert [step.name for step, _ in told.new([outer, inner, other])] == ["outer", "inner"]
    assert told.new([outer, inner, other]) == []


def test_a_step_that_is_done_at_the_first_look_has_begun_before(capsys: pytest.CaptureFixture[str]) -> None:
    """Both are said, of each step in its turn; in JSON the first with its counts at its begin."""
    steps = [StepProgress("a", total=1), StepProgress("b", total=2, parents=("a",))]
    for step in steps:
        for _ in range(step.total):
            step.start()
            step.end(done=True)
    texts = [text.partition(":")[0] for _, text in Milestones().new(steps)]
    assert texts == ["step a has begun", "step a is done", "step b has begun", "step b is done"]
    reporter = JsonReporter()
    reporter.watch(lambda: steps)
    reporter.progress(0, 0, 0)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counts = [[event[name] for name in ("step", "done", "running", "total")] for event in events]
    assert counts == [["a", 0, 1, 1], ["a", 1, 0, 1], ["b", 0, 1, 2], ["b", 2, 0, 2]]


@pytest.mark.process
def test_an_exception_is_no_instruction_to_the_terminal(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW.replace('"item " + str(self.input)', 'chr(27) + "[2Jgone"')})
    done = flowc(tmp_path, "run", "flow.py", "--bad", "1", "--n", "2")
    said = [line for line in done.stderr.splitlines() if not line.startswith("[")]
    assert done.returncode == 1
    assert "\u241b[2Jgone" in "".join(said)
    assert not [line for line in said if "\x1b" in line]
