"""Items of a foreach that fail, one of them killed without a word; the others go on."""

import os

from flowc import FlowSpec, foreach_options, step


class FailedItemsFlow(FlowSpec):
    @foreach_options(min_success=0.5)
    @step
    def start(self):
        self.items = [0, 1, 2, 3]
        self.next(self.first, foreach="items")

    @step
    def first(self):
        self.n = self.input
        if self.input == 1:
            raise ValueError("one")
        if self.input == 2:
            os.kill(os.getpid(), 9)
        self.next(self.second)

    @step
    def second(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.good = [item.n for item in inputs]
        self.bad = [[item.index, item.step, item.type] for item in inputs.failed]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FailedItemsFlow()
