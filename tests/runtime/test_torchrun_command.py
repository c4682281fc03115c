"""The command line of torchrun that `current.torch.run` makes, as metaflow-torchrun makes it."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from flowc.shim import kept_process, torchrun
from flowc.shim.torchrun import TorchrunException, TorchrunExecutor, TorchrunSingleNodeMultiGPU

MEMBER = ["--nnodes", "4", "--master_addr", "10.0.0.7", "--master_port", "3339", "--node_rank", "1"]
ENDPOINT = ["--rdzv_endpoint", "10.0.0.7:3339"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The commands that would have been started, without Python's own part; PyTorch is there."""
    found: list[list[str]] = []

    class Started:
        def __init__(self, command: list[str]) -> None:
            assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
            found.append(command[3:])

        def wait(self) -> int:
            return 3 if found[-1][-1] == "fails.py" else 0

    monkeypatch.setattr(kept_process, "KeptProcess", Started)
    torch = types.ModuleType("torch")
    torch.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "torch", torch)
    variables = {"WORLD_SIZE": "4", "NODE_RANK": "1", "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "3339"}
    for name, value in {**variables, "FLOWC_FILES": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.parametrize(
    ("given", "own", "words"),
    [
        ({}, ["--nproc_per_node", "2"], []),
        ({"nproc_per_node": 8}, ["--nproc_per_node", "8"], []),
        ({"torchrun_args": {"nproc-per-node": "gpu"}}, [], ["--nproc-per-node", "gpu"]),
        ({"torchrun_args": {"max_restarts": 3, "no_python": None}}, ["--nproc_per_node", "2"],
         ["--max_restarts", "3", "--no_python"]),
        ({"torchrun_args": ["max_restarts", 3, "nproc_per_node", 4]}, [],
         ["--max_restarts", "3", "--nproc_per_node", "4"]),
    ],
)  # fmt: skip
def test_arguments_of_torchrun(
    commands: list[list[str]], given: dict[str, Any], own: list[str], words: list[str]
) -> None:
    TorchrunExecutor({"nproc_per_node": 2}).run(entrypoint="train.py", **given)
    assert commands == [[*MEMBER, *own, *ENDPOINT, *words, "train.py"]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lr": 1e-05, "name": 'a "b" c', "amp": None, "flag": ""},
         ["--lr", "1e-05", "--name", 'a "b" c', "--amp", "--flag"]),
        ({"layers": [1, 2], "deep": True}, ["--layers", "[1, 2]", "--deep", "true"]),
        (["--epochs", 3, "config.yaml"], ["--epochs", "3", "config.yaml"]),
        (None, []),
    ],
)  # fmt: skip
def test_arguments_of_the_script(commands: list[list[str]], given: Any, words: list[str]) -> None:
    TorchrunSingleNodeMultiGPU().run(entrypoint="train.py", entrypoint_args=given, nproc_per_node=2)
    TorchrunSingleNodeMultiGPU().run(entrypoint="train.py")
    assert commands == [["--nproc_per_node", "2", "train.py", *words], ["--nproc_per_node", "1", "train.py"]]


def test_another_place_to_meet(commands: list[list[str]]) -> None:
    TorchrunExecutor({}).run({"master_port": 4000}, "train.py")
    TorchrunExecutor({}).run({"rdzv_endpoint": "here:1", "rdzv_backend": "c10d"}, "train.py")
    assert commands[0][-5:] == ["--rdzv_endpoint", "10.0.0.7:4000", "--master_port", "4000", "train.py"]
    assert commands[1].count("--rdzv_endpoint") == 1


def test_the_script_may_be_beside_the_flow(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.py").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    TorchrunSingleNodeMultiGPU().run(entrypoint="train.py")
    assert commands[0][-1] == str(tmp_path / "train.py")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "needs a script"),
        ({"entrypoint": "a.py", "nproc_per_node": 2, "torchrun_args": {"nproc_per_node": 3}}, "given twice"),
        ({"entrypoint": "a.py", "torchrun_args": ["max_restarts"]}, "'max_restarts' has none"),
        ({"entrypoint": "fails.py"}, "exit code 3: .*torch.distributed.run .*fails.py"),
    ],
)
def test_what_is_wrong(commands: list[list[str]], given: dict[str, Any], message: str) -> None:
    with pytest.raises(TorchrunException, match=message):
        TorchrunExecutor({}).run(**given)


def no_spec(name: str) -> None:
    """What finds no module."""


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", no_spec)
    with pytest.raises(torchrun.TorchNotInstalledException, match="image"):
        TorchrunSingleNodeMultiGPU().run(entrypoint="a.py")


@pytest.mark.process
def test_a_kept_process_ends_with_its_starter(tmp_path: Path) -> None:
    """The starter is killed: its program and that one's child, which holds the pipe open, end as well."""
    code = (
        "import os, signal, sys; from flowc.shim.kept_process import KeptProcess; "
        "KeptProcess(['sh', '-c', 'sleep 600 & echo started; wait']); sys.stdin.readline(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "started\n"
        out, _ = starter.communicate("\n", timeout=20)  # until all that could write to the pipe have ended
    assert (out, starter.returncode) == ("", -9)


@pytest.mark.process
@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code_of_a_kept_process(script: str, code: int) -> None:
    process = kept_process.KeptProcess(["sh", "-c", script])
    assert process.wait() == code
    process.stop()
