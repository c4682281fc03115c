from flowc import FlowSpec, batch, conda, environment, kubernetes, pypi, secrets, step


class Bad(FlowSpec):
    @batch(cpu=2)
    @kubernetes(cpu=2)  # FC406
    @conda(packages={"numpy": "1.26"})
    @pypi(packages={"pandas": "2.2"})  # FC406
    @step
    def start(self):
        self.next(self.end)

    @environment(vars={"TOKEN": "1"})
    @secrets(sources=[{"type": "inline", "id": "a", "options": {"env_vars": {"TOKEN": "2"}}}])  # FC406 FC412
    @step
    def end(self):
        pass
