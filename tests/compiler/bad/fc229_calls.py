from flowc import Config, FlowSpec, IncludeFile, Parameter, call_flow, parallel, schedule, step


class Inner(FlowSpec):
    count = Parameter("count", type=int, required=True)
    mode = Parameter("mode", default="fast")

    @step
    def start(self):
        self.total = 1


class WithFiles(FlowSpec):
    settings = Config("settings", default_value={})
    table = IncludeFile("table", default="table.csv")

    @step
    def start(self):
        pass


class Outer(FlowSpec):
    rate = Parameter("rate", default=1)

    @call_flow(Inner, params={"count": "three", "no": 1}, returns=["totl"])  # FC229 FC302 FC303
    @step
    def start(self):
        self.next(self.second)

    @call_flow(Inner, artifacts={"mode": "absent"}, returns={"rate": "total"})  # FC304 FC317 FC321
    @step
    def second(self):
        self.next(self.third)

    @call_flow(WithFiles)  # FC229 FC229
    @step
    def third(self):
        self.next(self.fourth)

    @call_flow(Inner, params={"count": 1})  # FC406
    @step
    def fourth(self):
        self.items = [1]
        self.next(self.fifth, foreach="items")

    @call_flow("Inner", params={"count": 1}, artifacts={"count": "rate"})  # FC404
    @step
    def fifth(self):
        self.next(self.sixth)

    @call_flow(Inner, params={"count": 1}, artifacts={"count": "rate"})  # FC404
    @step
    def sixth(self, inputs):
        self.next(self.seventh)

    @call_flow(WithFiles, params={"table": "a,b"}, deployed=True)  # FC229
    @step
    def seventh(self):
        self.next(self.eighth)

    @call_flow(Inner, params={"no": 1}, returns=["totl"], deployed=True)  # FC229 FC302 FC304
    @step
    def eighth(self):
        self.next(self.end)

    @step
    def end(self):
        pass
