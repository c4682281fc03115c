"""Reads DAG files in one process of Airflow, in turn, and says how long each took; runs in Airflow's environment.

python parse.py OUT.json ROUNDS FILE...: medians of CPU seconds, for the import of the module with and without the
bytecode that Python keeps, and for a DagBag with it.
"""

from __future__ import annotations

import gc
import importlib
import importlib.machinery
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def import_file(file: str) -> None:
    """What a DagBag does with a file first."""
    loader = importlib.machinery.SourceFileLoader("bench_dag", file)
    spec = importlib.util.spec_from_loader("bench_dag", loader)
    assert spec is not None
    loader.exec_module(importlib.util.module_from_spec(spec))


def dag_bag() -> Any:
    """Airflow's class."""
    try:
        return importlib.import_module("airflow.dag_processing.dagbag").DagBag
    except ImportError:  # Airflow 2
        return importlib.import_module("airflow.models.dagbag").DagBag


def seconds(work: Callable[[str], object], file: str) -> float:
    """CPU seconds of one call, without what the others have left to collect."""
    gc.collect()
    began = time.process_time()
    work(file)
    return time.process_time() - began


def main() -> None:
    """Measure all of them."""
    out, rounds, *files = sys.argv[1:]
    bag = dag_bag()
    warm = Path(out).with_suffix(".warm.py")
    for file in files:  # the imports that they share
        lines = Path(file).read_text().splitlines()
        warm.write_text("\n".join(lines[: next(i for i, line in enumerate(lines) if line.startswith("@dag("))]))
        import_file(str(warm))
    measured: dict[str, dict[str, list[float]]] = {}
    for file in files:
        loaded = bag(file)
        assert not loaded.import_errors, loaded.import_errors
        (dag,) = loaded.dags.values()
        measured[file] = {"tasks": [len(dag.tasks)], "compile": [], "import": [], "bag": []}
    for _ in range(int(rounds)):
        for file in files:
            Path(importlib.util.cache_from_source(file)).unlink(missing_ok=True)
            measured[file]["compile"].append(seconds(import_file, file))
            measured[file]["import"].append(seconds(import_file, file))
            measured[file]["bag"].append(seconds(bag, file))
    medians = {
        file: {name: statistics.median(each) for name, each in found.items()} for file, found in measured.items()
    }
    Path(out).write_text(json.dumps(medians))


if __name__ == "__main__":
    main()
