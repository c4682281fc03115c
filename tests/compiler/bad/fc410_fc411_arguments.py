"""Arguments of ZenML's that do nothing here, and some that cannot be expressed."""

from zenml import pipeline, step
from zenml.config import DockerSettings


@step(
    enable_cache=True,
    experiment_tracker="mlflow",  # FC410
    step_operator="modal",  # FC410
    settings={
        "docker": DockerSettings(
            dockerfile="Dockerfile",  # FC410
            prevent_build_reuse=True,  # FC410
        ),
    },
)
def train() -> int:
    return 1


@pipeline(
    enable_cache=False,
    tags=["nightly"],  # FC410
    on_init=print,  # FC411
)
def training():
    train()
