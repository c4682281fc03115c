"""Steps that ask for all that a pod can have; each stores what it finds around it."""

import os
from pathlib import Path

from flowc import FlowSpec, kubernetes, secrets, step


def contents(folder):
    """The files in a folder, by name."""
    return {path.name: path.read_text() for path in Path(folder).iterdir() if not path.name.startswith(".")}


def mounted(path):
    """The kind of file system at a path, and its size where it has one."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if place == path:
            return [kind, [item for item in options.split(",") if item.startswith("size=")]]
    return None


class SpecsFlow(FlowSpec):
    @kubernetes(
        cpu=0.05,
        memory=64,
        qos="guaranteed",
        node_selector={"flowc.test/pool": "cpu"},
        security_context={
            "run_as_user": 1000,
            "runAsGroup": 1001,
            "run_as_non_root": True,
            "read_only_root_filesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccomp_profile": {"type": "RuntimeDefault"},
            "fs_group": 2000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "supplemental_groups": [3000],
        },
    )
    @step
    def start(self):
        self.who = [os.getuid(), os.getgid(), sorted(os.getgroups())]
        self.is_read_only = False
        try:
            Path("/written").touch()
        except OSError:
            self.is_read_only = True
        self.items = [1, 2]
        self.next(self.everything, foreach="items")

    @secrets(sources=[{"type": "kubernetes", "id": "flowc-specs"}])
    @kubernetes(
        cpu=0.05,
        cpu_limit=0.5,
        memory=64,
        memory_limit=256,
        disk=16,
        disk_limit=128,
        gpu=1,
        gpu_type="t4",
        node_selector={"flowc.test/pool": "gpu"},
        tolerations=[
            {"key": "team", "operator": "Equal", "value": "ml", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
        affinity={
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "flowc.test/pool", "operator": "NotIn", "values": ["cpu"]}]}
                    ]
                }
            },
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 7,
                        "podAffinityTerm": {
                            "topologyKey": "kubernetes.io/hostname",
                            "labelSelector": {"matchLabels": {"team": "red"}},
                        },
                    }
                ]
            },
        },
        priority_class="flowc-specs",
        scheduler="default-scheduler",
        service_account="default",
        image_pull_policy="IfNotPresent",
        image_pull_secrets=["flowc-specs-pull"],
        labels={"team": "blue", "n": "1"},
        annotations={"example.org/note": "y: $(HOME) # no"},
        config_maps=["flowc-specs"],
        secret_volumes={"flowc-specs": "/secret"},
        config_map_volumes={"flowc-specs": "/config"},
        persistent_volume_claims={"flowc-specs": "/claim"},
        shared_memory=16,
        tmpfs_size=8,
        tmpfs_path="/quick",
        port=8080,
        security_context={"privileged": False, "capabilities": {"add": ["NET_ADMIN"], "drop": ["MKNOD"]}},
    )
    @step
    def everything(self):
        self.variables = [os.environ["TOKEN"], os.environ["MODE"], os.environ["TMPDIR"]]
        self.secret = contents("/secret")
        self.config = contents("/config")
        self.mounts = [mounted("/dev/shm"), mounted("/quick")]
        kept = Path("/claim") / str(self.input)
        kept.write_text("kept")
        self.kept = kept.exists()
        self.next(self.join)

    @kubernetes(gpu=1, gpu_type="lab", affinity={"podAffinity": {}})
    @step
    def join(self, inputs):
        self.all = [[item.variables, item.secret, item.config, item.mounts, item.kept] for item in inputs]
        self.merge_artifacts(inputs, include=["who", "is_read_only"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SpecsFlow()
