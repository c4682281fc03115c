"""Functions that are called when a run has ended: they leave a file beside the run's, by which of them it was."""

import os
from pathlib import Path

from flowc import FlowSpec, Parameter, exit_hook, step


def told(what: str) -> None:
    folder = os.environ.get("HOOKS_FOLDER")
    print("HOOK", what)
    if folder:
        Path(folder, what).write_text(what)


def thank(run):
    told(f"success-{run.successful}")


def mourn():
    told("error")


def broken():
    raise ValueError("a hook that fails changes nothing")


@exit_hook(on_success=[thank, broken], on_error=[mourn])
class Hooks(FlowSpec):
    fail = Parameter("fail", default=False)

    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        if self.fail:
            raise ValueError("as asked")
        self.next(self.join)

    @step
    def right(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Hooks()
