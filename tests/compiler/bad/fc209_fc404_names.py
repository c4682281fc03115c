from flowc import FlowSpec, environment, step


class A(FlowSpec):
    @environment(vars={"WORD": "a\0b"})  # FC404
    @step
    def start(self):
        self.next(self.end)

    @environment(vars={"A=B": "c", "": "d"})  # FC404, FC404
    @step
    def end(self):
        pass
