from flowc import FlowSpec, call_flow, step


class Circle(FlowSpec):
    @call_flow(Circle)  # FC228
    @step
    def start(self):
        pass
