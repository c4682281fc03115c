from flowc import FlowSpec, retry, schedule, step


@retry(times=1)  # FC401
class Bad(FlowSpec):
    @schedule(daily=True)  # FC401
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
