"""Chains whose steps ask for something, for flowc and its peers: the same specs, written in each one's own way.

`bare` asks for nothing, `kinds` gives the steps four sets of specs in turn, and `own` gives each step a set of its own.
"""

from __future__ import annotations

KINDS = ("bare", "kinds", "own")

_FLOWC = (
    "@resources(cpu=2, memory=4096)\n    @retry(times=2)",
    '@kubernetes(gpu=1, gpu_type="a100", cpu=8, memory=32768)\n    @retry(times=2)\n'
    '    @environment(vars={"MODE": "train", "LEVEL": "LEVEL"})',
    '@resources(cpu=1, memory=2048)\n    @environment(vars={"MODE": "score"})\n    @timeout(minutes=30)',
    "",
)


def flowc_chain(steps: int, kind: str) -> str:
    """A class flow; as a file for Metaflow, too, once its import is changed."""
    names = ["start", *(f"s{number}" for number in range(steps - 2)), "end"]
    text = "from flowc import FlowSpec, environment, kubernetes, resources, retry, step, timeout\n\n\n"
    text += "class BenchFlow(FlowSpec):\n"
    for number, (name, following) in enumerate(zip(names, [*names[1:], ""], strict=True)):
        decorators = {"bare": "", "kinds": _FLOWC[number % 4], "own": _FLOWC[1]}[kind]
        level = str(number) if kind == "own" else "3"
        lines = [decorators.replace('"LEVEL": "LEVEL"', f'"LEVEL": "{level}"')] if decorators else []
        lines += ["@step", f"def {name}(self):", f"    self.x = {number}"]
        lines += [f"    self.next(self.{following})"] if following else []
        text += "".join(f"    {line}\n" for line in lines) + "\n"
    return text + '\nif __name__ == "__main__":\n    BenchFlow()\n'


def hera_chain(steps: int, kind: str) -> str:
    """A Hera workflow of the same tasks: containers that print the name of their step."""
    return f"""from pathlib import Path

from hera.workflows import DAG, Container, Env, Parameter, Resources, Task, Workflow
from hera.workflows.models import Backoff, RetryStrategy, Toleration

RETRY = RetryStrategy(limit=2, retry_policy="Always", backoff=Backoff(duration="120s"))


def specs(kind, level):
    return [
        dict(resources=Resources(cpu_request=2, memory_request="4096Mi"), retry_strategy=RETRY),
        dict(
            resources=Resources(cpu_request=8, memory_request="32768Mi", gpus=1),
            retry_strategy=RETRY,
            env=[Env(name="MODE", value="train"), Env(name="LEVEL", value=str(level))],
            node_selector={{"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}},
            tolerations=[Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")],
        ),
        dict(
            resources=Resources(cpu_request=1, memory_request="2048Mi"),
            env=[Env(name="MODE", value="score")],
            active_deadline_seconds=1800,
        ),
        {{}},
    ][kind]


def work(name, **specs):
    return Container(
        name=name, image="python:3.11", command=["python3"], args=["-c", "pass"], inputs=[Parameter(name="x")], **specs
    )


with Workflow(name="bench", entrypoint="main") as workflow:
    kind = "{kind}"
    if kind == "bare":
        templates = [work("work")]
    elif kind == "kinds":
        templates = [work(f"work-{{number}}", **specs(number, 3)) for number in range(4)]
    else:
        templates = [work(f"work-{{number}}", **specs(1, number)) for number in range({steps})]
    with DAG(name="main"):
        last = None
        for number in range({steps}):
            task = Task(name=f"s{{number}}", template=templates[number % len(templates)], arguments={{"x": number}})
            if last is not None:
                last >> task
            last = task

Path("out.yaml").write_text(workflow.to_yaml())
"""


def kfp_chain(steps: int, kind: str) -> str:
    """A KFP pipeline of the same tasks. What runs in a task, its code, is in the YAML once for each executor."""
    return f"""from kfp import compiler, dsl


@dsl.container_component
def work(x: int):
    return dsl.ContainerSpec(image="python:3.11", command=["python3"], args=["-c", "pass", x])


def ask(task, kind, level):
    if kind == 0:
        task.set_cpu_request("2").set_memory_request("4096Mi").set_retry(2)
    elif kind == 1:
        task.set_cpu_request("8").set_memory_request("32768Mi").set_retry(2)
        task.set_accelerator_type("nvidia-tesla-a100").set_accelerator_limit(1)
        task.set_env_variable("MODE", "train").set_env_variable("LEVEL", str(level))
    elif kind == 2:
        task.set_cpu_request("1").set_memory_request("2048Mi").set_env_variable("MODE", "score")


@dsl.pipeline(name="bench")
def bench():
    kind = "{kind}"
    last = None
    for number in range({steps}):
        task = work(x=number)
        if last is not None:
            task.after(last)
        if kind != "bare":
            ask(task, 1 if kind == "own" else number % 4, number if kind == "own" else 3)
        last = task


compiler.Compiler().compile(bench, "out.yaml")
"""
