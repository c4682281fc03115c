"""Three steps without @retry that take a while: the pod of each is lost in its own way."""

import os
import time

from flowc import FlowSpec, current, step
from flowc.store import open_store


class AloneFlow(FlowSpec):
    """One arm each."""

    @step
    def start(self):
        self.base = 10
        self.next(self.one, self.two, self.three)

    @step
    def one(self):
        self.value = self.base + work()
        self.next(self.join)

    @step
    def two(self):
        self.value = self.base + 2 * work()
        self.next(self.join)

    @step
    def three(self):
        self.value = self.base + 3 * work()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = [i.value for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.values)


def work():
    """Take a while, the first time; of a pod that is gone at once Argo may make another for the same attempt."""
    store, mark = open_store(os.environ["FLOWC_ROOT"]), f"marks/{current.run_id}/{current.task_id}"
    again = store.exists(mark)
    store.write(mark, [b"begun"])
    print("begun", flush=True)
    if not again:
        time.sleep(float(os.environ.get("ALONE_SECONDS", "0")))
    return 1


if __name__ == "__main__":
    AloneFlow()
