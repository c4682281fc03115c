"""A container that ends with an exit code of its own, or takes longer than its `@timeout`."""

from __future__ import annotations

from flowc import FlowSpec, container, retry, step, timeout


class FailingContainerFlow(FlowSpec):
    @step
    def start(self) -> None:
        self.next(self.fails, self.sleeps, self.gives_up)

    @retry(times=1, minutes_between_retries=0)
    @container(image="debian:12-slim", command=["sh", "-c", "echo before; exit 42"])
    @step
    def fails(self) -> None:
        self.next(self.join)

    @timeout(seconds=5)
    @container(image="debian:12-slim", command=["sleep", "600"])
    @step
    def sleeps(self) -> None:
        self.next(self.join)

    @retry(times=1, minutes_between_retries=0)
    @container(image="debian:12-slim", command=["sh", "-c", "exit 79"])
    @step
    def gives_up(self) -> None:
        self.next(self.join)

    @step
    def join(self, inputs: object) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


if __name__ == "__main__":
    FailingContainerFlow()
