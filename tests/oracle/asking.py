"""Asking real Metaflow about a flow: in processes of its own, or in forks of one that is kept warm."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT = Path(__file__).parent / "env"
PYTHON = str(ENVIRONMENT / "bin" / "python")
WORKERS = 4


def ask(file: Path, flow: str, params: Mapping[str, str], home: Path | None, *, warm: bool) -> str:
    """What `reading.run` finds, as JSON. `home` is Metaflow's store, by default beside the file; `warm`: see `warm.py`.

    Where `ORACLE_CACHE` names a folder, what Metaflow said of a file and parameters is kept there, and not asked again.
    """
    cache = os.environ.get("ORACLE_CACHE")
    key = hashlib.sha256(json.dumps([file.read_text(encoding="utf-8"), dict(params)]).encode()).hexdigest()
    kept = Path(cache) / f"{key}.json" if cache else None
    if kept is not None and kept.exists():
        return kept.read_text(encoding="utf-8")
    arguments = [
        "--max-workers",
        str(WORKERS),
        *(part for item in params.items() for part in (f"--{item[0]}", item[1])),
    ]
    said = WARM.ask(file, flow, arguments) if warm else _ask(file, flow, arguments, home or file.parent / "metaflow")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(said, encoding="utf-8")
    return said


def _ask(file: Path, flow: str, arguments: list[str], home: Path) -> str:
    command = [PYTHON, "-m", "tests.oracle.reading", file.name, flow, *arguments]
    done = subprocess.run(command, cwd=file.parent, env=_variables(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def _variables(home: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW", "FLOWC"))},
        "METAFLOW_HOME": str(home),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(home),
        "METAFLOW_USER": "oracle",
        # Metaflow's order of a branch join's inputs, and of a set, depends on it.
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}",  # a gang's members are started as `python`
        "OPENBLAS_NUM_THREADS": "1",
    }


class _Warm:
    """One warm process, begun when it is first asked, and ended with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, file: Path, flow: str, arguments: list[str], **further: object) -> str:
        """One flow. `further` may give `env`, variables to set, and `action`, "resume" instead of "run"."""
        if self._process is None:
            self._process = self._begin()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(
            json.dumps({"file": str(file), "flow": flow, "arguments": arguments, **further}) + "\n"
        )
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        document = json.loads(said)
        assert "error" not in document, document["error"]
        return said

    def _begin(self) -> subprocess.Popen[str]:
        home = tempfile.TemporaryDirectory()
        process = subprocess.Popen(
            [PYTHON, "-m", "tests.oracle.warm"],
            env=_variables(Path(home.name)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> None:
            process.communicate()
            home.cleanup()

        atexit.register(end)
        return process


WARM = _Warm()
"""The warm process."""
