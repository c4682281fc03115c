"""What decorators ask of a pod, and failures that `@catch` takes, seen from within."""

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from flowc import FlowSpec, catch, current, exit_hook, kubernetes, project, retry, secrets, step, timeout


def told(run: Any) -> None:
    print("exit hook of", run.pathspec.partition("/")[0], run.successful)


def broken() -> None:
    raise ValueError("in the hook")


@project(name="shop", branch="new")
@exit_hook(on_success=[told, broken], on_error=["told"])
class DecoratedFlow(FlowSpec):
    @kubernetes(
        cpu=0.1,
        memory=100,
        qos="guaranteed",
        port=8080,
        tmpfs_size=16,
        shared_memory=8,
        labels={"team": "blue"},
        security_context={"allow_privilege_escalation": False, "run_as_user": 1234},
    )
    @secrets(
        sources=[
            {"type": "kubernetes", "id": "s3"},
            {"type": "inline", "id": "a", "options": {"env_vars": {"TOKEN": "7"}}},
        ]
    )
    @step
    def start(self) -> None:
        self.tempdir = tempfile.gettempdir()
        mounts = Path("/proc/mounts").read_text().splitlines()
        self.tmpfs = [line.split()[1] for line in mounts if line.startswith("tmpfs")]
        self.user = os.getuid()
        self.token = os.environ["TOKEN"]
        self.has_keys = "AWS_SECRET_ACCESS_KEY" in os.environ
        self.branch = (current.project_name, current.branch_name, current.project_flow_name)
        self.next(self.gone)

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def gone(self) -> None:
        self.lost = True
        os._exit(5)
        self.next(self.fan)

    @step
    def fan(self) -> None:
        self.items = ["fine", "raises", "killed", "slow"]
        self.next(self.each, foreach="items")

    @catch(var="failure", print_exception=False)
    @timeout(seconds=20)
    @step
    def each(self) -> None:
        self.kept = self.input
        if self.input == "raises":
            raise ValueError("raised")
        if self.input == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.input == "slow":
            time.sleep(600)
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        self.kinds = [each.failure and each.failure.type.rpartition(".")[2] for each in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


if __name__ == "__main__":
    DecoratedFlow()
