"""A Ray cluster of a gang's members, for `@metaflow_ray`: member 0 has the head and runs the code, the others work.

The code finds the cluster by `ray.init()`, as RAY_ADDRESS says where it is. It lasts as long as the members do.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec

from flowc.errors import FlowError
from flowc.shim.gang_files import host_address
from flowc.shim.kept_process import KeptProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from flowc.shim.gang import Gang

JOIN_SECONDS = 300
"""How long the members' Ray processes may take to find each other, after the members have."""
GRACE = 10.0
"""Seconds that Ray has to end its processes."""
_LOCAL = "127.0.0.1"

_PROBE = """
import sys, time, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
end = time.time() + float(sys.argv[3])
while True:
    alive = sum(1 for node in ray.nodes() if node["Alive"])
    if alive >= int(sys.argv[2]):
        break
    if time.time() > end:
        sys.exit(f"{alive} of {sys.argv[2]} nodes have joined")
    time.sleep(0.2)
"""


class RayException(FlowError):  # noqa: N818 (the extension's name)
    """The cluster cannot be started, or a part of it has ended."""

    headline = "Ray failed"


def run_on_ray(gang: Gang, options: Dict[str, Any], code: Callable[[], None]) -> None:
    """Start this member's part of the cluster; run the code in member 0, and wait for that in the others.

    Raises RayException, and what the code raises.
    """
    if find_spec("ray") is None:
        raise RayException("@metaflow_ray needs Ray: give the step an image that has it")
    host, port = os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"]
    limit = gang.join_timeout or JOIN_SECONDS
    if gang.me:
        _wait_for_head(host, int(port), limit)
    address = os.environ["RAY_ADDRESS"] = f"{host}:{port}"
    node = KeptProcess(_command(host, port, options, head=gang.me == 0), GRACE)

    def check() -> None:
        if node.poll() is not None:
            raise RayException(f"`ray start` of member {gang.me} has ended with exit code {node.poll()}")

    if gang.me:
        gang.wait_for_main(check)
        node.stop()
        return
    _wait_for_nodes(address, gang.count, limit, check)
    code()  # the cluster stays until this process ends: artifacts may still need it


def _command(host: str, port: str, options: Dict[str, Any], *, head: bool) -> List[str]:
    """`ray start` in the foreground."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
    command += ["--head", "--port", port] if head else ["--address", f"{host}:{port}"]
    command += ["--node-ip-address", host if head else host_address()]
    # Members may share a machine, here and as pods with the host's network, where Ray's defaults would collide.
    folder = os.path.join(tempfile.gettempdir(), "ray")
    os.makedirs(folder, exist_ok=True)
    sockets = tempfile.mkdtemp(prefix="member-", dir=folder)
    command += ["--raylet-socket-name", f"{sockets}/raylet", "--plasma-store-socket-name", f"{sockets}/plasma"]
    command += ["--min-worker-port", "0", "--max-worker-port", "0"]
    if head and host == _LOCAL and find_spec("grpc") is not None:  # and so would the clusters of two runs
        command += ["--ray-client-server-port", "0"]
    for name in ("logging_level", "log_style"):
        if name in options:
            command += [f"--{name.replace('_', '-')}", options[name]]
    if head and "dashboard_port" in options:
        command += ["--include-dashboard", "true", "--dashboard-host", "0.0.0.0"]  # noqa: S104 (as the extension)
        command += ["--dashboard-port", str(options["dashboard_port"])]
    return command


def _wait_for_head(host: str, port: int, limit: float) -> None:
    """Wait until member 0's Ray listens: `ray start` of another member gives up soon. Raises RayException."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port), 5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RayException(f"the Ray head of member 0 did not answer at {host}:{port} in {limit:g} s")


def _wait_for_nodes(address: str, count: int, limit: float, check: Callable[[], None]) -> None:
    """Wait until every member's node is there. In a process of its own: the code calls `ray.init` itself."""
    end = time.monotonic() + limit
    while True:
        command = [sys.executable, "-c", _PROBE, address, str(count), str(max(1.0, end - time.monotonic()))]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as probe:
            try:
                while probe.poll() is None and time.monotonic() < end:
                    check()
                    time.sleep(0.2)
            finally:
                probe.kill()
            assert probe.stderr is not None
            said = probe.stderr.read().strip().splitlines()
        if probe.returncode == 0:
            return
        if time.monotonic() >= end:
            why = f": {said[-1]}" if said else ""
            raise RayException(f"the members' Ray processes did not find each other in {limit:g} s{why}")
