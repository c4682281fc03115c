import time

from metaflow import FlowSpec, catch, current, retry, step, timeout


class LimitsFlow(FlowSpec):
    """@timeout, with @retry and @catch."""

    @retry(times=1, minutes_between_retries=0)
    @timeout(seconds=1)
    @step
    def start(self):
        self.begun = current.retry_count
        if current.retry_count == 0:
            time.sleep(20)
        self.next(self.late)

    @catch(var="late_failed", print_exception=False)
    @timeout(seconds=1)
    @step
    def late(self):
        self.before = True
        try:
            time.sleep(20)
        except Exception as error:
            self.inside = type(error).__name__
            raise
        self.next(self.end)

    @timeout(minutes=1)
    @step
    def end(self):
        self.kind = self.late_failed.type.rpartition(".")[2]


if __name__ == "__main__":
    LimitsFlow()
