"""Deployments on Airflow: DAG files in a dags folder that this machine can reach, and the switches of their DAGs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_summary import read_summary
from flowc_targets.airflow.server.client import AirflowClient
from flowc_targets.airflow.server.dags_folder import find_dag
from flowc_targets.airflow.server.run_states import RunReader
from flowc_targets.base.deployments import Deployment
from flowc_targets.base.engine import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.base.engine import Address
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.base.target import EmittedFile


class AirflowDeployments:
    """The DAGs of one Airflow: a DeploymentClient."""

    def __init__(self, address: Address) -> None:
        self._client = AirflowClient(address)
        self._api = self._client.api
        self._reader = RunReader(self._api)

    def options(self, options: TargetOptions) -> TargetOptions:
        """Return the options for a file that goes to this Airflow at once. Raises EngineError FC502."""
        found = self._client.options(options, {})
        if self._client.folder is None:
            message = "there is no dags folder to put the DAG file into, and Airflow's API does not accept files"
            raise EngineError("FC502", message, "give --dags-folder; or put there what `flowc compile` writes")
        return found

    def deploy(self, files: Sequence[EmittedFile]) -> Deployment:
        """Put the DAG file into the folder, and return the DAG as soon as Airflow has read it."""
        return self._of(self._client.put(files))

    def deployments(self, flow: str | None) -> tuple[Deployment, ...]:
        """Return flowc's DAGs, or those of a flow."""
        found = [self._of(self._api.dag(dag_id)) for dag_id in sorted(self._reader.dag_ids())]
        return tuple(item for item in found if flow is None or item.flow == flow)

    def remove(self, name: str, folder: Path | None) -> Deployment:
        """Pause a DAG, and remove its file from the folder. Its runs and their history stay in Airflow."""
        dag = self._dag(name)
        path = self._file(name, dag, folder) if folder is not None else None
        paused = self._paused(name, paused=True)
        if path is None:
            where = dag.get("fileloc")
            note = f"it is paused; Airflow's API removes no files: delete {where}, or say --dags-folder"
            return replace(paused, note=note)
        try:
            path.unlink()
        except OSError as error:
            message = f"cannot remove {path}: {error.strerror or error}"
            raise EngineError("FC603", message, "check that you may write to the dags folder") from None
        return replace(paused, note=f"removed {path}; Airflow forgets the DAG when it next reads the folder")

    def suspend(self, name: str, *, suspended: bool) -> Deployment:
        """Turn the switch of a DAG: a paused one starts no runs, and no tasks of those under way."""
        self._dag(name)
        return self._paused(name, paused=suspended)

    def _paused(self, name: str, *, paused: bool) -> Deployment:
        self._api.pause(name, paused)
        return self._of(self._api.dag(name))

    def _dag(self, name: str) -> Json:
        """Return a DAG of flowc's. Raises EngineError FC602."""
        dag = find_dag(self._api, name)
        if dag is None or self._reader.summary(name, dag) is None:
            what = "has no DAG" if dag is None else "has a DAG that is not flowc's, or whose file you may not read:"
            raise EngineError.unknown(f"Airflow {what} {name!r}", "`flowc deployments --target airflow` lists them")
        return dag

    def _file(self, name: str, dag: Json, folder: Path) -> Path:
        """Return the file of a DAG in a folder. Raises EngineError FC603 for one that is not there, or not its file."""
        known = str(dag.get("relative_fileloc") or PurePath(str(dag.get("fileloc") or "")).name)
        path = folder / known
        try:
            summary = read_summary(path.read_text(encoding="utf-8")) if known else None
        except (OSError, UnicodeDecodeError):
            summary = None
        if summary is None or summary.dag_id != name:
            message = f"{path} is not the file of DAG {name}"
            raise EngineError("FC603", message, "check that --dags-folder is Airflow's own")
        return path

    def _of(self, dag: Json) -> Deployment:
        dag_id = str(dag.get("dag_id"))
        summary = self._reader.summary(dag_id, dag)
        schedule = dag.get("timetable_summary")
        return Deployment(
            dag_id,
            summary.flow if summary is not None else dag_id,
            ("DAG",),
            str(schedule) if schedule not in (None, "None", "Never, external triggers only") else "",
            bool(dag.get("is_paused")),
        )
