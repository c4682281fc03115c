"""Running a whole flow through its code package, as containers do: a bare interpreter, the zip, one process a task."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.store import open_store
from flowc.store.run_layout import RunLayout, index_text, parse_index
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_targets.local.schedule import Schedule
from flowc_targets.package.code_package import package_files, zip_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc.store.documents import Document

RUN = "run-1"


class Zipped:
    """The code package of a flow, in a folder of its own, and one run of it."""

    def __init__(self, flow: Path, folder: Path, *, include: Sequence[str] = (), python: str = sys.executable) -> None:
        compilation = compile_file(flow)
        sink = DiagnosticSink()
        files = package_files(compilation.flow, compilation.source, include, sink)
        sink.raise_if_failed()
        self.flow = compilation.flow
        self.python = python
        self.folder = folder
        (folder / "work").mkdir(parents=True)
        (folder / "flow.pyz").write_bytes(zip_files(files))

    @property
    def layout(self) -> RunLayout:
        """The run's place in the store."""
        return RunLayout(open_store(str(self.folder / "root")), self.flow.name, RUN)

    def task(self, step: str, index: str = "") -> subprocess.CompletedProcess[str]:
        """One task, whatever comes of it. Nothing of this checkout, nor of this process's environment, is in reach."""
        command = [self.python, "-I", "../flow.pyz"] if self.python == sys.executable else [self.python, "../flow.pyz"]
        return subprocess.run(
            [*command, "task", "--step", step, "--index", index, "--outputs", "outputs"],
            cwd=self.folder / "work",
            env={"PATH": os.defpath, "FLOWC_ROOT": "../root", "FLOWC_RUN_ID": RUN, "TMPDIR": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self) -> str:
        """Every task of the flow, in the engine's own order; returns what they printed. All must succeed."""
        printed: list[str] = []
        schedule = Schedule(self.flow)
        while schedule.has_ready:
            key = schedule.pop()
            done = self.task(key.step, index_text(key.path))
            assert done.returncode == 0, done.stderr
            printed.append(done.stdout)
            manifest = self.manifest(key.step, index_text(key.path))
            schedule.finished(key, count=manifest.get("foreach", {}).get("count"), choice=manifest.get("choice"))
        return "".join(printed)

    def manifest(self, step: str, index: str = "") -> Document:
        """What a task committed."""
        return self.layout.manifest(step, parse_index(index))

    def value(self, step: str, name: str, index: str = "") -> Any:
        """An artifact."""
        from flowc.store import artifacts

        store = open_store(str(self.folder / "root"))
        return artifacts.load(store, self.flow.name, name, self.manifest(step, index)["artifacts"][name])

    def plan(self) -> dict[str, Any]:
        """The plan in the package."""
        import zipfile

        with zipfile.ZipFile(self.folder / "flow.pyz") as archive:
            plan: dict[str, Any] = json.loads(archive.read("plan.json"))
            return plan
