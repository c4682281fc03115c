"""Strings that Argo, Kubernetes or YAML would change on their way, as defaults, given values and environment."""

import os

from flowc import FlowSpec, JSONType, Parameter, environment, step


class HostileFlow(FlowSpec):
    """{{workflow.name}} and "quotes" in a docstring: { braces }, # no comment, 'and: so on'."""

    n = Parameter("n", default="y", help="{{=1+1}}")
    braces = Parameter("braces", default="{{workflow.name}} {{=1+1}} {{unclosed")
    dollars = Parameter("dollars", default="$(HOME) $$ $")
    lines = Parameter("lines", default="one\n\ttwo 'three' \"four\" \\ \U0001f600")
    empty = Parameter("empty", default="")
    nothing = Parameter("nothing", default=None)
    given = Parameter("given", default="not this")
    data = Parameter("data", type=JSONType, default='{"a": [1, "{{x}}"]}')
    flag = Parameter("flag", default=True)
    rate = Parameter("rate", default=1e-7)

    @environment(vars={"BRACES": "{{workflow.name}} {{", "DOLLARS": "$(HOME) $$ $", "LINES": "a\nb", "NO": "no"})
    @step
    def start(self) -> None:
        self.seen = [self.n, self.braces, self.dollars, self.lines, self.empty, self.nothing, self.given, self.data]
        self.typed = [self.flag, self.rate]
        self.environment = {name: os.environ[name] for name in ("BRACES", "DOLLARS", "LINES", "NO")}
        self.next(self.end)

    @step
    def end(self) -> None:
        print(self.seen, self.environment)


if __name__ == "__main__":
    HostileFlow()
