"""The flow whose runs are in this folder, as the releases that the archives are named after wrote them."""
# ruff: noqa: PTH110, PTH123, UP031

import os

from flowc import FlowSpec, Parameter, catch, retry, step


class Kept(FlowSpec):
    n = Parameter("n", default=3)
    name = Parameter("name", default="world")

    @step
    def start(self):
        self.items = ["item %d " % index * 500 for index in range(self.n)]
        self.greeting = f"hello {self.name}"
        self.big = list(range(2000))
        self.table = {"a": [1.5, None, True], "b": {1, 2}}
        print(self.greeting)
        self.next(self.body, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def body(self):
        self.length = len(self.input)
        if self.index == 1 and not os.path.exists(os.environ["KEPT_MARK"]):
            open(os.environ["KEPT_MARK"], "w").close()
            raise ValueError("the first attempt fails")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.lengths = [each.length for each in inputs]
        self.merge_artifacts(inputs, exclude=["length"])
        self.next(self.last)

    @catch(var="problem")
    @step
    def last(self):
        raise KeyError("caught")
        self.next(self.end)

    @step
    def end(self):
        if "KEPT_STOP" in os.environ:
            raise RuntimeError("stopped")
        self.done = self.lengths
