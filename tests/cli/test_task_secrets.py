"""Secrets that a step's variables read from the environment: no value is compiled, and each task has them itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files

SECRET = "very-secret"

CLASS = """
    import os
    from metaflow import FlowSpec, environment, secrets, step

    {before}

    class Keys(FlowSpec):
        @environment(vars={variables})
        @step
        def start(self):
            print("key", os.environ.get("API_KEY"), os.environ.get("STAGE"))
            self.next(self.end)

        @step
        def end(self):
            pass

    if __name__ == "__main__":
        Keys()
"""
PIPELINE = """
    import os
    from zenml import pipeline, step
    from zenml.config import DockerSettings
    from zenml.integrations.kubernetes.flavors.kubernetes_orchestrator_flavor import KubernetesOrchestratorSettings
    from zenml.integrations.kubernetes.pod_settings import KubernetesPodSettings

    {before}

    @step({step})
    def work() -> None:
        print("key", os.environ.get("API_KEY"), os.environ.get("STAGE"))

    @pipeline({pipeline})
    def p():
        work()

    if __name__ == "__main__":
        p()
"""
POD = (
    "settings={{'orchestrator': KubernetesOrchestratorSettings(pod_settings=KubernetesPodSettings(env=["
    "{{'name': 'API_KEY', 'value': {}}}, {{'name': 'STAGE', 'value': 'a'}}]))}}"
)
READ = "os.environ['API_KEY']"
WHOLE = f"{{'API_KEY': {READ}, 'STAGE': 'a'}}"
DICTS = [
    ("", WHOLE),
    ("", "{'API_KEY': os.getenv('API_KEY'), 'STAGE': 'a'}"),
    ("", "{'API_KEY': os.environ.get('API_KEY'), 'STAGE': 'a'}"),
    (f"KEY = {READ}", "{'API_KEY': KEY, 'STAGE': 'a'}"),
    (f"ALL = {WHOLE}", "ALL"),
    (f"ALL = {{'API_KEY': {READ}}}", "{**ALL, 'STAGE': 'a'}"),
    (f"ALL = dict(API_KEY={READ})", "dict(ALL, STAGE='a')"),
    ("", "{name: os.environ[name] for name in ['API_KEY']} | {'STAGE': 'a'}"),
    ("from os import environ, getenv", "{'API_KEY': getenv('API_KEY'), 'STAGE': 'a'}"),
    ("", "{'API_KEY': os.environ['OTHER_KEY'], 'STAGE': 'a'}"),
    ("", "{'API_KEY': os.environ['PLAIN'], 'STAGE': 'a'}"),
    ("", "{'API_KEY': os.environ.get('API_KEY', ''), 'STAGE': 'a'}"),
    ("", "{'API_KEY': os.getenv('OTHER_KEY', 'none'), 'STAGE': 'a'}"),
]
FILES = [
    *(CLASS.format(before=before, variables=variables) for before, variables in DICTS),
    *(PIPELINE.format(before=before, step=f"environment={given}", pipeline="") for before, given in DICTS),
    PIPELINE.format(before="", step="", pipeline=f"environment={WHOLE}"),
    PIPELINE.format(before="", step="", pipeline=f"settings={{'docker': DockerSettings(environment={WHOLE})}}"),
    PIPELINE.format(before="", step="", pipeline=POD.format(READ)),
    PIPELINE.format(before="", step="environment={'STAGE': 'a'}", pipeline=f"environment={{'API_KEY': {READ}}}"),
    PIPELINE.format(
        before="", step=f"environment={WHOLE}", pipeline="environment={'API_KEY': os.environ['ELSEWHERE']}"
    ),
]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "OTHER_KEY", "PLAIN", "ELSEWHERE"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.delenv("STAGE", raising=False)


@pytest.mark.parametrize("text", FILES)
def test_no_value_is_compiled(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"flow.py": text})
    for target in ("argo", "airflow"):
        command = ["compile", "flow.py", "-t", target, "--root", "s3://bucket/flows", "--image", "python:3.12"]
        done = flowc(tmp_path, *command)
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        assert "warning[FC119]: the pods need" in done.stderr
        assert "`--env-from-secret NAME`" in done.stderr
        done = flowc(tmp_path, *command, "--env-from-secret", "keys")
        assert SECRET not in done.stdout
        assert "FC119" not in done.stderr
        assert "keys" in done.stdout
    assert SECRET not in flowc(tmp_path, "ir", "flow.py").stdout


@pytest.mark.process
@pytest.mark.parametrize("text", FILES[::3])
def test_a_task_has_it(tmp_path: Path, text: str) -> None:
    write_files(tmp_path, {"flow.py": text})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 0, done.stderr
    assert f"key {SECRET} a" in done.stdout
    root = f"file://{tmp_path}/simulated"
    assert flowc(tmp_path, "compile", "flow.py", "--root", root, "-o", "flow.yaml").returncode == 0
    done = flowc(tmp_path, "simulate", "flow.yaml", "--keep", "kept")
    assert done.returncode == 0, done.stderr
    printed = [path.read_text() for path in (tmp_path / "kept").rglob("log")]
    assert any(f"key {SECRET} a" in text for text in printed)


@pytest.mark.parametrize("text", [FILES[0], FILES[len(DICTS)]])
def test_a_run_without_it_does_not_begin(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY")
    write_files(tmp_path, {"flow.py": text})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 2
    assert "error[FC402]: the variable API_KEY of step" in done.stderr
    assert "help: set API_KEY where you start the run" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("source", ["API_KEY", "OTHER_KEY"])
def test_the_file_may_set_it(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `load_dotenv()` does it: what tasks execute sets the variable there, too."""
    monkeypatch.delenv(source)
    lines = f"[line.split('=') for line in ['{source}=found']]"
    dotenv = f"import os\ndef load_dotenv():\n    os.environ.update({lines})\n"
    before = "from dotenv import load_dotenv; load_dotenv()"
    write_files(tmp_path, {"installed/dotenv.py": dotenv})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    text = CLASS.format(before=before, variables=f"{{'API_KEY': os.environ['{source}'], 'STAGE': 'a'}}")
    write_files(tmp_path, {"project/flow.py": text})
    done = flowc(tmp_path / "project", "run", "flow.py")
    assert done.returncode == 0, done.stderr
    assert "key found a" in done.stdout


