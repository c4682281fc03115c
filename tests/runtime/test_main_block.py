"""The main block and the flow's `__init__` in a task, as a pod runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowc.shim.program import compile_program
from tests.runtime.shim import Shim

if TYPE_CHECKING:
    from pathlib import Path

MAIN = 'if __name__ == "__main__":\n    '
TAKEN = (
    f"{MAIN}RAN = True; F",
    'if "__main__" == __name__:\n    RAN = True; F',
    'if __name__ in ("__main__", "x"):\n    RAN = True; F',
    'if __name__ != "__main__":\n    pass\nelse:\n    RAN = True; F',
    'def run():\n    return __name__ == "__main__" and F\nRAN = bool(run())',
    f"{MAIN}RAN = True\nlaunch = lambda: F",
    "class F:\n    pass\nRAN = F is not None",
)
LEFT_OUT = (
    f"{MAIN}RAN = True",
    f"{MAIN}RAN = True; G",
    f"class F:\n    def make(self): return F\n{MAIN}RAN = True",
    'RAN = __name__ + "" == "__main__"; F',
    'if __name__ == "__main__x":\n    RAN = True; F',
    "RAN = __name__; RAN = RAN == '__main__'; F",
)


def _ran(text: str) -> bool:
    names: dict[str, Any] = {"__name__": "flow_file", "F": 1, "G": 2}
    exec(compile_program(text.encode(), "flow_file.py", "F"), names)
    return bool(names.get("RAN"))


@pytest.mark.parametrize("text", TAKEN)
def test_main_blocks_that_are_executed(text: str) -> None:
    assert _ran(text)


@pytest.mark.parametrize("text", LEFT_OUT)
def test_main_blocks_that_are_not(text: str) -> None:
    assert not _ran(text)


def test_lines_stay_where_they_are() -> None:
    names: dict[str, Any] = {"__name__": "flow_file"}
    with pytest.raises(ZeroDivisionError) as caught:
        exec(compile_program(f"F = 1\n\n{MAIN}F\n    1 / 0\n".encode(), "flow_file.py", "F"), names)
    assert caught.traceback[-1].lineno == 4  # from 0


FLOW = """
    import os, sys
    from flowc import FlowSpec, step

    SEEN = []

    class Guarded(FlowSpec):
        def __init__(self, use_cli=True):
            self.made = ["made"]
            super().__init__(use_cli)
            SEEN.append("after super")

        @step
        def start(self):
            print("RESULT", SEEN, self.made, sys.argv[1:])
            {step}
            self.next(self.end)

        @step
        def end(self):
            print("RESULT", SEEN, self.made)

    {main}
    """


def _shim(folder: Path, main: str, step: str = "pass") -> Shim:
    return Shim(folder, FLOW.format(main=main.replace("\n", "\n    "), step=step))


@pytest.mark.process
def test_what_stands_before_the_call_is_executed_and_nothing_after_it(tmp_path: Path) -> None:
    main = f"{MAIN}SEEN.append(sys.argv[1:3]); Guarded()\n    print('never')"
    assert _shim(tmp_path, main).task("start") == "RESULT [['step', 'start']] ['made'] []\n"
    assert _shim(tmp_path, "SEEN.append('bare')\nGuarded()\n1 / 0").task("start") == "RESULT ['bare'] ['made'] []\n"


@pytest.mark.process
def test_without_a_call_only_init_is_executed(tmp_path: Path) -> None:
    assert _shim(tmp_path, f"{MAIN}SEEN.append('tests of this file')").task("start") == "RESULT [] ['made'] []\n"


@pytest.mark.process
@pytest.mark.parametrize(
    ("main", "said"),
    [("raise ValueError('early')", "early"), ("sys.exit('usage')", "'usage'"), ("Guarded('a', 'b')", "positional")],
)
def test_a_main_block_that_fails_is_the_task_s_failure(tmp_path: Path, main: str, said: str) -> None:
    done = _shim(tmp_path, f"{MAIN}{main}\n    Guarded()").attempt("start")
    assert done.returncode == 1
    assert said in done.stderr
    assert "RESULT" not in done.stdout


@pytest.mark.process
def test_a_main_block_does_not_catch_the_failure_of_a_step(tmp_path: Path) -> None:
    main = f"{MAIN}try:\n        Guarded()\n    except Exception:\n        sys.exit(0)\n    finally: print('last')"
    shim = _shim(tmp_path, main, "raise ValueError('boom')")
    done = shim.attempt("start")
    assert done.returncode == 1
    assert "ValueError: boom" in done.stderr
    assert "in <module>" not in done.stderr
    assert done.stdout.splitlines()[-1] == "last"


@pytest.mark.process
def test_what_fails_after_the_step_fails_the_task(tmp_path: Path) -> None:
    main = f"{MAIN}try:\n        Guarded()\n    finally:\n        open('/no/such/file')"
    done = _shim(tmp_path, main).attempt("start")
    assert done.returncode == 1
    assert "/no/such/file" in done.stderr
