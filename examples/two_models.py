"""A branch of two models on one data set, and a join that keeps the better. Needs scikit-learn."""

from flowc import FlowSpec, Parameter, resources, step


class TwoModelsFlow(FlowSpec):
    """Trains a forest and a linear model side by side."""

    folds = Parameter("folds", default=5, help="folds of the cross-validation")
    trees = Parameter("trees", default=20, help="trees of the forest")

    @step
    def start(self):
        """Load the data, and branch."""
        from sklearn.datasets import load_wine

        self.features, self.labels = load_wine(return_X_y=True)
        self.next(self.forest, self.linear)

    @resources(cpu=0.2, memory=512)
    @step
    def forest(self):
        """A random forest."""
        from sklearn.ensemble import RandomForestClassifier

        self.model = RandomForestClassifier(n_estimators=self.trees, random_state=7)
        self.next(self.score_forest)

    @resources(cpu=0.2, memory=512)
    @step
    def score_forest(self):
        """Score the forest; an arm may have several steps."""
        self.score = cross_validate(self.model, self.features, self.labels, self.folds)
        self.next(self.choose)

    @resources(cpu=0.2, memory=512)
    @step
    def linear(self):
        """A logistic regression on standardized features."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        self.score = cross_validate(self.model, self.features, self.labels, self.folds)
        self.next(self.choose)

    @step
    def choose(self, inputs):
        """Keep the better model."""
        best = max(inputs, key=lambda task: task.score)
        self.scores = {"forest": inputs.score_forest.score, "linear": inputs.linear.score}
        self.model = best.model
        self.merge_artifacts(inputs, include=["features", "labels"])
        self.next(self.end)

    @step
    def end(self):
        """Fit the winner on everything, and print the scores."""
        self.model.fit(self.features, self.labels)
        for name in sorted(self.scores):
            print(f"{name}: {self.scores[name]:.3f}")
        print(f"kept: {type(self.model).__name__}")


def cross_validate(model, features, labels, folds):
    """The mean accuracy over the folds, as a plain float."""
    from sklearn.model_selection import cross_val_score

    return round(float(cross_val_score(model, features, labels, cv=folds).mean()), 6)


if __name__ == "__main__":
    TwoModelsFlow()
