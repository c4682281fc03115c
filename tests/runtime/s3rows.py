"""The rows of tests/oracle/flows/s3/object_rows.py by flowc's S3, and what real Metaflow was seen to do with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent / "oracle" / "flows" / "s3" / "object_rows.py"
RECORDED = SCRIPT.with_suffix(".json")
"""What real Metaflow did on a real server; tests/oracle/test_s3.py compares it anew."""
_SERVE = """
import runpy, sys
from flowc.shim.user_code import serve_modules
serve_modules()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def recorded() -> dict[str, Any]:
    """The outcomes of Metaflow by row."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def outcomes(
    root: str, folder: Path, names: Iterable[str], python: tuple[str, ...] = (sys.executable, "-c", _SERVE)
) -> dict[str, Any]:
    """What these rows do below a root, by flowc or by what another Python has as `metaflow`."""
    out = folder / "outcomes.json"
    done = subprocess.run(
        [*python, str(SCRIPT), root, *names], cwd=folder, env={**os.environ, "ROWS_OUT": str(out)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def differing(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """The rows that came out differently, with both outcomes."""
    assert theirs.keys() == ours.keys()
    return [f"{name}:\n  {theirs[name]}\n  {ours[name]}" for name in theirs if theirs[name] != ours[name]]
