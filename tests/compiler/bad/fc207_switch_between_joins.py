from flowc import FlowSpec, step


class Bad(FlowSpec):
    """Which of the two joins runs depends on two switches that may disagree."""

    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next({1: self.p, 2: self.q}, condition="x")

    @step
    def b(self):
        self.next({1: self.r, 2: self.s}, condition="x")

    @step
    def p(self):
        self.next(self.j)

    @step
    def q(self):
        self.next(self.k)

    @step
    def r(self):
        self.next(self.j)

    @step
    def s(self):
        self.next(self.k)

    @step
    def j(self, inputs):  # FC207
        self.next(self.end)

    @step
    def k(self, inputs):  # FC207
        self.next(self.end)

    @step
    def end(self):
        pass
