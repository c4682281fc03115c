import functools

from metaflow import FlowSpec, current, retry, step


def loud(f):
    @functools.wraps(f)
    def inner(self, *a, **k):
        self.calls = getattr(self, "calls", 0) + 1 if not a else 100
        return f(self, *a, **k)

    return inner


def named(name):
    def deco(f):
        @functools.wraps(f)
        def inner(self, *args):
            self.named = name
            try:
                return f(self, *args)
            finally:
                self.finished = f.__name__

        return inner

    return deco


class WrappedFlow(FlowSpec):
    """Steps in functions of the user's own, above and below @step."""

    @step
    @loud
    @named("s")
    def start(self):
        self.next(self.a, self.b)

    @loud
    @step
    def a(self):
        self.next(self.j)

    @retry(times=1, minutes_between_retries=0)
    @named("bb")
    @step
    def b(self):
        self.att = current.retry_count
        if current.retry_count == 0:
            1 / 0
        self.next(self.j)

    @step
    @loud
    def j(self, inputs):
        self.cs = [inputs.a.calls, inputs.b.calls, inputs.b.named, inputs.b.finished, inputs.a.finished]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WrappedFlow()
