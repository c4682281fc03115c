"""Help for newcomers to pipelines: the way out of a mistake, in words that name what they wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
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
    return random.betavariate(1, 2)

class Steps:
    @step
    def make(self):
        return 1

"""
TOLD = {
    "square(square)": "call it: `square()`",
    "square(draw())": "put `@step` above `draw` if it is a step; else compute it in a step",
    "Steps.make(1)": "move `def make` out of the class",
    "squar(1)": "did you mean `square`?",
    "[1, 2].map(square)": "write `work.map([1, 2])`",
    "plain.map([1, 2])": "put `@step` above `plain`",
    "square(get_pipeline_context())": "make other objects in the step",
    "square(Client())": "pass one of its attributes or artifacts, or read it in the step",
    "square(Client().active_stack)": "pass one of its attributes or artifacts",
    "square(Client().get_pipeline('p').last_run)": "pass one of its attributes or artifacts",
    "square(log_metadata({'a': 1}))": "call it in a step",
    "run_with_accelerate(square)(1)": "start it within the step",
    "square(ExternalArtifact(id='2b3c1f0a-1111-2222-3333-444455556666'))": "of a run of flowc's",
    "square([x for x in square(1) if x > 0])": "do it in a step that gets `square(1)`",
    "square([square(x) for x in square(1) if x > 0])": "write `for x in square(1):`, and in it `if ...:` and `found",
    "(folder / 'x').mkdir()": "call it in the step that needs the file or folder",
}

EXTRA = {
    "context": "from zenml import get_pipeline_context\n",
    "ExternalArtifact": "from zenml import ExternalArtifact\n",
    "Client": "from zenml.client import Client\n",
    "log_metadata": "from zenml import log_metadata\n",
    "accelerate": "from zenml.integrations.huggingface.steps import run_with_accelerate\n",
    "folder": "from pathlib import Path\n",
}


@pytest.mark.parametrize("line", TOLD)
def test_the_way_out(line: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    extra = next((text for name, text in EXTRA.items() if name in line), "")
    parameters = "folder: Path" if "folder" in line else ""
    file.write_text(f"{HEAD}{extra}\n@pipeline\ndef flow({parameters}):\n    {line}\n")
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    [found] = [item for item in caught.value.diagnostics if item.severity == "error"]
    assert TOLD[line] in found.help


def test_a_name_that_is_not_known_is_not_a_missing_one(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(
        f"{HEAD}from zenml import Model\n\n@pipeline(model=Model(name=draw()))\ndef flow():\n    square(1)\n"
    )
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    assert [item.code for item in caught.value.diagnostics] == ["FC402"]


@pytest.mark.parametrize(
    ("line", "owner"),
    [
        ("resources=Resources(cpu=rows[0])", "`cpu` of `resources`"),
        ("retry=Retry(limit=rows[0] + 1)", "`limit` of `retry`"),
        ("env={'A': rows[0]}", "`env` of `.with_options`"),
        ("settings={'docker': DockerSettings(parent_image=f'x-{rows}')}", "`parent_image` of DockerSettings"),
    ],
)
def test_what_a_step_requests_is_no_result(line: str, owner: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    imports = "from flowc import Resources, Retry\nfrom zenml.config import DockerSettings\n"
    body = f"    rows = square(2)\n    square.with_options({line})(1)\n"
    file.write_text(f"{HEAD}{imports}\n@pipeline\ndef flow():\n{body}")
    with pytest.raises(FlowcError) as caught:
        compile_file(file)
    [found] = caught.value.diagnostics
    assert found.code == "FC402"
    assert (
        found.message
        == f"{owner} is not known: it is the result of a step, which is not known when the flow is compiled"
    )


def test_a_function_that_prints_may_be_meant_as_a_step(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    body = "    print(square(1))\n    report(square(2))\n"
    file.write_text(f"{HEAD}def report(x):\n    print(x)\n\n@pipeline\ndef flow():\n{body}")
    sink = DiagnosticSink()
    compile_file(file, sink)
    assert [(item.code, item.help) for item in sink.diagnostics] == [
        ("FC116", "call it in a step; write `@step` above `report` to make it one"),
        ("FC116", "call it in a step; remove it here"),
    ]


def test_what_is_read_of_a_run_later_is_no_second_call(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    after = "flow()\nrun = flow.model.last_run\nprint(run.steps['square'].output.load())\n"
    file.write_text(f"{HEAD}@pipeline\ndef flow():\n    square(1)\n\n{after}")
    sink = DiagnosticSink()
    compile_file(file, sink)
    assert sink.diagnostics == ()


@pytest.mark.parametrize(
    ("line", "compiles"),
    [
        ("logger.log_step('x')", True), ("logger.info('x')", True), ("logger.handle(1)", False),
        ("square(logger.log_step('x'))", False), ("client.log_step('x')", False),
    ],
)  # fmt: skip
def test_a_logger_may_have_methods_of_its_own(line: str, compiles: bool, tmp_path: Path) -> None:
    made = "class Styled(logging.Logger):\n    def log_step(self, text):\n        self.info(text)\n\n"
    used = "logging.setLoggerClass(Styled)\nlogger = logging.getLogger(__name__)\nclient = mlflow.tracking()\n"
    file = tmp_path / "flow.py"
    file.write_text(
        f"import logging\nimport mlflow\n{HEAD}{made}{used}\n@pipeline\ndef flow():\n    {line}\n    square(1)\n"
    )
    if compiles:
        assert len(compile_file(file).flow.steps) == 1
    else:
        with pytest.raises(FlowcError):
            compile_file(file)
