"""The imports of a DAG file: those that it uses, in the order that linters want."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import Block, DagFile, MappedGroup, StepTask
from flowc_targets.airflow.deployment import LOCAL_DATE
from flowc_targets.airflow.python_printer import Call
from flowc_targets.airflow.texts import MODULES, PROVIDER_IMPORTS

if TYPE_CHECKING:
    from collections.abc import Iterator


def import_lines(file: DagFile) -> Iterator[str]:
    """The lines of the imports. What has moved in Airflow 3 is looked for there first."""
    start = file.dag.get("start_date")
    zoned = isinstance(start, Call) and start.function == LOCAL_DATE
    dates = [*([] if zoned else ["datetime", "timezone"]), *(["timedelta"] if _uses_durations(file.body) else [])]
    yield from (f"import {module}" for module in MODULES[file.operator])
    if dates:
        yield f"from datetime import {', '.join(sorted(dates))}"
    if file.operator == "local":
        yield "from pathlib import Path"
    yield "from urllib.parse import quote"
    yield ""
    provider = [
        line for name, line in PROVIDER_IMPORTS[file.operator].items() if name != "PublishOutput" or file.has_outputs
    ]
    if zoned:
        provider.insert(0, "import pendulum")
    if provider:
        yield from (*provider, "")
    operator = ["BaseOperator"] if file.operator == "local" else []
    decorators = ["dag", "task", "task_group"] if file.has_foreach else ["dag"]
    empty = file.body.has_empty
    if file.has_switch:
        yield "try:"
        yield "    from airflow.sdk.exceptions import AirflowSkipException"
        yield "except ImportError:  # before Airflow 3.1"
        yield "    from airflow.exceptions import AirflowSkipException"
        yield ""
    yield "try:"
    if empty:
        yield "    from airflow.providers.standard.operators.empty import EmptyOperator"
    yield f"    from airflow.sdk import {', '.join([*(['Asset'] if file.has_assets else []), *operator, *decorators])}"
    if file.params:
        yield "    from airflow.sdk.definitions.param import Param"
    yield "except ImportError:  # Airflow 2"
    if file.has_assets:
        yield "    from airflow.datasets import Dataset as Asset"
    yield f"    from airflow.decorators import {', '.join(decorators)}"
    if operator:
        yield "    from airflow.models.baseoperator import BaseOperator"
    if file.params:
        yield "    from airflow.models.param import Param"
    if empty:
        yield "    from airflow.operators.empty import EmptyOperator"


def _uses_durations(block: Block) -> bool:
    for node in block.nodes:
        match node:
            case StepTask(options=options):
                if any(isinstance(value, Call) and value.function == "timedelta" for value in options.values()):
                    return True
            case MappedGroup(body=body):
                if _uses_durations(body):
                    return True
            case _:
                pass
    return False
