"""`current.spot_termination_notice`: a file that is there once the task's machine is about to be taken away.

That says a SIGTERM, which Kubernetes sends when it drains a node or evicts a pod, or the cloud: the metadata addresses
of AWS, Google and Azure, which are asked on machines that may be taken back. Whoever reads the fact wants to end in
good order: from then on SIGTERM writes the file and does not end the process. What fails after the notice is `lost`
for `@retry`.
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import signal
import tempfile
import threading
import time

from flowc.store.aws_metadata import read_metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict

INTERVAL = 5.0
"""Seconds between two looks, as in Metaflow."""
_GOOGLE = "GCE_METADATA_HOST"
_AZURE = "AZURE_POD_IDENTITY_AUTHORITY_HOST"
"""Where the clouds' own libraries look for the metadata service, if not at its address."""


def watch(interval: float = INTERVAL) -> str:
    """Begin to watch; returns the path of the file, which is not there yet."""
    path = os.path.join(tempfile.mkdtemp(prefix="flowc-notice-"), "spot_termination_notice")

    def received(number: int, frame: FrameType | None) -> None:
        del frame
        write_notice(path, f"signal {number}")

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, received)
    # A thread that `threading` does not list: the step's code sees none but its own.
    _thread.start_new_thread(_poll, (path, interval))
    return path


def write_notice(path: str, what: str) -> None:
    """Write the file, all of it at once: what says that the machine goes, and when that was known."""
    if not os.path.exists(path):
        with open(f"{path}.part", "w", encoding="utf-8") as file:
            file.write(f"{what}\n{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n")
        os.replace(f"{path}.part", path)


def _poll(path: str, interval: float) -> None:
    with contextlib.suppress(Exception):  # a machine of no cloud, or a task that has ended
        cloud = next((cloud for cloud in (_Aws(), _Google(), _Azure()) if cloud.may_be_taken()), None)
        while cloud is not None and not os.path.exists(path):
            notice = cloud.notice()
            if notice:
                write_notice(path, notice)
            time.sleep(interval)


class _Cloud:
    """The metadata service of a cloud."""

    def __init__(self) -> None:
        from urllib.request import ProxyHandler, build_opener

        self._opener = build_opener(ProxyHandler({}))

    def _get(self, method: str, url: str, headers: Dict[str, str]) -> str:
        """The text at a URL; empty where there is none."""
        from urllib.request import Request

        try:
            request = Request(url, headers=headers, method=method)  # noqa: S310 (one's own machine)
            with self._opener.open(request, timeout=1) as answer:
                data: Any = answer.read()
            return str(data, "utf-8", "replace").strip()
        except OSError:
            return ""


class _Aws(_Cloud):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"""

    def may_be_taken(self) -> bool:
        """Whether it is a spot instance."""
        return read_metadata("instance-life-cycle", self._get) == "spot"

    def notice(self) -> str:
        """When it will be taken; empty where that is not known."""
        return read_metadata("spot/termination-time", self._get)


class _Google(_Cloud):
    """https://cloud.google.com/compute/docs/instances/create-use-spot#detect-preemption"""

    def _instance(self, path: str) -> str:
        root = f"http://{os.environ.get(_GOOGLE, 'metadata.google.internal')}/computeMetadata/v1/instance"
        return self._get("GET", f"{root}/{path}", {"Metadata-Flavor": "Google"})

    def may_be_taken(self) -> bool:
        """Whether it is a spot VM."""
        return self._instance("scheduling/preemptible") == "TRUE"

    def notice(self) -> str:
        """That it is being taken; empty where it is not."""
        return "preempted" if self._instance("preempted") == "TRUE" else ""


class _Azure(_Cloud):
    """https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events"""

    _name = ""

    def _metadata(self, path: str) -> Any:
        root = (os.environ.get(_AZURE) or "http://169.254.169.254").rstrip("/")
        return json.loads(self._get("GET", f"{root}/metadata/{path}", {"Metadata": "true"}) or "{}")

    def may_be_taken(self) -> bool:
        """Whether it is a spot VM."""
        compute = self._metadata("instance/compute?api-version=2021-02-01")
        self._name = compute.get("name", "")
        return bool(compute.get("priority") == "Spot")

    def notice(self) -> str:
        """When it will be taken; empty where that is not known. All VMs of a scale set get the events of each."""
        for event in self._metadata("scheduledevents?api-version=2020-07-01").get("Events", ()):
            if event["EventType"] == "Preempt" and self._name in event["Resources"]:
                return f"preempted {event['NotBefore']}".strip()
        return ""
