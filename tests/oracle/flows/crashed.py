import os
import signal
import sys
import time

from metaflow import FlowSpec, catch, current, environment, project, retry, secrets, step, timeout


@project(name="shop")
class CrashedFlow(FlowSpec):
    """@catch where the step's code raised nothing that could be caught, timeouts, and what else decorators set."""

    @catch(var="gone")
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        self.half_done = current.retry_count
        os._exit(7)
        self.next(self.killed)

    @catch(var="killed_failed", print_exception=False)
    @step
    def killed(self):
        self.lost = True
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.left)

    @catch(var="left_failed")
    @step
    def left(self):
        sys.exit(3)
        self.next(self.slow)

    @catch(var="slow_failed")
    @timeout(seconds=1)
    @step
    def slow(self):
        self.kept = "set before the time was over"
        time.sleep(60)
        self.next(self.unpicklable)

    @catch(var="unpicklable_failed")
    @step
    def unpicklable(self):
        self.generator = (number for number in range(3))
        self.next(self.fan)

    @step
    def fan(self):
        self.items = ["fine", "raises", "dies", "slow"]
        self.next(self.child, foreach="items")

    @catch(var="child_failed")
    @timeout(seconds=2)
    @step
    def child(self):
        self.value = self.input
        if self.input == "raises":
            raise ValueError(self.input)
        if self.input == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.input == "slow":
            time.sleep(60)
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.values = [getattr(each, "value", None) for each in inputs]
        self.failures = [each.child_failed for each in inputs]
        self.next(self.configured)

    @secrets(sources=[{"type": "inline", "id": "a", "options": {"env_vars": {"TOKEN": "secret"}}}])
    @environment(vars={"PLAIN": "text", "NUMBER": 3, "FLAG": True})
    @step
    def configured(self):
        self.variables = {name: os.environ[name] for name in ("TOKEN", "PLAIN", "NUMBER", "FLAG")}
        self.next(self.overridden)

    @secrets(sources=[{"type": "inline", "id": "a", "options": {"env_vars": {"PLAIN": "new"}}}], allow_override=True)
    @environment(vars={"PLAIN": "old"})
    @step
    def overridden(self):
        self.variable = os.environ["PLAIN"]
        self.here = (current.project_name, current.branch_name, current.project_flow_name)
        self.flags = (current.is_production, current.is_user_branch)
        self.next(self.end)

    @step
    def end(self):
        self.left_over = "TOKEN" in os.environ


if __name__ == "__main__":
    CrashedFlow()
