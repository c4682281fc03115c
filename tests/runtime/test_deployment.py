"""`Runner` on the local engine, and what the classes of deployments make of arguments."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import flowc
from flowc import DeployedFlow, Deployer, Runner
from flowc.deployment.command_process import option_words, top_level_words
from flowc.errors import NotFound
from tests.support import write_files

FLOW = """
    import time

    from flowc import FlowSpec, Parameter, step

    class Doubles(FlowSpec):
        alpha = Parameter("alpha", default=1)
        wait = Parameter("wait", default=0)

        @step
        def start(self):
            time.sleep(self.wait)
            self.out = 2 * self.alpha
            print("out", self.out)
            self.next(self.end)

        @step
        def end(self):
            if self.alpha < 0:
                raise ValueError("negative")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path, {"doubles.py": FLOW})
    for name in ("FLOWC_ROOT", "FLOWC_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.process
def test_a_run_and_its_resumption(folder: Path) -> None:
    with Runner("doubles.py", show_output=False, datastore_root=str(folder / "store")) as runner:
        good = runner.run(alpha=21, tags=["one", "two"], max_workers=1)
        assert (good.status, good.returncode) == ("successful", 0)
        assert good.run.data.out == 42
        assert good.run.user_tags == {"one", "two"}
        assert "out 42" in good.stdout
        assert "finished" in good.stderr
        bad = runner.run(alpha=-1)
        assert (bad.status, bad.returncode, bad.run.successful) == ("failed", 1, False)
        again = runner.resume(origin_run_id=bad.run.id)
        assert again.run.origin_pathspec == bad.run.pathspec
    refused: list[tuple[type[Exception], dict[str, Any], dict[str, Any], str]] = [
        (ValueError, {}, {"b": 1}, "no parameter `b`"),
        (ValueError, {"no_such_thing": 1}, {}, "no-such-thing"),
        (TypeError, {}, {"alpha": "x"}, "'x' is not a value of parameter `alpha`"),
        (TypeError, {}, {"max_workers": "x"}, "Invalid value for '--max-workers'"),
        (RuntimeError, {}, {"decospecs": ["no_such_thing"]}, "no_such_thing"),
    ]
    for kind, options, parameters, said in refused:  # but for the texts, as Metaflow 2.19
        with pytest.raises(kind, match=f"(?s)has not started: flowc run has ended with exit code 2: .*{said}"):
            Runner("doubles.py", show_output=False, **options).run(**parameters)
    with pytest.raises(NotImplementedError, match="flowc try"):
        Runner("doubles.py").spin("Doubles/1/start")


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"{folder}/nowhere.py"):
        Runner("nowhere.py")
    with pytest.raises(FileNotFoundError, match=f"{folder}/nowhere.py"):
        Deployer("nowhere.py").argo_workflows()


@pytest.mark.process
def test_a_run_that_is_not_waited_for(folder: Path) -> None:
    del folder

    async def follow() -> tuple[str, list[str], str]:
        async with Runner("doubles.py") as runner:
            first = await runner.async_run(alpha=4)
            lines = [line async for _, line in first.stream_log("stdout")]
            await first.wait()
            slow = await runner.async_run(wait=60)
            assert slow.status == "running"
            await slow.wait(timeout=0.2)
            return first.status, lines, slow.status

    status, lines, timed_out = asyncio.run(follow())
    assert status == "successful"
    assert any(line.endswith("out 8") for line in lines)
    assert timed_out == "timeout"


def test_options_before_a_command() -> None:
    given: dict[str, Any] = {
        "datastore_root": "s3://b/f", "decospecs": ["retry", "card"], "quiet": True, "pylint": False,
        "metadata": "local", "production": True, "config": [("a", "a.json")], "branch": None,
    }  # fmt: skip
    assert top_level_words(given) == [
        "--root=s3://b/f", "--with=retry", "--with=card", "--production", "--config=a=a.json",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="there is no datastore 'hdfs'"):
        top_level_words({"datastore": "hdfs"})
    assert option_words({"env": {"A": 1, "B": "x y"}, "include": ("a", "b")}) == [
        "--env=A=1", "--env=B=x y", "--include=a", "--include=b",
    ]  # fmt: skip


def test_engines_that_there_are_not() -> None:
    with pytest.raises(NotImplementedError, match="Step Functions"):
        Deployer("flow.py").step_functions()
    with pytest.raises(ValueError, match="No deployer 'kubeflow' exists"):
        DeployedFlow.from_deployment("x", impl="kubeflow")
    assert flowc.TriggeredRun.__name__ == "TriggeredRun"


@pytest.mark.process
def test_a_deployment_by_kubectl(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same kubectl as in tests/targets/test_deployments.py: what runs is tested on a cluster."""
    from tests.targets.test_deployments import KUBECTL

    state = folder / "cluster.json"
    state.write_text(json.dumps({"objects": [], "calls": [], "missing": []}))
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL.format(python=sys.executable, path=str(state)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent))
    deployer = Deployer("doubles.py", show_output=False).argo_workflows(name="twice")
    with pytest.warns(UserWarning, match="authorize"):
        deployed = deployer.create(root="s3://bucket/flows", namespace="flows", max_workers=3, authorize="token")
    assert (deployed.name, deployed.flow_name, deployed.production_token) == ("twice", "Doubles", None)
    template = next(item for item in json.loads(state.read_text())["objects"] if item["kind"] == "WorkflowTemplate")
    assert template["spec"]["parallelism"] == 3
    found = DeployedFlow.from_deployment("twice", namespace="flows")
    assert found.flow_name == "Doubles"
    assert found.suspend() is False  # it has no schedule
    assert found.delete() is True
    with pytest.raises(NotFound, match="No deployed flow found for: twice"):
        DeployedFlow.from_deployment("twice", namespace="flows")
    with pytest.raises(ValueError, match="No such option: --no-such-thing"):
        Deployer("doubles.py", show_output=False).argo_workflows().create(no_such_thing=1)
