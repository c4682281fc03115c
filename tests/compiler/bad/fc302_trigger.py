from flowc import FlowSpec, Parameter, step, trigger


@trigger(event={"name": "arrived", "parameters": {"size": "bytes", "weight": "grams"}})  # FC302
class Bad(FlowSpec):
    size = Parameter("size", default=1)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
