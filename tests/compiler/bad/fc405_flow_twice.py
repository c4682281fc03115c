from flowc import FlowSpec, project, schedule, step


@project(name="a")  # FC405
class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


@project(name="b")
@schedule(daily=True)
@schedule(hourly=True, timezone="Europe/Berlin")  # FC404
class Bad(Base):
    pass
