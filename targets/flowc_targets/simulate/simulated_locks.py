"""The locks of a manifest: `synchronization` of its templates and of the Workflow, by tickets in the store.

So they bound the runs of other manifests on this root, too, and those of `flowc run`. A cluster's controller lets a
node hold its lock until its last attempt has ended; here each attempt takes it anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc.protocol import env_names
from flowc.store import open_store
from flowc_targets.base.lock_keeper import Lock, LockKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from flowc_targets.simulate.manifest import Manifest
    from flowc_targets.simulate.simulated_pods import Pod

_OF_FLOWC = "flowc-lock-"
_RUN = ""
"""The key of the Workflow itself: no pod has this name."""


def semaphores(raw: Mapping[str, Any]) -> list[dict[str, str]]:
    """The references to ConfigMaps in a `synchronization`."""
    found: dict[str, Any] = raw.get("synchronization", {})
    listed = [*found.get("semaphores", ()), *([found["semaphore"]] if "semaphore" in found else [])]
    return [item["configMapKeyRef"] for item in listed]


def missing_limits(raw: Mapping[str, Any], path: str, manifest: Manifest) -> Iterator[str]:
    """What is wrong with the limits of semaphores: a ConfigMap that is not there, or has no number."""
    for reference in semaphores(raw):
        config_map = manifest.config_maps.get(reference["name"])
        if config_map is None or not config_map.data.get(reference["key"], "").isdigit():
            yield f"{path}.synchronization: no limit {reference['name']}/{reference['key']} is in the manifest"


class SimulatedLocks:
    """The locks of one run."""

    def __init__(self, manifest: Manifest, folder: Path, note: Callable[[str], object]) -> None:
        """`folder` has the locks of pods without a store."""
        self._manifest = manifest
        self._root = str(folder / "locks")
        self._keeper: LockKeeper[str] = LockKeeper(lambda: open_store(self._root), note)
        self._pods: dict[str, Pod] = {}

    def __len__(self) -> int:
        """How many pods wait."""
        return len(self._pods)

    @property
    def error(self) -> str:
        """Why no lock can be taken."""
        return self._keeper.error

    def hold_run(self, raw: Mapping[str, Any], name: str, root: str | None) -> bool:
        """Whether the Workflow has to wait for locks: see `run_goes_on`."""
        self._root = root or self._root
        return self._keeper.want(_RUN, self._locks(raw), name)

    def run_goes_on(self) -> bool:
        """Whether the Workflow has got its locks."""
        return _RUN in self._keeper.take()

    def add(self, pod: Pod, raw: Mapping[str, Any]) -> bool:
        """Let a pod wait for the locks of its template, if that has some."""
        locks = self._locks(raw)
        if not locks:
            return False
        self._root = pod.env.get(env_names.ROOT) or self._root
        self._pods[pod.name] = pod
        return self._keeper.want(pod.name, locks, pod.name)

    def take(self) -> list[Pod]:
        """The pods that have got their locks since the last call."""
        return [self._pods.pop(name) for name in self._keeper.take() if name in self._pods]

    def release(self, name: str) -> None:
        """Give back what a pod holds, or waits for."""
        self._pods.pop(name, None)
        self._keeper.release(name)

    def close(self) -> None:
        """Give everything back."""
        self._keeper.close()

    def _locks(self, raw: Mapping[str, Any]) -> list[Lock]:
        found: dict[str, Any] = raw.get("synchronization", {})
        mutexes = [*found.get("mutexes", ()), *([found["mutex"]] if "mutex" in found else [])]
        locks = [Lock(str(item["name"]), 1) for item in mutexes]
        for reference in semaphores(raw):
            name, key = reference["name"], reference["key"]
            limit = int(self._manifest.config_maps[name].data[key])
            locks.append(Lock(name.removeprefix(_OF_FLOWC) if name.startswith(_OF_FLOWC) else f"{name}-{key}", limit))
        return locks
