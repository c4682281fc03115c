"""The other version of a flow: as a commit has its source, as a folder has its files, or as a cluster runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from flowc_cli.diffing.airflow_snapshot import snapshot_of_dag
from flowc_cli.diffing.argo_snapshot import KINDS, is_of, package_maps_of, snapshot_of, workflow_spec
from flowc_cli.diffing.snapshot import Snapshot
from flowc_compiler.diagnostics import FlowcError
from flowc_targets.base.target import EmittedFile

CLUSTER = "cluster"
_PLURALS = {
    "CronWorkflow": "cronworkflows.argoproj.io",
    "WorkflowTemplate": "workflowtemplates.argoproj.io",
    "Workflow": "workflows.argoproj.io",
}
_SECONDS = 300


def of_emitted(files: Sequence[EmittedFile], flow: str, target: str) -> Snapshot | None:
    """The snapshot of what a target emits."""
    parts = [part for file in files for part in file.apart or (file,)]
    if target == "airflow":
        return next((found for part in parts if (found := snapshot_of_dag(part.text)) is not None), None)
    return snapshot_of((item for part in parts for item in _objects(part.text)), flow)


def _objects(text: str) -> list[dict[str, Any]]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [item for item in yaml.load_all(text, Loader=loader) if isinstance(item, dict)]


def is_compiled(place: Path) -> bool:
    """Whether a folder or file has what `flowc compile` writes: of any other name, it may be a commit."""
    return place.is_file() or (place.is_dir() and any(_written(place)))


def _written(place: Path) -> list[Path]:
    files = [place] if place.is_file() else sorted(item for item in place.rglob("*") if item.is_file())
    return [item for item in files if item.suffix in {".yaml", ".yml", ".py"} and b"by flowc " in _head(item)]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(200)


def of_folder(place: Path, flow: str, label: str, target: str) -> Snapshot | None:
    """The snapshot of a flow from compiled files; `None` where there is none of it. Raises FlowcError FC505.

    `label` is what the labels of objects have of the flow's name. Several files may have the flow only where each has a
    deployment of another kind.
    """
    objects: list[dict[str, Any]] = []
    dag: Snapshot | None = None
    owners: dict[str, list[Path]] = {}
    """The files that have the flow, by the kind of deployment."""
    for path in _written(place):
        try:
            text = path.read_text(encoding="utf-8")
            if path.suffix != ".py":
                found = _objects(text) if target != "airflow" else []
                objects += found
                for item in found:
                    if is_of(item, label) and item.get("kind") in KINDS:
                        owners.setdefault(str(item["kind"]), []).append(path)
            elif target == "airflow" and (of_dag := snapshot_of_dag(text)) is not None and of_dag.flow == flow:
                dag = of_dag
                owners.setdefault("DAG", []).append(path)
        except (OSError, ValueError) as error:
            raise FlowcError.of("FC505", f"{path} cannot be compared: {error}", help="compile it again") from None
        except Exception as error:  # of yaml, whose errors have no common base with others
            if type(error).__module__.partition(".")[0] != "yaml":
                raise
            raise FlowcError.of("FC505", f"{path} is no YAML", help="compile it again") from None
    several = next((paths for paths in owners.values() if len(paths) > 1), None)
    if several is not None:
        names = " and ".join(map(str, several[:2])) + f", and {len(several) - 2} more" * (len(several) > 2)
        raise FlowcError.of("FC505", f"{place} has {flow} in {names}", help="compare with one of them")
    return dag or _of_objects(objects, flow, label)


def _of_objects(objects: list[dict[str, Any]], flow: str, label: str) -> Snapshot | None:
    """The snapshot of a flow's objects. Where one flow has several deployments, the first kind says which it is."""
    own = [item for item in objects if is_of(item, label)]
    try:
        return snapshot_of(own, flow)
    except ValueError as error:
        raise FlowcError.of("FC505", f"the plan of {flow} is damaged: {error}", help="compile it again") from None


def of_cluster(flow: str, labels: dict[str, str], kind: str | None, namespace: str | None) -> Snapshot | None:
    """The snapshot of what is deployed; `None` where nothing is. Raises EngineError.

    That is the CronWorkflow, else the WorkflowTemplate, else the latest Workflow, or what `kind` says.
    """
    from flowc_targets.kubernetes.kubectl import list_objects

    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    for name in (kind,) if kind is not None else KINDS:
        found = list_objects(_PLURALS[name], namespace, "-l", selector)
        if found:
            main = max(found, key=lambda item: str(item["metadata"].get("creationTimestamp")))
            if namespace is None:  # the one of the context, which is in no file
                main["metadata"].pop("namespace", None)
            wanted = {name for name, _ in package_maps_of(workflow_spec(main))}
            maps = list_objects("configmaps", namespace, "-l", selector) if wanted else []
            objects = [main, *(item for item in maps if item["metadata"]["name"] in wanted)]
            return snapshot_of([{"kind": "ConfigMap", **item} if "data" in item else item for item in objects], flow)
    return None


@contextmanager
def checked_out(file: Path, commit: str) -> Generator[Path | None]:
    """The flow's file as a commit has it, with the rest of that commit around it, in a folder of its own for a while.

    The working directory is the same folder of that commit meanwhile: flows name files relative to it.
    `None` where the commit does not have the file. Raises FlowcError FC505 for what is no commit.
    """
    folder = file.absolute().parent
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        message = f"{file} is in no git repository, and `{commit}` is no folder with compiled files"
        raise FlowcError.of("FC505", message, help="name a commit, a folder of `compile -o`, or cluster")
    if _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}") is None:
        message = f"`{commit}` is no commit of {top}, and no folder with compiled files"
        raise FlowcError.of("FC505", message, help="name a commit, a folder of `compile -o`, or cluster")
    place = Path(os.path.realpath(file)).relative_to(os.path.realpath(top))
    with tempfile.TemporaryDirectory(prefix="flowc-diff-") as scratch:
        tree = Path(scratch, "tree")
        tree.mkdir()
        index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        done = _git(Path(top), "read-tree", commit, **index)
        if done is None or _git(Path(top), "checkout-index", "--all", f"--prefix={tree}/", **index) is None:
            raise FlowcError.of("FC505", f"git cannot check out `{commit}`", help="see `git checkout-index`")
        (tree / ".git").mkdir()  # the top of a project, as its own folder has it
        here, root = Path.cwd(), os.path.realpath(top)
        folder = tree / here.relative_to(root) if here.is_relative_to(root) else tree
        folder.mkdir(parents=True, exist_ok=True)
        with chdir(folder):
            yield tree / place if (tree / place).is_file() else None


def _git(folder: Path, *arguments: str, **variables: str) -> str | None:
    """What git prints; `None` where it fails."""
    git = shutil.which("git")
    if git is None:
        raise FlowcError.of("FC505", "there is no git on the PATH", help="install it, or compare with a folder")
    command = [git, "-C", str(folder), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_SECONDS, env={**os.environ, **variables}
    )
    return done.stdout.strip() if done.returncode == 0 else None
