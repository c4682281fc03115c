"""Numbers that no float holds and paths that no file system has are values or diagnostics, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import START_AND_END, STORE, flowc

LONG = "x" * 300
HUGE = "10 ** 400"
HEAD = "from flowc import *\n\n\nclass F(FlowSpec):\n"
MEMBERS = {
    "int": f"p = Parameter('p', type=int, default={HUGE})",
    "no_type": f"p = Parameter('p', default={HUGE})",
    "float": f"p = Parameter('p', type=float, default={HUGE})",
    "json": f"p = Parameter('p', type=JSONType, default={{'a': {HUGE}}})",
    "several": f"p = Parameter('p', type=int, multiple=True, default=[{HUGE}])",
    "bounds": f"p = Parameter('p', type=int, default=1, help='x' * 9, show_default={HUGE})",
    "config": f"p = Config('p', default_value={{'a': {HUGE}}})",
    "included": f"p = IncludeFile('p', default='{LONG}.txt')",
    "included_home": "p = IncludeFile('p', default='~nobody-of-this-name/x.txt')",
    "included_folders": f"p = IncludeFile('p', default='{'x/' * 3000}y')",
    "config_file": f"p = Config('p', default='{LONG}.json')",
    "config_home": "p = Config('p', default='~nobody-of-this-name/x.json')",
    "config_folders": f"p = Config('p', default='{'x/' * 3000}y')",
}
DECORATORS = {
    f"{name}_{argument}_{value[:3]}": f"@{name}({argument}={value})"
    for value in (HUGE, "1e308")
    for name, argument in (
        ("resources", "cpu"), ("resources", "memory"), ("resources", "gpu"), ("kubernetes", "disk"),
        ("timeout", "seconds"), ("timeout", "hours"), ("retry", "times"), ("retry", "minutes_between_retries"),
        ("kubernetes", "shared_memory"), ("kubernetes", "tmpfs_size"), ("batch", "memory"),
    )
}  # fmt: skip
STATEMENTS = {
    "opened": f"open('{LONG}.sh')",
    "started": f"import subprocess; subprocess.run(['python', '{LONG}.py'])",
    "started_in_folders": f"import subprocess; subprocess.run(['python', '{'x/' * 3000}y.py'])",
    "imported": f"import {LONG}",
    "imported_from_here": f"from .{LONG} import x",
    "imported_below": f"import {LONG}.{LONG}",
    "path": f"__import__('sys').path.insert(0, '{LONG}'); import y",
}
FLOWS = {
    **{f"member_{name}": f"{HEAD}    {line}\n{START_AND_END}" for name, line in MEMBERS.items()},
    **{
        f"decorator_{name}": HEAD + START_AND_END.replace("    @step", f"    {line}\n    @step", 1)
        for name, line in DECORATORS.items()
    },
    **{
        f"step_{name}": HEAD + START_AND_END.replace("self.next(self.end)", f"{line}\n        self.next(self.end)")
        for name, line in STATEMENTS.items()
    },
    **{f"module_{name}": f"{line}\n{HEAD}{START_AND_END}" for name, line in STATEMENTS.items()},
}
PIPELINE = "from zenml import *\n\n\n@step\ndef work(n: {kind} = 1) -> None:\n    pass\n\n\n@pipeline\n"
PIPELINES = {
    "default": PIPELINE.format(kind="int") + f"def p(n: int = {HUGE}):\n    work(n)\n",
    "float_default": PIPELINE.format(kind="float") + f"def p(n: float = {HUGE}):\n    work(n)\n",
    "argument": PIPELINE.format(kind="int") + f"def p():\n    work({HUGE})\n",
    "float_argument": PIPELINE.format(kind="float") + f"def p():\n    work({HUGE})\n",
    "call": PIPELINE.format(kind="int") + f"def p(n: int = 1):\n    work(n)\n\n\np({HUGE})\n",
    "config": PIPELINE.format(kind="int") + f"def p():\n    work()\n\n\np.with_options(config_path='{LONG}.yaml')()\n",
    "config_home": PIPELINE.format(kind="int")
    + "def p():\n    work()\n\n\np.with_options(config_path='~nobody-of-this-name/x.yaml')()\n",
}


@pytest.mark.parametrize("target", ["argo", "airflow"])
@pytest.mark.parametrize("text", [*FLOWS.values(), *PIPELINES.values()], ids=[*FLOWS, *PIPELINES])
def test_no_value_is_an_internal_error(tmp_path: Path, text: str, target: str) -> None:
    (tmp_path / "flow.py").write_text(text, encoding="utf-8")
    assert flowc(tmp_path, "compile", "flow.py", "--target", target, "--root", STORE, "-o", "out").returncode in (0, 2)


@pytest.mark.parametrize("option", [("-p", f"p={LONG * 20}"), ("--config", f"c {LONG}"), ("--include", LONG)])
def test_no_option_is_an_internal_error(tmp_path: Path, option: tuple[str, str]) -> None:
    members = "    c = Config('c', default_value={})\n    p = IncludeFile('p', default=None)\n"
    (tmp_path / "flow.py").write_text(HEAD + members + START_AND_END, encoding="utf-8")
    done = flowc(tmp_path, "compile", "flow.py", "--root", STORE, "-o", "out", *option)
    assert done.returncode in (0, 2)
