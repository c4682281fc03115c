from flowc import Config, FlowSpec, Parameter, resources, step


class Bad(FlowSpec):
    a = Config("a", default="absent.json")  # FC306
    b = Config("b", default_value="{a}")  # FC306
    c = Config("c", default_value="[1]")  # FC306
    d = Config("d", required=True)  # FC306
    e = Config("e", default_value="d = 2020-01-01", parser="tomllib.loads")  # FC306
    f = Config("f", default_value="a: [", parser="yaml.safe_load")  # FC306
    calm = Parameter("calm", default=a.n)  # the missing config is reported, and that is enough

    @resources(cpu=b.cpu)
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
