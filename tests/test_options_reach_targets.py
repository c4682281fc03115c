"""No option of a target is dropped in silence: with each kind of output it changes what is emitted, or is reported.

The options are found in the models, so one that is added and forgotten fails here. What is reported as having no effect
has none.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from flowc_cli.target_options import build_options, emit_files
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver.compile import Compilation, compile_file
from flowc_targets.base.target import load_target, target_names

FLOW = """
from flowc import FlowSpec, Parameter, {imported}


{above}
class Plain(FlowSpec):
    n = Parameter("n", default=1)

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
ALL_STEPS = """
from flowc import FlowSpec, kubernetes, retry, step


class Plain(FlowSpec):
    @retry(times=1)
    @kubernetes(image="own:1", image_pull_policy="Never", executable="python3.12", memory=10, qos="guaranteed")
    @step
    def start(self):
        self.next(self.end)

    @retry(times=1)
    @kubernetes(image="own:1", image_pull_policy="Never", executable="python3.12", memory=10, qos="guaranteed")
    @step
    def end(self):
        pass
"""
FLOWS = {
    "plain": FLOW.format(imported="step", above="", on_step=""),
    "triggered": FLOW.format(
        imported="step, timeout, trigger",
        above="@trigger(event={'name': 'e', 'parameters': ['n']})",
        on_step="@timeout(seconds=90)",
    ),
    "after_others": FLOW.format(
        imported="kubernetes, step, trigger_on_finish",
        above="@trigger_on_finish(flow='Other')",
        on_step="@kubernetes(gpu=1)",
    ),
    "gpu_type": FLOW.format(
        imported="kubernetes, schedule, step",
        above="@schedule(daily=True, timezone='Asia/Tokyo')",
        on_step="@kubernetes(gpu=1, gpu_type='a100', memory=100)",
    ),
    "all_steps": ALL_STEPS,
    "late": FLOW.format(
        imported="deadline, notify, step", above="@deadline(hours=1)\n@notify(on='late', webhook='HOOK')", on_step=""
    ),
}
"""Flows with something that an option may be about."""

ROOT = "root=s3://bucket/prefix"
KINDS: dict[str, tuple[str, ...]] = {
    "argo": ("kind=workflow", "kind=template", "kind=cron", "kind=deployment"),
    "airflow": ("operator=kubernetes", "operator=local"),
}
VALUES: dict[str, tuple[str, ...]] = {
    "annotations": ('{note = "a"}',),
    "argo_version": ("3.5",),
    "batch": ("{item = 5}",),
    "code": ("workflow", "configmap"),
    "concurrency_policy": ("Forbid",),
    "config_file": ("/etc/kubeconfig",),
    "crds": ("minimal",),
    "dag_id": ("other",),
    "dagrun_timeout": ("60",),
    "dags_folder": ("dags",),
    "deadline_alerts": ("true",),
    "deferrable": ("true",),
    "disable_max_recursion": ("true",),
    "env": ('{A = "1"}',),
    "env_from_secrets": ("secret",),
    "event_bus": ("bus",),
    "event_name": ("all",),
    "event_payload": ("body.other",),
    "event_service_account": ("events",),
    "event_source": ("source",),
    "executor_config": ("{a = 1}",),
    "failed_history": ("3",),
    "gpu": ('{a100 = {selector = {a = "b"}}}',),
    "gpu_cloud": ("eks",),
    "image": ("other:1",),
    "image_pull_policy": ("Always",),
    "image_pull_secrets": ("secret",),
    "image_digests": (f'{{start = "sha256:{"a" * 64}"}}',),
    "images": ("IMAGES",),
    "fuse": ("true",),
    "install_at_start": ("true",),
    "in_cluster": ("true",),
    "include": ("*.csv",),
    "kms_key": ("key",),
    "kubernetes_conn_id": ("conn",),
    "kueue_queue": ("queue",),
    "labels": ('{team = "a"}',),
    "max_active_runs": ("2",),
    "max_active_tasks": ("3",),
    "max_map_length": ("5",),
    "name": ("other",),
    "namespace": ("other",),
    "on_failure_callback": ("json.dumps",),
    "on_success_callback": ("json.dumps",),
    "origin_run": ("argo-1",),
    "scheduled_time": ("2026-01-31T00:00:00Z",),
    "owner": ("ann",),
    "parallelism": ("5",),
    "parameters": ('{n = "2"}', '{other = "2"}'),
    "pod_gc": ("OnPodSuccess",),
    "pod_gc_delay": ("1h",),
    "pod_override": ("{spec = {priorityClassName = 'high'}}",),
    "pool": ("pool",),
    "priority_weight": ("3",),
    "python": ("python3.12",),
    "qos": ("guaranteed",),
    "queue": ("slow",),
    "restricted": ("true",),
    "retries": ("2",),
    "retries_of_lost_pods": ("2",),
    "root": ("s3://other/prefix",),
    "run_as_user": ("1000",),
    "runtime": ("image", "store"),
    "schedule": ("0 5 * * *",),
    "schedule_timeout_seconds": ("50",),
    "service_account": ("account",),
    "sse": ("aws:kms",),
    "starting_deadline_seconds": ("50",),
    "startup_timeout_seconds": ("50",),
    "successful_history": ("3",),
    "suspend": ("true",),
    "tags": ("tag",),
    "template_patch": ("{priorityClassName = 'high'}",),
    "through": ("server",),
    "timeout_grace": ("77",),
    "timezone": ("Europe/Berlin",),
    "ttl_seconds": ("50",),
    "ui_url": ("https://argo.example",),
    "workflow_priority": ("5",),
    "workflow_patch": ("{spec = {priority = 1}}",),
}
"""By option values for `--set` that are not the default."""
MEANS_WHAT_IS = {("code", "configmap"), ("code", "file")}
"""Values that say what is the case anyway."""
CHOOSES = {"kind", "operator"}
OVERRIDDEN = {("airflow", name) for name in ("image", "image_pull_policy", "python", "retries")}
"""Options that are printed once for all steps, and that each step may override."""
DESCRIBES = {"max_map_length"}
"""Options about the engine that only checks of a width read."""


