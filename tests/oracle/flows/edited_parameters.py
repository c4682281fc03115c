from metaflow import FlowSpec, JSONType, Parameter, step


class EditedParametersFlow(FlowSpec):
    """A parameter's value that steps change in place: each task has it anew."""

    p = Parameter("p", type=JSONType, default={"a": [1]})

    @step
    def start(self):
        self.p["a"].append(2)
        self.seen = self.p
        q = self.p
        q["b"] = 1
        self.s2 = self.p
        self.next(self.a, self.b)

    @step
    def a(self):
        self.seen_a = self.p
        self.next(self.j)

    @step
    def b(self):
        self.next(self.j)

    @step
    def j(self, inputs):
        self.pj = self.p, inputs.a.p, inputs[0].seen
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self):
        self.pe = self.p


if __name__ == "__main__":
    EditedParametersFlow()
