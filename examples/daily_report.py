"""A report on shops: each morning, and whenever new figures have arrived, of at most two shops at a time.

The decorators say what starts it where it is deployed: on Argo, a CronWorkflow and a Sensor.

    flowc run examples/daily_report.py
    flowc compile examples/daily_report.py --target argo --kind cron --root s3://bucket/flows --set event_source=shops
"""

from __future__ import annotations

from flowc import FlowSpec, Inputs, Parameter, foreach_options, schedule, step, trigger


@schedule(cron="0 5 * * ? *", timezone="Europe/Berlin")
@trigger(event={"name": "figures-arrived", "parameters": {"shops": "shops"}})
class DailyReportFlow(FlowSpec):
    """Adds up what shops have sold. Deployed, it runs by the clock and by events."""

    shops = Parameter("shops", default="north,south,west", separator=",", help="names of shops, with commas between")

    @foreach_options(parallelism=2)
    @step
    def start(self) -> None:
        self.names = self.shops
        self.next(self.read, foreach="names")

    @step
    def read(self) -> None:
        self.sold = {self.input: len(self.input) * 100}
        self.next(self.add_up)

    @step
    def add_up(self, inputs: Inputs[DailyReportFlow]) -> None:
        self.report: dict[str, int] = {}
        for item in inputs:
            self.report.update(item.sold)
        self.total = sum(self.report.values())
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"{self.total} in {len(self.report)} shops: {self.report}")


if __name__ == "__main__":
    DailyReportFlow()
