"""A training step on a GPU node: what it needs is said once, and every target places it.

The model is a tiny one in pure Python, so that the example runs on any image and anywhere: a laptop without a GPU runs
it too (`flowc run` counts no GPUs). On Kubernetes the step lands on a node of the asked-for type, and nowhere else.

    flowc run examples/gpu_training.py
"""

from __future__ import annotations

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, step, timeout


class GpuTrainingFlow(FlowSpec):
    """Fit a line by gradient descent, in a step that asks for one T4."""

    rounds = Parameter("rounds", default=500, help="rounds of gradient descent")
    rate = Parameter("rate", default=0.05, help="learning rate")

    @resources(cpu=0.1, memory=256)
    @step
    def start(self) -> None:
        """Make the data: y = 3x + 1 on a grid."""
        self.points = [(x / 10, 3.0 * x / 10 + 1.0) for x in range(-10, 11)]
        self.next(self.train)

    # @resources says how much, @kubernetes says where. Where both name the same thing the larger one counts, as in
    # Metaflow. `gpu_type` becomes the label of the nodes that have it, and their taint is tolerated. `node_selector`
    # and `tolerations` go to the pod besides, as they are.
    @resources(gpu=1, cpu=0.1, memory=256)
    @kubernetes(
        gpu=1,
        gpu_type="nvidia-tesla-t4",
        node_selector={"kubernetes.io/os": "linux"},
        tolerations=[{"key": "dedicated", "operator": "Equal", "value": "training", "effect": "NoSchedule"}],
    )
    @environment(vars={"TRAINING_DEVICE": "gpu"})
    @timeout(minutes=10)
    @step
    def train(self) -> None:
        """Gradient descent on the mean squared error."""
        import os

        self.device = os.environ["TRAINING_DEVICE"]
        slope, offset = 0.0, 0.0
        for _ in range(self.rounds):
            errors = [(slope * x + offset - y, x) for x, y in self.points]
            slope -= self.rate * 2 * sum(error * x for error, x in errors) / len(errors)
            offset -= self.rate * 2 * sum(error for error, _ in errors) / len(errors)
        self.slope, self.offset = slope, offset
        self.next(self.end)

    @resources(cpu=0.1, memory=256)
    @step
    def end(self) -> None:
        """Print the fitted line."""
        print(f"trained on {self.device}: y = {self.slope:.3f} x + {self.offset:.3f}")


if __name__ == "__main__":
    GpuTrainingFlow()