@pytest.mark.parametrize("decorator", ["@secrets(sources=[{'type': 'kubernetes', 'id': 'keys'}])", ""])
@pytest.mark.parametrize("read", ["os.environ['API_KEY']", "os.getenv('API_KEY')"])
def test_a_secret_of_the_step_itself(tmp_path: Path, read: str, decorator: str) -> None:
    """Every task executes the file, in which `os.environ[...]` fails where the variable is not set."""
    text = CLASS.format(before="", variables=f"{{'API_KEY': {read}}}")
    write_files(tmp_path, {"flow.py": text.replace("@environment", f"{decorator}\n        @environment")})
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://bucket/flows", "-o", "flow.yaml")
    assert done.returncode == 0
    assert ("FC119" in done.stderr) == (not decorator or "getenv" not in read)


@pytest.mark.process
@pytest.mark.parametrize("source", ["API_KEY", "OTHER_KEY"])
@pytest.mark.parametrize("form", [CLASS, PIPELINE])
def test_a_default_counts_where_it_is_not_set(
    tmp_path: Path, form: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(source)
    variables = f"{{'API_KEY': os.getenv('{source}', 'none'), 'STAGE': 'a'}}"
    text = form.format(before="", variables=variables, step=f"environment={variables}", pipeline="")
    write_files(tmp_path, {"flow.py": text})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 0, done.stderr
    assert "key none a" in done.stdout
    done = flowc(tmp_path, "compile", "flow.py", "--root", "file:///tmp/a", "-o", "flow.yaml")
    assert "FC119" not in done.stderr


@pytest.mark.parametrize("read", [
    "os.getenv('API_KEY', '') + ''", "os.getenv('API_KEY', 'a').strip()", "os.getenv('API_KEY', os.getenv('B', 'c'))",
    "os.environ.get('API_KEY') or 'a'", "'a' if os.getenv('API_KEY') else 'b'",
])  # fmt: skip
def test_what_is_computed_of_a_default_is_none_of_the_tasks(tmp_path: Path, read: str) -> None:
    """Only a value that nothing computes with can come from a task: the others have what the code's defaults give."""
    write_files(tmp_path, {"flow.py": CLASS.format(before="", variables=f"{{'API_KEY': {read}}}")})
    done = flowc(tmp_path, "ir", "flow.py")
    assert '"source"' not in done.stdout
    assert "FC119" in done.stderr or "FC402" in done.stderr
