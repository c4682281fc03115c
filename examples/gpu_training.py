"""A training step on a GPU node, by type and selector; the model is a line, so that nothing need be installed."""

from flowc import FlowSpec, Parameter, environment, kubernetes, resources, retry, step, timeout


class GpuTrainingFlow(FlowSpec):
    """Makes data on any node, trains on a GPU node, reports on any node."""

    epochs = Parameter("epochs", default=200, help="passes over the data")
    rate = Parameter("rate", default=0.1, help="learning rate")

    @step
    def start(self):
        """Points on the line y = 3x + 1."""
        self.points = [(x / 10, 3 * x / 10 + 1) for x in range(-10, 11)]
        self.next(self.train)

    @retry(times=2, minutes_between_retries=0)
    @timeout(minutes=10)
    @environment(vars={"OMP_NUM_THREADS": "1"})
    @resources(cpu=0.1, memory=256, shared_memory=64)
    @kubernetes(
        gpu=1,
        gpu_type="nvidia-tesla-t4",
        node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    )
    @step
    def train(self):
        """Gradient descent."""
        import os

        self.threads = os.environ["OMP_NUM_THREADS"]
        slope = intercept = 0.0
        for _ in range(self.epochs):
            errors = [(slope * x + intercept - y, x) for x, y in self.points]
            slope -= self.rate * sum(error * x for error, x in errors) / len(errors)
            intercept -= self.rate * sum(error for error, _ in errors) / len(errors)
        self.slope, self.intercept = round(slope, 3), round(intercept, 3)
        self.next(self.end)

    @step
    def end(self):
        """Print the line."""
        print(f"y = {self.slope}x + {self.intercept}")


if __name__ == "__main__":
    GpuTrainingFlow()
