from metaflow import FlowSpec, Parameter, current, environment, retry, step


class FactsFlow(FlowSpec):
    """What `current` says."""

    alpha = Parameter("alpha", default=1)
    beta = Parameter("beta-rate", default=0.5)

    def facts(self):
        return {
            "flow": current.flow_name,
            "step": current.step_name,
            "attempt": current.retry_count,
            "origin": current.origin_run_id,
            "parameters": sorted(current.parameter_names),
            "running": current.is_running_flow,
            "spec": current.pathspec.split("/")[0::2],
            "same": current.pathspec == f"{current.flow_name}/{current.run_id}/{current.step_name}/{current.task_id}",
            "kinds": [type(current.run_id).__name__, type(current.task_id).__name__, type(current.tags).__name__],
            "user": current.username,
            "namespace": current.namespace,
            "nothing": [current.get("no_such"), current.get("no_such", 1), "no_such" in current, "run_id" in current],
            "name": self.name,
        }

    @environment(vars={"ORACLE_WORD": "a b"})
    @retry(times=1, minutes_between_retries=0)
    @step
    def start(self):
        import os

        self.told = self.facts()
        self.word = os.environ.get("ORACLE_WORD")
        if current.retry_count == 0:
            raise ValueError("again")
        self.next(self.a, self.b)

    @step
    def a(self):
        import os

        self.word = os.environ.get("ORACLE_WORD")
        self.told = self.facts()
        self.next(self.join)

    @step
    def b(self):
        self.word = None
        self.told = self.facts()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.told = self.facts()
        self.of_inputs = [inputs.a.told, inputs.b.told]
        self.beta_rate = self.beta
        self.next(self.end)

    @step
    def end(self):
        self.told = self.facts()


if __name__ == "__main__":
    FactsFlow()
