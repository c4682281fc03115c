import numpy as np
from metaflow import FlowSpec, step


class IterablesFlow(FlowSpec):
    """Foreach over pairs, rows, letters and lists, and over an item itself."""

    @step
    def start(self):
        self.d = {"x": 1, "y": 2}
        self.pairs = list(self.d.items())
        self.next(self.a, foreach="pairs")

    @step
    def a(self):
        k, v = self.input
        self.r = k * v
        self.next(self.ja)

    @step
    def ja(self, inputs):
        self.rs = [i.r for i in inputs]
        self.arr = np.eye(3)
        self.next(self.xb)

    @step
    def xb(self):
        self.next(self.b, foreach="arr")

    @step
    def b(self):
        self.r = self.input.sum(), type(self.input).__name__, self.input.shape
        self.next(self.jb)

    @step
    def jb(self, inputs):
        self.rs = [i.r for i in inputs]
        self.s = "héy"
        self.next(self.xc)

    @step
    def xc(self):
        self.next(self.c, foreach="s")

    @step
    def c(self):
        self.r = self.input
        self.input2 = self.input
        self.next(self.jc)

    @step
    def jc(self, inputs):
        self.rs = "".join(i.r for i in inputs)
        self.nest = [[1, 2], [3], [4, 5, 6]]
        self.next(self.xdd)

    @step
    def xdd(self):
        self.next(self.dd, foreach="nest")

    @step
    def dd(self):
        self.mine = list(self.input)
        self.mine.append(99)
        self.again = self.input
        self.next(self.e, foreach="mine")

    @step
    def e(self):
        self.r = self.input + 0
        self.next(self.je)

    @step
    def je(self, inputs):
        self.sum = sum(i.r for i in inputs)
        self.next(self.jd)

    @step
    def jd(self, inputs):
        self.sums = [i.sum for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    IterablesFlow()
