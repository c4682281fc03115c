"""The dags folder, if this machine can reach it: put a DAG file there, and wait until Airflow has read it.

Airflow's API does not accept files.
"""

from __future__ import annotations

import contextlib
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
    from collections.abc import Sequence

    from flowc_targets.airflow.server.connection import Json
    from flowc_targets.airflow.server.rest_api import Api
    from flowc_targets.base.target import EmittedFile

READING_SECONDS = 600.0
"""Time for Airflow to read a new file: by default, Airflow 3 looks for new files every five minutes."""
PAUSE_SECONDS = 1.0


def same_text(one: str, other: str) -> bool:
    """Whether two files are the same, except for line ends, which transports change."""
    return one.split() == other.split()


def write_dag(folder: Path, name: str, text: str, dag: Json | None, shared: Sequence[EmittedFile] = ()) -> Path:
    """Put a DAG file into the folder at once: under its own name, or over the file that has the DAG now.

    What it shares with others is put beside it first.

    Raises EngineError FC603.
    """
    path = folder / name
    known = str((dag or {}).get("relative_fileloc") or Path(str((dag or {}).get("fileloc") or "")).name)
    if known and (folder / known).is_file():
        path = folder / known
    try:
        if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(FILE_START):
            message = f"{path} exists, and is not a file of flowc's"
            raise EngineError("FC603", message, "move it away, or give the DAG another id with --set dag_id=...")
        for file in shared:
            _write(path.with_name(file.name), file.text)
        _write(path, text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        raise EngineError(
            "FC603", message, "check that --dags-folder is Airflow's own, and that you may write to it"
        ) from None
    return path


def _write(path: Path, text: str) -> None:
    """Replace a file at once. Airflow does not read files with the temporary file's name."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def wait_for_dag(api: Api, dag_id: str, text: str, path: Path, timeout: float = READING_SECONDS) -> Json:
    """Return the DAG as soon as Airflow has read it from this text.

    Raises EngineError FC611 if Airflow cannot import the file, or does not find it in time.
    """
    deadline = time.monotonic() + timeout
    requested = False
    before = {_error_key(item) for item in _import_errors(api, path)}
    while True:
        dag = _complete_dag(api, dag_id)
        if dag is not None and same_text(source_of(api, dag), text):
            return dag
        if dag is not None and not requested:
            requested = True
            _request_reading(api, dag)
        for item in _import_errors(api, path):
            if _error_key(item) not in before:
                message = f"Airflow cannot import {path}: {str(item.get('stack_trace')).strip()}"
                raise EngineError.refused(message, "check that Airflow has the providers that the file imports")
        if time.monotonic() > deadline:
            message = f"Airflow has not read {path} within {timeout:g} s"
            raise EngineError.refused(
                message, "check that it is in Airflow's dags folder, and that the DAG processor runs"
            )
        time.sleep(PAUSE_SECONDS)


def find_dag(api: Api, dag_id: str) -> Json | None:
    """Return a DAG, or `None` if Airflow does not have it. Raises EngineError for other failures."""
    try:
        return api.dag(dag_id)
    except EngineError as error:
        if error.code != "FC602":
            raise
        return None


def _complete_dag(api: Api, dag_id: str) -> Json | None:
    """Return a DAG; `None` also in the moment in which 2.11 fails, since it knows only part of a new DAG."""
    try:
        return find_dag(api, dag_id)
    except ServerError:
        return None


def source_of(api: Api, dag: Json) -> str:
    """Return the text of a DAG's file; empty while Airflow lacks a new one: 2.11 fails then, and 3.x answers 404."""
    try:
        return api.source(dag)
    except EngineError as error:
        if error.code != "FC602" and not isinstance(error, ServerError):
            raise
        return ""


def _request_reading(api: Api, dag: Json) -> None:
    """Have the file read soon. Airflow reads it in any case, so a refusal does not matter."""
    with contextlib.suppress(EngineError):
        api.reparse(dag)


def _import_errors(api: Api, path: Path) -> list[Json]:
    found = as_maps(api.import_errors().get("import_errors"))
    return [item for item in found if Path(str(item.get("filename"))).name == path.name]


def _error_key(item: Json) -> tuple[str, str]:
    return str(item.get("import_error_id")), str(item.get("timestamp"))
