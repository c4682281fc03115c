"""Names of zenml that a file may not import."""

from zenml import pipeline, register_artifact, step  # FC106
from zenml.alerter import BaseAlerter  # FC106
from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker  # FC106


@step
def load() -> int:
    register_artifact("uri", "name")
    print(BaseAlerter, MLFlowExperimentTracker)
    return 1


@pipeline
def training():
    load()
