"""Compiling to Airflow in tests."""

from __future__ import annotations

import ast
import math
import random
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.driver import compile_file
from tests.support import emitted

ROOT = "s3://bucket/prefix"

HEADER = """\
from flowc import (
    FlowSpec, JSONType, Parameter, batch, cache, catch, current, environment, kubernetes, loop, parallel, project,
    resources, retry, schedule, secrets, step, timeout,
)


"""

CLEAN = (
    "--preview",
    "--target-version=py39",
    "--line-length=120",
    "--select=A,AIR,ASYNC,B,BLE,C4,C90,COM,DTZ,E,EXE,F,FA,FLY,FURB,G,I,ICN,INT,ISC,LOG,N,NPY,PD,PERF,PGH,PIE,PLC,PLE,PLW,"
    "PT,PTH,PYI,Q,RET,RSE,RUF,SIM,SLF,SLOT,T10,T20,TC,TID,UP,W,YTT",
    # A text file of the step's own, in the worker's encoding.
    "--ignore=PLW1514",
)
"""What ruff checks of DAG files: all but rules of types, docstrings and taste. `AIR` are Airflow's."""


def emit(path: Path, **options: Any) -> tuple[str, tuple[Diagnostic, ...]]:
    """The DAG file's text (empty where it failed) and the diagnostics."""
    dag, _, diagnostics = emit_both(path, **options)
    return dag, diagnostics


def emit_both(path: Path, **options: Any) -> tuple[str, str, tuple[Diagnostic, ...]]:
    """The same with the manifest beside the DAG file, where there is one."""
    files, sink = emitted(compile_file(path), "airflow", **options)
    dag, manifest = (*(file.text for file in files), "", "")[:2]
    return dag, manifest, sink.diagnostics


def write(folder: Path, source: str) -> Path:
    """A file with the flow, and the imports that it needs."""
    path = folder / "flow_file.py"
    path.write_text(HEADER + source)
    return path


def emit_text(folder: Path, source: str, **options: Any) -> tuple[str, tuple[Diagnostic, ...]]:
    """`emit` for the source of a flow."""
    return emit(write(folder, source), **options)


def ruff(*arguments: str, text: str) -> str:
    """What ruff, without any configuration, has to say about a file: nothing when it is pleased."""
    command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    # `format --check` of its input says no more than that.
    return "" if result.returncode == 0 else result.stdout + result.stderr or f"exit code {result.returncode}"


def without_code(text: str) -> str:
    """A DAG file with the user's files and the plan left out: a linter may have its own view of those."""
    lines = text.splitlines()
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("FLOW.texts["):
            assert node.end_lineno is not None
            target = ast.unparse(node.targets[0]).replace("'", '"')
            lines[node.lineno - 1 : node.end_lineno] = [f'{target} = ""']
    return "\n".join(lines) + "\n"


KUBECTL = """\
#!/bin/sh
echo "$@" >> {folder}/asked
cat >> {folder}/asked
[ -e {folder}/refuse ] && {{ cat {folder}/refuse >&2; exit 1; }}
exit 0
"""


def write_kubectl(folder: Path) -> Path:
    """A folder of a kubectl that keeps what it is given in the file `asked`, and refuses in the words of `refuse`."""
    place = folder / "bin"
    place.mkdir()
    program = place / "kubectl"
    program.write_text(KUBECTL.format(folder=place))
    program.chmod(0o755)
    return place


def write_noise(folder: Path, size: int) -> None:
    """A module that a zip makes no smaller than that."""
    (folder / "noise.py").write_text(f"NOISE = {noise(size)!r}\n")


def noise(size: int) -> str:
    """A text that takes so many bytes in a zip, of letters and digits, which parsing counts as few words."""
    characters = string.ascii_letters + string.digits
    return "".join(random.Random(1).choices(characters, k=int(size * 8 / math.log2(len(characters)))))
