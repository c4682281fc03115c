from metaflow import FlowSpec, JSONType, Parameter, step


def attempt(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return "fine"


class Base(FlowSpec):
    SHARED = {"k": []}
    OVERRIDDEN = "base"
    _underscored = "not an artifact"

    @property
    def computed(self):
        return [self.SHARED["k"], "computed"]

    @staticmethod
    def helper(x):
        return x + 1

    @classmethod
    def kind(cls):
        return cls.__name__


class ConstantsFlow(Base):
    """Constants and parameters are read-only, everywhere."""

    OVERRIDDEN = "derived"
    items = ["x", "y"]
    number = Parameter("number", default=1.5)
    shape = Parameter("shape", type=JSONType, default='{"a": [1]}')
    text = Parameter("text", default=None)
    parts = Parameter("parts", separator=",", default="a,b")

    @step
    def start(self):
        self.read = [self.SHARED, self.OVERRIDDEN, self.items, self.number, self.shape, self.text, self.parts]
        self.calls = [self.computed, self.helper(1), self.kind(), self._underscored]
        self.errors = [
            attempt(lambda: setattr(self, "OVERRIDDEN", 1)),
            attempt(lambda: setattr(self, "SHARED", 1)),
            attempt(lambda: setattr(self, "number", 1)),
            attempt(lambda: setattr(self, "text", "now set")),
            attempt(lambda: setattr(self, "computed", 1)),
            attempt(lambda: delattr(self, "number")),
            attempt(lambda: delattr(self, "OVERRIDDEN")),
            attempt(lambda: delattr(self, "never_set")),
            attempt(lambda: self.never_set),
        ]
        self.SHARED["k"].append("changed in place by start")
        self.shape["a"].append("changed in place")
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.read = [self.SHARED, self.OVERRIDDEN, self.items, self.number, self.shape, self.text, self.input]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.read = [self.SHARED, self.OVERRIDDEN, self.items, self.number, self.shape, self.text, self.parts]
        self.of_inputs = [[each.OVERRIDDEN, each.number, each.read, each.computed] for each in inputs]
        self.errors = [
            attempt(lambda: setattr(self, "number", 1)),
            attempt(lambda: setattr(self, "items", 1)),
            attempt(lambda: setattr(inputs[0], "number", 1)),
        ]
        self.merge_artifacts(inputs, exclude=["items"])
        self.next(self.end)

    @step
    def end(self):
        self.has = [hasattr(self, name) for name in ("SHARED", "items", "number", "text", "read", "errors", "nothing")]


if __name__ == "__main__":
    ConstantsFlow()
