from flowc import FlowSpec, catch, Parameter, environment, kubernetes, resources, retry, step, timeout  # FC106


class Bad(FlowSpec):
    @catch(var="e")  # FC401
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
