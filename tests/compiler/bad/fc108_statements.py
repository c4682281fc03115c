from flowc import Config, FlowSpec, Parameter, config_expr, step

FAST = True


def parameter(name):
    return Parameter(name)


class Bad(FlowSpec):
    a, b = Parameter("a"), Parameter("b")  # FC108
    c = d = Parameter("c")  # FC108
    e, f = 1, 2
    j = (k := Parameter("j"))  # FC108
    l = parameter("l")  # FC108
    m = Parameter("m")
    del m  # FC108
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

    end = print(end)  # FC108
    more = step(lambda self: self.next(self.end))  # FC108
