"""The operator that runs a step with a container of its own."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from kubernetes.client import models as k8s

from flowc_targets.airflow.operators.pod_operator import StepOperator

if TYPE_CHECKING:
    from flowc_targets.airflow.operators.flow_package import FlowPackage

FILES = "/flowc-files"


class ContainerOperator(StepOperator):
    """Runs a container of another image between two of the shim's, all in one pod.

    The first two are init containers, so that each waits for the one before it, and
    the last, which stores the outputs, is the one that Airflow looks at.
    """

    startup_timeout_seconds: int

    def __init__(
        self,
        *,
        flow: FlowPackage,
        container_image: str | None = None,
        container_command: list[str] | None = None,
        container_env: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(flow=flow, **kwargs)
        self.container_image = container_image
        self.container_command = container_command
        self.container_env = container_env or {}
        # A pod is pending until its init containers have ended.
        self.container_start_seconds = self.startup_timeout_seconds
        self.startup_timeout_seconds = 10**9
        self.failure: tuple[int | None, str | None] | None = None

    def build_pod_request_obj(self, context: Any = None, **kwargs: Any) -> Any:
        """Build the pod. Without a command, the first container writes a script."""
        pod = super().build_pod_request_obj(context, **kwargs)
        last = pod.spec.containers[0]
        if context is None:  # a dry run
            return pod
        main, first = deepcopy(last), deepcopy(last)
        last.resources, last.ports = None, None
        main.name, main.image = "main", self.container_image or last.image
        words = self.container_command or ["/bin/sh", f"{FILES}/command"]
        main.command, main.args = [word.replace("$", "$$") for word in words], []
        own = [item for item in last.env if not item.name.startswith("FLOWC_")]
        own = [item for item in own if item.name not in self.container_env]
        for name, value in self.container_env.items():
            own.append(k8s.V1EnvVar(name=name, value=value.replace("$", "$$")))
        main.env = own
        mounts = main.volume_mounts or []
        main.volume_mounts = [item for item in mounts if item.mount_path != "/flowc"]
        first.name, first.resources, first.ports = "inputs", None, None
        does = "inputs" if self.container_command else "script"
        for container, part in ((first, does), (last, "outputs")):
            variable = k8s.V1EnvVar(name="FLOWC_CONTAINER_PART", value=part)
            container.env = [*container.env, variable]
        files = k8s.V1VolumeMount(name="flowc-files", mount_path=FILES)
        for container in (first, main, last):
            container.volume_mounts = [*(container.volume_mounts or []), files]
        empty = k8s.V1EmptyDirVolumeSource()
        volume = k8s.V1Volume(name=files.name, empty_dir=empty)
        pod.spec.volumes = [*(pod.spec.volumes or []), volume]
        pod.spec.init_containers = [*(pod.spec.init_containers or []), first, main]
        return pod

    def await_pod_start(self, pod: Any) -> None:
        """Log what the step's own container prints, and wait for the last one."""
        self.await_container(pod)
        logs = self.pod_manager
        logs.fetch_container_logs(pod=pod, container_name="main", follow=True)
        self.check_containers(logs.read_pod(pod))
        super().await_pod_start(pod)

    def await_container(self, pod: Any) -> None:
        """Wait until the step's own container has started."""
        waits = self.schedule_timeout_seconds + self.container_start_seconds
        latest = time.monotonic() + waits
        while True:
            remote = self.pod_manager.read_pod(pod)
            found = self.check_containers(remote)
            if "main" in found:
                return
            if remote.status.phase == "Failed":
                reason = remote.status.message or remote.status.reason
                raise RuntimeError(f"the pod has failed before its container: {reason}")
            if time.monotonic() > latest:
                raise RuntimeError(f"the container has not started in {waits} seconds")
            time.sleep(1)

    def check_containers(self, pod: Any) -> list[str]:
        """Return the init containers that have started. Raise where one failed."""
        found = []
        for item in pod.status.init_container_statuses or []:
            ended = item.state.terminated if item.state else None
            if ended and ended.exit_code:
                self.failure = ended.exit_code, ended.reason
                text = f"container {item.name} has ended with {ended.exit_code}"
                raise RuntimeError(f"{text} ({ended.reason})")
            if ended or (item.state and item.state.running):
                found.append(item.name)
        return found

    def ended(self, status: Any) -> tuple[int | None, str | None]:
        """Return the exit code of the container that has failed, and the reason."""
        for item in getattr(status, "init_container_statuses", None) or []:
            ended = item.state.terminated if item.state else None
            if ended and ended.exit_code:
                return ended.exit_code, ended.reason
        return self.failure or super().ended(status)
