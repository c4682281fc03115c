"""One variant of a table, and its answer from each who can be asked.

An answer is the sorted list of lines that the tasks print and that begin with `RESULT `.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tests.oracle.asking import ENVIRONMENT, PYTHON
from tests.support import write_files

if TYPE_CHECKING:
    from tests.cluster.cluster import Cluster

Answer = tuple[str, ...]
_APPLYING = threading.Lock()
"""Variants with the same code share a ConfigMap, which two `kubectl apply` at once would both create."""
_RESULT = re.compile(r"\bRESULT .*")


@dataclass(frozen=True)
class Variant:
    """A project of some files, and how it is run."""

    name: str
    """Unique in its table."""
    files: Mapping[str, str]
    """Texts, dedented when written, by path below the project's folder."""
    flow: str = "flow.py"
    """The flow's file, below the project's folder."""
    folder: str = "."
    """The working directory, below the project's folder."""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values by name, given on each command line."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of each command."""
    oracle: Literal["metaflow", "python"] = "metaflow"
    """Who gives the right answer; `python` runs `reference` with the project's folder on its path."""
    reference: str = ""
    expected: Answer | None = None
    """The right answer where nobody can be asked, or where it differs on purpose (docs/metaflow.md says so)."""
    refused: str | None = None
    """The code of the diagnostic by which compiling refuses it."""

    def write(self, folder: Path) -> Path:
        """Write the files, and return the flow's as the command line has it in the working directory."""
        write_files(folder, dict(self.files))
        (folder / self.folder).mkdir(parents=True, exist_ok=True)
        return Path(os.path.relpath(folder / self.flow, folder / self.folder))

    def given(self) -> list[str]:
        """Its parameters as options of `flowc`."""
        return [part for name, value in self.parameters.items() for part in ("-p", f"{name}={value}")]


def lines_of(text: str) -> Answer:
    """The answer in what tasks printed, whatever stands before each line."""
    return tuple(sorted(found.group().rstrip() for found in map(_RESULT.search, text.splitlines()) if found))


def execute(command: list[str], folder: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with none of this environment's variables for flowc or Metaflow."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW", "FLOWC"))}
    environment = {**own, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
        check=False,
    )  # fmt: skip


def flowc_command(*arguments: str) -> list[str]:
    """The command line of `flowc`, which has no folder of the project's on its own import path."""
    return [sys.executable, "-P", "-m", "flowc_cli", *arguments]


def here(variant: Variant, folder: Path) -> Answer:
    """The answer of `flowc run`; of a refused file, the code."""
    file = variant.write(folder)
    command = flowc_command("run", str(file), "--root", str(folder / "store"), *variant.given())
    return _answer(variant, execute(command, folder / variant.folder, variant.environment))


def simulated(variant: Variant, folder: Path) -> Answer:
    """The answer of `flowc compile` and `flowc simulate`; of a refused file, the code."""
    file = variant.write(folder)
    root, manifest = str(folder / "store"), folder / "manifest.yaml"
    compiling = flowc_command("compile", str(file), "--root", root, "-o", str(manifest), *variant.given())
    compiled = execute(compiling, folder / variant.folder, variant.environment)
    if compiled.returncode != 0:
        return _answer(variant, compiled)
    away = folder / "elsewhere"  # a pod doesn't start in the project's folder, and doesn't have it
    away.mkdir()
    for name in variant.files:
        (folder / name).unlink()
    # A pod has what its manifest says, and nothing of the command's environment.
    simulating = flowc_command("simulate", str(manifest), "--root", root, "--show-output", "--backoff", "0")
    return _answer(variant, execute(simulating, away, {}))


def by_metaflow(variant: Variant, folder: Path) -> Answer:
    """The answer of real Metaflow's `run`."""
    file = variant.write(folder)
    home = str(folder / "metaflow")
    given = [part for name, value in variant.parameters.items() for part in (f"--{name}", value)]
    variables = {
        "METAFLOW_HOME": home, "METAFLOW_DATASTORE_SYSROOT_LOCAL": home, "METAFLOW_USER": "oracle",
        "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}", **variant.environment,
    }  # fmt: skip
    command = [PYTHON, str(file), "--no-pylint", "run", *given]
    return _answer(variant, execute(command, folder / variant.folder, variables))


def by_python(variant: Variant, folder: Path) -> Answer:
    """The answer of plain Python, with the project's folder on its path."""
    variant.write(folder)
    done = execute(
        [sys.executable, os.path.relpath(folder / variant.reference, folder / variant.folder)],
        folder / variant.folder,
        {"PYTHONPATH": str(folder), **variant.environment},
    )
    return _answer(variant, done)


@functools.cache
def _cluster() -> Cluster:
    """The cluster that KUBECONFIG names. What is applied to it is deleted when this process ends."""
    from tests.cluster.cluster import Cluster

    cluster = Cluster(f"variants/{uuid.uuid4().hex[:8]}")
    atexit.register(cluster.clean_up)
    return cluster


def on_argo(variant: Variant, folder: Path) -> Answer:
    """The answer of Argo, in the image of bare Python."""
    file = variant.write(folder)
    name = f"variant-{uuid.uuid4().hex[:10]}"
    options = ["--target", "argo", *_cluster().options(), "--set", f"name={name}", *variant.given()]
    compiled = execute(flowc_command("compile", str(file), *options), folder / variant.folder, variant.environment)
    if compiled.returncode != 0:
        return _answer(variant, compiled)
    with _APPLYING:
        _cluster().apply(compiled.stdout)
    status = _cluster().ended(name)
    selector = f"workflows.argoproj.io/workflow={name}"
    lines = lines_of(_cluster().kubectl("logs", "-l", selector, "-c", "main", "--tail=-1", "--ignore-errors"))
    return lines if status["phase"] == "Succeeded" else (*lines, f"{status['phase']}: {status.get('message')}")


def right_answer(variant: Variant) -> Answer:
    """What every engine has to give."""
    if variant.refused is not None:
        return (f"refused: {variant.refused}",)
    if variant.expected is not None:
        return tuple(sorted(variant.expected))
    return in_folder(by_metaflow if variant.oracle == "metaflow" else by_python, variant)


def in_folder(ask: Callable[[Variant, Path], Answer], variant: Variant) -> Answer:
    """An answer from a folder made for it."""
    with tempfile.TemporaryDirectory(prefix="variant-") as folder:
        return ask(variant, Path(folder).resolve())


def _answer(variant: Variant, done: subprocess.CompletedProcess[str]) -> Answer:
    if done.returncode == 0:
        return lines_of(done.stdout + "\n" + done.stderr)
    if variant.refused is not None and f"[{variant.refused}]" in done.stderr:
        return (f"refused: {variant.refused}",)
    return (*lines_of(done.stdout + "\n" + done.stderr), f"exit {done.returncode}: {done.stderr[-1500:]}")


ENGINES: Mapping[str, Callable[[Variant, Path], Answer]] = {"here": here, "simulate": simulated, "argo": on_argo}
"""Who is compared with the oracle, by the option of `tests/variants/run`."""
