from flowc import FlowSpec, StepMutator, retry, step, user_step_decorator


@user_step_decorator
def timed(step_name, flow, inputs, attributes):
    yield


class AddRetries(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.add_decorator(retry)


class Bad(FlowSpec):
    @step
    @timed  # FC408
    def start(self):
        self.next(self.end)

    @timed
    @step
    @AddRetries  # FC408
    def end(self):
        pass
