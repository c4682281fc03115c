"""Rows about decorators and their arguments."""

from __future__ import annotations

from tests.docs.rows.base import END, NEXT, Row, steps


def _arguments(decorator: str, place: str, values: dict[str, str], needed: str = "") -> list[Row]:
    """A row for a decorator, and one for each of its arguments."""
    rows = [Row(f"`@{decorator}`", place, f"@{decorator}({needed})")]
    for name, value in values.items():
        given = ", ".join(part for part in (needed, f"{name}={value}") if part and not needed.startswith(f"{name}="))
        rows.append(Row(f"`@{decorator}({name}=)`", place, f"@{decorator}({given or needed})"))
    return rows


def _caught(file: str) -> str:
    """A file with `@catch` on its first step."""
    return file.replace("@step", "@catch(var='error')\n    @step", 1)


def _above(before: str, decorator: str) -> str:
    """A file with a decorator on its first step, and what stands before the class."""
    lines = [f"    {decorator}", "    @step", "    def start(self):", "        self.next(self.end)"]
    rest = ["", "    @step", "    def end(self):", "        pass"]
    return "\n".join(["from metaflow import *", before, "", "class RowFlow(FlowSpec):", *lines, *rest]) + "\n"


COMPUTED = [
    Row(name, "file", _above(before, decorator))
    for name, before, decorator in (
        ("`@resources(**K)`, where `K = dict(cpu=1)`", "K = dict(cpu=1)", "@resources(**K)"),
        ("`@environment(vars={**A, 'x': y})`", "A = {'a': '1'}\ny = '2'", "@environment(vars={**A, 'x': y})"),
        ("`','.join([...])`, comprehensions", "", "@environment(vars={'x': ','.join([str(n) for n in range(3)])})"),
        ("`a if b else c`, f-strings, arithmetic", "BIG = True", "@environment(vars={'x': f'{2 * 4 if BIG else 1}'})"),
        ("attributes of a class", "class Sizes:\n    cpu = 2\n", "@resources(cpu=Sizes.cpu)"),
        ("a member of an enumeration", "from enum import Enum\n\nclass Size(Enum):\n    BIG = 2\n",
         "@resources(cpu=Size.BIG.value)"),
        ("a function of the file", "def half(n):\n    return n // 2\n", "@resources(cpu=half(4))"),
        ("`os.environ.get(name, default)`", "import os", "@environment(vars={'x': os.environ.get('ROW_NAME', 'a')})"),
        ("`os.getenv(name)`, without `--env-at-compile`", "import os",
         "@environment(vars={'x': os.getenv('ROW_NAME')})"),
        ("`@environment(vars={'API_KEY': os.environ['API_KEY']})`: a secret, from the task's environment",
         "import os\nos.environ.setdefault('API_KEY', 'a')", "@environment(vars={'API_KEY': os.environ['API_KEY']})"),
        ("a function of a package that flowc does not run", "import numpy", "@resources(cpu=numpy.prod([2, 2]))"),
    )
]  # fmt: skip
"""Arguments of decorators that are computed when the file is imported."""


def _on_class(before: str, decorator: str) -> str:
    """A file with a decorator on its class."""
    return _above(before, "# nothing").replace("class RowFlow", f"{decorator}\nclass RowFlow", 1)


_WANDB = "from wandb.integration.metaflow import wandb_log"
_COMET = "from comet_ml.integration.metaflow import comet_flow"
EXTENSIONS = [
    Row("`@checkpoint(load_policy='fresh')`, of metaflow-checkpoint, and `current.checkpoint`", "file",
        _above("from metaflow import checkpoint", "@checkpoint(load_policy='fresh')")),
    *(
        Row(f"`@{name}`, of metaflow-checkpoint", "file", _above(f"from metaflow import {name}", f"@{name}"))
        for name in ("model", "huggingface_hub")
    ),
    Row("`@wandb_log`, of wandb, where the image has it", "file", _above(_WANDB, "@wandb_log(datasets=True)")),
    Row("`@wandb_log` above the class", "file", _on_class(_WANDB, "@wandb_log")),
    Row("`@comet_flow`, of comet-ml, where the image has it", "file", _on_class(_COMET, "@comet_flow")),
    Row("`@gpu_profile(interval=1)`, of metaflow-gpu-profile: does nothing", "file",
        _above("from metaflow import gpu_profile", "@gpu_profile(interval=1)")),
    Row("`@pip(libraries={'a': '1'})`, of metaflow-netflixext", "file",
        _above("from metaflow import pip", "@pip(libraries={'a': '1'})")),
    Row("an import of an extension's name that nothing uses", "file",
        _above("from metaflow import deepspeed, titus", "# nothing")),
]  # fmt: skip

