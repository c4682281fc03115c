from flowc import Config, FlowSpec, Parameter, config_expr, step

FAST = True


class Bad(FlowSpec):
    a, b = Parameter("a"), Parameter("b")  # FC108
    c = d = Parameter("c")  # FC108
    e, f = 1, 2
    g = Config("g", default_value={"a": 1})
    h = config_expr("g.a")  # FC108
    i = g.a  # FC108

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
