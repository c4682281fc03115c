from flowc import Config, FlowSpec, IncludeFile, Parameter, step


class Bad(FlowSpec):
    a = Parameter("alpha")
    b = Parameter("Alpha")  # FC305
    c = Parameter("max-workers")  # FC305
    d = IncludeFile("run_id")  # FC305
    e = Parameter("root", default="a warning: --root is an option of flowc run")  # FC305
    f = Config("cfg", default_value={})
    g = Config("cfg", default_value={})  # FC305
    i = Config("CFG", default_value={})
    h = Config("tags", default_value={})  # FC305
    start = Parameter("s")  # FC305

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
