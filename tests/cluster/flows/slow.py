"""A flow that takes a while, and what it stores: something befalls it in the meantime."""

import os
import time

from flowc import FlowSpec, current, retry, step
from flowc.store import open_store


class SlowFlow(FlowSpec):
    """Three items, each with @retry, and their join."""

    @step
    def start(self):
        self.items = [3, 1, 2]
        self.next(self.work, foreach="items")

    @retry(times=3, minutes_between_retries=0)
    @step
    def work(self):
        store, mark = open_store(os.environ["FLOWC_ROOT"]), f"marks/{current.run_id}/{current.task_id}"
        again = store.exists(mark)
        store.write(mark, [b"begun"])
        print("begun", flush=True)
        if not again:
            time.sleep(float(os.environ.get("ITEM_SECONDS", "0")))
        self.text = f"{self.input} of {len(self.items)}" * 1000
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.texts = [len(i.text) for i in inputs]
        self.next(self.end)

    @step
    def end(self):
        print("done", self.texts)


if __name__ == "__main__":
    SlowFlow()
