"""Recursion: with one way on, with several, in a foreach, in an arm of a switch, and as the first step of a flow."""

from flowc import FlowSpec, loop, step


class Recursion(FlowSpec):
    @loop(max_iterations=4)
    @step
    def start(self):
        """The start may be the one that repeats."""
        self.rounds = getattr(self, "rounds", 0) + 1
        self.first = "more" if self.rounds < 3 else "done"
        self.next({"more": self.start, "done": self.fork}, condition="first")

    @step
    def fork(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.count = 0
        self.next(self.search)

    @loop(max_iterations=5)
    @step
    def search(self):
        self.count += 2
        self.found = "again" if self.count < 5 else "odd" if self.count % 2 else "even"
        self.next({"again": self.search, "odd": self.odd, "even": self.even}, condition="found")

    @step
    def odd(self):
        self.next(self.searched)

    @step
    def even(self):
        self.kind = "even"
        self.next(self.searched)

    @step
    def searched(self):
        self.next(self.both)

    @step
    def right(self):
        self.starts = [1, 0, 2]
        self.next(self.begin, foreach="starts")

    @step
    def begin(self):
        self.left_over = self.input
        self.mode = "skip" if self.input == 0 else "count"
        self.next({"skip": self.skip, "count": self.down}, condition="mode")

    @step
    def skip(self):
        self.trace = "skipped"
        self.next(self.item)

    @loop(max_iterations=3)
    @step
    def down(self):
        self.trace = getattr(self, "trace", "") + str(self.left_over)
        self.left_over -= 1
        self.more = "yes" if self.left_over > 0 else "no" if self.input == 2 else "other"
        self.next({"yes": self.down, "no": self.low, "other": self.high}, condition="more")

    @step
    def low(self):
        self.trace += "low"
        self.next(self.item)

    @step
    def high(self):
        self.trace += "high"
        self.next(self.item)

    @step
    def item(self):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.traces = [i.trace for i in inputs]
        self.next(self.both)

    @step
    def both(self, inputs):
        self.kind = inputs.searched.kind
        self.traces = inputs.collect.traces
        self.next(self.end)

    @step
    def end(self):
        print(self.kind, self.traces)


if __name__ == "__main__":
    Recursion()
