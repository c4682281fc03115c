from metaflow import FlowSpec, Parameter, step
from metaflow.exception import (
    MetaflowException,
    MissingInMergeArtifactsException,
    UnhandledInMergeArtifactsException,
)


def attempt(call):
    """What a call raises, and what the exception says."""
    try:
        call()
    except (UnhandledInMergeArtifactsException, MissingInMergeArtifactsException) as error:
        return type(error).__name__, sorted(set(error.artifact_names))
    except MetaflowException:
        return ("MetaflowException",)
    return ("fine",)


class MergeFlow(FlowSpec):
    """Every rule of merge_artifacts, one join after another."""

    alpha = Parameter("alpha", default=1)
    CONSTANT = "c"

    @step
    def start(self):
        self.same = [1, 2]
        self.changed = "old"
        self.deleted = 1
        self.outside = attempt(lambda: self.merge_artifacts([]))
        self.next(self.left, self.right, self.middle)

    @step
    def left(self):
        self.changed = "left"
        self.only_left = {"a": 1}
        self.agreed = (1, "x" * 5000)
        self._hidden = 1
        self.next(self.join)

    @step
    def right(self):
        self.agreed = (1, "x" * 5000)
        self.one = 1
        self.next(self.join)

    @step
    def middle(self):
        self.one = True
        self._hidden = 1
        self.next(self.join)

    @step
    def join(self, inputs):
        self.empty = [hasattr(self, name) for name in ("same", "changed", "only_left", "alpha", "CONSTANT")]
        self.conflict = attempt(lambda: self.merge_artifacts(inputs))
        self.after_conflict = hasattr(self, "same")
        self.missing = attempt(lambda: self.merge_artifacts(inputs, include=["same", "nowhere", "never"]))
        self.both = attempt(lambda: self.merge_artifacts(inputs, include=["same"], exclude=["one"]))
        self.both_wrong = attempt(lambda: self.merge_artifacts(inputs, include=["changed", "nowhere"]))
        self.include_set = attempt(lambda: self.merge_artifacts(inputs, include=["empty"]))
        self.include_parameter = attempt(lambda: self.merge_artifacts(inputs, include=["alpha", "CONSTANT"]))
        self.changed = max(each.changed for each in inputs)
        self.merge_artifacts(inputs, exclude=["one", "deleted", "not there"])
        self.again = attempt(lambda: self.merge_artifacts(inputs, exclude=["one"]))
        self.has = [hasattr(self, name) for name in ("same", "only_left", "agreed", "one", "_hidden", "deleted")]
        self.next(self.split)

    @step
    def split(self):
        self.items = range(3)
        self.inherited = sorted(name for name in ("same", "only_left", "agreed", "one", "_hidden") if hasattr(self, name))
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.mine = self.input
        self.same = [1, 2]
        self.floats = float("nan") if self.input == 5 else 0.5
        if self.input == 1:
            self.late = "one child only"
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.conflict = attempt(lambda: self.merge_artifacts(inputs))
        self.part = attempt(lambda: self.merge_artifacts(inputs, include=["same", "late"]))
        self.has = [hasattr(self, name) for name in ("same", "late", "floats", "mine", "items")]
        self.a_slice = attempt(lambda: self.merge_artifacts(inputs[:2], include=["floats"]))
        self.a_list = attempt(lambda: self.merge_artifacts([inputs[1]]))
        self.from_one = [self.mine, self.late]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    MergeFlow()
