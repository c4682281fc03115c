from functools import partial

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


def large(memory):
    return kubernetes(memory=memory)


def enabled(decorator):
    return decorator


class Bad(FlowSpec):
    @large(64000)  # FC401
    @enabled(timeout(seconds=3))  # FC401
    @partial(enabled, resources(cpu=2))  # FC401
    @pypi_bsae(packages={})  # FC401
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

    @retry  # FC401
    def helper(self):
        pass
