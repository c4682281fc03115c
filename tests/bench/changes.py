"""What a small change of a flow changes in the files that are reviewed: lines and bytes of `git diff`, and the peers'.

The flow has a foreach between its start and a join. Its comment, a number and its steps change in the same way in each
dialect. Metaflow's template is what `argo-workflows create --only-json` prints, from an S3 server that runs beside it;
what it uploads there nobody reviews, and is not counted.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from tests.bench.cases import FLOWC, HERE

METAFLOW = HERE.parent / "oracle" / "env"
SERVER = METAFLOW / "bin" / "moto_server"
PORT = 15917
"""Of the S3 server for Metaflow."""

CLASS = """
from {package} import FlowSpec, kubernetes, step


class TrainFlow(FlowSpec):
    @kubernetes(image="python:3.11", cpu=1, memory=500)
    @step
    def start(self):
        # what to try
        self.rates = [0.1, 0.2, 0.3]
        self.next(self.train, foreach="rates")

    @kubernetes(image="python:3.11", cpu=1, memory=500)
    @step
    def train(self):
        self.score = 1 - self.input
        self.next(self.join)

    @kubernetes(image="python:3.11", cpu=1, memory=500)
    @step
    def join(self, inputs):
        self.best = max(each.score for each in inputs)
        self.next(self.end)
{more}
    @kubernetes(image="python:3.11", cpu=1, memory=500)
    @step
    def end(self):
        print(self.best)


if __name__ == "__main__":
    TrainFlow()
"""
CLASS_STEP = """
    @kubernetes(image="python:3.11", cpu=1, memory=500)
    @step
    def check(self):
        assert self.best > 0
        self.next(self.end)
"""
HERA = """
from hera.workflows import DAG, Parameter, Resources, Workflow, models, script

SPECS = dict(image="python:3.11", resources=Resources(cpu_request=1, memory_request="500Mi"))


@script(**SPECS)
def start():
    import json, sys
    # what to try
    json.dump([0.1, 0.2, 0.3], sys.stdout)


@script(outputs=[Parameter(name="score", value_from=models.ValueFrom(path="/tmp/score"))], **SPECS)
def train(rate: float):
    open("/tmp/score", "w").write(str(1 - rate))


@script(outputs=[Parameter(name="best", value_from=models.ValueFrom(path="/tmp/best"))], **SPECS)
def join(scores: list):
    open("/tmp/best", "w").write(str(max(float(each["score"]) for each in scores)))

{more}
@script(**SPECS)
def end(best: float):
    print(best)


with Workflow(name="train", entrypoint="dag") as workflow:
    with DAG(name="dag"):
        first = start()
        each = train(name="train", arguments={{"rate": "{{{{item}}}}"}}, with_param=first.result)
        joined = join(name="join", arguments={{"scores": "{{{{tasks.train.outputs.parameters}}}}"}})
        last = end(name="end", arguments={{"best": "{{{{tasks.join.outputs.parameters.best}}}}"}})
        first >> each >> joined >> {chain}last

with open("out.yaml", "w") as out:
    out.write(workflow.to_yaml())
"""
HERA_STEP = """
@script(**SPECS)
def check(best: float):
    assert best > 0

"""
HERA_CALL = 'check(name="check", arguments={"best": "{{tasks.join.outputs.parameters.best}}"}) >> '
KFP = """
from kfp import compiler, dsl


@dsl.component(base_image="python:3.11")
def start() -> list:
    # what to try
    return [0.1, 0.2, 0.3]


@dsl.component(base_image="python:3.11")
def train(rate: float) -> float:
    return 1 - rate


@dsl.component(base_image="python:3.11")
def join(scores: list) -> float:
    return max(scores)

{more}
@dsl.component(base_image="python:3.11")
def end(best: float):
    print(best)


@dsl.pipeline(name="train")
def pipeline():
    first = start()
    with dsl.ParallelFor(items=first.output, parallelism=3) as rate:
        each = train(rate=rate)
    joined = join(scores=dsl.Collected(each.output))
    {chain}end(best=joined.output)


compiler.Compiler().compile(pipeline, "out.yaml")
"""
KFP_STEP = """
@dsl.component(base_image="python:3.11")
def check(best: float):
    assert best > 0

