import random

from metaflow import FlowMutator, FlowSpec, retry, step


class AddRetries(FlowMutator):
    def pre_mutate(self, mutable_flow):
        if random.random() < 0.5:
            mutable_flow.start.add_decorator(retry)  # FC408


@AddRetries
class Bad(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
