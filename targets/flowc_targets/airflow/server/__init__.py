"""Airflow's REST API: DAGs are triggered, their runs looked at and stopped.

Nothing of it is imported by a compile. The library `apache-airflow-client` is an extra, `flowc[airflow]`.
"""
