from flowc import FlowSpec, Parameter, step

FAST = True


class Bad(FlowSpec):
    a, b = Parameter("a"), Parameter("b")  # FC108
    c = d = Parameter("c")  # FC108
    e, f = 1, 2

    if FAST:  # FC108

        @step
        def extra(self):
            self.next(self.end)

    class Inner:
        pass

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
