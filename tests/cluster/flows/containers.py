"""Steps with `@container`: hostile values, files of every kind, a foreach and a switch that a container decides."""

from __future__ import annotations

from flowc import FlowSpec, Inputs, container, environment, step

IMAGE = "debian:12-slim"
ODD = (
    "it's", "'; exit 9; '", "$(id) `id` ${HOME} $(HOME) $$", 'q"q\\', "{{workflow.name}} {{=1+1}} {{tasks.x}}",
    "ä 中 \u2028\x01", "%s %n\t*", "{values.other}",
)  # fmt: skip
HOSTILE = ["", "-n", "".join(ODD), "a\nb\n\n"]


class ContainersFlow(FlowSpec):
    @step
    def start(self) -> None:
        self.texts = HOSTILE
        self.next(self.echo, foreach="texts")

    @container(
        image=IMAGE,
        command=["/bin/sh", "-c", 'printf %s "$1" > "$2"; printf %s "$NAMED" > "$3"; cp "$4" "$5"', "sh"],
        args=["{values.input}", "{outputs.word}", "{outputs.named}", "{inputs.input}", "{outputs.document}"],
        env={"NAMED": "<{values.input}>"},
        inputs={"input": "in/text.json"},
        outputs={"word": "word.txt", "named": "named.txt", "document": "out/document.json"},
    )
    @step
    def echo(self) -> None:
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[ContainersFlow]) -> None:
        self.words = [item.word for item in inputs]
        self.marked = [item.named for item in inputs]
        self.documents = [item.document for item in inputs]
        assert self.words == self.documents == HOSTILE
        assert self.marked == [f"<{text}>" for text in HOSTILE]
        self.raw = b"\xff\x00"
        self.next(self.decide)

    @environment(vars={"SHARED": "$(HOME) $x"})
    @container(
        image=IMAGE,
        command=["sh", "-ec", 'cp "$1" "$2"; echo \'"left"\' > "$3"; mkdir "$4/in"; printf %s "$SHARED" > "$4/in/a"', "sh"],
        args=["{inputs.raw}", "{outputs.copy}", "{outputs.way}", "{outputs.tree}"],
        inputs={"raw": "bytes:raw"},
        outputs={"copy": "bytes:copy", "way": "way.json", "tree": "tree/"},
    )
    @step
    def decide(self) -> None:
        self.next({"left": self.left, "right": self.right}, condition="way")

    @container(
        image=IMAGE,
        command=["cat", "{inputs.tree}/in/a"],
        inputs={"tree": "tree/"},
    )
    @step
    def left(self) -> None:
        self.next(self.end)

    @step
    def right(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        assert self.copy == self.raw
        assert self.way == "left"


if __name__ == "__main__":
    ContainersFlow()
