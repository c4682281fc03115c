"""A wide foreach of small items, for batches."""

import os

from flowc import FlowSpec, Parameter, current, foreach_options, retry, step


class BatchedFlow(FlowSpec):
    width = Parameter("width", default=1000)

    @foreach_options(items_per_task=50, parallelism=4)
    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        if self.input % 100 == 7 and current.retry_count == 0:
            raise ValueError("the first attempt of some items")
        self.square = self.input**2
        self.pod = os.environ.get("HOSTNAME")
        self.tries = current.retry_count
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [item.square for item in inputs]
        self.pods = len({item.pod for item in inputs})
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    BatchedFlow()
