"""`flowc simulate`: run a manifest on this machine, and show what came of it."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_targets.simulate import ManifestError, Progress, as_json, counts, prepared, simulate, tree

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from flowc_targets.simulate import Simulated, SimulateOptions

OK, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130
"""Exit codes."""


def simulate_manifest(file: str, options: SimulateOptions, *, output: bool, report: bool, nodes: str | None) -> int:
    """Run the manifest in `file`, or on standard input for `-`; returns the exit code."""
    try:
        text = _read(file)
        manifest, spec = prepared(text, options)
        for note in manifest.notes:
            _tell(note)
        with _ended_by_sigterm():
            result = simulate(manifest, spec, options, Progress(_tell, output=output))
    except ManifestError as error:
        for problem in error.problems:
            _tell(f"refused: {problem}")
        return REFUSED
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    _show(result, report=report)
    if nodes is not None:
        _write(nodes, result)
    return OK if result.phase == "Succeeded" else FAILED


def pairs(items: Sequence[str] | None) -> dict[str, str]:
    """`NAME=VALUE` options. Raises ValueError for one without `=`."""
    found: dict[str, str] = {}
    for item in items or ():
        name, separator, value = item.partition("=")
        if not separator:
            raise ValueError(f"{item!r} is not NAME=VALUE")
        found[name] = value
    return found


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except UnicodeDecodeError:
        raise ManifestError(f"{file}: is no text") from None
    except OSError as error:
        raise ManifestError(f"{file}: {error.strerror}") from None


@contextmanager
def _ended_by_sigterm() -> Generator[None]:
    """SIGTERM ends the pods, too, as Ctrl-C does. Only a program's main thread can be told of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show(result: Simulated, *, report: bool) -> None:
    lines = [*tree(result.nodes), *(["", *counts(result.nodes)] if report else [])]
    lines += [f"lost: {name} has the id of {other}, and never ran" for name, other in result.nodes.lost.items()]
    message = f": {result.message}" if result.message else ""
    lines.append(f"{result.phase} in {result.seconds:.1f} s, run {result.title}/argo-{result.spec.uid}{message}")
    print("\n".join(lines))


def _write(path: str, result: Simulated) -> None:
    document = {
        "name": result.spec.name,
        "uid": result.spec.uid,
        "phase": result.phase,
        "nodes": as_json(result.nodes),
        "lost": result.nodes.lost,
    }
    text = json.dumps(document, indent=1)
    if path == "-":
        print(text)
    else:
        Path(path).write_text(text + "\n")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
