"""Configurations, contexts, artifacts, models and command lines: what steps see is what they see in ZenML itself.

Each row is a file whose `main()` runs a pipeline, with a configuration file beside it. The outputs of its steps are the
same, or
both refuse it. Needs the environment of ZenML that tests/bench/setup makes.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from tests.pipelines.asking_zenml import answers_of_zenml
from tests.pipelines.comparing import run_flowc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.oracle
HEAD = """
from typing import Any, Tuple
from zenml import ExternalArtifact, Model, get_pipeline_context, get_step_context, load_artifact, log_metadata, pipeline
from zenml import save_artifact, step
from zenml.client import Client
from zenml.enums import ModelStages, StackComponentType
from zenml.exceptions import StepContextError

@step
def one() -> int:
    return 1

@step
def work(x: int, y: int = 1) -> int:
    return 10 * x + y

@step
def same(value: Any) -> Any:
    return value

@step
def keep(value: int) -> int:
    save_artifact([value, value + 1], "pair")
    return load_artifact("pair")[1]

@step
def kept() -> list:
    return load_artifact("pair")

@step
def pairs() -> Tuple[int, str]:
    return 1, "b"

@step
def logs() -> int:
    log_metadata({"rows": 3}, infer_artifact=True)
    return 1

@step
def own_model() -> list:
    try:
        model = get_step_context().model
    except StepContextError:
        return []
    return [model.name, model.version]

@step
def extras() -> list:
    context = get_step_context()
    return [dict(context.pipeline_run.config.extra), dict(context.step_run.config.extra)]

@step
def secret() -> str:
    try:
        return Client().get_secret("nobody").secret_values["x"]
    except KeyError:
        return "none"

@step
def alerts() -> str:
    alerter = Client().active_stack.alerter
    if alerter and get_step_context().pipeline_run.config.extra["notify"]:
        alerter.post("done")
    return "posted" if alerter else "none"

@pipeline(extra={"a": {"k": 1, "m": 2}, "b": 1}, enable_cache=False)
def pipe(n: int = 2, m: int = 3):
    work(n)
    work(m, 4, id="second")

"""


@dataclass(frozen=True)
class Row:
    """A file's own part after the head, and its configuration file, `c.yaml` in the code."""

    code: str
    yaml: str = ""
    refused: str = ""
    """The code with which flowc refuses what ZenML refuses."""
    files: dict[str, str] = field(default_factory=dict[str, str])


def _run(yaml: str, call: str = "pipe.with_options(config_path='c.yaml')()", refused: str = "") -> Row:
    return Row(f"def main():\n    {call}", yaml, refused)


def _body(body: str, decorator: str = "enable_cache=False") -> Row:
    lines = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return Row(f"@pipeline({decorator})\ndef flow():\n{lines}\n\ndef main():\n    flow()")


