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