@cache
def _compiled(folder: Path, name: str) -> Compilation:
    path = folder / f"{name}.py"
    path.write_text(FLOWS[name])
    (folder / "table.csv").write_text("a,b\n")
    (folder / "images.json").write_text('{"version": 1, "images": []}')
    return compile_file(path)


def _emitted(compilation: Compilation, target: str, *settings: str) -> tuple[tuple[str, ...], list[str]]:
    """The texts of the emitted files, and the messages of all diagnostics."""
    sink = DiagnosticSink()
    found = load_target(target)
    path = compilation.source.path
    given = (ROOT, *(item.replace("IMAGES", str(path.with_name("images.json"))) for item in settings))
    options = build_options(found.options_model, target, path, {}, given, sink)
    files = emit_files(found, compilation.flow, compilation.source, options, sink) if options is not None else ()
    return tuple(file.text for file in files), [item.message for item in sink.diagnostics]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("options")


def test_every_option_has_a_value() -> None:
    fields = {name for target in target_names() for name in load_target(target).options_model.model_fields}
    assert fields == VALUES.keys() | CHOOSES


def _combinations() -> list[tuple[str, tuple[str, str]]]:
    """A plain flow with each kind of output, and the others with those that use the most."""
    kinds = [(target, kind) for target, found in KINDS.items() for kind in found]
    most = [("argo", "kind=template"), ("airflow", "operator=kubernetes")]
    return [(flow, kind) for flow in FLOWS for kind in (kinds if flow == "plain" else most)]


@pytest.mark.parametrize(("flow", "kind"), _combinations())
def test_each_option_is_used_or_reported(folder: Path, flow: str, kind: tuple[str, str]) -> None:
    target, chosen = kind
    compilation = _compiled(folder, flow)
    base = [chosen]
    if target == "argo":
        base += ["event_source=source", "namespace=team", "schedule=0 1 * * *"]
    emitted = cache(lambda *settings: _emitted(compilation, target, *settings))
    wrong: list[str] = []
    for name, value in [(name, value) for name, values in VALUES.items() for value in values]:
        others = [item for item in base if item.partition("=")[0] != name]
        before, _ = emitted(*others)
        if name not in load_target(target).options_model.model_fields or (name, value) in MEANS_WHAT_IS or not before:
            continue
        after, messages = emitted(*others, f"{name}={value}")
        useless = any(f"option {name} has no effect" in message for message in messages)
        if useless and after != before and (target, name) not in OVERRIDDEN:
            wrong.append(f"{name}={value} has an effect")
        if after == before and name not in DESCRIBES and not any(name in message for message in messages):
            wrong.append(f"{name}={value} is dropped")
    assert not wrong


def test_every_value_of_a_choice_is_tried() -> None:
    options = {target: load_target(target).options_model.model_fields for target in KINDS}
    assert {f"kind={kind}" for kind in get_args(options["argo"]["kind"].annotation)} == set(KINDS["argo"])
    assert {f"operator={kind}" for kind in get_args(options["airflow"]["operator"].annotation)} == set(KINDS["airflow"])
