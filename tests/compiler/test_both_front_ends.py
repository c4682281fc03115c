"""Every decorator of steps at every place of a graph means the same in a class flow and in a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from tests.support import without_spans

CLASS = """
from flowc import *

{flow}
class Same(FlowSpec):
    rate = Parameter("rate", default=1)

    {plain}
    @step
    def start(self):
        self.next(self.load)

    {opener}
    @step
    def load(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    {body}
    @step
    def work(self):
        self.next(self.total)

    {join}
    @step
    def total(self, inputs):
        self.next(self.choose)

    {switch}
    @step
    def choose(self):
        self.way = True
        self.next({{True: self.left, False: self.right}}, condition="way")

    @step
    def left(self):
        self.next(self.end)

    @step
    def right(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
PIPELINE = """
from flowc import *

{plain}
@step
def start() -> int:
    return 1

{opener}
@step
def load(x: int) -> list[int]:
    return [1, 2]

{body}
@step
def work(x: int) -> int:
    return x

{join}
@step
def total(xs: list[int]) -> int:
    return sum(xs)

{switch}
@step
def choose(x: int) -> int:
    return x

@step
def left() -> None:
    pass

@step
def right() -> None:
    pass

{flow}
@pipeline
def same(rate: int = 1):
    if choose(total(work.map(load(start())))) > 2:
        left()
    else:
        right()
"""
STEPS = {"plain": "start", "opener": "load", "body": "work", "join": "total", "switch": "choose"}
FLOW_USES = {
    "airflow_external_task_sensor": ["(external_dag_id='Other', timeout=60)", "(external_dag_id='O', soft_fail=True)"],
    "airflow_s3_key_sensor": ["(bucket_key='s3://b/k', poke_interval=5)", "(bucket_key='k', bucket_name='b')", "()"],
    "conda_base": ["(packages={'numpy': '1.26'}, python='3.12')", "(wrong=1)"],
    "concurrency": ["('all', limit=2)", "(runs=1, policy='skip')", "()", "('a', runs=1)", "('Not a name')"],
    "deadline": ["(hours=6, minutes=1.5)", "", "(hours=-1)", "(days=1e9)"],
    "exit_hook": ["(on_error=['module.tell'])", "()", "(on_success=['absent'])"],
    "notify": [
        "(slack='SLACK_URL')",
        "(on=['error', 'late'], webhook='https://example.com/x', email=['a@example.com'], smtp='mail/url')",
        "(slack='https://hooks.slack.com/x')",
        "()",
        "(on='never', slack='X')",
        "(incident_io='X')",
        "(email='nobody')",
    ],
    "project": ["(name='shop')", ""],
    "pypi_base": ["(packages={'numpy': '1.26'})"],
    "schedule": [
        "(daily=True)",
        "(cron='* * * * *')",
        "(cron=['0 1 * * *', '0 2 L * ? *'])",
        "(cron=[5])",
        "(cron='99 * * * *')",
        "(timezone='Nowhere/X')",
    ],
    "trigger": [
        "(event='sold')",
        "()",
        "(event={'name': 'sold', 'parameters': {'rate': 'r'}})",
        "(event={'name': 'sold', 'parameters': {'absent': 'r'}})",
        "(event={'name': 'sold', 'filter': {'shop': ['a', 'b'], 'rows': {'>=': 5, '<': 9.5}}})",
        "(event={'name': 'sold', 'filter': {'shop': {'>': 'a'}}})",
    ],
    "trigger_on_finish": ["(flow='Other')", "(flow='Other', flows=['A'])"],
    "wait_for": ["('s3://b/{scheduled:%F}/_SUCCESS')", "(flow='Other')", "(flow='Other', url='/a')"],
}
"""Decorator of flows to its arguments."""
USES = {
    "airflow_options": ["", "(pool='x', inlets=['a'], on_failure_callback='a.b')", "(on_failure_callback='a')"],
    "approval": [
        "(choices=['True', 'False'], message='Go?', timeout='2d', default='True')",
        "(choices=['a'])",
        "(choices=['True', 'False'], default='maybe')",
    ],
    "batch": ["(cpu=2, memory=512, gpu=1)", "(image='python:3.12', tmpfs=True)"],
    "cache": ["", "(ttl='2h', version=3, ignore=['a'])", "(ttl='1d 12h')", "(ttl='soon')", "(ttl=True)"],
    "call_flow": ["", "(flow='Same')", "(flow='Same', deployed=True)", "(wrong=1)"],
    "card": ["(type='blank')"],
    "checkpoint": ["", "(load_policy='eager', keep='latest', temp_dir_root='/tmp')", "(load_policy='newest')"],
    "catch": ["", "(var='failure', print_exception=False)"],
    "concurrency": ["('warehouse', limit=2)", "(name='a')", "()", "(runs=1)", "('a', limit=0)"],
    "conda": ["(packages={'numpy': '1.26'}, python='3.12')"],
    "container": ["(image='x')", "(image='x', command='ls', outputs={'a': '/b'})", "(wrong=1)"],
    "environment": ["(vars={'A': 'b'})"],
    "foreach_options": ["", "(parallelism=2)", "(min_success=0.5)", "(min_success=2)"],
    "fuse": ["", "(disabled=True)", "(disabled=3)"],
    "gpu_profile": ["", "(interval=5, include_artifacts=False, artifact_prefix='p')", "(interval=0)"],
    "kubernetes": [
        "(cpu=2, memory=512, gpu=1)",
        "(secrets=['a'], node_selector='x=y')",
        "(cpu='many')",
        "(init_containers=[{'name': 'a', 'image': 'x'}], sidecars=[{'name': 'b', 'image': 'x'}])",
        "(sidecars=[{'name': 'main'}])",
    ],
    "loop": ["(max_iterations=3)", "(max_iterations=0)"],
    "metaflow_ray": ["", "(main_port=6379, all_nodes_started_timeout=90)", "(log_style='loud')"],
    "parallel": [""],
    "pypi": ["(packages={'numpy': '1.26'})", "(wrong=1)"],
    "pytorch_parallel": ["", "(master_port='3339')", "(port=1)"],
    "ray_parallel": ["(logging_level='debug', enable_dashboard=True, dashboard_port=8300)"],
    "resources": ["(cpu=2, memory=4096, disk=10240, gpu=1)", "(memory='16G')", "(shared_memory=64)"],
    "retry": [
        "",
        "(times=2, minutes_between_retries=1)",
        "(times='x')",
        "(on='lost', never=[ValueError, 'KeyError'])",
        "(memory=[1024, '2Gi'], node_selector=[{'spot': 'y'}, {}])",
        "(backoff='10s', factor=2, max_wait='1m')",
    ],
    "secrets": ["(sources=['inline-secret'])", "(sources=[])", "(sources=[{'type': 'kubernetes', 'id': 'x'}])"],
    "timeout": ["(seconds=3)", ""],
    "torchrun": ["", "(nproc_per_node='gpu', master_port=3339)", "(nproc_per_node=0)"],
    "wait_for": ["('s3://b/k', every=30, timeout='2h')", "(flow='Other', within='1h')", "()", "('ftp://x/y')"],
    "torchrun_parallel": ["(all_nodes_started_timeout=60)"],
}
"""Decorator to its arguments."""


def outcome(file: Path, text: str, step: str) -> object:
    """The codes at the decorator where the file is refused, else the specs of the step and of the flow."""
    file.write_text(text)
    line = text[: text.index("DECORATED")].count("\n") + 1
    try:
        flow = compile_file(file).flow
    except FlowcError as error:
        return {item.code for item in error.diagnostics if item.span is not None and item.span.line == line}
    return without_spans([flow.by_name[step].specs.model_dump(), flow.specs.model_dump()])


def decorated(use: str, place: str) -> dict[str, str]:
    """The parts of both files."""
    return {name: f"@{use}  # DECORATED" if name == place else "" for name in [*STEPS, "flow"]}


def test_every_decorator_is_here() -> None:
    assert set(USES) == set(ARGUMENTS)
    assert set(FLOW_USES) == set(FLOW_ARGUMENTS)


@pytest.mark.parametrize("place", STEPS)
@pytest.mark.parametrize("use", [f"{name}{arguments}" for name, found in USES.items() for arguments in found])
def test_a_decorator_of_a_step(use: str, place: str, tmp_path: Path) -> None:
    parts = decorated(use, place)
    found = [outcome(tmp_path / "flow.py", text.format(**parts), STEPS[place]) for text in (CLASS, PIPELINE)]
    assert found[0] == found[1]


@pytest.mark.parametrize("use", [f"{name}{arguments}" for name, found in FLOW_USES.items() for arguments in found])
def test_a_decorator_of_a_flow(use: str, tmp_path: Path) -> None:
    parts = decorated(use, "flow")
    found = [outcome(tmp_path / "flow.py", text.format(**parts), "work") for text in (CLASS, PIPELINE)]
    assert found[0] == found[1]


@pytest.mark.parametrize("use", ["loop(max_iterations=3)", "foreach_options(parallelism=2)"])
def test_a_decorator_of_a_member_of_a_gang(use: str, tmp_path: Path) -> None:
    """A pipeline has no gangs: `@parallel` is refused at every place, with the code of a class flow."""
    gang = CLASS.replace('foreach="items"', "num_parallel=2").replace("    {body}", "    @parallel\n    {body}")
    parts = decorated(use, "body")
    assert outcome(tmp_path / "flow.py", gang.format(**parts), "work") == {"FC406"}
    parts["body"] = "@parallel  # DECORATED"
    assert outcome(tmp_path / "flow.py", PIPELINE.format(**parts), "work") == {"FC214"}
