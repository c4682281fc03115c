from metaflow import FlowMutator, FlowSpec, StepMutator, step, user_step_decorator  # FC106 FC106 FC106


class AddRetries(FlowMutator):
    pass


class AddTimeout(StepMutator):
    pass


@user_step_decorator
def timed(step_name, flow, inputs=None, attributes=None):
    yield


@AddRetries  # FC408
class Bad(FlowSpec):
    @timed  # FC408
    @step
    def start(self):
        self.next(self.end)

    @AddTimeout(seconds=3)  # FC408
    @step
    def end(self):
        pass
