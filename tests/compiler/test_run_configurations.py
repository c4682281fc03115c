"""Configuration files and command lines of pipelines: what the compiler makes of them, and at which line it says so."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.driver.parameter_inputs import ParameterInputs
from tests.support import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from flowc_compiler.ir import Flow

HEAD = """
import argparse
import click
import typer
from zenml import pipeline, step

@step
def work(x: float = 1, y: int = 1) -> float:
    return x + y

@pipeline
def train(lr: float = 0.5, epochs: int = 1):
    for _ in range(epochs):
        work(lr)

@pipeline
def score(n: int):
    work(1, n)

"""


def _compiled(folder: Path, code: str, *given: str, yaml: str = "", flow: str | None = None) -> tuple[Flow, list[str]]:
    write_files(folder, {"run.py": HEAD + textwrap.dedent(code), "c.yaml": textwrap.dedent(yaml)})
    sink = DiagnosticSink()
    found = compile_file(folder / "run.py", sink=sink, flow_name=flow, given=ParameterInputs(tuple(given)))
    return found.flow, [_said(item.code, item.span) for item in sink.diagnostics]


def _said(code: str, span: object) -> str:
    return f"{code} {str(span).rpartition('/')[2].rpartition(':')[0]}"


def _refused(folder: Path, code: str, *given: str, yaml: str = "", flow: str | None = None) -> tuple[list[str], str]:
    with pytest.raises(FlowcError) as caught:
        _compiled(folder, code, *given, yaml=yaml, flow=flow)
    errors = [item for item in caught.value.diagnostics if item.severity == "error"]
    return [_said(item.code, item.span) for item in errors], errors[0].help


CALL = "train.with_options(config_path='c.yaml')()"


def test_a_file_configures_the_pipeline_and_its_steps(tmp_path: Path) -> None:
    yaml = """
    parameters: {epochs: 2}
    settings:
      resources: {cpu_count: 2, memory: 1GiB}
      docker: {parent_image: "python:3.12"}
    steps:
      work_2:
        settings:
          resources: {cpu_count: 4}
        retry: {max_retries: 3}
    schedule: {cron_expression: "0 5 * * *"}
    """
    flow, said = _compiled(tmp_path, CALL, yaml=yaml)
    assert said == []
    first, second = (step.specs for step in flow.steps if step.call is not None)
    assert first.resources is not None
    assert second.resources is not None
    assert (first.resources.cpu, first.resources.memory_mb, first.retry) == (2, 1024, None)
    assert (second.resources.cpu, second.resources.memory_mb) == (4, 1024)
    assert second.retry is not None
    assert second.retry.limit == 3
    assert first.container is not None
    assert first.container.image == "python:3.12"
    assert flow.specs.schedule is not None


WARNED = {
    "whatever: 1": ["FC410 c.yaml:1"],
    "parameters: {lr: 0.1}\nenable_cache: true": [],
    "steps:\n  work:\n    test_size: 1": ["FC410 c.yaml:3"],
    "steps:\n  nobody:\n    retry: {max_retries: 1}": ["FC410 c.yaml:2"],
    "steps:\n  work:\n    parameters: {y: 3}": [],
    "run_name: a\ntags: [b]": ["FC410 c.yaml:1", "FC410 c.yaml:2"],
    "extra: {a: 1}": ["FC410 c.yaml:1"],
    "steps:\n  work:\n    step_operator: vertex": ["FC410 c.yaml:3"],
    "settings:\n  orchestrator.sagemaker:\n    synchronous: false": ["FC410 c.yaml:3"],
    "settings:\n  experiment_tracker.mlflow:\n    nested: true": ["FC410 c.yaml:3"],
    "model:\n  name: m\n  license: MIT": ["FC410 c.yaml:3"],
    "settings:\n  resources:\n    cpus: 2": ["FC410 c.yaml:3"],
}
ERRORS = {
    "parameters: {zz: 1}": ["FC113 c.yaml:1"],
    "settings:\n  resources:\n    cpu_count: many": ["FC404 c.yaml:3"],
    "settings:\n  resources:\n    gpu_class: big": ["FC411 c.yaml:3"],
    "build: abc": ["FC411 c.yaml:1"],
    "settings:\n  docker:\n    environment:\n      KEY: ${API_KEY}": ["FC402 c.yaml:4"],
    "schedule:\n  interval_second: 5": ["FC407 c.yaml:2"],
    "- 1": ["FC404 run.py:20"],
    "a: [": ["FC104 run.py:20"],
}


@pytest.mark.parametrize("yaml", WARNED)
def test_what_does_nothing_is_said_at_its_line(yaml: str, tmp_path: Path) -> None:
    assert _compiled(tmp_path, CALL, yaml=yaml)[1] == WARNED[yaml]


@pytest.mark.parametrize("yaml", ERRORS)
def test_what_is_wrong_is_said_at_its_line(yaml: str, tmp_path: Path) -> None:
    assert _refused(tmp_path, CALL, yaml=yaml)[0] == ERRORS[yaml]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert _refused(tmp_path, "train.with_options(config_path='d.yaml')()")[0] == ["FC104 run.py:20"]


def test_a_secret_is_not_to_be_written_out(tmp_path: Path) -> None:
    assert "Secret" in _refused(tmp_path, CALL, yaml="environment: {KEY: '${API_KEY}'}")[1]


PROGRAMS = {
    "click": """
        @click.command()
        @click.option("--lr", default=0.1)
        @click.option("-e", "--n-epochs", "epochs", default=2, type=click.INT)
        @click.option("--score/--no-score", "only_score", default=False)
        @click.option("--name", required=True)
        def main(lr, epochs, only_score, name):
            if only_score:
                score(n=epochs)
            else:
                train(lr=lr, epochs=epochs)

        if __name__ == "__main__":
            main()
    """,
    "argparse": """
        if __name__ == "__main__":
            parser = argparse.ArgumentParser()
            group = parser.add_argument_group("values")
            group.add_argument("--lr", type=float, default=0.1)
            group.add_argument("-e", "--n-epochs", dest="epochs", type=int, default=2)
            parser.add_argument("--only-score", action="store_true")
            args = parser.parse_args()
            if args.only_score:
                score(n=args.epochs)
            else:
                train(lr=args.lr, epochs=args.epochs)
    """,
    "typer": """
        def main(lr: float = 0.1, epochs: int = typer.Option(2, "--n-epochs"), only_score: bool = False):
            if only_score:
                score(epochs)
            else:
                train(lr, epochs)

        if __name__ == "__main__":
            typer.run(main)
    """,
    "typer_application": """
        app = typer.Typer()

        @app.command()
        def main(lr: float = 0.1, epochs: int = 2, only_score: bool = False):
            if only_score:
                score(epochs)
            else:
                train(lr, epochs)

        if __name__ == "__main__":
            app()
    """,
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_options_are_parameters(program: str, tmp_path: Path) -> None:
    code = PROGRAMS[program]
    flow, said = _compiled(tmp_path, code)
    assert (flow.name, said) == ("train", [])
    values = {item.name: (item.default, item.fixed) for item in flow.parameters}
    assert values == {"lr": (0.1, False), "epochs": (2, True), "only_score": (False, True)}
    assert len([step for step in flow.steps if step.call is not None]) == 2
    flow, _ = _compiled(tmp_path, code, "epochs=1", "lr=3")
    assert len([step for step in flow.steps if step.call is not None]) == 1
    for found in (_compiled(tmp_path, code, "only_score=true")[0], _compiled(tmp_path, code, flow="score")[0]):
        assert found.name == "score"
        assert [item.default for item in found.parameters if item.name == "n"] == [2]
    assert _refused(tmp_path, code, "nothing=1")[0] == ["FC302 run.py:12"]


def test_a_program_that_runs_nothing_by_default(tmp_path: Path) -> None:
    code = """
        @click.command()
        @click.option("--training", is_flag=True)
        @click.option("--scoring", is_flag=True)
        def main(training, scoring):
            if training:
                train()
            if scoring:
                score(3)

        if __name__ == "__main__":
            main()
    """
    codes, help_text = _refused(tmp_path, code)
    assert codes == ["FC103 run.py:1"]
    assert help_text == "name one with `--flow`, or give the option: `-p training=true`, `-p scoring=true`"
    assert _compiled(tmp_path, code, flow="score")[0].name == "score"
    assert _compiled(tmp_path, code, "training=1")[0].name == "train"


def test_pipelines_that_are_only_imported(tmp_path: Path) -> None:
    write_files(tmp_path, {"pipes.py": HEAD, "other.py": "from pipes import score, train\nprint(score, train)\n"})
    with pytest.raises(FlowcError) as caught:
        compile_file(tmp_path / "other.py")
    (error,) = caught.value.diagnostics
    assert error.code == "FC102"
    assert "name one with `--flow`: score, train; or check its file:" in error.help
    assert error.help.endswith("pipes.py")
    assert compile_file(tmp_path / "other.py", flow_name="train").flow.name == "train"


OLD = {
    "steps_as_arguments": "@pipeline\ndef old(first, second):\n    second(first())\n\nold(work(), work()).run()",
    "parameters": "from zenml.steps import BaseParameters\n\nclass P(BaseParameters):\n    lr: float = 1.0\n\n"
    "@pipeline\ndef p():\n    work()",
    "outputs": "from zenml.steps import Output\n\n@step\ndef two() -> Output(a=int, b=int):\n    return 1, 2",
    "post_execution": "from zenml.post_execution import get_pipeline\nget_pipeline('a')",
}


@pytest.mark.parametrize("name", OLD)
def test_an_old_pipeline_is_one_error(name: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"run.py": f"from zenml.pipelines import pipeline\nfrom zenml.steps import step\n\n"
                                     f"@step\ndef work():\n    return 1\n\n{OLD[name]}\n"})  # fmt: skip
    with pytest.raises(FlowcError) as caught:
        compile_file(tmp_path / "run.py")
    (error,) = caught.value.diagnostics
    assert error.code == "FC110"
    assert "before 0.40" in error.message


def test_a_class_flow_of_another_file_is_named(tmp_path: Path) -> None:
    """Class flows are compiled from their own file: where another one calls them, FC102 says which that is."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "train.py").write_text(
        "from flowc import FlowSpec, step\n\n\nclass TrainFlow(FlowSpec):\n    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )
    main = tmp_path / "run.py"
    main.write_text("import os\nfrom flows.train import TrainFlow\n\nif __name__ == '__main__':\n    TrainFlow()\n")
    with pytest.raises(FlowcError) as caught:
        compile_file(main)
    [error] = caught.value.diagnostics
    assert error.span is not None
    assert (error.code, error.span.line) == ("FC102", 2)
    assert error.message.startswith("the flow `TrainFlow` is not in ")
    assert error.help.endswith("flows/train.py")
