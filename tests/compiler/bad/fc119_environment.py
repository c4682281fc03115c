import os

from flowc import FlowSpec, environment, resources, step

SEARCH = os.environ.get("PATH", "/usr/bin")  # FC119


class Warned(FlowSpec):
    @environment(vars={"SEARCH": SEARCH, "UNSET": os.environ.get("FLOWC_TEST_UNSET", "x")})
    @step
    def start(self):
        self.next(self.end)

    @resources(cpu=os.environ["FLOWC_TEST_UNSET"])  # FC402
    @step
    def end(self):
        pass
