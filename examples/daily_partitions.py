"""Sales by day: each run fills the partition of the day that it is scheduled for, also of days that have passed.

flowc run examples/daily_partitions.py --scheduled-time 2026-01-31
flowc backfill examples/daily_partitions.py --target local --from 2026-01-01 --to 2026-01-31 --parallel 4
"""

from __future__ import annotations

from datetime import UTC, datetime

from flowc import FlowSpec, current, schedule, step

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
"""The day of a run that nothing has scheduled."""


@schedule(cron="0 2 * * *", timezone="Europe/Berlin")
class DailyPartitionsFlow(FlowSpec):
    """Adds up what was sold on a day. Deployed, it runs each night."""

    @step
    def start(self) -> None:
        self.day = f"{current.scheduled_time or NEW_YEAR:%Y-%m-%d}"
        self.next(self.add_up)

    @step
    def add_up(self) -> None:
        self.sold = sum(int(part) for part in self.day.split("-"))
        self.next(self.end)

    @step
    def end(self) -> None:
        print(f"sold on {self.day}: {self.sold}")


if __name__ == "__main__":
    DailyPartitionsFlow()
