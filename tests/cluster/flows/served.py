"""A flow for the commands that talk to Argo Server: values of all kinds, tasks that wait, and one that dies."""

import os
import sys
import time

from flowc import FlowSpec, Parameter, retry, step


class ServedFlow(FlowSpec):
    text = Parameter("text", default="plain")
    long_text = Parameter("long-text", default="")
    count = Parameter("count", default=2)
    dies = Parameter("dies", default=False)
    seconds = Parameter("seconds", default=0.0)

    @step
    def start(self):
        self.items = list(range(self.count))
        self.seen = [self.text, self.long_text, self.count]
        print(f"there are {self.count} items", flush=True)
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        print(f"item {self.input}", flush=True)
        time.sleep(self.seconds)
        if self.dies and self.input == 1:
            print("this is the end", file=sys.stderr, flush=True)
            os._exit(7)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        print("done")


if __name__ == "__main__":
    ServedFlow()