"""
KFP_CALL = "check(best=joined.output)\n    "
Source = Callable[[bool], str]
"""The text of a flow, without or with the step `check`."""
SOURCES: Mapping[str, Source] = {
    "flowc": lambda more: _class("flowc", more=more),
    "metaflow": lambda more: _class("metaflow", more=more),
    "hera": lambda more: HERA.format(more=HERA_STEP if more else "", chain=HERA_CALL if more else ""),
    "kfp": lambda more: KFP.format(more=KFP_STEP if more else "", chain=KFP_CALL if more else ""),
}
CHANGES: Mapping[str, Callable[[Source], str]] = {
    "a comment": lambda source: source(False).replace("# what to try", "# the rates to try"),
    "a number": lambda source: source(False).replace("0.3]", "0.4]"),
    "one more step": lambda source: source(True),
}


def _class(package: str, *, more: bool) -> str:
    text = CLASS.format(package=package, more=CLASS_STEP if more else "")
    return text.replace("self.next(self.end)", "self.next(self.check)", 1) if more else text


def main() -> int:
    """Print the table."""
    sys.stdout.write("| program | written: files, bytes | " + " | ".join(f"{name}: lines, bytes" for name in CHANGES))
    sys.stdout.write(" |\n|" + " --- |" * (len(CHANGES) + 2) + "\n")
    with tempfile.TemporaryDirectory() as folder, _s3():
        for name in SOURCES:
            command = _command(name)
            if command is not None:
                sys.stdout.write("| " + " | ".join([name, *_measured(Path(folder) / name, name, command)]) + " |\n")
                sys.stdout.flush()
    return 0


def _command(name: str) -> tuple[str | Path, ...] | None:
    """What compiles flow.py into the folder `out`; `None` where the program is not installed."""
    if name == "flowc":
        return (*FLOWC, "compile", "flow.py", "--root", "s3://bucket/prefix", "-o", "out")
    python = (METAFLOW if name == "metaflow" else HERE / f"env-{name}") / "bin" / "python"
    if not python.is_file() or (name == "metaflow" and not SERVER.is_file()):
        return None
    if name == "metaflow":
        return (python, "flow.py", "--no-pylint", "--datastore=s3", "argo-workflows", "create", "--only-json")
    return (python, "flow.py")


def _measured(folder: Path, name: str, command: tuple[str | Path, ...]) -> list[str]:
    """The cells of a program: what it writes, and what each change changes of that."""
    out = folder / "out"
    out.mkdir(parents=True)
    _git(out, "init", "-q")
    _compile(folder, SOURCES[name](False), command)
    files = [path for path in out.rglob("*") if path.is_file() and ".git" not in path.parts]
    cells = [f"{len(files)}, {sum(path.stat().st_size for path in files):,}"]
    _git(out, "add", "-A")
    _git(out, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "before")
    for change in CHANGES.values():
        _compile(folder, change(SOURCES[name]), command)
        _git(out, "add", "-A", "-N")
        difference = _git(out, "diff", "HEAD")
        lines = [line for line in difference.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        cells.append(f"{len(lines)}, {len(difference.encode()):,}")
        _git(out, "reset", "-q", "--hard")
        _git(out, "clean", "-qfd")
    return cells


def _compile(folder: Path, text: str, command: tuple[str | Path, ...]) -> None:
    """Write the flow beside the folder `out`, and what it is compiled to into that."""
    (folder / "flow.py").write_text(text)
    environment = {
        **os.environ, "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bucket/metaflow", "METAFLOW_USER": "bench",
        "METAFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{PORT}", "METAFLOW_DEFAULT_METADATA": "local",
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1",
    }  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr}")
    if (folder / "out.yaml").exists():
        (folder / "out.yaml").replace(folder / "out" / "out.yaml")
    if "--only-json" in command:
        (folder / "out" / "out.json").write_text(done.stdout)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def _s3() -> Generator[None]:
    """An S3 server with a bucket, where Metaflow is installed."""
    if not SERVER.is_file():
        yield
        return
    command = [str(SERVER), "-p", str(PORT)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1) as connection:
                    connection.sendall(b"PUT /bucket HTTP/1.0\r\nContent-Length: 0\r\n\r\n")
                    connection.recv(1000)
                    break
                time.sleep(0.1)
            yield
        finally:
            server.kill()
