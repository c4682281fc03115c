from metaflow import FlowSpec, Parameter, step


class JoinInputsFlow(FlowSpec):
    """What an input of a join says of its task, and what it refuses."""

    p = Parameter("p", default=3)
    CONST = "c"

    def helper(self):
        return self.v * self.p

    @property
    def prop(self):
        return "prop", self.v

    @step
    def start(self):
        self.items = ["a", "b", "c"]
        self.z = 1
        self.next(self.w, foreach="items")

    @step
    def w(self):
        self.v = self.index + 1
        self.next(self.j)

    @step
    def j(self, inputs):
        self.h = [i.helper() for i in inputs]
        self.pr = [i.prop for i in inputs]
        self.pc = [(i.p, i.CONST, i.items, i.z) for i in inputs]
        self.it = [(i.index, i.input, i.foreach_stack()) for i in inputs]
        self.sl = [inputs[0].v, inputs[-1].v, inputs[2].v, len(list(inputs)), [x.v for x in inputs][1:], inputs.w.v]
        self.twice = [x.v for x in inputs], [x.v for x in inputs]
        self.mx = max(inputs, key=lambda x: x.v).input
        self.srt = [x.input for x in sorted(inputs, key=lambda x: -x.v)]
        self.numbered = [n for n, x in enumerate(inputs)]

        def err(f):
            try:
                return repr(f())
            except Exception as e:
                return type(e).__name__

        self.er = [
            err(lambda: self.z),
            err(lambda: self.v),
            err(lambda: inputs[0].nope),
            err(lambda: inputs[3]),
            err(lambda: inputs.start),
            err(lambda: len(inputs[:2])),
            err(lambda: inputs["w"]),
            err(lambda: setattr(inputs[0], "v", 9)),
            err(lambda: inputs[0].v),
            err(lambda: next(inputs)),
            err(lambda: bool(inputs)),
            err(lambda: inputs[0] in inputs),
            err(lambda: self.p),
            err(lambda: setattr(self, "p", 4)),
            err(lambda: setattr(self, "CONST", 4)),
            err(lambda: inputs[0] == inputs[0]),
            err(lambda: inputs._inputs and 1),
            err(lambda: [a.v for a in inputs.inputs]),
        ]
        a, b, c = inputs
        self.unp = a.v, b.v, c.v
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    JoinInputsFlow()
