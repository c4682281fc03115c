"""Names of zenml that a file may not import."""

from zenml import pipeline, register_artifact, step  # FC106
from zenml.hooks import alerter_failure_hook  # FC106
from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker  # FC106


@step
def load() -> int:
    register_artifact("uri", "name")
    print(alerter_failure_hook, MLFlowExperimentTracker)
    return 1


@pipeline
def training():
    load()
