"""A schedule of several cron expressions, in a DAG file that has one: Airflow 2 has no such schedule."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

try:
    from airflow.sdk import AssetOrTimeSchedule, MultipleCronTriggerTimetable
except ImportError:  # before Airflow 3.2
    from airflow.timetables.assets import AssetOrTimeSchedule
    from airflow.timetables.trigger import MultipleCronTriggerTimetable


def several_crons(crons: list[str], timezone: str, assets: list[Any]) -> Any:
    """Return a schedule at the times of each cron, and at updates of all assets."""
    times = MultipleCronTriggerTimetable(*crons, timezone=timezone)
    if not assets:
        return times
    return AssetOrTimeSchedule(timetable=times, assets=assets)
