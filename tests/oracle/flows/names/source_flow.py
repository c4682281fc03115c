"""A flow for reader_flow.py to read: parameters, a foreach, a branch, a switch, and artifacts."""

from metaflow import FlowSpec, Parameter, step


class SourceFlow(FlowSpec):
    size = Parameter("the-size", default=3)
    unit = "cm"

    @step
    def start(self):
        self.items = list(range(self.size))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print(f"working on {self.input}")
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [one.square for one in inputs]
        self.next(self.choose)

    @step
    def choose(self):
        self.way = "b"
        self.next({"a": self.first, "b": self.second}, condition="way")

    @step
    def first(self):
        self.next(self.end)

    @step
    def second(self):
        self.chosen = "second"
        self.next(self.end)

    @step
    def end(self):
        self._hidden = 1
        self.total = sum(self.squares)


if __name__ == "__main__":
    SourceFlow()
