"""Formats of the time that a run is scheduled for, which would stay as they are."""

from flowc import FlowSpec, Parameter, schedule, step, wait_for


@schedule(daily=True)
@wait_for("s3://bucket/day={scheduled:%Q}/_SUCCESS")  # FC404
class Bad(FlowSpec):
    good = Parameter("good", default="{scheduled:%Y-%m-%dT%H:%M:%S.%f%z} {scheduled} {scheduled:%-d%%}")
    words = Parameter("words", default="{scheduled:YYYY-MM-DD}")  # FC404
    half = Parameter("half", default="day={scheduled:%F %}")  # FC404

    @wait_for("/data/{scheduled:%F-%i}")  # FC404
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        print(self.good, self.words, self.half)
