from metaflow import FlowSpec, metaflow_ray, parallel, pytorch_parallel, step, torchrun


class TwoFrameworks(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @parallel
    @torchrun
    @metaflow_ray  # FC406
    @step
    def train(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.tune)

    @pytorch_parallel  # FC214
    @step
    def tune(self):
        self.next(self.end)  # FC215

    @step
    def end(self):
        pass
