"""The options of the Airflow target."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowc_targets.airflow.widths import AIRFLOWS_MOST
from flowc_targets.base.options import TargetOptions


class AirflowOptions(TargetOptions):
    """Options from `[tool.flowc]`, `[tool.flowc.airflow]` and the command line.

    With the local operator `python` is the interpreter that runs the steps; where it is not given, that of the worker.
    """

    operator: Literal["kubernetes", "local"] = Field(
        "kubernetes", description="run steps in pods (KubernetesPodOperator), or as processes of the Airflow worker"
    )
    code: Literal["file", "configmap"] | None = Field(
        None,
        description="where the code is: in the DAG file, or in a ConfigMap that pods mount, whose manifest is written "
        "beside that; by default in the file where it fits",
    )
    dag_id: str | None = Field(None, description="id of the DAG instead of the flow's name")
    pool: str | None = Field(None, description="Airflow pool of every task; it must exist, or tasks wait for ever")
    max_active_tasks: int | None = Field(None, ge=1, description="most tasks of one run at a time")
    max_map_length: int = Field(
        AIRFLOWS_MOST, ge=1, description="core.max_map_length of Airflow: the most items of a foreach"
    )
    startup_timeout_seconds: int = Field(
        600, ge=1, description="how long a pod may wait for a node and for its image before the attempt fails"
    )
    kubernetes_conn_id: str | None = Field(None, description="Airflow connection of the cluster")
    config_file: str | None = Field(None, description="kubeconfig on the worker, where there is no connection")
    in_cluster: bool | None = Field(None, description="whether Airflow itself runs in the cluster of the pods")

    dags_folder: str | None = Field(
        None, description="`flowc submit`: Airflow's dags folder, to put the DAG file into before the run"
    )

    @property
    def in_pods(self) -> bool:
        """Whether tasks are pods."""
        return self.operator == "kubernetes"