ROWS = {
    "parameters": _run("parameters: {n: 7}"),
    "parameters_conflict": _run("parameters: {n: 7}", "pipe.with_options(config_path='c.yaml')(n=8)", "FC113"),
    "parameters_agree": _run("parameters: {n: 7}", "pipe.with_options(config_path='c.yaml')(n=7)"),
    "parameters_unknown": _run("parameters: {zz: 7}", refused="FC113"),
    "parameters_in_code": _run("", "pipe.with_options(parameters={'n': 4})()"),
    "parameters_in_code_win": _run(
        "parameters: {n: 5, m: 6}", "pipe.with_options(config_path='c.yaml', parameters={'n': 4})()"
    ),
    "parameters_configured": _run("", "pipe.configure(parameters={'m': 8})\n    pipe()"),
    "step_default": _run("steps: {work: {parameters: {y: 5}}}"),
    "step_agrees": _run("steps: {second: {parameters: {y: 4}}}"),
    "step_conflict": _run("steps: {second: {parameters: {y: 5}}}", refused="FC113"),
    "step_conflict_with_parameter": _run("steps: {work: {parameters: {x: 5}}}", refused="FC113"),
    "step_of_no_call": _run("steps: {nobody: {parameters: {y: 5}}}"),
    "step_key_of_nothing": _run("steps: {work: {test_size: 0.2}}"),
    "key_of_nothing": _run("whatever: 1\nparameters: {n: 3}"),
    "empty_file": _run("{}"),
    "anchors": _run("base: &base {n: 3}\nparameters:\n  <<: *base\n  m: 5"),
    "options_in_a_dict": _run(
        "parameters: {m: 1}", "options = {'config_path': 'c.yaml'}\n    pipe.with_options(**options)()"
    ),
    "options_that_are_added": Row(
        "from datetime import datetime\nfrom pathlib import Path\n\ndef main():\n"
        "    options = {'enable_cache': False}\n"
        "    options['config_path'] = Path(__file__).resolve().parent / 'c.yaml'\n"
        "    assert options['config_path'].exists()\n"
        "    options['run_name'] = f\"added_{datetime.now().strftime('%H_%M_%S')}\"\n"
        "    pipe.with_options(**options)(**{})\n    options['config_path'] = 'nobody.yaml'",
        "parameters: {m: 5}",
    ),
    "replaced_result": Row(
        "@pipeline(enable_cache=False)\ndef flow():\n    work(one())\n\n"
        "def main():\n    flow.with_options(config_path='c.yaml')()",
        "steps: {work: {parameters: {x: 5}}}",
    ),
    "context": _body(
        "context = get_pipeline_context()\nsame([context.name, context.enable_cache, context.extra])",
        "extra={'a': {'k': 1}}, enable_cache=False",
    ),
    "context_of_nothing": _body("same([get_pipeline_context().model, get_pipeline_context().extra])"),
    "context_loop": _body(
        "for name, value in get_pipeline_context().extra['many']:\n    same(value, id=f'same_{name}')",
        "extra={'many': [('a', 1), ('b', 2)]}, enable_cache=False",
    ),
    "context_model": _body(
        "model = get_pipeline_context().model\nsame([model.name, model.version])",
        "model=Model(name='m', version='v3'), enable_cache=False",
    ),
    "context_file": Row(
        "@pipeline(extra={'a': {'k': 1, 'm': 2}})\ndef flow():\n    same(get_pipeline_context().extra)\n\n"
        "def main():\n    flow.with_options(config_path='c.yaml')()",
        "extra: {a: {k: 5}}",
    ),
    "context_code_and_file": Row(
        "@pipeline(extra={'a': {'k': 1, 'm': 2}})\ndef flow():\n    same(get_pipeline_context().extra)\n\n"
        "def main():\n    flow.with_options(config_path='c.yaml', extra={'a': {'k': 6}})()",
        "extra: {a: {k: 5}}",
    ),
    "extra": _body("extras()", "extra={'a': {'k': 1}, 'b': [1, (2,)]}, enable_cache=False"),
    "extra_of_nothing": _body("extras()"),
    "extra_of_a_step": _body(
        "extras.with_options(extra={'a': {'m': 2}, 'c': 0})()\nextras(id='plain')",
        "extra={'a': {'k': 1}}, enable_cache=False",
    ),
    "extra_of_options": Row(
        "@pipeline(extra={'a': {'k': 1}}, enable_cache=False)\ndef flow():\n    extras()\n\n"
        "def main():\n    flow.with_options(extra={'a': {'m': 2}, 'd': 'x'})()"
    ),
    "extra_of_a_file": Row(
        "@pipeline(extra={'a': {'k': 1, 'm': 2}}, enable_cache=False)\ndef flow():\n    extras()\n\n"
        "def main():\n    flow.with_options(config_path='c.yaml', extra={'a': {'k': 6}})()",
        "extra: {a: {k: 5}}\nsteps: {extras: {extra: {z: 1}}}",
    ),
    "secret_of_nobody": _body("secret()"),
    "alerter_of_nobody": _body("alerts()", "extra={'notify': True}, enable_cache=False"),
    "external": _body("work(ExternalArtifact(value=4))\nwork(x=ExternalArtifact(value=5), y=2)"),
    "kept": _body("a = keep(3)\nkept(after=a)"),
    "client_artifact": _body("keep(6)\nsame(Client().get_artifact_version('pair'), after='keep')"),
    "client_load": _body("keep(6)\nsame(Client().get_artifact_version('pair').load(), after='keep')"),
    "client_metadata": _body(
        "logs()\nsame(Client().get_artifact_version('flow::logs::output').run_metadata['rows'], after='logs')"
    ),
    "model": _body("own_model()", "model=Model(name='m', version='v1'), enable_cache=False"),
    "model_of_a_step": _body(
        "own_model.with_options(model=Model(name='own', version='w1'))()\nown_model()",
        "model=Model(name='m', version='v2'), enable_cache=False",
    ),
    "model_of_a_file": Row(
        "@pipeline(enable_cache=False)\ndef flow():\n    own_model()\n\n"
        "def main():\n    flow.with_options(config_path='c.yaml')()",
        "model: {name: from_file, version: v3}",
    ),
    "model_missing": _body("own_model()"),
    "enumerations": _body("same([StackComponentType.ORCHESTRATOR.value, ModelStages.PRODUCTION.value])"),
    "invocation_id": _body("a = one()\nb = work(2, after=a.invocation_id)\nsame(b.invocation_id)"),
    "invocation_id_of_several": _body(
        "a, b = pairs()\nsame([a.invocation_id, b.output_name], after=b.invocation_id)"
    ),
    "from_a_dict": Row("PIPELINES = {'a': pipe}\n\ndef main():\n    PIPELINES['a'](n=5)"),
    "match": Row(
        "def main(name='a'):\n    match name:\n        case 'a':\n            pipe(n=6)\n"
        "        case _:\n            pipe(n=7)"
    ),
    "imported_in_a_function": Row(
        "def main():\n    from moved import pipe as other\n\n    other(n=9)",
        files={"moved.py": f"{HEAD}\n"},
    ),
    "click": Row(
        "import click\n\n@click.command()\n@click.option('--n', default=5)\n@click.option('--other', is_flag=True)\n"
        "@click.option('--times', '-t', 'many', default=2, type=int)\ndef main(n, other, many):\n"
        "    if other:\n        pipe(n=0)\n    else:\n        pipe(n=n * many)"
    ),
    "argparse": Row(
        "import argparse\n\ndef main():\n    parser = argparse.ArgumentParser()\n"
        "    parser.add_argument('--n', type=int, default=4)\n    parser.add_argument('--skip', action='store_true')\n"
        "    args = parser.parse_args()\n    pipe(n=args.n if not args.skip else 0)"
    ),
}  # fmt: skip


