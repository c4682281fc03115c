"""`flowc run` and its kin with parameters, included files and configs, by the commands that a user would type."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from flowc.client import Run
from flowc_cli.app import load_command
from flowc_cli.command_parsing import join_pairs
from flowc_compiler.frontend.parameters.declaration_calls import METAFLOW_RESERVED, RUN_OPTIONS
from tests import support

FLOW = """\
from metaflow import Config, FlowSpec, IncludeFile, Parameter, config_expr, environment, resources, step

GPU = 2


class Train(FlowSpec):
    \"\"\"Trains.\"\"\"

    settings = Config("settings", default="settings.json", help="how to train")
    rate = Parameter("rate", default=settings.rate, help="the learning rate")
    data = IncludeFile("data", default="data.txt")
    flag = Parameter("flag", default=False)
    hidden = Parameter("hidden", default="secret", show_default=False)
    config = Parameter("config", default="none")

    @resources(cpu=settings.cpu, gpu=GPU)
    @environment(vars=settings.env)
    @step
    def start(self):
        import os

        print("start:", self.rate, repr(self.data), self.flag, self.config, os.environ["MODE"], self.settings.cpu)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A flow with its files."""
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "data.txt").write_text("abc")
    (tmp_path / "settings.json").write_text('{"rate": 0.5, "cpu": 3, "env": {"MODE": "default"}}')
    (tmp_path / "other.json").write_text('{"rate": 0.1, "cpu": 1, "env": {"MODE": "other"}}')
    return tmp_path


def flowc(folder: Path, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """Run the command in a folder, with a store in it."""
    return support.flowc(folder, *arguments, **{"FLOWC_ROOT": str(folder / "root"), **variables})


def started(folder: Path, *arguments: str, **variables: str) -> str:
    """What the start step of a run prints."""
    done = flowc(folder, "run", "flow.py", *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(line.partition("start: ")[2] for line in done.stdout.splitlines() if "start: " in line)


OTHER_VALUE = '{"rate": 2.5, "cpu": 1, "env": {"MODE": "a=b"}}'


@pytest.mark.process
def test_what_is_given_and_what_is_not(folder: Path) -> None:
    assert started(folder) == "0.5 'abc' False none default 3"
    (folder / "new.txt").write_text("new")
    assert (
        started(folder, "--rate", "1", "--data=new.txt", "--flag", "--config", "mine")
        == "1.0 'new' True mine default 3"
    )
    assert started(folder, "-p", "data=data:,x", "-p", "config=settings=1") == "0.5 'x' False settings=1 default 3"


@pytest.mark.process
def test_configs_by_metaflows_spelling_and_by_name_and_path(folder: Path) -> None:
    for given in (["--config", "settings", "other.json"], ["--config", "settings=other.json"]):
        assert started(folder, *given) == "0.1 'abc' False none other 1"
    for given in (["--config-value", "settings", OTHER_VALUE], [f"--config-value=settings={OTHER_VALUE}"]):
        assert started(folder, *given, "--rate", "7") == "7.0 'abc' False none a=b 1"


@pytest.mark.process
def test_the_environment_gives_what_the_command_line_does_not(folder: Path) -> None:
    both = {"METAFLOW_RUN_RATE": "2", "FLOWC_RUN_RATE": "3"}
    assert started(folder, METAFLOW_RUN_RATE="2", METAFLOW_RUN_FLAG="yes") == "2.0 'abc' True none default 3"
    assert started(folder, **both) == "3.0 'abc' False none default 3"
    assert started(folder, "--rate", "4", **both) == "4.0 'abc' False none default 3"
    assert started(folder, METAFLOW_FLOW_CONFIG='{"settings": "other.json"}') == "0.1 'abc' False none other 1"
    value = '{"settings": {"rate": 9, "cpu": 1, "env": {"MODE": "m"}}}'
    assert started(folder, FLOWC_FLOW_CONFIG_VALUE=value) == "9 'abc' False none m 1"
    done = flowc(folder, "run", "flow.py", METAFLOW_RUN_RATE="much")
    assert (done.returncode, "FC303" in done.stderr) == (2, True)


@pytest.mark.process
def test_options_from_the_environment(folder: Path) -> None:
    started(folder, METAFLOW_RUN_RUN_ID_FILE="id.txt", FLOWC_RUN_TAGS="a b", METAFLOW_RUN_MAX_WORKERS="1")
    run = (folder / "id.txt").read_text()
    assert Run(f"Train/{run}", root=str(folder / "root")).user_tags == frozenset({"a", "b"})
    done = flowc(folder, "run", "flow.py", METAFLOW_RUN_MAX_WORKERS="0")
    assert done.returncode == 2
    done = flowc(folder, "run", "flow.py", FLOWC_RUN_RAT="1", FLOWC_RUN_ID="x", METAFLOW_RUN_NOTHING="1")
    assert done.returncode == 0
    assert "warning[FC302]: flow Train has no parameter for the variable FLOWC_RUN_RAT" in done.stderr
    assert done.stderr.count("warning[FC302]") == 1


def test_mistakes_start_nothing(folder: Path) -> None:
    for arguments, code in {
        ("--data", "absent.txt"): "FC308",
        ("--config", "setting", "other.json"): "FC306",
        ("--config", "settings", "absent.json"): "FC306",
        ("--config", "settings", "other.json", "--config-value", "settings", "{}"): "FC306",
        ("--config-value", "settings"): "FC302",
        ("--rate", "much"): "FC303",
        ("--rote", "1"): "FC302",
    }.items():
        done = flowc(folder, "run", "flow.py", *arguments)
        assert done.returncode == 2, arguments
        assert f"error[{code}]" in done.stderr, arguments
    (folder / "data.txt").unlink()
    done = flowc(folder, "run", "flow.py")
    assert (done.returncode, "FC308" in done.stderr) == (2, True)
    assert not (folder / "root").exists()


def test_every_command_takes_configs(folder: Path) -> None:
    (folder / "settings.json").unlink()
    given = ("--config", "settings", "other.json")
    for command in (
        ("check", "flow.py"), ("ir", "flow.py"), ("graph", "flow.py"), ("check", "flow.py", "--target", "argo"),
        ("compile", "flow.py", "--root", "s3://b/p"), ("compile", "flow.py", "-t", "airflow", "--root", "s3://b/p"),
    ):  # fmt: skip
        assert flowc(folder, *command).returncode == 2, command
        done = flowc(folder, *command, *given)
        assert done.returncode == 0, done.stderr


def test_a_config_changes_what_is_compiled(folder: Path) -> None:
    def names(*given: str) -> list[str]:
        done = flowc(folder, "compile", "flow.py", "--root", "s3://b/p", *given)
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith(("  name:", "metadata: {name:"))]

    first = names()
    assert names() == first
    assert names("--config", "settings", "other.json") != first
    (folder / "data.txt").write_text("other")
    assert names() != first, "the content of a default file is part of what is compiled"


def test_the_help_of_a_run_lists_what_the_flow_takes(folder: Path) -> None:
    text = flowc(folder, "run", "flow.py", "--help").stdout
    assert "--max-workers" in text
    for line in (
        "--rate (float) the learning rate [default: 0.5]", "--data (path of a file) [default: data.txt]",
        "--flag (bool) [default: false]", "--hidden (str)\n",
        "--config settings PATH how to train [now: settings.json]",
    ):  # fmt: skip
        assert line in text
    assert "secret" not in text
    assert "Parameters of" not in flowc(folder, "run", "--help").stdout


def test_pairs_are_joined_where_they_are_pairs() -> None:
    for given, joined in {
        ("run", "f.py", "--config", "a", "b.json"): ["run", "f.py", "--config", "a=b.json"],
        ("run", "--config", "a", "f.py"): ["run", "--config", "a", "f.py"],
        ("run", "f.py", "--config", "a"): ["run", "f.py", "--config", "a"],
        ("run", "f.py", "--config", "a", "--flag"): ["run", "f.py", "--config", "a", "--flag"],
        ("check", "--config-value", "a-b", "{}", "f.py"): ["check", "--config-value", "a-b={}", "f.py"],
        ("check", "--config=a=b", "f.py"): ["check", "--config=a=b", "f.py"],
        ("check", "--config", "a=b", "f.py"): ["check", "--config", "a=b", "f.py"],
    }.items():
        assert join_pairs(given) == joined


def test_names_that_options_hide_are_known() -> None:
    """A parameter whose name is an option of `flowc run` is hidden by it: a warning says so.

    `--profile` hides none: where the flow has a parameter `profile`, it is that parameter's.
    """
    options = {name[2:] for item in load_command("run").params for name in item.opts if name.startswith("--")}
    reported = options - METAFLOW_RESERVED - {"config", "config-value", "profile"}
    places = "RUN_OPTIONS in frontend/parameters/declaration_calls.py"
    assert reported | {"help"} == RUN_OPTIONS, f"add them to {places}, or take them away"


@pytest.mark.process
def test_a_reserved_option_is_given_by_p(tmp_path: Path) -> None:
    source = FLOW[: FLOW.index("GPU")] + (
        "class F(FlowSpec):\n    root = Parameter('root', default='r')\n\n    @step\n    def start(self):\n"
        "        print('start:', self.root)\n        self.next(self.end)\n"
        "\n    @step\n    def end(self):\n        pass\n"
    )
    (tmp_path / "flow.py").write_text(source)
    done = flowc(tmp_path, "run", "flow.py", "-p", "root=given")
    assert done.returncode == 0, done.stderr
    assert "start: given" in done.stdout
    assert "warning[FC305]" in done.stderr
