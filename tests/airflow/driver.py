"""Runs DAG files one after the other in one process of Airflow, whose own start takes longer than a flow.

Runs in the environment of an Airflow, and knows nothing of flowc. It is asked on stdin and answers on the descriptor
that it is given, both a line of JSON at a time: `{"load": FILE}`, then `{"run": CONF}`. What Airflow and the tasks
print goes where the process prints.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any


def load(file: str) -> Any:
    """The DAG of a file. Raises for one that Airflow cannot import."""
    try:
        module = importlib.import_module("airflow.dag_processing.dagbag")
    except ImportError:  # Airflow 2
        module = importlib.import_module("airflow.models.dagbag")
    bag = module.DagBag(file)
    if bag.import_errors:
        raise RuntimeError(bag.import_errors)
    (dag,) = bag.dags.values()
    return dag


def described(dag: Any) -> dict[str, Any]:
    """What Airflow's API would tell of a DAG."""
    return {"dag_id": dag.dag_id, "params": {name: dag.params.get_param(name).dump() for name in dag.params}}


def ended(run: Any) -> dict[str, Any]:
    """How a run has ended, and how often each state is that of a task."""
    states: dict[str, int] = {}
    for instance in run.get_task_instances():
        state = str(instance.state)
        states[state] = states.get(state, 0) + 1
    return {"run_id": run.run_id, "ok": str(run.state) == "success", "states": states}


def main() -> None:
    """Answer until nothing is asked any more."""
    asked = os.fdopen(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # tasks inherit it
    dag: Any = None
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        for line in asked:
            question = json.loads(line)
            try:
                if "load" in question:
                    dag = load(question["load"])
                    answer = described(dag)
                else:
                    answer = ended(dag.test(run_conf=question["run"]))
            except Exception:
                answer = {"error": traceback.format_exc()}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