def _file(row: Row, name: str) -> str:
    code = textwrap.dedent(row.code).replace("c.yaml", f"row_{name}.yaml")
    return f"{HEAD}{code}\n\nif __name__ == '__main__':\n    main()\n"


def _write(folder: Path) -> list[Path]:
    files: list[Path] = []
    for name, row in ROWS.items():
        files.append(folder / f"row_{name}.py")
        files[-1].write_text(_file(row, name), encoding="utf-8")
        (folder / f"row_{name}.yaml").write_text(row.yaml, encoding="utf-8")
        for other, text in row.files.items():
            (folder / other).write_text(text, encoding="utf-8")
    return files


@pytest.fixture(scope="module")
def zenml(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ZenML says of every row, by name."""
    folder = tmp_path_factory.mktemp("zenml")
    files = _write(folder)
    return answers_of_zenml(folder, files)


@pytest.mark.parametrize("name", ROWS)
def test_steps_see_what_they_see_in_zenml(name: str, zenml: dict[str, Any], tmp_path: Path) -> None:
    row, theirs = ROWS[name], zenml[f"row_{name}"]
    file = next(file for file in _write(tmp_path) if file.stem == f"row_{name}")
    if row.refused:
        assert theirs["error"]
        with pytest.raises(FlowcError) as caught:
            compile_file(file)
        errors = [item.code for item in caught.value.diagnostics if item.severity == "error"]
        assert errors == [row.refused]
        return
    assert theirs["error"] is None
    found = run_flowc(file)
    assert found.ok, found.log
    ours = {
        step: {key: repr(value) for key, value in task.artifacts.items()}
        for (step, _), task in found.tasks.items()
        if step != "client_read"  # a task of flowc's own
    }
    assert ours == {step: said["outputs"] for step, said in theirs["steps"].items()}
