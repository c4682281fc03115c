"""A schedule by time that assets start runs between as well, in a DAG file that has one."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

try:
    from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable
except ImportError:  # before Airflow 3.2
    from airflow.timetables.trigger import CronTriggerTimetable

    try:
        from airflow.timetables.assets import AssetOrTimeSchedule
    except ImportError:  # Airflow 2
        from airflow.timetables.datasets import (
            DatasetOrTimeSchedule as AssetOrTimeSchedule,
        )


def combined_schedule(cron: str, timezone: str, assets: list[Any]) -> Any:
    """Return a schedule at times, and whenever all of the assets were updated."""
    times = CronTriggerTimetable(cron, timezone=timezone)
    try:
        return AssetOrTimeSchedule(timetable=times, assets=assets)
    except TypeError:  # Airflow 2 calls them datasets
        named = {"datasets": assets}
        return AssetOrTimeSchedule(timetable=times, **named)
