"""The task that a mapped group takes its width from: Airflow maps over a task's return value only."""
# pyright: standard, reportMissingImports=false

from __future__ import annotations

from typing import Any

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task


@task(trigger_rule="none_failed")
def indices(opener: str, outer: Any = None, ti: Any = None) -> list[str]:
    """List a foreach's index paths: `0`, `1`, or `0.0`, `0.1`, `2.0` in another one.

    Only the number of items leaves the step that opens it, for each path of `outer`;
    of a foreach whose items are batched, the number of batches.
    """
    places = [(-1, "")] if outer is None else enumerate(f"{path}." for path in outer)
    paths: list[str] = []
    for place, prefix in places:
        count = ti.xcom_pull(task_ids=opener, key="count", map_indexes=place)
        # None where a switch chose another arm.
        paths += [f"{prefix}{item}" for item in range(count or 0)]
    if len(paths) > 1024:
        ti.task.log.error(
            "%d tasks: unless core.max_map_length (by default 1024) allows so many, "
            "Airflow fails this task now. Raise it, or compile with --batch, so that a "
            "task works on several items.",
            len(paths),
        )
    return paths
