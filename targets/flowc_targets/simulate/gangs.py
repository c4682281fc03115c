"""Which pods have to run at the same time: the members of a `num_parallel` step, which meet through the store.

Nothing in the manifest says so: on a cluster all pods of a fan-out are there at once. The plan in the package does.
"""

from __future__ import annotations

import base64
import json
import re
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from flowc_targets.simulate.pods import Pod

_FAN_OUT = re.compile(r"(.*)\(\d+:[^()]*\)")


class Gangs:
    """The gang steps of the packages that pods run."""

    def __init__(self) -> None:
        self._steps: dict[Path, frozenset[str]] = {}

    def of(self, pod: Pod) -> str | None:
        """The name of the fan-out that a pod is a member of, if it is one of a gang."""
        if pod.package is None:
            return None
        if pod.package not in self._steps:
            self._steps[pod.package] = _gang_steps(pod.package)
        steps = self._steps[pod.package]
        if not steps or _step(pod.arguments()) not in steps:
            return None
        match = _FAN_OUT.match(pod.node.name)
        return match.group(1) if match else None


def _step(words: Iterable[str]) -> str | None:
    before = ""
    for word in words:
        if before == "--step":
            return word
        before = word
    return None


def _archive(package: Path) -> Path | BytesIO:
    """The code package; where a Workflow carries it, it is packed beside the script that unpacks it."""
    if package.suffix == ".pyz":
        return package
    return BytesIO(zlib.decompress(base64.b64decode(package.with_name("code").read_bytes())))


def _gang_steps(package: Path) -> frozenset[str]:
    try:
        with zipfile.ZipFile(_archive(package)) as archive:
            steps = json.loads(archive.read("plan.json"))["steps"]
        return frozenset(
            name
            for name, step in steps.items()
            if any(steps[parent]["kind"] == "parallel" for parent in step.get("parents", ()))
        )
    except (OSError, KeyError, ValueError, TypeError, zlib.error, zipfile.BadZipFile):
        return frozenset()  # a package of somebody else's
