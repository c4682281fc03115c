import functools

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec):
    @functools.cache  # FC401
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

    @retry  # FC401
    def helper(self):
        pass
