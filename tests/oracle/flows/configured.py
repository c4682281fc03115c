from metaflow import Config, FlowSpec, Parameter, config_expr, retry, step


class ConfiguredFlow(FlowSpec):
    """Configs with defaults, read in the class and in steps."""

    settings = Config("settings", default_value='{"rate": 0.5, "names": ["a", "b"], "deep": {"x": 1}}')
    other = Config("other", default_value="a=1;b=2", parser=lambda text: dict(p.split("=") for p in text.split(";")))
    rate = Parameter("rate", default=config_expr("settings.rate"))

    @retry(times=config_expr("settings.deep.x"), minutes_between_retries=0)
    @step
    def start(self):
        self.read = [self.settings.rate, self.settings["names"], self.settings.deep.x, dict(self.other)]
        self.rated = self.rate
        self.items = list(self.settings.names)
        self.next(self.child, foreach="items")

    @step
    def child(self):
        self.mine = self.input, self.settings.get("missing", "default"), "rate" in self.settings
        self.next(self.join)

    @step
    def join(self, inputs):
        self.all = [each.mine for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ConfiguredFlow()
