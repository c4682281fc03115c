"""Runs of a flow without an engine's processes: each task in a fork of this one, one after the other.

A fork has nothing of the flow's own files, which this process never imports, so that a task is as fresh as in a pod.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.protocol import env_names
from flowc.protocol.plan import Plan
from flowc.shim.loaded_plan import set_plan
from flowc.shim.task_identity import Task
from flowc.shim.task_runner import run_task
from flowc.store import open_store
from flowc.store.run_layout import RunLayout, index_text
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.passes.caching import apply_cache
from flowc_targets.local.schedule import Schedule
from flowc_targets.package.code_package import local_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc.store.documents import Document

    Path_ = tuple[int, ...]


@dataclass
class SerialRun:
    """What a run has left."""

    layout: RunLayout
    manifests: dict[tuple[str, Path_], Document] = field(default_factory=dict[Any, Any])
    """By step and index path, of the tasks that have finished."""
    failed: list[str] = field(default_factory=list[str])
    """The tasks that have failed, as `step/index`."""
    output: str = ""

    @property
    def ran(self) -> set[str]:
        """The tasks that were not taken from the cache, as `step` or `step/index`."""
        return {_name(*key) for key, manifest in self.manifests.items() if "cached" not in manifest}

    def value(self, step: str, name: str, path: Path_ = ()) -> Any:
        """An artifact of a task."""
        from flowc.store import artifacts

        ref = self.manifests[step, path]["artifacts"][name]
        return artifacts.load(self.layout.store, self.layout.flow, name, ref)

    def identities(self) -> dict[str, Any]:
        """What each task has left, by what values are the same by: artifacts, the choice and the width of a foreach."""
        from flowc.store.artifacts import identity

        return {
            _name(*key): [
                {name: identity(ref) for name, ref in sorted(manifest["artifacts"].items())},
                manifest.get("choice"),
                _width(manifest),
            ]
            for key, manifest in self.manifests.items()
        }


def _name(step: str, path: Path_) -> str:
    return f"{step}/{index_text(path)}" if path else step


class SerialEngine:
    """One flow, and runs of it in a root."""

    def __init__(self, file: Path, root: Path | str, *, cache: bool | None = None) -> None:
        """`cache` is that of `--cache` and `--no-cache`. Raises FlowcError."""
        found = compile_file(file)
        flow = found.flow if cache is None else apply_cache(found.flow, cache, DiagnosticSink())
        self.flow = flow
        self.source = found.source
        self.plan_data = local_plan(flow, found.source)
        self.root = str(root)
        self._runs = 0

    def run(
        self, run: str = "", *, attempts: Mapping[str, int] | None = None, env: Mapping[str, str] | None = None,
        **params: Any,
    ) -> SerialRun:  # fmt: skip
        """Run all tasks; `attempts` has the first attempt of a step's tasks, by default 0."""
        self._runs += 1
        name = run or f"run-{self._runs}-{os.urandom(3).hex()}"
        plan = Plan(self.plan_data)
        done = SerialRun(RunLayout(open_store(self.root), plan.flow, name))
        schedule = Schedule(self.flow)
        given = {env_names.parameter_variable(key): str(value) for key, value in params.items()}
        variables = {
            env_names.ROOT: self.root,
            env_names.RUN_ID: name,
            env_names.SOURCE: str(self.source.path.absolute()),
            **given,
            **(env or {}),
        }
        while schedule.has_ready:
            key = schedule.pop()
            attempt = (attempts or {}).get(key.step, 0)
            code, output = _forked(plan, key.step, key.path, attempt, variables)
            done.output += output
            if code:
                done.failed.append(_name(key.step, key.path))
                return done
            manifest = done.layout.manifest(key.step, key.path, attempt)
            done.manifests[key.step, key.path] = manifest
            schedule.finished(key, count=_width(manifest), choice=manifest.get("choice"))
        return done


def _forked(plan: Plan, step: str, path: Path_, attempt: int, variables: Mapping[str, str]) -> tuple[int, str]:
    """Run a task in a fork; returns its exit code and what it printed."""
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        code = 70
        try:
            os.close(read)
            for target in (1, 2):
                os.dup2(write, target)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            os.environ.update(variables)
            set_plan(plan)
            specs = plan.step(step)
            os.environ.update(specs.env)
            code = run_task(plan, Task(step, path, attempt))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(write)
    with os.fdopen(read, errors="replace") as pipe:
        output = pipe.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), output


def _width(manifest: Document) -> int | None:
    foreach: Document = manifest.get("foreach") or {}
    return foreach.get("count")
