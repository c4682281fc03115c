"""Failures of every kind, and what `@retry` makes of them on a cluster."""

import os

from flowc import Fatal, FlowSpec, catch, current, kubernetes, retry, step


class RetriesFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.hungry, self.killed, self.final)

    @kubernetes(qos="guaranteed", cpu=0.05)
    @retry(on="oom", minutes_between_retries=0, memory=[64, 256], node_selector=[{"kubernetes.io/hostname": "cpu-0"}, {}])
    @step
    def hungry(self):
        self.tries = current.retry_count
        self.taken = len(bytearray(os.urandom(1)) * 150_000_000)
        self.next(self.join)

    @retry(on="lost", times=2, minutes_between_retries=0)
    @step
    def killed(self):
        self.tries = current.retry_count
        if not self.tries:
            os.kill(os.getpid(), 15)
        self.next(self.join)

    @catch(var="failure")
    @retry(times=2, minutes_between_retries=0, never=[ArithmeticError])
    @step
    def final(self):
        self.tries = current.retry_count
        self.tries // 0
        self.next(self.join)

    @step
    def join(self, inputs):
        self.tries = [inputs.hungry.tries, inputs.killed.tries, inputs.final.tries]
        self.next(self.end)

    @retry(times=3, minutes_between_retries=0)
    @step
    def end(self):
        if not current.retry_count:
            raise ValueError
        raise Fatal("enough")


if __name__ == "__main__":
    RetriesFlow()
