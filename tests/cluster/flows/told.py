"""A flow with a deadline, a lock and notifications: how it ends is said by a variable of its tasks."""

import os
import time

from flowc import FlowSpec, concurrency, deadline, notify, step


@deadline(hours=1)
@notify(on=["error", "success", "late"], webhook="flowc-told/url")
class Told(FlowSpec):
    @step
    def start(self):
        self.items = [0, 1, 2]
        self.next(self.work, foreach="items")

    @concurrency("flowc-told", limit=2)
    @step
    def work(self):
        self.begun = time.time()
        time.sleep(300 if os.environ.get("ENDS") == "late" else 3)
        self.ended = time.time()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.spans = [(item.begun, item.ended) for item in inputs]
        self.next(self.end)

    @step
    def end(self):
        if os.environ.get("ENDS") == "error":
            raise ValueError("as asked")


if __name__ == "__main__":
    Told()
