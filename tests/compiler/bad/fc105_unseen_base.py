from mine import Base

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class Bad(FlowSpec, Base):  # FC105
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
