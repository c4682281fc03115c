"""Steps that take too long: what `finally`, `@catch` and `@retry` make of it is the same wherever they run.

With a grace period of 120 seconds, a step that goes on is ended 24 seconds after its timeout.
"""

import time
from typing import Any

from flowc import FlowSpec, catch, current, retry, step, timeout


class TimeoutsFlow(FlowSpec):
    @timeout(seconds=1)
    @step
    def start(self) -> None:
        self.items = ["in time", "second attempt", "always", "late", "deaf", "in C"]
        self.next(self.each, foreach="items")

    @catch(var="failure", print_exception=False)
    @retry(times=1, minutes_between_retries=0)
    @timeout(seconds=3)
    @step
    def each(self) -> None:
        self.tried = current.retry_count
        try:
            if self.input == "always" or (self.input == "second attempt" and not self.tried):
                time.sleep(60)
            while self.input == "deaf":
                self._ignore_errors()
            if self.input == "in C":
                sum(range(10**12))
        finally:
            self.cleaned = self.input
        if self.input == "late":
            self._ignore_errors()
            self.late = True
        self.next(self.join)

    @staticmethod
    def _ignore_errors() -> None:
        try:
            time.sleep(60)
        except Exception as error:
            print("ignored", type(error).__name__, flush=True)

    @step
    def join(self, inputs: Any) -> None:
        self.kinds = [each.failure and each.failure.type.rpartition(".")[2] for each in inputs]
        self.tried = [getattr(each, "tried", None) for each in inputs]
        self.cleaned = [getattr(each, "cleaned", None) for each in inputs]
        assert self.kinds == [None, None, "TimeoutException", None, *["FailureHandledByCatch"] * 2], self.kinds
        assert self.tried == [0, 1, 1, 0, None, None], self.tried
        assert self.cleaned == ["in time", "second attempt", "always", "late", None, None], self.cleaned
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


if __name__ == "__main__":
    TimeoutsFlow()
