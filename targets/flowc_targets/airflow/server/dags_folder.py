"""The dags folder, where it can be reached from here: a DAG file is put into it, and waited for until Airflow knows it.

Airflow takes no files through its API.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import FILE_START
from flowc_targets.airflow.server.connection import ServerError
from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_maps

if TYPE_CHECKING:
    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.airflow.server.rest_api import Api

PATIENCE_SECONDS = 600.0
"""How long a new file is waited for: Airflow 3 looks for new files every five minutes, unless it was told otherwise."""
PAUSE_SECONDS = 1.0


def same_text(one: str, other: str) -> bool:
    """Whether two files are the same, but for what transports do to the ends of lines."""
    return one.split() == other.split()


def write_dag(folder: Path, name: str, text: str, dag: Json | None) -> Path:
    """Put a DAG file into the folder, all at once: under its own name, or over the file that the DAG is in now.

    Raises EngineError FC603.
    """
    path = folder / name
    known = str((dag or {}).get("relative_fileloc") or Path(str((dag or {}).get("fileloc") or "")).name)
    if known and (folder / known).is_file():
        path = folder / known
    try:
        if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(FILE_START):
            message = f"{path} is there, and not of flowc's making"
            raise EngineError("FC603", message, "move it away, or give the DAG another id with --set dag_id=...")
        _write(path, text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise EngineError(
            "FC603", message, "see that --dags-folder is Airflow's own, and that it may be written"
        ) from None
    return path


def _write(path: Path, text: str) -> None:
    """Replace a file. The file beside it that is written first has no name that Airflow reads."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def wait_for_dag(api: Api, dag_id: str, text: str, path: Path, patience: float = PATIENCE_SECONDS) -> Json:
    """The DAG, as soon as Airflow has read it from this text.

    Raises EngineError FC611 for a file that Airflow cannot import, or does not find in time.
    """
    deadline = time.monotonic() + patience
    asked = False
    before = {_error_key(item) for item in _errors(api, path)}
    while True:
        dag = _dag_so_far(api, dag_id)
        if dag is not None and same_text(source_of(api, dag), text):
            return dag
        if dag is not None and not asked:
            asked = True
            _ask_to_read(api, dag)
        for item in _errors(api, path):
            if _error_key(item) not in before:
                message = f"Airflow cannot import {path}: {str(item.get('stack_trace')).strip()}"
                raise EngineError.refused(message, "see that Airflow has the providers that the file imports")
        if time.monotonic() > deadline:
            message = f"Airflow has not read {path} within {patience:g} s"
            raise EngineError.refused(
                message, "see that it is in Airflow's dags folder, and that its DAG processor runs"
            )
        time.sleep(PAUSE_SECONDS)


def find_dag(api: Api, dag_id: str) -> Json | None:
    """A DAG, or `None` where there is none. Raises EngineError for all else."""
    try:
        return api.dag(dag_id)
    except EngineError as error:
        if error.code != "FC602":
            raise
        return None


def _dag_so_far(api: Api, dag_id: str) -> Json | None:
    """A DAG, as soon as Airflow has all of it: 2.11 fails for a moment where it has begun to know a new one."""
    try:
        return find_dag(api, dag_id)
    except ServerError:
        return None


def source_of(api: Api, dag: Json) -> str:
    """The text of a DAG's file. None for a moment where Airflow knows a new DAG: 2.11 fails then, 3.x says 404."""
    try:
        return api.source(dag)
    except EngineError as error:
        if error.code != "FC602" and not isinstance(error, ServerError):
            raise
        return ""


def _ask_to_read(api: Api, dag: Json) -> None:
    """Have the file read soon. It will be in any case, so that a refusal means nothing."""
    try:
        api.reparse(dag)
    except EngineError:
        return


def _errors(api: Api, path: Path) -> list[Json]:
    found = as_maps(api.import_errors().get("import_errors"))
    return [item for item in found if Path(str(item.get("filename"))).name == path.name]


def _error_key(item: Json) -> tuple[str, str]:
    return str(item.get("import_error_id")), str(item.get("timestamp"))
