"""Airflow: one DAG file, valid on 2.11 and on 3.x, that carries the code and runs it in pods or in local processes."""

from flowc_targets.airflow.target import TARGET, AirflowTarget

__all__ = ["TARGET", "AirflowTarget"]
