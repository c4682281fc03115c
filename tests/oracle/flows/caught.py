from metaflow import FlowSpec, catch, current, retry, step


class CaughtFlow(FlowSpec):
    """@catch on every kind of step that may have it, with and without a variable and retries."""

    @catch(var="start_failed")
    @step
    def start(self):
        self.before = "kept"
        self.attempts = []
        self.items = [0, 1, 2]
        raise ValueError("at the start")
        self.next(self.tried)

    @catch(var="tried_failed", print_exception=False)
    @retry(times=2, minutes_between_retries=0)
    @step
    def tried(self):
        self.attempts.append(current.retry_count)
        self.of_attempt = current.retry_count
        if current.retry_count == 0:
            self.of_the_first = True
        raise KeyError("always")
        self.next(self.saved)

    @catch(var="saved_failed")
    @retry(times=2, minutes_between_retries=0)
    @step
    def saved(self):
        self.attempts.append(current.retry_count)
        if current.retry_count < 2:
            raise RuntimeError("not yet")
        self.next(self.silent)

    @catch
    @step
    def silent(self):
        self.attempts.append("silent")
        1 / 0
        self.next(self.two, self.three)

    @step
    def two(self):
        self.next(self.joined)

    @catch(var="three_failed")
    @step
    def three(self):
        self.never_there
        self.next(self.joined)

    @catch(var="join_failed")
    @step
    def joined(self, inputs):
        self.attempts = inputs.two.attempts
        self.items = inputs.two.items
        self.of_three = [inputs.three.three_failed is None, hasattr(inputs.two, "three_failed")]
        self.merge_artifacts(inputs, include=["nothing"])
        self.next(self.fan)

    @step
    def fan(self):
        self.has = [hasattr(self, name) for name in ("before", "items", "join_failed", "three_failed")]
        self.next(self.child, foreach="items")

    @catch(var="child_failed", print_exception=False)
    @step
    def child(self):
        self.value = 10 // self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.values = [getattr(each, "value", None) for each in inputs]
        self.failures = [each.child_failed for each in inputs]
        self.truth = [bool(each.child_failed) for each in inputs]
        self.kinds = [getattr(each.child_failed, "type", None) for each in inputs]
        self.words = [getattr(each.child_failed, "exception", None) for each in inputs]
        self.next(self.end)

    @catch(var="end_failed")
    @step
    def end(self):
        raise ValueError("at the end")


if __name__ == "__main__":
    CaughtFlow()
