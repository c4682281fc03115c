"""A foreach as wide as its parameter says; one item can be made to wait for a word in the store."""

import os
import time

from flowc import FlowSpec, Parameter, current, step
from flowc.store import open_store


class WideFlow(FlowSpec):
    """`width` items, each of which gives its number."""

    width = Parameter("width", default=3)
    waits = Parameter("waits", default=False)

    @step
    def start(self) -> None:
        self.numbers = list(range(self.width))
        self.next(self.each, foreach="numbers")

    @step
    def each(self) -> None:
        self.number = self.input
        if self.waits and self.number == 1:
            store = open_store(os.environ["FLOWC_ROOT"])
            deadline = time.monotonic() + 600
            while not store.exists(f"words/{current.run_id}") and time.monotonic() < deadline:
                time.sleep(1)
        self.next(self.join)

    @step
    def join(self, inputs: list["WideFlow"]) -> None:
        self.all = [each.number for each in inputs]
        self.next(self.end)

    @step
    def end(self) -> None:
        print(len(self.all))


if __name__ == "__main__":
    WideFlow()
