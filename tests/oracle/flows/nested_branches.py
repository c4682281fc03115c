from metaflow import FlowSpec, step


class NestedBranchesFlow(FlowSpec):
    """A branch in a branch, a foreach in the other arm, and their joins."""

    @step
    def start(self):
        self.t = ["s"]
        self.next(self.a, self.b)

    @step
    def a(self):
        self.t = self.t + ["a"]
        self.next(self.a1, self.a2)

    @step
    def a1(self):
        self.k = 1
        self.next(self.ja)

    @step
    def a2(self):
        self.k = 2
        self.next(self.ja)

    @step
    def ja(self, inputs):
        self.ks = inputs.a1.k, inputs.a2.k, inputs.a1.t
        self.merge_artifacts(inputs, exclude=["k"])
        self.next(self.j)

    @step
    def b(self):
        self.items = [1, 2]
        self.next(self.f, foreach="items")

    @step
    def f(self):
        self.q = self.input * 10
        self.next(self.jf)

    @step
    def jf(self, inputs):
        self.qs = [i.q for i in inputs]
        self.merge_artifacts(inputs, include=["t", "items"])
        self.next(self.j)

    @step
    def j(self, inputs):
        self.m = inputs.ja.ks, inputs.jf.qs, inputs.ja.t, inputs.jf.t, hasattr(inputs.jf, "q"), hasattr(inputs.ja, "k")
        try:
            self.merge_artifacts(inputs)
        except Exception as e:
            self.e = type(e).__name__, sorted(e.artifact_names)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NestedBranchesFlow()
