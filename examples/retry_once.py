"""A step that fails at its first attempt and succeeds at the second; the join reads the second."""

from flowc import FlowSpec, current, retry, step


class RetryOnceFlow(FlowSpec):
    """Every odd item fails once."""

    @step
    def start(self):
        """Three items."""
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        """Fail on purpose."""
        self.attempt = current.retry_count
        if self.input % 2 == 1 and self.attempt == 0:
            raise RuntimeError("failing once, on purpose")
        self.next(self.join)

    @step
    def join(self, inputs):
        """Which attempt of each item counted."""
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        """Print the attempts."""
        print(f"attempts that counted: {self.attempts}")


if __name__ == "__main__":
    RetryOnceFlow()
