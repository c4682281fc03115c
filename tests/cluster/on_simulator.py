"""Random flows through `flowc simulate`, which runs the manifest as Argo would, on this machine and one at a time."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING

from flowc import Run
from tests.support import flowc

if TYPE_CHECKING:
    from tests.cluster.random_runs import Case


class OnSimulator:
    """Runs a manifest when it is started."""

    busy = 0
    room = True

    def __init__(self) -> None:
        self._done: list[Case] = []

    def compile(self, case: Case) -> tuple[str, str]:
        """What `flowc compile` prints, and what it says."""
        root = case.file.parent / "simulated"
        made = flowc(case.file.parent, "compile", case.file.name, "--root", str(root), *case.given)
        return made.stdout if made.returncode == 0 else "", made.stderr

    def start(self, case: Case, manifest: str) -> None:
        """Run it to its end, and compare."""
        (case.file.parent / "manifest.yaml").write_text(manifest, encoding="utf-8")
        began = time.monotonic()
        for _ in range(case.runs):
            if not case.found:
                self._run(case)
        case.seconds = time.monotonic() - began
        case.state = "differs" if case.found else "same"
        self._done.append(case)

    def _run(self, case: Case) -> None:
        folder, uid = case.file.parent, str(uuid.uuid4())
        options = ("--uid", uid, "--backoff", "0", "--root", str(folder / "simulated"), "--nodes", "nodes.json")
        done = flowc(folder, "simulate", "manifest.yaml", *options)
        if done.returncode not in {0, 1}:
            case.found = [f"flowc simulate: {done.stderr}"]
        else:
            root = str(folder / "simulated")
            run = Run(f"{case.local.run.pathspec.partition('/')[0]}/argo-{uid}", root=root, _namespace_check=False)
            case.found = case.compare(run, ok=done.returncode == 0)
            nodes = json.loads((folder / "nodes.json").read_text())["nodes"].values()
            case.pods = sum(node["type"] == "Pod" for node in nodes)
        if case.found:
            case.found.append(done.stderr)

    def poll(self) -> list[Case]:
        """What has run since."""
        done, self._done = self._done, []
        return done
