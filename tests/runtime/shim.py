"""Running single tasks of a flow as a container would: `python -m flowc task` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import flowc
from flowc.store import open_store
from flowc.store.run_layout import RunLayout, parse_index
from flowc_compiler.driver import compile_file
from flowc_targets.package.run_plan import build_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc.store.documents import Document

RUN = "run-1"


class Shim:
    """One flow, compiled, and one run of it."""

    def __init__(self, folder: Path, source: str, *, root: str | None = None, python: str = sys.executable) -> None:
        self.folder = folder
        self.python = python
        self.root = root or str(folder / "root")
        self.file = folder / "flow_file.py"
        self.file.write_text(textwrap.dedent(source), encoding="utf-8")
        self.flow = compile_file(self.file).flow
        self.plan = folder / "plan.json"
        self.plan.write_text(json.dumps(build_plan(self.flow)), encoding="utf-8")
        self.env: dict[str, str] = {}

    @property
    def layout(self) -> RunLayout:
        """The run's place in the store."""
        return RunLayout(open_store(self.root), self.flow.name, RUN)

    def popen(self, step: str, index: str = "", attempt: int = 0, first: int = 0, **env: str) -> subprocess.Popen[str]:
        """Start one attempt of a task."""
        command = [self.python, "-m", "flowc", "task", "--step", step, "--index", index, "--attempt", str(attempt)]
        command += ["--first", str(first)] if first else []
        outputs = ["--outputs", str(self.folder / "outputs")]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*command, *outputs], env=self.variables(env), cwd=self.folder, stdout=pipe, stderr=pipe, text=True
        )

    def variables(self, env: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
        """The environment of a task, with these variables more."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLOWC_PARAM")},
            "PYTHONPATH": os.pathsep.join([str(self.folder), runtime_folder()]),
            "FLOWC_PLAN": str(self.plan),
            "FLOWC_ROOT": self.root,
            "FLOWC_RUN_ID": RUN,
            **self.env,
            **env,
        }

    def attempt(
        self, step: str, index: str = "", attempt: int = 0, first: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one attempt of a task, whatever comes of it."""
        process = self.popen(step, index, attempt, first, **env)
        out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def task(self, step: str, index: str = "", attempt: int = 0, **env: str) -> str:
        """Run one attempt, which must succeed; returns its stdout."""
        done = self.attempt(step, index, attempt, 0, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tasks(self, *names: str) -> None:
        """Run `step` or `step/index`, one after another."""
        for name in names:
            step, _, index = name.partition("/")
            self.task(step, index)

    def manifest(self, step: str, index: str = "") -> Document:
        """What a task committed."""
        return self.layout.manifest(step, parse_index(index))

    def value(self, step: str, name: str, index: str = "") -> Any:
        """An artifact."""
        from flowc.store import artifacts

        return artifacts.load(
            open_store(self.root), self.flow.name, name, self.manifest(step, index)["artifacts"][name]
        )


def runtime_folder() -> str:
    """The folder that holds the package flowc."""
    assert flowc.__file__ is not None
    return str(Path(flowc.__file__).parent.parent)
