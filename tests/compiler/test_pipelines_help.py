"""Help for newcomers to pipelines: the way out of a mistake, in words that name what they wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file

HEAD = """\
import random
from flowc import pipeline, step

@step
def square(x):
    return x * x

def plain(x):
    return x

def draw():
    return random.random()

class Steps:
    @step
    def make(self):
        return 1

"""
TOLD = {
    "square(square)": "call it: `square()`",
    "square(draw())": "put `@step` above `draw` if it is a step; else compute it in a step",
    "Steps.make(1)": "a step or pipeline that is defined in a class has to be a function of the file",
    "squar(1)": "did you mean `square`?",
    "[1, 2].map(square)": "write `work.map([1, 2])`",
    "plain.map([1, 2])": "put `@step` above `plain`",
    "square(get_pipeline_context())": "make other objects in the step",
    "square(Client())": "pass one of its attributes or artifacts, or read it in the step",
    "square(Client().active_stack)": "flowc has no stacks",
    "square(Client().get_pipeline('p').last_run)": "pass one of its attributes or artifacts",
    "square(log_metadata({'a': 1}))": "call it in a step",
}

EXTRA = {
    "context": "from zenml import get_pipeline_context\n",
    "Client": "from zenml.client import Client\n",
    "log_metadata": "from zenml import log_metadata\n",
}


@pytest.mark.parametrize("line", TOLD)
def test_the_way_out(line: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    extra = next((text for name, text in EXTRA.items() if name in line), "")
    file.write_text(f"{HEAD}{extra}\n@pipeline\ndef flow():\n    {line}\n")
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    assert len(caught.value.diagnostics) == 1
    assert TOLD[line] in caught.value.diagnostics[0].help
