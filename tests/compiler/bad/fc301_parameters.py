from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    a = Parameter()  # FC301
    b = Parameter("b c")  # FC301
    c = Parameter("c", type=list)  # FC301
    d = Parameter("d", colour="red")  # FC301
    e = Parameter("e", required="yes")  # FC301
    f = Parameter("f", help=print)  # FC301
    NAME = "g"
    g = Parameter(NAME)  # FC301

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
