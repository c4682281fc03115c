"""Strings that something on their way would change, wherever a flow has strings; `hostile.py` has more defaults."""

import os
from pathlib import Path

from flowc import Config, FlowSpec, IncludeFile, JSONType, Parameter, environment, kubernetes, project, step

ARGO = "{{workflow.name}} {{=1+1}} {{inputs.parameters.x}} {{item}} {{ unclosed"
KUBERNETES = "$(HOME) $$ $$(HOME) $ ${X}"
YAML = "!!python/object:os.system [a, b]: {c} # - & * | > ' \" % @ `"
SPACE = "  both ends\t\r\n"
UNICODE = "é 😀 \u202eleft \u2028 \u2029 \ufeff \x85 \xa0"


@project(name="strings")
class StraßenFlow(FlowSpec):
    """{{workflow.name}} {{=1+1}} {{ "q" 'q' # : - $(HOME) $$ !!python/object \u2028 \u202e %s \\ é 😀 \ufeff."""

    config = Config("config", default_value={"argo": "{{workflow.name}} $(HOME) $$", "é": "\u2028 \ufeff"})
    file = IncludeFile("file", default="included/dä ta $(X) {{y}}.txt")
    b64 = Parameter("b64", default="b64:aGk=", help="{{workflow.name}} {{=1+1}} {{ $(X) \u2028 'q' \"q\"")
    own = Parameter("own", default="flowc:default")
    sent = Parameter("sent", default="flowc:sent:aGk=")
    item = Parameter("item", default="{{item}} {{retries}}")
    retries = Parameter("retries", default="!!python/object/apply:os.system ['x']")
    big = Parameter("big", default="{{x}} $(y) é" * 8000)
    shape = Parameter("shape", type=JSONType, default='{"{{workflow.name}}": ["$(HOME)", "\\u2028"]}')

    @environment(
        vars={
            "ARGO": "{{workflow.name}} {{=1+1}} {{",
            "KUBERNETES": "$(HOME) $$ $$(HOME) $",
            "SPACE": " \t\r\n ",
            "UNICODE": "é 😀 \u202e \u2028 \ufeff \x07",
            "YAML": "!!python/object:x",
        }
    )
    @kubernetes(annotations={"flowc.test/odd": "$(HOME) $$ 'q' \"q\" # : \u2028 é \n!!x %s \\ 😀"})
    @step
    def start(self) -> None:
        """{{workflow.name}} in a step's docstring."""
        names = ("ARGO", "KUBERNETES", "SPACE", "UNICODE", "YAML")
        self.environment = [os.environ[name] for name in names]
        self.from_options = os.environ.get("FROM_OPTIONS", "")
        self.given = [self.b64, self.own, self.sent, self.item, self.retries, self.big, self.shape]
        self.configured = dict(self.config)
        self.included = self.file
        self.größe = "an artifact whose name is not ASCII"
        self.strings = [ARGO, KUBERNETES, YAML, UNICODE]
        self.next(self.each, foreach="strings")

    @step
    def each(self) -> None:
        self.copy = self.input
        self.next(self.join)

    @step
    def join(self, inputs: list["StraßenFlow"]) -> None:
        self.copies = [each.copy for each in inputs]
        self.next(self.choose)

    @step
    def choose(self) -> None:
        self.pick = ARGO
        self.next(
            {
                "{{workflow.name}} {{=1+1}} {{inputs.parameters.x}} {{item}} {{ unclosed": self.right,
                "$(HOME) $$ $$(HOME) $ ${X}": self.wrong,
                "  both ends\t\r\n": self.wrong,
            },
            condition="pick",
        )

    @step
    def right(self) -> None:
        self.way = "right"
        self.next(self.end)

    @step
    def wrong(self) -> None:
        self.way = "wrong"
        self.next(self.end)

    @step
    def end(self) -> None:
        # A file beside this one, shipped by a hostile name with `--include`.
        self.beside = (Path(__file__).parent / "included" / "mö re {{x}} $(y).txt").read_text()
        print(self.way, self.copies)


if __name__ == "__main__":
    StraßenFlow()
