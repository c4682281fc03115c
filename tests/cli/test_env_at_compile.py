"""`--env-at-compile`, and `env_at_compile` in [tool.flowc]: which variables of the environment are compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files

FLOW = """
    import os
    from flowc import FlowSpec, environment, step

    TRIES = int(os.environ["TRIES"])


    class Named(FlowSpec):
        @environment(vars={"TRIES": str(TRIES), "STAGE": os.getenv("STAGE", "dev")})
        @step
        def start(self):
            print("tries", os.environ["TRIES"], os.environ["STAGE"])
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIES", "3")
    monkeypatch.delenv("STAGE", raising=False)
    write_files(tmp_path, {"named.py": FLOW})
    return tmp_path


COMMANDS = (("check",), ("ir",), ("graph",), ("compile", "--root", "s3://bucket/flows"), ("package",))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_each_command_that_compiles_has_the_option(folder: Path, command: tuple[str, ...]) -> None:
    refused = flowc(folder, command[0], "named.py", *command[1:])
    assert refused.returncode == 2
    assert "compile with `--env-at-compile TRIES`" in refused.stderr
    done = flowc(folder, command[0], "named.py", *command[1:], "--env-at-compile", "TRIES")
    assert done.returncode == 0, done.stderr


def test_the_project_names_variables_and_no_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout must not have the secrets of those who compile it put into the output."""
    (folder / "pyproject.toml").write_text('[tool.flowc]\nenv_at_compile = ["TRIES"]\n')
    done = flowc(folder, "compile", "named.py", "--root", "s3://bucket/flows")
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("DB_PASSWORD", "hidden-value")
    write_files(folder, {"named.py": FLOW.replace("STAGE", "DB_PASSWORD")})
    (folder / "pyproject.toml").write_text('[tool.flowc]\nenv_at_compile = ["TRIES", "DB_PASSWORD"]\n')
    done = flowc(folder, "compile", "named.py", "--root", "s3://bucket/flows")
    assert done.returncode == 2
    assert "error[FC505]: [tool.flowc] env_at_compile names DB_PASSWORD" in done.stderr
    assert "hidden-value" not in done.stdout + done.stderr
    done = flowc(folder, "compile", "named.py", "--root", "s3://bucket/flows", "--env-at-compile", "DB_PASSWORD")
    assert done.returncode == 0, done.stderr
    assert "warning[FC119]: the value of DB_PASSWORD is compiled into the output, as plain text" in done.stderr
    (folder / "pyproject.toml").write_text('[tool.flowc]\nenv_at_compile = "TRIES"\n')
    done = flowc(folder, "check", "named.py")
    assert "error[FC505]: [tool.flowc] env_at_compile is a list of names of variables" in done.stderr


def test_an_option_that_does_nothing_is_a_warning(folder: Path) -> None:
    done = flowc(folder, "check", "named.py", "--env-at-compile", "TRIES", "--env-at-compile", "OTHER")
    assert done.returncode == 0
    assert "warning[FC506]: --env-at-compile OTHER has no effect" in done.stderr
    assert "--env-at-compile TRIES" not in done.stderr


@pytest.mark.process
def test_a_local_run(folder: Path) -> None:
    done = flowc(folder, "run", "named.py", "--env-at-compile", "TRIES")
    assert done.returncode == 0, done.stderr
    assert "tries 3 dev" in done.stdout


PLAIN = """
    from flowc import FlowSpec, environment, secrets, step

    class Plain(FlowSpec):
        {decorator}
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.parametrize(("decorator", "named"), [
    ('@environment(vars={"AWS_SECRET_ACCESS_KEY": "literal"})', "AWS_SECRET_ACCESS_KEY"),
    ('@environment(vars={"github_token": "x", "DB_PASSWORD": "y"})', "github_token, DB_PASSWORD"),
    ('@secrets(sources=[{"type": "inline", "options": {"env_vars": {"A": "b"}}}])', "A"),
    ('@environment(vars={"MAX_TOKENS": "4096", "USE_AUTH": True, "KEYBOARD": "x", "API_KEY": ""})', ""),
    ('@secrets(sources=[{"type": "kubernetes", "id": "a"}])', ""),
])  # fmt: skip
def test_a_secret_in_a_decorator_is_a_warning(tmp_path: Path, decorator: str, named: str) -> None:
    write_files(tmp_path, {"flow.py": PLAIN.format(decorator=decorator)})
    result = flowc(tmp_path, "check", "flow.py")
    assert result.returncode == 0, result.stderr
    assert ("FC412" in result.stderr) == bool(named)
    assert (f" of {named}: plain text in the compiled files" in result.stderr) == bool(named)
    assert ("--env-from-secret" in result.stderr) == bool(named)


@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_a_secret_on_the_command_line_is_a_warning(tmp_path: Path, target: str) -> None:
    write_files(tmp_path, {"flow.py": PLAIN.format(decorator="")})
    arguments = ["compile", "flow.py", "-t", target, "--image", "python:3.12", "--root", "s3://a/b"]
    result = flowc(tmp_path, *arguments, "--env", "API_KEY=sk-1", "--env", "MAX_TOKENS=3")
    assert result.returncode == 0, result.stderr
    assert "warning[FC412]: option env: the value of API_KEY: plain text" in result.stderr
    assert "FC412" not in flowc(tmp_path, *arguments, "--env", "REGION=eu").stderr


PIPELINE = """
    import os
    from dotenv import load_dotenv
    from zenml import pipeline, step
    from zenml.config import DockerSettings

    {before}


    @step
    def work() -> None:
        pass


    @pipeline({settings})
    def p():
        work()
"""
DOCKER = "settings={{'docker': DockerSettings(environment={{{}}})}}"
READS = ("os.environ['{}']", "os.getenv('{}')", "os.environ.get('{}')")


@pytest.mark.parametrize("before", ["", "load_dotenv()"])
@pytest.mark.parametrize("read", READS)
def test_secrets_of_a_pipelines_environment_are_left_to_the_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str, before: str
) -> None:
    monkeypatch.setenv("API_KEY", "very-secret")
    monkeypatch.setenv("REGION", "eu-1")
    entry = f"'API_KEY': {read.format('API_KEY')}, 'REGION': {read.format('REGION')}"
    write_files(tmp_path, {"p.py": PIPELINE.format(before=before, settings=DOCKER.format(entry))})
    refused = flowc(tmp_path, "check", "p.py")
    assert "compile with `--env-at-compile REGION`" in refused.stderr
    given = ("--env-at-compile", "REGION", "--env-from-secret", "keys")
    done = flowc(tmp_path, "compile", "p.py", "--root", "s3://bucket/flows", *given, "-o", "p.yaml")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "p.yaml").read_text()
    assert "very-secret" not in text
    assert "eu-1" in text
    assert "name: keys" in text


@pytest.mark.parametrize(
    "entry",
    [
        "'API_KEY': 'Bearer ' + os.environ['API_KEY']",
        "'API_KEY': os.environ['API_KEY'].strip()", "'MODE': os.environ['MODE']", "'API_KEY': compute()",
    ],
)  # fmt: skip
def test_other_unknown_values_of_an_environment_are_refused(tmp_path: Path, entry: str) -> None:
    write_files(tmp_path, {"p.py": PIPELINE.format(before="", settings=DOCKER.format(entry))})
    assert "error[FC402]" in flowc(tmp_path, "check", "p.py").stderr
