from flowc import FlowSpec, JSONType, Parameter, step

LIMIT = "many"


class Bad(FlowSpec):
    n = Parameter("n", type=int, default="many")  # FC303
    b = Parameter("b", type=bool, default=1)  # FC303
    j = Parameter("j", type=JSONType, default="{a: 1}")  # FC303
    limit = Parameter("limit", type=float, default=LIMIT)  # FC303

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
