# Compiled by flowc <version> from two_models.py. Change that file, not this one.
#
# flow    TwoModelsFlow
# source  sha256:<hash>

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

try:
    from airflow.sdk import Asset, dag
    from airflow.sdk.definitions.param import Param
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag
    from airflow.models.param import Param

# This folder is on Airflow's path only if it is the dags folder itself.
sys.path.append(str(Path(__file__).parent))

from flowc_runtime_version_hash import (
    FlowPackage,
    StepOperator,
)

FLOW = FlowPackage(
    name="TwoModelsFlow",
    digest="<hash>",
    root="/tmp/store",
    start="start",
    parameters={"FLOWC_PARAM_FOLDS": "folds", "FLOWC_PARAM_SEED": "seed"},
)


@dag(
    dag_id="TwoModelsFlow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    is_paused_upon_creation=False,
    doc_md=(
        "Train a random forest and a linear model, and keep the one with the better "
        "cross-validated accuracy.\n"
        "\n"
        "```\n"
        "start -> forest, linear\n"
        "forest -> pick\n"
        "linear -> pick\n"
        "pick -> end\n"
        "end\n"
        "```\n"
    ),
    tags=["flowc"],
    default_args={"flow": FLOW, "retries": 0},
    params={
        "folds": Param(
            default=5,
            type="integer",
            description="folds of the cross-validation",
        ),
        "seed": Param(
            default=7,
            type="integer",
            description="seed of the forest and of the shuffles",
        ),
    },
)
def flow():
    start = StepOperator(
        task_id="start",
        doc_md="Load the data once; both arms read it from the artifact store.",
    )
    forest = StepOperator(task_id="forest", doc_md="A small random forest.")
    linear = StepOperator(
        task_id="linear",
        doc_md="A logistic regression on standardized features.",
    )
    pick = StepOperator(
        task_id="pick",
        trigger_rule="none_failed",
        doc_md="Compare the arms. `inputs` reads what is asked for and nothing else: the data stays where it is.",
    )
    end = StepOperator(
        task_id="end",
        outlets=[Asset("metaflow.TwoModelsFlow.end")],
        doc_md="Print the comparison, best model last.",
    )

    start >> [forest, linear] >> pick >> end


# The files of the flow, and its plan.
FLOW.texts["files/two_models.py"] = '''
"""Two classifiers, trained side by side on the wine data; the join keeps the better one.

Needs scikit-learn, in the image as well as here. Everything random is seeded: the answer is the same every time.

    flowc run examples/two_models.py --folds 5
"""

from __future__ import annotations

from typing import Any

from flowc import FlowSpec, Inputs, Parameter, step


class TwoModelsFlow(FlowSpec):
    """Train a random forest and a linear model, and keep the one with the better cross-validated accuracy."""

    folds = Parameter("folds", default=5, help="folds of the cross-validation")
    seed = Parameter("seed", default=7, help="seed of the forest and of the shuffles")

    @step
    def start(self) -> None:
        """Load the data once; both arms read it from the artifact store."""
        from sklearn.datasets import load_wine

        data = load_wine()
        self.features = data["data"]
        self.labels = data["target"]
        self.next(self.forest, self.linear)

    @step
    def forest(self) -> None:
        """A small random forest."""
        from sklearn.ensemble import RandomForestClassifier

        self.model_name = "random forest"
        self.accuracy = self.score(RandomForestClassifier(n_estimators=25, random_state=self.seed))
        self.next(self.pick)

    @step
    def linear(self) -> None:
        """A logistic regression on standardized features."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.model_name = "logistic regression"
        self.accuracy = self.score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)))
        self.next(self.pick)

    @step
    def pick(self, inputs: Inputs[TwoModelsFlow]) -> None:
        """Compare the arms. `inputs` reads what is asked for and nothing else: the data stays where it is."""
        self.results = sorted((round(arm.accuracy, 4), arm.model_name) for arm in inputs)
        self.best_accuracy, self.best_name = self.results[-1]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the comparison, best model last."""
        for accuracy, name in self.results:
            print(f"{name}: {accuracy:.4f}")
        print(f"best model: {self.best_name}")

    def score(self, model: Any) -> float:
        """Mean accuracy over the folds. A method without `@step` is a helper, not a part of the graph."""
        from sklearn.model_selection import StratifiedKFold, cross_val_score

        folds = StratifiedKFold(n_splits=self.folds, shuffle=True, random_state=self.seed)
        return float(cross_val_score(model, self.features, self.labels, cv=folds).mean())


if __name__ == "__main__":
    TwoModelsFlow()
'''
FLOW.texts["plan.json"] = """
{"version": 1,
"flow": "TwoModelsFlow",
"class": "TwoModelsFlow",
"module": "two_models",
"frontend": "class",
"start": "start",
"end": "end",
"parameters": [{"attribute": "folds", "name": "folds", "type": "int"}, {"attribute": "seed", "name": "seed", "type": "int"}],
"steps": {
 "start": {"kind": "branch", "parents": [], "next": ["forest", "linear"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "forest": {"kind": "linear", "parents": ["start"], "next": ["pick"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "linear": {"kind": "linear", "parents": ["start"], "next": ["pick"], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "pick": {"kind": "join", "parents": ["forest", "linear"], "next": ["end"], "depth": 0, "closes": "start", "closes_kind": "branch", "arms": [["forest"], ["linear"]], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}},
 "end": {"kind": "linear", "parents": ["pick"], "next": [], "depth": 0, "closes": null, "closes_kind": null, "arms": [], "foreach_var": null, "condition": null, "loops": false, "retries": 0, "timeout": null, "env": {}}},
"files": {"file": "two_models.py", "path": [""], "shipped": ["two_models.py"]}}
"""

# What flowc's commands read of this file.
FLOWC = {
    "dag_id": "TwoModelsFlow",
    "flow": "TwoModelsFlow",
    "root": "/tmp/store",
    "pools": [],
    "tasks": ["start", "forest", "linear", "pick", "end"],
    "hooks": [],
    "iterations": {},
    "nested": {},
}


flow()
