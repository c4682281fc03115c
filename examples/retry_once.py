"""A step that fails the first time: `@retry` runs it again, and the join reads the attempt that succeeded.

An attempt is committed by writing its manifest last. What a failed attempt had stored is never seen by anyone.

    flowc run examples/retry_once.py
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, current, retry, step


class RetryOnceFlow(FlowSpec):
    """Three tasks, of which the one in the middle fails at its first attempt."""

    @step
    def start(self) -> None:
        """Three items."""
        self.names = ["left", "middle", "right"]
        self.next(self.work, foreach="names")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self) -> None:
        """Fails for `middle` on attempt 0, after it has set the artifacts that nobody may read."""
        self.name = self.input
        self.attempt = current.retry_count
        self.value = f"{self.name} by attempt {self.attempt}"
        if self.name == "middle" and self.attempt == 0:
            raise RuntimeError("the first attempt always fails here")
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[RetryOnceFlow]) -> None:
        """Sees one whole attempt of each."""
        self.values = [task.value for task in inputs]
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print what was read."""
        for value in self.values:
            print(value)
        print(f"attempts: {self.attempts}")


if __name__ == "__main__":
    RetryOnceFlow()
