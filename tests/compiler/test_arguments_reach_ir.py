"""No argument of a decorator is dropped in silence: alone and beside others it changes the IR, or is reported.

The arguments are found in the models, so one that is added and forgotten fails here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from tests.support import compiled, without_spans

FLOW = """
from flowc import FlowSpec, step, {name}


def hook():
    pass


{above}
class Plain(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.item, foreach="items")

    {on_step}
    @step
    def item(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
VALUES = {
    "affinity": "{'nodeAffinity': {'preferredDuringSchedulingIgnoredDuringExecution': []}}",
    "annotations": "{'a': 'b'}", "aws_batch_tags": "{'a': 'b'}", "branch": "'b'", "config_map_volumes": "{'a': '/b'}",
    "config_maps": "['a']", "cron": "'1 2 * * *'", "efs_volumes": "['fs-1']", "event": "'e'", "events": "['e']",
    "extended_resources": "{'a.b/c': 1}", "flow": "'F'", "flows": "['F']", "gpu_type": "'a100'", "gpu_vendor": "'amd'",
    "image": "'i:1'", "image_pull_policy": "'Always'", "inferentia": "2", "labels": "{'a': 'b'}",
    "libraries": "{'a': '1'}", "log_options": "['a:b']", "name": "'p'", "node_selector": "{'a': 'b'}",
    "on_error": "[hook]", "on_success": "[hook]", "options": "{'a': 1}", "packages": "{'a': '1'}",
    "persistent_volume_claims": "{'a': '/b'}", "port": "1234", "python": "'3.12'", "qos": "'guaranteed'",
    "secret_volumes": "{'a': '/b'}", "secrets": "['s']", "security_context": "{'runAsUser': 5}",
    "sources": "['kubernetes.x']", "timezone": "'Asia/Tokyo'", "tmpfs_path": "'/a'",
    "tolerations": "[{'key': 'a', 'operator': 'Exists'}]",
    "vars": "{'A': '1'}",
}  # fmt: skip
"""Values of arguments whose annotation does not tell one."""
BESIDE = {
    "conda_base": ("packages={'z': '1'}",), "exit_hook": ("on_success=[hook]",),
    "kubernetes": ("use_tmpfs=True", "gpu=1"),
    "project": ("name='q'",), "pypi": ("packages={'z': '1'}",), "retry": ("times=0",),
    "schedule": ("cron='3 3 * * *'", "weekly=True", "daily=False"), "secrets": ("sources=['kubernetes.s']",),
    "trigger": ("event='z'",), "trigger_on_finish": ("flow='Z'",),
}  # fmt: skip
"""What stands beside an argument in further rounds."""
MODELS = {**ARGUMENTS, **FLOW_ARGUMENTS}
TURNS_OFF = {("batch", "tmpfs_tempdir"), ("kubernetes", "tmpfs_tempdir"), ("schedule", "daily")}
"""Arguments that are on by default: without what they are about, off is no request."""


def _value(name: str, argument: str) -> str:
    field = MODELS[name].model_fields[argument]
    if argument in VALUES:
        return VALUES[argument]
    annotation = str(field.annotation)
    if "bool" in annotation:
        return "False" if field.default is True else "True"
    return "7" if "int" in annotation or "float" in annotation or "tuple" in annotation else "'x1'"


@cache
def _compiled(folder: Path, name: str, arguments: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The IR without places, empty where it does not compile, and the messages of all diagnostics."""
    use = f"@{name}({', '.join(arguments)})"
    text = FLOW.format(name=name, above=use * (name in FLOW_ARGUMENTS), on_step=use * (name in ARGUMENTS))
    sink = DiagnosticSink()
    try:
        flow = compiled(folder, text, sink).flow
    except FlowcError:
        return "", tuple(item.message for item in sink.diagnostics)
    plain = without_spans(flow.model_copy(update={"source_hash": "", "span": None}).model_dump(mode="json"))
    return json.dumps(plain), tuple(item.message for item in sink.diagnostics)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_argument_changes_the_ir_or_is_reported(tmp_path: Path, name: str) -> None:
    dropped: list[str] = []
    for beside in ((), *((item,) for item in BESIDE.get(name, ()))):
        before, _ = _compiled(tmp_path, name, beside)
        for argument in MODELS[name].model_fields:
            given = f"{argument}={_value(name, argument)}"
            if any(item.startswith(f"{argument}=") for item in beside) or (name, argument) in TURNS_OFF:
                continue
            after, messages = _compiled(tmp_path, name, (*beside, given))
            about = "does nothing" if name in {"gpu_profile"} else argument.removesuffix("s")
            if after and after == before and not any(about in message for message in messages):
                dropped.append(f"@{name}({', '.join((*beside, given))})")
    assert not dropped
