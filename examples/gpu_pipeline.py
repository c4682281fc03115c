"""A training pipeline on a GPU node: what a step needs stands in its decorator, and every target places it.

The model is a tiny one in pure Python, so that the example runs on any image and anywhere: a laptop without a GPU runs
it too (`flowc run` counts no GPUs). On Kubernetes `train` lands on a node with a T4, and nowhere else.

    flowc run examples/gpu_pipeline.py
    flowc run examples/gpu_pipeline.py -p rounds=100
"""

from typing import Annotated

from flowc import Resources, Retry, pipeline, step

Points = list[tuple[float, float]]


@step(resources=Resources(cpu=0.1, memory="256Mi"))
def make_data(size: int) -> Points:
    """The data: y = 3x + 1 on a grid."""
    return [(x / size, 3.0 * x / size + 1.0) for x in range(-size, size + 1)]


@step(
    resources=Resources(gpu="t4:1", cpu=0.1, memory="512Mi"),
    retry=Retry(limit=2, backoff="30s"),
    timeout="10m",
    env={"TRAINING_DEVICE": "gpu"},
)
def train(
    points: Points, rounds: int, rate: float
) -> tuple[Annotated[float, "slope"], Annotated[float, "offset"], Annotated[str, "device"]]:
    """Gradient descent on the mean squared error."""
    import os

    slope, offset = 0.0, 0.0
    for _ in range(rounds):
        errors = [(slope * x + offset - y, x) for x, y in points]
        slope -= rate * 2 * sum(error * x for error, x in errors) / len(errors)
        offset -= rate * 2 * sum(error for error, _ in errors) / len(errors)
    return slope, offset, os.environ["TRAINING_DEVICE"]


@step(resources=Resources(cpu=0.1, memory="256Mi"))
def report(slope: float, offset: float, device: str) -> None:
    """Print the fitted line."""
    print(f"trained on {device}: y = {slope:.3f} x + {offset:.3f}")


@pipeline
def gpu_pipeline(rounds: int = 500, rate: float = 0.05) -> None:
    """Fit a line by gradient descent, in a step that asks for one A100."""
    slope, offset, device = train(make_data(10), rounds, rate)
    report(slope, offset, device)


if __name__ == "__main__":
    gpu_pipeline()
