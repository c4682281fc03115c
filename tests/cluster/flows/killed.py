"""A step that is killed for the memory it takes, and one that is killed: both go on by `@catch`."""

import os
import signal

from flowc import FlowSpec, catch, kubernetes, retry, step


class KilledFlow(FlowSpec):
    """One arm each."""

    @step
    def start(self):
        self.next(self.greedy, self.shot, self.fine)

    @catch(var="failure")
    @kubernetes(memory=100, qos="guaranteed")
    @step
    def greedy(self):
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            self.much = b"x" * (1 << 30)
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.join)

    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @step
    def shot(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.join)

    @catch(var="failure")
    @step
    def fine(self):
        self.value = 7
        self.next(self.join)

    @step
    def join(self, inputs):
        self.kinds = [i.failure and i.failure.type.rpartition(".")[2] for i in inputs]
        self.value = inputs.fine.value
        self.next(self.end)

    @step
    def end(self):
        print(self.kinds, self.value)


if __name__ == "__main__":
    KilledFlow()