STEP_DECORATORS = [
    *_arguments("resources", "step", {
        "cpu": "2", "gpu": "1", "disk": "20000", "memory": "8000", "shared_memory": "64"}),
    *_arguments("kubernetes", "step", {
        "cpu": "2", "memory": "8000", "disk": "20000", "image": "'python:3.11'", "image_pull_policy": "'Always'",
        "image_pull_secrets": "['s']", "service_account": "'a'", "secrets": "['s']", "node_selector": "{'a': 'b'}",
        "namespace": "'n'", "gpu": "1", "gpu_vendor": "'amd', gpu=1",
        "tolerations": "[{'key': 'a', 'operator': 'Exists'}]",
        "labels": "{'a': 'b'}", "annotations": "{'a': 'b'}", "use_tmpfs": "True", "tmpfs_tempdir": "False",
        "tmpfs_size": "100", "tmpfs_path": "'/t', use_tmpfs=True",
        "persistent_volume_claims": "{'c': '/c'}", "shared_memory": "64",
        "port": "8080", "compute_pool": "'p'", "executable": "'python3'", "hostname_resolution_timeout": "600",
        "qos": "'guaranteed'", "extended_resources": "{'a.b/c': '1'}",
        "security_context": "{'run_as_user': 1000}"}),
    *_arguments("batch", "step", {
        "cpu": "2", "gpu": "1", "memory": "8000", "image": "'python:3.11'", "queue": "'q'", "iam_role": "'r'",
        "execution_role": "'r'", "shared_memory": "64", "max_swap": "64", "swappiness": "10",
        "aws_batch_tags": "{'a': 'b'}",
        "use_tmpfs": "True", "tmpfs_tempdir": "False", "tmpfs_size": "100", "tmpfs_path": "'/t', use_tmpfs=True",
        "inferentia": "1",
        "trainium": "1", "efa": "1", "ephemeral_storage": "30", "host_volumes": "['/h']", "efs_volumes": "['e']",
        "log_driver": "'awslogs'", "log_options": "['a:b']", "executable": "'python3'", "privileged": "True"}),
    *_arguments("retry", "step", {"times": "1", "minutes_between_retries": "0"}),
    *_arguments("catch", "step", {"var": "'error'", "print_exception": "False"}),
    Row("`@catch` on a step that opens a foreach: an error", "file", _caught(steps(
        start="self.xs = [1]; self.next(self.a, foreach='xs')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END))),
    Row("`@catch` on a switch: an error", "file", _caught(steps(
        start="self.v = 1; self.next({1: self.a, 2: self.b}, condition='v')", a=NEXT, b=NEXT, end=END))),
    *_arguments("timeout", "step", {"seconds": "60", "minutes": "1", "hours": "1"}, "seconds=60"),
    *_arguments("environment", "step", {"vars": "{'A': 'b'}"}, "vars={'A': 'b'}"),
    *_arguments("secrets", "step", {"sources": "[]", "role": "'r'", "allow_override": "True"},
                "sources=[{'type': 'inline', 'options': {'env_vars': {'A': 'b'}}}]"),
    Row("`@secrets` of a cloud's manager", "step", "@secrets(sources=['aws-secrets-manager.name'])"),
    *_arguments("conda", "step", {
        "packages": "{'numpy': '2.0.0'}", "libraries": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("pypi", "step", {"packages": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("card", "step", {
        "type": "'blank'", "id": "'c'", "options": "{'a': 1}", "timeout": "10", "save_errors": "False",
        "customize": "True", "refresh_interval": "1"}),
]  # fmt: skip

_HOOK = """
    from metaflow import *

    def hook(run):
        print(run)

    @exit_hook(NAME=[hook])
    class RowFlow(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""

FLOW_DECORATORS = [
    *_arguments("project", "above", {"branch": "'b'", "production": "True"}, "name='rows'"),
    *_arguments("schedule", "above", {
        "cron": "'0 10 * * ? *'", "weekly": "True", "daily": "True", "hourly": "True"}),
    Row("`@schedule(timezone=)`", "above", "@schedule(daily=True, timezone='Europe/Berlin')"),
    Row("`@trigger(event=)`", "above", "@trigger(event='e')"),
    Row("`@trigger(event=)` that is a function", "above", "@trigger(event=lambda context: context.flow_name)"),
    Row("`@trigger(events=)`", "above", "@trigger(events=['e', 'f'])"),
    Row("`@airflow_s3_key_sensor`", "above", "@airflow_s3_key_sensor(bucket_key='s3://bucket/key')"),
    Row("`@airflow_s3_key_sensor(mode=)`", "above", "@airflow_s3_key_sensor(bucket_key='s3://b/key', mode='poke')"),
    Row("`@airflow_external_task_sensor`", "above", "@airflow_external_task_sensor(external_dag_id='Other')"),
    Row("`@trigger_on_finish(flow=)`", "above", "@trigger_on_finish(flow='Other')"),
    Row("`@trigger_on_finish(flows=)`", "above", "@trigger_on_finish(flows=['Other', 'Another'])"),
    Row("`@exit_hook(on_success=)`", "file", _HOOK.replace("NAME", "on_success")),
    Row("`@exit_hook(on_error=)`", "file", _HOOK.replace("NAME", "on_error")),
    *_arguments("conda_base", "above", {
        "packages": "{'numpy': '2.0.0'}", "libraries": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("pypi_base", "above", {"packages": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
]  # fmt: skip
