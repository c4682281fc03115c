import os

from metaflow import (
    USER_SKIP_STEP,
    Config,
    FlowMutator,
    FlowSpec,
    Parameter,
    StepMutator,
    UserStepDecorator,
    step,
    user_step_decorator,
)


@user_step_decorator
def timed(step_name, flow, inputs=None, attributes=None):
    flow.log = getattr(flow, "log", []) + [f"before {step_name} {attributes}"] if inputs is None else ["join"]
    try:
        yield
    finally:
        flow.after = f"after {step_name}"


@user_step_decorator
def skipper(step_name, flow, inputs, attributes):
    if attributes.get("skip"):
        flow.skipped = step_name
        yield USER_SKIP_STEP
    else:
        yield


class around(UserStepDecorator):
    def init(self, *args, **kwargs):
        self.a, self.k = args, kwargs

    def pre_step(self, step_name, flow, inputs=None):
        flow.pre = (step_name, self.a, self.k)
        return None

    def post_step(self, step_name, flow, exception=None):
        flow.post = step_name, str(exception)


class add_env(StepMutator):
    def init(self, *a, **k):
        self.vars = k

    def mutate(self, mutable_step):
        mutable_step.add_decorator("environment", deco_kwargs={"vars": self.vars})


class flow_mut(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_parameter("gamma", Parameter("gamma", default=9))
        for name, c in mutable_flow.configs:
            pass

    def mutate(self, mutable_flow):
        for name, s in mutable_flow.steps:
            if name == "end":
                s.add_decorator("environment", deco_kwargs={"vars": {"FROM": "flow"}})


@flow_mut
class MutatorsFlow(FlowSpec):
    """Decorators and mutators of the user's own, around steps and over the flow."""

    cfg = Config("cfg", default_value={"a": 1})

    @timed
    @step
    def start(self):
        self.g = self.gamma
        self.next(self.a)

    @add_env(COLOR="blue")
    @step
    def a(self):
        self.color = os.environ.get("COLOR")
        self.next(self.b)

    @skipper(skip=True)
    @step
    def b(self):
        self.never = 1
        self.next(self.c)

    @around(two=2)
    @step
    def c(self):
        self.next(self.end)

    @timed(level=3)
    @step
    def end(self):
        self.fromf = os.environ.get("FROM")


if __name__ == "__main__":
    MutatorsFlow()
