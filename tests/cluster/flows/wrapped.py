"""Metaflow's own decorators around a step, and a mutator that adds one, a parameter and a variable."""

import os

from flowc import FlowMutator, FlowSpec, UserStepDecorator, environment, step, user_step_decorator


@user_step_decorator
def timed(step_name, flow, inputs, attributes):
    flow.order = [f"before {step_name}", attributes["word"]]
    try:
        yield
    except ValueError as error:
        flow.order.append(str(error))
    flow.order.append("after")


class Counted(UserStepDecorator):
    def pre_step(self, step_name, flow, inputs=None):
        flow.count = 1

    def post_step(self, step_name, flow, exception=None):
        flow.count += 1
        return exception


class Adds(FlowMutator):
    def mutate(self, mutable_flow):
        for name, mutable_step in mutable_flow.steps:
            if name == "work":
                mutable_step.add_decorator(environment, deco_kwargs={"vars": {"ADDED": "by the mutator"}})
                mutable_step.add_decorator(Counted)


@Adds
class WrappedFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @timed(word="given")
    @step
    def work(self):
        self.variable = os.environ["ADDED"]
        if self.input == 2:
            raise ValueError("taken")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.found = [(each.order, each.count, each.variable) for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        order = ["before work", "given"]
        first, second = ([*order, "after"], 2, "by the mutator"), ([*order, "taken", "after"], 2, "by the mutator")
        assert self.found == [first, second], self.found


if __name__ == "__main__":
    WrappedFlow()
