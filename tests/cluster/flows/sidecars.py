"""An init container and a sidecar beside a step of Python and beside one in a container, over a shared volume."""

from __future__ import annotations

import time
from pathlib import Path

from flowc import FlowSpec, container, kubernetes, step

IMAGE = "debian:12-slim"
SHARED = [{"name": "shared", "mountPath": "/shared"}]
PREPARE = {"name": "prepare", "image": IMAGE, "command": ["sh", "-c", "echo made > /shared/a"], "volumeMounts": SHARED}
BEAT = {
    "name": "beat",
    "image": IMAGE,
    "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do cp /shared/a /shared/b; sleep 1; done"],
    "volumeMounts": SHARED,
}
POD = {
    "spec": {
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "containers": [{"name": "main", "volumeMounts": SHARED}],
    }
}


class SidecarsFlow(FlowSpec):
    @kubernetes(init_containers=[PREPARE], sidecars=[BEAT], patch=POD)
    @step
    def start(self) -> None:
        while not Path("/shared/b").exists():
            time.sleep(0.2)
        self.text = Path("/shared/a").read_text()
        self.next(self.copy)

    @kubernetes(init_containers=[PREPARE], sidecars=[BEAT], patch=POD)
    @container(
        image=IMAGE,
        command=["sh", "-c", 'until [ -e /shared/b ]; do sleep 0.2; done; cp /shared/a "$OUT"'],
        env={"OUT": "{outputs.copied}"},
        outputs={"copied": "copied.txt"},
    )
    @step
    def copy(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        assert self.text == self.copied == "made\n"


if __name__ == "__main__":
    SidecarsFlow()
