from flowc import Config, FlowSpec, IncludeFile, Parameter, config_expr, step

NAMES = {"g": "gamma"}


class Bad(FlowSpec):
    a = Parameter()  # FC301
    b = Parameter("b c")  # FC301
    c = Parameter("c", type=bytes)  # FC301
    d = Parameter("d", colour="red")  # FC301
    e = Parameter("e", required="yes")  # FC301
    f = Parameter("f", help=print)  # FC301
    g = Parameter(NAMES["h"])  # FC301
    h = Parameter("h", 1, int, "help", True, False, "too many")  # FC301
    i = Parameter("i", 1, default=2)  # FC301
    j = Parameter("j", default=1, separator=",")  # FC301
    k = Parameter("k", **NAMES)  # FC301
    settings = Config("settings", default_value={"n": 1})
    m = Parameter("m", default=settings.many)  # FC301
    n = Parameter("n", default=settings.n * 2)  # FC301
    o = Parameter("o", default=config_expr("setting.n"))  # FC301
    p = Parameter("p", default=config_expr("settings.n +"))  # FC301
    q = Parameter("q", default=settings.name)  # FC301
    r = IncludeFile("r", default=1)  # FC301
    s = IncludeFile("s", encoding="no-such")  # FC301
    t = IncludeFile("t", is_text="no")  # FC301
    u = IncludeFile("u", type=str)  # FC301
    v = Config("v", default="a.json", default_value="{}")  # FC301
    w = Config("w", default_value=3)  # FC301
    x = Config("x", default_value={}, separator=",")  # FC301

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
