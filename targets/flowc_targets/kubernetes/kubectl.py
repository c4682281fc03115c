"""Creating, listing and deleting objects with the kubectl on the PATH: an engine's own server has no API for them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map, as_maps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KUBECTL_SECONDS = 60
"""How long kubectl may take for an object."""
_LIST_SECONDS = 600
_LOGGED = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ ")
"""The start of a line of klog."""
_UNTRIED = "does not support dry run"
"""What the server says where one of its admission webhooks takes no objects to try."""
_NO_SUCH_KIND = "the server doesn't have a resource type"


def create_config_maps(
    configs: Sequence[Mapping[str, object]], namespace: str | None, whose: str, way_out: str
) -> None:
    """Create the ConfigMaps with the code of a run that is submitted, unless they are there. Raises EngineError FC611.

    They are immutable, and named by their content: one that is there is the same. `whose` is the server that cannot.
    """
    if not configs:
        return
    kubectl = shutil.which("kubectl")
    names = ", ".join(dict.fromkeys(str(as_map(item.get("metadata")).get("name")) for item in configs))
    if kubectl is None:
        message = f"the code is in the ConfigMap {names}, which {whose} cannot create, and there is no kubectl"
        raise EngineError.refused(message, way_out)
    for item in configs:
        problem = _create(kubectl, item, namespace)
        if problem is not None:
            raise EngineError.refused(f"kubectl cannot create the ConfigMap {names}: {problem}", way_out)


def _create(kubectl: str, config: Mapping[str, object], namespace: str | None) -> str | None:
    """What kubectl says against an object; `None` when it is there."""
    command = [kubectl, *(["--namespace", namespace] if namespace is not None else []), "create", "-f", "-"]
    try:
        result = subprocess.run(
            command, input=json.dumps(config), capture_output=True, text=True, check=False, timeout=KUBECTL_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = result.stderr.strip()
    return None if result.returncode == 0 or "AlreadyExists" in said else said


def list_objects(kind: str, namespace: str | None, *options: str) -> list[dict[str, Any]]:
    """The objects of a kind in a namespace; none where the cluster has no such kind. Raises EngineError FC610."""
    said, problem = _run(["get", kind, "--output=json", *options], namespace, _LIST_SECONDS)
    if problem is not None and problem.startswith(f"error: {_NO_SUCH_KIND}"):
        return []
    if problem is not None:
        message = f"kubectl cannot list {kind}: {problem}"
        raise EngineError.unusable(message, "check KUBECONFIG, the namespace (-n), and the right to list them")
    return as_maps(as_map(json.loads(said)).get("items"))


def delete_objects(kind: str, names: Sequence[str], namespace: str | None) -> None:
    """Delete objects that are there. Raises EngineError FC611."""
    _, problem = _run(["delete", kind, "--ignore-not-found", "--wait=false", *names], namespace, _LIST_SECONDS)
    if problem is not None:
        raise EngineError.refused(f"kubectl cannot delete {kind}: {problem}", "the right to delete them is missing")


def apply_text(text: str, namespace: str | None) -> None:
    """Apply manifests. The server merges them: annotations cannot hold large ones. Raises EngineError FC611.

    The server tries all of them first: kubectl goes on behind an object that is refused, and half a deployment stays.
    """
    words = ["apply", "--server-side", "--force-conflicts", "--field-manager=flowc", "-f", "-"]
    _, problem = _run([*words, "--dry-run=server"], namespace, _LIST_SECONDS, text)
    if problem is None or _UNTRIED in problem:
        _, problem = _run(words, namespace, _LIST_SECONDS, text)
    if problem is not None:
        help_ = "check KUBECONFIG, the namespace (-n), and the right to create what it names"
        if "no matches for kind" in problem:
            help_ = "install what has that kind: Argo Events for a Sensor and an EventSource, Argo Workflows for others"
        raise EngineError.refused(f"kubectl cannot apply the manifest: {problem}", help_)


def patch_object(kind: str, name: str, patch: Mapping[str, object], namespace: str | None) -> None:
    """Change fields of an object. Raises EngineError FC611."""
    _, problem = _run(["patch", kind, name, "--type=merge", "--patch", json.dumps(patch)], namespace, _LIST_SECONDS)
    if problem is not None:
        raise EngineError.refused(f"kubectl cannot change {kind} {name}: {problem}", "check the right to patch them")


def _run(
    arguments: Sequence[str], namespace: str | None, seconds: int, text: str | None = None
) -> tuple[str, str | None]:
    """What kubectl prints, and what it says against a command; that is `None` when it is done."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return "", "there is no kubectl on the PATH"
    command = [kubectl, *(["--namespace", namespace] if namespace is not None else []), *arguments]
    try:
        result = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return result.stdout, _complaint(result.stderr) or "it fails" if result.returncode else None


def _complaint(text: str) -> str:
    """What kubectl says, without the lines that its library logs, where it also says something itself."""
    lines = text.strip().splitlines()
    return "\n".join(line for line in lines if not _LOGGED.match(line)) or text.strip()
