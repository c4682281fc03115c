"""`compile --kustomize`: a kustomization.yaml that lists what flowc has written into a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink

NAME = "kustomization.yaml"
MADE = "# Made by flowc"
"""Begins every manifest that flowc writes."""


def kustomization(texts: Mapping[Path, str], output: str, sink: DiagnosticSink) -> dict[Path, str]:
    """The list for the folder that manifests go to, which also has those of earlier compiles that are still there.

    Collects FC603 where the folder has one of somebody else's, and FC506 where there is no folder.
    """
    folder = Path(output)
    if folder.is_file() or not texts or any(path.parent != folder for path in texts):
        sink.warning("FC506", "--kustomize has no effect without a folder", None, help="name a folder: -o manifests/")
        return {}
    if any(path.suffix != ".yaml" for path in texts):
        sink.warning("FC506", "--kustomize has no effect on what are no manifests", None, help="leave it out")
        return {}
    place = folder / NAME
    if place.exists() and not _is_made(place):
        message = f"{place} is not flowc's, and would be lost"
        sink.error("FC603", message, None, help=f"have flowc write into a folder below, and name that in {place}")
        return {}
    names = {path.name for path in texts} | {path.name for path in _there(folder)}
    lines = [
        f"{MADE}: the files that it has written into this folder.",
        "apiVersion: kustomize.config.k8s.io/v1beta1",
        "kind: Kustomization",
        "resources:",
        *(f"- {name}" for name in sorted(names)),
    ]
    return {place: "\n".join(lines) + "\n"}


def leftovers(texts: Mapping[Path, str]) -> list[Path]:
    """The manifests of flowc beside those that it would write, without runtimes: their flows may be gone."""
    known = {path.absolute() for path in texts}
    found = [path for folder in sorted({path.parent for path in texts}) for path in sorted(_there(folder))]
    return [path for path in found if path.absolute() not in known and not path.name.startswith("flowc-runtime-")]


def _there(folder: Path) -> Iterable[Path]:
    found = folder.glob("*.yaml") if folder.is_dir() else ()
    return [path for path in found if path.name != NAME and path.is_file() and _is_made(path)]


def _is_made(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MADE)) == MADE.encode()
