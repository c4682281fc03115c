from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @resources(gpu="a100:1")  # FC404
    @kubernetes(gpu=1, gpu_type="t4")
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
