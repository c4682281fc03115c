import os

from flowc import FlowSpec, environment, resources, retry, step, timeout

LIMIT = 1
TWICE = len(os.name)


class Bad(FlowSpec):
    SIZE = os.cpu_count()

    @resources(cpu=SIZE)  # FC402
    @retry(times=TWICE)  # FC402
    @timeout(minutes=LATER)  # FC402
    @environment(vars={"HOME": f"{os.environ['HOME']}"})  # FC402
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if os.environ.get("LIMIT"):
    LATER = 4
