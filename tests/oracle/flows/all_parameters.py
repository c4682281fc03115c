from metaflow import FlowSpec, JSONType, Parameter, step


def computed(context):
    """A default that is computed when the run starts."""
    return f"of {context.flow_name} {context.parameter_name}"


class ParametersFlow(FlowSpec):
    """Parameters of every type, by default and from the command line."""

    whole = Parameter("whole", default=1)
    given = Parameter("given", default=1)
    real = Parameter("real", default=1e-3, help="a number")
    flag = Parameter("flag", default=False)
    on = Parameter("on", type=bool, default=True)
    word = Parameter("word", default="a b")
    empty = Parameter("empty", default="")
    nothing = Parameter("nothing")
    json_default = Parameter("json_default", type=JSONType, default={"a": [1, None]})
    json_given = Parameter("json_given", type=JSONType)
    listed = Parameter("listed", default="a,b", separator=",")
    one = Parameter("one", separator="|", default="only")
    required = Parameter("needed-one", required=True, type=float)
    late = Parameter("late", default=computed)
    late_int = Parameter("late_int", type=int, default=lambda context: 7)
    as_text = Parameter("as_text", type=str, default="5")
    Camel = Parameter("Camel", default="case")

    @step
    def start(self):
        self.all = self.values()
        self.next(self.end)

    def values(self):
        return [
            self.whole,
            self.given,
            self.real,
            self.flag,
            self.on,
            self.word,
            self.empty,
            self.nothing,
            self.json_default,
            self.json_given,
            self.listed,
            self.one,
            self.required,
            self.late,
            self.late_int,
            self.as_text,
            self.Camel,
        ]

    @step
    def end(self):
        self.same = self.all == self.values()


if __name__ == "__main__":
    ParametersFlow()
