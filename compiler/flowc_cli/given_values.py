"""Values of the command line for artifacts: `NAME=VALUE`, where the value is JSON, text, or what a file holds."""

from __future__ import annotations

import ast
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.local.tried_inputs import GivenValue

_FILES = (".json", ".pickle", ".pkl", ".txt")
_NAME = re.compile(r"(?:(?P<place>\w+)\.)?(?P<name>[^\W\d]\w*)")
_DUMP = """
import pickle, runpy, sys
found = runpy.run_path(sys.argv[1]).get("ARTIFACTS")
if not isinstance(found, dict):
    sys.exit(f"{sys.argv[1]} has no dict ARTIFACTS")
with open(sys.argv[2], "wb") as file:
    pickle.dump({str(name): pickle.dumps(value, 5) for name, value in found.items()}, file)
"""
"""Executes a module in a Python of its own, and writes pickles of what its ARTIFACTS holds."""


class _Value(NamedTuple):
    value: object = None
    pickled: bytes | None = None


def given_values(assignments: list[str], sink: DiagnosticSink) -> list[GivenValue]:
    """What `--artifact` gives: `NAME`, `STEP.NAME` or, for an input of a join, `3.NAME`. Collects FC505."""
    found: list[GivenValue] = []
    for item in assignments:
        name, separator, text = item.partition("=")
        match = _NAME.fullmatch(name)
        if not separator or match is None:
            help_ = "write NAME=VALUE, STEP.NAME=VALUE, or 3.NAME=VALUE for input 3 of a join"
            sink.error("FC505", f"--artifact {item[:60]!r} names no artifact", None, help=help_)
            continue
        value = _read(f"--artifact {name}", text, sink)
        if value is None:
            continue
        place = match["place"]
        number = int(place) if place and place.isdigit() else None
        found.append(GivenValue(match["name"], *value, step=None if number is not None else place, number=number))
    return found


def given_item(text: str, sink: DiagnosticSink) -> GivenValue | None:
    """What `--input` gives. Collects FC505."""
    value = _read("--input", text, sink)
    return GivenValue("input", *value) if value is not None else None


def values_of_module(path: Path, folder: Path, sink: DiagnosticSink) -> list[GivenValue]:
    """What `ARTIFACTS` of a Python file holds, as Metaflow's `--artifacts-module` has it. Collects FC505.

    The file is executed in a process of its own; `folder` gets what it makes.
    """
    if not path.is_file():
        sink.error("FC505", f"--artifacts-module {path}: there is no such file", None, help="name a Python file")
        return []
    dump = folder / "artifacts.pickle"
    done = subprocess.run(
        [sys.executable, "-c", _DUMP, str(path), str(dump)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with exit code {done.returncode}"]
        help_ = "it is a Python file with a dict ARTIFACTS of names and values"
        sink.error("FC505", f"--artifacts-module {path}: {said[-1]}", None, help=help_)
        return []
    values: dict[str, bytes] = pickle.loads(dump.read_bytes())
    return [GivenValue(name, pickled=value) for name, value in values.items()]


def _read(option: str, text: str, sink: DiagnosticSink) -> _Value | None:
    """A value: that of a file for `@path`, and for the path of a JSON, pickle or text file; else JSON, or the text."""
    if text.startswith("@") or text.endswith(_FILES):
        return _read_file(option, Path(text.removeprefix("@")), sink)
    try:
        return _Value(json.loads(text))
    except ValueError:
        pass
    except RecursionError:
        sink.error(
            "FC505", f"{option}: the JSON is nested too deep to be read", None, help="give it as a pickle: @PATH"
        )
        return None
    try:
        return _Value(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return _Value(text)


def _read_file(option: str, path: Path, sink: DiagnosticSink) -> _Value | None:
    help_ = f"give the path of a file that ends in {', '.join(_FILES)}; a text that looks like one is JSON in quotes"
    try:
        data = path.read_bytes()
        if path.suffix in (".pickle", ".pkl"):
            return _Value(pickled=data)
        if path.suffix == ".json":
            return _Value(json.loads(data))
        if path.suffix == ".txt":
            return _Value(data.decode())
        problem = "its name does not say what it holds"
    except OSError as error:
        problem = error.strerror or str(error)
    except (ValueError, RecursionError) as error:
        problem = str(error)
    sink.error("FC505", f"{option}: {path}: {problem}", None, help=help_)
    return None
