"""A pipeline that is called in a Python program: `my_pipeline(parallel_count=8)` runs it, and says which run it was.

Where the pipeline's own file is the program, `python pipeline.py COMMAND` does what it does for a class flow, and the
arguments of the call are the values of the parameters. A program that reads its command line itself keeps that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from flowc_cli.called import PythonCall, answering
from flowc_cli.script import main

_READERS = r"argparse|click|typer|fire|docopt|optparse|getopt|absl|hydra|tyro|jsonargparse|simple_parsing|plac|cyclopts"
_READS_ARGUMENTS = re.compile(rf"^[ \t]*(?:import|from)[ \t]+(?:{_READERS})\b|\bargv\b", re.MULTILINE)


def answer(file: str, name: str, values: Mapping[str, object]) -> tuple[int, str, str]:
    """Do for the pipeline `name` of `file` what the command line asks for: by default, run it with these arguments.

    Returns the exit code, and the pathspec and the root of the run; both are empty where there is none. Raises
    SystemExit after any other command: the program cannot go on without a run.
    """
    arguments = _arguments(file)
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        arguments = ["run", *arguments]
    call = PythonCall(values)
    with answering(call):
        code = main(file, name, arguments)
    if call.run is None and code == 0:
        raise SystemExit(0)
    if call.run is None:
        return code, "", ""
    flow, run_id, root = call.run
    return code, f"{flow}/{run_id}", root


def _arguments(file: str) -> list[str]:
    """The command line, where it is flowc's to read."""
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program is None or Path(program).resolve() != Path(file).resolve():
        return []
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    return [] if _READS_ARGUMENTS.search(text) else sys.argv[1:]
