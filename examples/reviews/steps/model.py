"""A naive Bayes classifier of words, without packages."""

import math
from collections import Counter
from typing import Annotated

from zenml import ArtifactConfig, get_step_context, log_metadata, step
from zenml.logger import get_logger

logger = get_logger(__name__)


@step(experiment_tracker="mlflow", step_operator="gpu-nodes")
def train(train_set: list, smoothing: float) -> Annotated[dict, ArtifactConfig(name="classifier")]:
    """How much each word speaks for a good review."""
    good, bad = Counter(), Counter()
    for words, liked in train_set:
        (good if liked else bad).update(words)
    words = sorted({*good, *bad})
    return {word: math.log((good[word] + smoothing) / (bad[word] + smoothing)) for word in words}


@step
def evaluate(model: dict, test_set: list) -> Annotated[float, "accuracy"]:
    """The share of reviews that the model is right about."""
    right = [(sum(model.get(word, 0) for word in words) > 0) == liked for words, liked in test_set]
    accuracy = sum(right) / len(right)
    log_metadata({"accuracy": accuracy})
    return accuracy


@step
def publish(model: dict, accuracy: float, least: float) -> None:
    """Tell who uses the model that there is a new one, if it is good enough."""
    run = get_step_context().pipeline_run.name
    verdict = "published" if accuracy >= least else "not good enough"
    print(f"{len(model)} words, accuracy {accuracy:.2f}: {verdict}")
    logger.info("decided in %s", run)
