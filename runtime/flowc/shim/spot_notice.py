"""`current.spot_termination_notice`: a file that is there once the task's machine is about to be taken away.

That says a SIGTERM, which Kubernetes sends when it drains a node or evicts a pod, or the cloud: the metadata addresses
of AWS and Google, which are asked on machines that may be taken back. Whoever reads the fact wants to end in good
order: from then on SIGTERM writes the file and does not end the process. What fails after the notice is `lost` for
`@retry`.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import tempfile
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Dict

INTERVAL = 5.0
"""Seconds between two looks, as in Metaflow."""
_AWS = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
"""Where AWS's own libraries look for its metadata service, if not at its address."""
_GOOGLE = "GCE_METADATA_HOST"


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
        cloud = next((cloud for cloud in (_Aws(), _Google()) if cloud.may_be_taken()), None)
        while cloud is not None and not os.path.exists(path):
            notice = cloud.notice()
            if notice:
                write_notice(path, notice)
            time.sleep(interval)


class _Cloud:
    """The metadata service of a cloud."""

    def __init__(self, root: str) -> None:
        from urllib.request import ProxyHandler, build_opener

        self._root = root
        self._opener = build_opener(ProxyHandler({}))

    def _get(self, path: str, headers: Dict[str, str], method: str = "GET") -> str:
        """The text at a path; empty where there is none."""
        from urllib.request import Request

        try:
            request = Request(self._root + path, headers=headers, method=method)  # noqa: S310 (one's own machine)
            with self._opener.open(request, timeout=1) as answer:
                data: Any = answer.read()
            return str(data, "utf-8", "replace").strip()
        except OSError:
            return ""


class _Aws(_Cloud):
    """https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"""

    def __init__(self) -> None:
        super().__init__(os.environ.get(_AWS, "http://169.254.169.254").rstrip("/"))

    def _latest(self, path: str) -> str:
        token = self._get("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"}, "PUT")
        return self._get(f"/latest/meta-data/{path}", {"X-aws-ec2-metadata-token": token} if token else {})

    def may_be_taken(self) -> bool:
        """Whether it is a spot instance."""
        return self._latest("instance-life-cycle") == "spot"

    def notice(self) -> str:
        """When it will be taken; empty where that is not known."""
        return self._latest("spot/termination-time")


class _Google(_Cloud):
    """https://cloud.google.com/compute/docs/instances/create-use-spot#detect-preemption"""

    def __init__(self) -> None:
        super().__init__(f"http://{os.environ.get(_GOOGLE, 'metadata.google.internal')}/computeMetadata/v1/instance/")

    def _instance(self, path: str) -> str:
        return self._get(path, {"Metadata-Flavor": "Google"})

    def may_be_taken(self) -> bool:
        """Whether it is a spot VM."""
        return self._instance("scheduling/preemptible") == "TRUE"

    def notice(self) -> str:
        """That it is being taken; empty where it is not."""
        return "preempted" if self._instance("preempted") == "TRUE" else ""
