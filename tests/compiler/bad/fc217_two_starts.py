from flowc import FlowSpec, step


class Bad(FlowSpec):
    @step(start=True)
    def first(self):
        self.next(self.start)

    @step
    def start(self):  # FC217
        self.next(self.last)

    @step(end=True)
    def last(self):
        pass

    @step(end=True)
    def later(self):  # FC217
        pass

    @step(end="yes", color=1)  # FC403 FC404
    def odd(self):
        self.next(self.last)
