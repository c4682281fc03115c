"""Arguments of `@step`, `@pipeline` and `with_options`, and ZenML's settings: the specs that come of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.frontend.decorators.arguments import argument_types
from flowc_compiler.frontend.pipelines.settings import unsupported_settings
from flowc_compiler.frontend.pipelines.settings.layer_specs import PIPELINE_ARGUMENTS, STEP_ARGUMENTS
from flowc_compiler.frontend.pipelines.settings.settings_models import (
    DockerFields,
    OrchestratorFields,
    PodFields,
    ResourceSettingsFields,
    ScheduleFields,
)
from flowc_compiler.frontend.spec_builder import SpecBuilder
from flowc_compiler.ir import Placement, StepSpecs, Toleration
from flowc_targets.base.target import emit_checked, load_target
from flowc_targets.local.attempts import next_attempt
from tests.compiler.layers import Layers, of_step
from tests.support import flowc


def asked(specs: StepSpecs) -> dict[str, Any]:
    """What is asked for, without spans, and without what is as by default."""
    fields = {name: getattr(specs, name) for name in StepSpecs.model_fields}
    return {
        name: spec is True or spec.model_dump(exclude_defaults=True, exclude={"span"})
        for name, spec in fields.items()
        if spec
    }


def specs_of(arguments: str, above: str = "", below: str = "", pipeline: str = "@pipeline") -> dict[str, Any]:
    """What a step with these arguments asks for; nothing may be wrong with them."""
    layers = of_step(arguments, above, below, pipeline)
    found = asked(layers.step_specs())
    assert layers.codes == []
    return found


def codes_of(arguments: str, pipeline: str = "@pipeline") -> list[str]:
    """The codes of a step with these arguments."""
    layers = of_step(arguments, pipeline=pipeline)
    layers.step_specs()
    layers.pipeline_specs()
    return layers.codes


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("", {}),
        ("enable_cache=None, name='other', enable_step_logs=True, runtime='isolated', extra={}, model=None", {}),
        ("enable_cache=False", {"cache": {"enabled": False}}),
        ("enable_cache=True", {"cache": {}}),
        ("retry=3", {"retry": {"backoff_seconds": 0.0}}),
        ("retry=0", {}),
        ("retry=Retry(2)", {"retry": {"limit": 2, "backoff_seconds": 0.0}}),
        ("retry=Retry(limit=2, backoff='1m', factor=3)",
         {"retry": {"limit": 2, "backoff_seconds": 60.0, "backoff_factor": 3}}),
        ("retry=Retry(backoff=timedelta(minutes=2))", {"retry": {}}),
        ("retry=StepRetryConfig(max_retries=3, delay=10, backoff=2)",
         {"retry": {"backoff_seconds": 10.0, "backoff_factor": 2}}),
        ("retry=StepRetryConfig(delay=10)", {"retry": {"limit": 1, "backoff_seconds": 10.0}}),
        ("retry={'max_retries': 4}", {"retry": {"limit": 4, "backoff_seconds": 0.0}}),
        ("timeout='1h 30m'", {"timeout": {"seconds": 5400}}),
        ("timeout=90", {"timeout": {"seconds": 90}}),
        ("timeout=0.5", {"timeout": {"seconds": 1}}),
        ("timeout=timedelta(minutes=2)", {"timeout": {"seconds": 120}}),
        ("catch=True", {"catch": {}}),
        ("catch='failure'", {"catch": {"variable": "failure"}}),
        ("catch=False", {}),
        ("image='python:3.12'", {"container": {"image": "python:3.12"}}),
        ("environment={'A': 'x', 'B': 2}", {"environment": {"variables": {"A": "x", "B": "2"}}}),
        ("env={'A': 'x'}", {"environment": {"variables": {"A": "x"}}}),
        ("node_selector={'pool': 'gpu'}", {"placement": {"node_selector": {"pool": "gpu"}}}),
        ("tolerations=[{'key': 'gpu', 'effect': 'NoExecute', 'tolerationSeconds': 5}]",
         {"placement": {"tolerations": ({"key": "gpu", "effect": "NoExecute", "toleration_seconds": 5},)}}),
        ("secrets=['openai', 'aws-secrets-manager.key']",
         {"secrets": {"sources": (
             {"type": "kubernetes", "id": "openai"}, {"type": "aws-secrets-manager", "id": "key"},
         )}}),
        ("resources=Resources(cpu=0.5, memory='16Gi', disk='20GiB', shared_memory=512)",
         {"resources": {"cpu": 0.5, "memory_mb": 16384, "disk_mb": 20480, "shared_memory_mb": 512}}),
        ("resources=Resources(gpu='a100:2')", {"accelerator": {"count": 2, "type": "a100"}}),
        ("resources=Resources(gpu=2)", {"accelerator": {"count": 2}}),
        ("resources=Resources(gpu=0)", {}),
        ("resources={'cpu': 2}", {"resources": {"cpu": 2.0}}),
        ("**{'retry': 1, 'image': 'x'}",
         {"retry": {"limit": 1, "backoff_seconds": 0.0}, "container": {"image": "x"}}),
    ],
)  # fmt: skip
def test_arguments_of_flowc(arguments: str, wanted: dict[str, Any]) -> None:
    assert specs_of(arguments) == wanted


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("{'resources': ResourceSettings(cpu_count=2, gpu_count=1, memory='4GB')}",
         {"resources": {"cpu": 2.0, "memory_mb": 3815}, "accelerator": {"count": 1}}),
        ("{'resources': {'memory': '4GiB'}}", {"resources": {"memory_mb": 4096}}),
        ("{'resources': ResourceSettings(gpu_count=0)}", {}),
        ("{'docker': DockerSettings(parent_image='a/b:1', skip_build=True, environment={'A': 1}, "
         "runtime_environment={'B': 'x'})}",
         {"container": {"image": "a/b:1"}, "environment": {"variables": {"A": "1", "B": "x"}}}),
        ("{'docker': DockerSettings(parent_image='a/b:1', requirements=['torch==2'], apt_packages=['git'])}",
         {"container": {"image": "a/b:1"}, "dependencies": {"manager": "pypi", "requirements": ("torch==2",),
                                                            "system": ("git",), "base": "a/b:1"}}),
        ("{'docker': DockerSettings(requirements='requirements.txt')}",
         {"dependencies": {"manager": "pypi", "requirements_file": "requirements.txt"}}),
        ("{'orchestrator': KubernetesOrchestratorSettings(step_pod_service_account_name='sa', privileged=True)}",
         {"container": {"service_account": "sa", "security_context": {"privileged": True}}}),
    ],
)  # fmt: skip
def test_settings_of_zenml(settings: str, wanted: dict[str, Any]) -> None:
    assert specs_of(f"settings={settings}") == wanted


@pytest.mark.parametrize("key", ["orchestrator", "orchestrator.kubernetes", "orchestrator:mine"])
@pytest.mark.parametrize(
    ("pod", "wanted"),
    [
        ("node_selectors={'a': 'b'}", {"placement": {"node_selector": {"a": "b"}}}),
        ("tolerations=[V1Toleration(key='k', effect='NoExecute', toleration_seconds=3)]",
         {"placement": {"tolerations": ({"key": "k", "effect": "NoExecute", "toleration_seconds": 3},)}}),
        ("resources={'requests': {'cpu': '500m', 'memory': '2G'}, 'limits': {'nvidia.com/gpu': '2'}}",
         {"resources": {"cpu": 0.5, "memory_mb": 1908}, "accelerator": {"count": 2}}),
        ("resources={'requests': {'amd.com/gpu': 1, 'ephemeral-storage': '1Gi', 'aws.amazon.com/neuron': '1'}}",
         {"resources": {"disk_mb": 1024, "extended": {"aws.amazon.com/neuron": "1"}},
          "accelerator": {"count": 1, "vendor": "amd"}}),
        ("resources={'requests': {'cpu': '1', 'memory': '1Gi'}, 'limits': {'cpu': '1', 'memory': '1Gi'}}",
         {"resources": {"cpu": 1.0, "memory_mb": 1024}, "container": {"qos": "guaranteed"}}),
        ("labels={'a': 'b'}, annotations={'c': 'd'}, image_pull_secrets=['pull']",
         {"container": {"labels": {"a": "b"}, "annotations": {"c": "d"}, "image_pull_secrets": ("pull",)}}),
        ("env=[{'name': 'A', 'value': 'x'}], env_from=[{'secretRef': {'name': 'sec'}}]",
         {"environment": {"variables": {"A": "x"}}, "container": {"secrets": ("sec",)}}),
        ("container_security_context={'runAsUser': 7, 'runAsNonRoot': True}",
         {"container": {"security_context": {"run_as_user": 7, "run_as_non_root": True}}}),
        ("container_security_context=V1SecurityContext(capabilities=V1Capabilities(drop=['ALL'])),"
         " additional_pod_spec_args={'priority_class_name': 'high', 'securityContext': {'fsGroup': 5, 'runAsUser': 6}}",
         {"container": {"security_context": {"capabilities": {"drop": ("ALL",)}, "run_as_user": 6},
                        "pod_security": {"fs_group": 5}, "priority_class": "high"}}),
        ("resources={'requests': {'cpu': '1'}, 'limits': {'cpu': '2', 'memory': '2Gi', 'ephemeral-storage': '1Gi'}}",
         {"resources": {"cpu": 1.0, "cpu_limit": 2.0, "memory_mb": 2048, "memory_limit_mb": 2048, "disk_mb": 1024,
                        "disk_limit_mb": 1024}}),
        ("env_from=[V1EnvFromSource(config_map_ref=V1ConfigMapEnvSource(name='c'))], scheduler_name='kueue'",
         {"container": {"config_maps": ("c",), "scheduler": "kueue"}}),
        ("affinity=V1Affinity(node_affinity=V1NodeAffinity(required_during_scheduling_ignored_during_execution="
         "V1NodeSelector(node_selector_terms=[V1NodeSelectorTerm(match_expressions=["
         "V1NodeSelectorRequirement(key='k', operator='In', values=['a', 'b'])])])))",
         {"placement": {"affinity": {"node_affinity": {"required_during_scheduling_ignored_during_execution": {
             "node_selector_terms": ({"match_expressions": (
                 {"key": "k", "operator": "In", "values": ("a", "b")},)},)}}}}}),
        ("volumes=[{'name': 'a', 'persistentVolumeClaim': {'claimName': 'c'}}, {'name': 'b', 'secret':"
         " {'secretName': 's'}}, V1Volume(name='d', config_map=V1ConfigMapVolumeSource(name='m')),"
         " {'name': 'e', 'hostPath': {'path': '/h'}},"
         " {'name': 'f', 'emptyDir': {'medium': 'Memory', 'sizeLimit': '1Gi'}},"
         " {'name': 'g', 'emptyDir': {'medium': 'Memory', 'sizeLimit': '2Gi'}}],"
         " volume_mounts=[{'name': 'a', 'mountPath': '/a'}, {'name': 'b', 'mountPath': '/b', 'readOnly': True},"
         " V1VolumeMount(name='d', mount_path='/d'), {'name': 'e', 'mountPath': '/e'},"
         " {'name': 'f', 'mountPath': '/dev/shm'}, {'name': 'g', 'mountPath': '/g'}]",
         {"resources": {"shared_memory_mb": 1024}, "container": {
             "persistent_volume_claims": {"c": "/a"}, "secret_volumes": {"s": "/b"}, "config_map_volumes": {"m": "/d"},
             "host_volumes": {"/h": "/e"}, "tmpfs": {"size_mb": 2048, "path": "/g", "tempdir": False}}}),
    ],
)  # fmt: skip
def test_settings_of_pods(key: str, pod: str, wanted: dict[str, Any]) -> None:
    made = f"KubernetesOrchestratorSettings(pod_settings=KubernetesPodSettings({pod}))"
    assert specs_of(f"settings={{'{key}': {made}}}") == wanted
    plain = f"{{'pod_settings': KubernetesPodSettings({pod})}}"
    assert specs_of(f"settings={{'{key}': {plain}}}") == wanted


def test_values_may_be_constants_of_the_module() -> None:
    above = "pod = KubernetesPodSettings(node_selectors={'a': 'b'})\n"
    above += "kubernetes_settings = KubernetesOrchestratorSettings(pod_settings=pod)\nMEMORY = 2 * 4"
    found = specs_of(
        "settings={'orchestrator': kubernetes_settings, 'resources': ResourceSettings(memory=f'{MEMORY}GiB')}", above
    )
    assert found == {"placement": {"node_selector": {"a": "b"}}, "resources": {"memory_mb": 8192}}


def test_later_layers_win_and_dicts_add_up() -> None:
    found = specs_of(
        "settings={'resources': ResourceSettings(cpu_count=4)}, environment={'B': 'step'}, secrets=['two']",
        pipeline="@pipeline(settings={'resources': ResourceSettings(cpu_count=1, memory='1GiB')}, secrets=['one'], "
        "environment={'A': 'pipeline', 'B': 'pipeline'}, retry=1)",
        below="work.with_options(environment={'C': 'call'}, retry=StepRetryConfig(max_retries=5))",
    )
    assert found == {
        "resources": {"cpu": 4.0, "memory_mb": 1024},
        "environment": {"variables": {"A": "pipeline", "B": "step", "C": "call"}},
        "secrets": {"sources": ({"type": "kubernetes", "id": "one"}, {"type": "kubernetes", "id": "two"})},
        "retry": {"limit": 5, "backoff_seconds": 0.0},
    }


def test_without_merging_a_layer_replaces() -> None:
    found = specs_of("environment={'A': 'x'}, retry=1", below="work.configure(environment={'B': 'y'}, merge=False)")
    assert found == {"environment": {"variables": {"B": "y"}}, "retry": {"limit": 1, "backoff_seconds": 0.0}}


def test_none_leaves_what_was_said_before() -> None:
    assert specs_of("retry=2", below="work.with_options(retry=None)")["retry"]["limit"] == 2


WORK = "def work(): ...\n\n\n@pipeline\ndef pipe(): ...\n"


def test_decorators_above_the_step_count_more_than_the_pipeline_and_less_than_arguments() -> None:
    above = (
        "@retry(times=7, minutes_between_retries=0)\n@kubernetes(cpu=1, memory=512, image='stacked')\n@timeout(hours=1)"
    )
    layers = Layers(
        f"{above}\n@step(resources=Resources(cpu=2), timeout=5)\ndef work(): ...\n\n\n"
        "@pipeline(retry=1, image='pipeline', environment={'A': 'x'})\ndef pipe(): ...\n"
    )
    assert asked(layers.step_specs()) == {
        "resources": {"cpu": 2.0, "memory_mb": 512},
        "retry": {"limit": 7, "backoff_seconds": 0.0},
        "timeout": {"seconds": 5},
        "container": {"image": "stacked"},
        "environment": {"variables": {"A": "x"}},
    }
    assert layers.codes == []


def test_decorators_and_arguments_of_a_step_add_up() -> None:
    above = "@environment(vars={'A': 1, 'B': 1})\n@kubernetes(use_tmpfs=True, labels={'a': 'b'})\n@resources(gpu=2)"
    found = asked(
        Layers(f"{above}\n@step(environment={{'B': 2}}, resources=Resources(gpu=0, memory='8Gi'))\n{WORK}").step_specs()
    )
    assert found["environment"] == {"variables": {"A": "1", "B": "2"}}
    assert found["container"] == {"labels": {"a": "b"}, "tmpfs": {"size_mb": 4096}}
    assert "accelerator" not in found, "the step's own arguments count more, and ask for none"


@pytest.mark.parametrize(
    ("above", "arguments"),
    [
        ("@kubernetes(persistent_volume_claims={'data': '/dev/shm'})", "resources=Resources(shared_memory='1Gi')"),
        ("@secrets(sources=[{'type': 'inline', 'options': {'env_vars': {'A': 'x'}}}])", "environment={'A': 'y'}"),
        ("@environment(vars={'A': 'y'})\n"
         "@secrets(sources=[{'type': 'inline', 'options': {'env_vars': {'A': 'x'}}}])", ""),
        ("@kubernetes(qos='guaranteed')",
         "settings={'orchestrator': {'pod_settings': {'resources': {'requests': {'cpu': 1}, 'limits': {'cpu': 2}}}}}"),
    ],
)  # fmt: skip
def test_what_decorators_and_arguments_of_a_step_contradict(above: str, arguments: str) -> None:
    layers = Layers(f"{above}\n@step({arguments})\n{WORK}")
    layers.step_specs()
    assert layers.codes == ["E406"]


def test_placements_of_decorators_are_joined() -> None:
    one, other = Toleration(key="a"), Toleration(key="b")
    builder = SpecBuilder(DiagnosticSink())
    builder.add(
        StepSpecs(placement=Placement(node_selector={"x": "1"}, tolerations=(one,))),
        StepSpecs(placement=Placement(node_selector={"x": "2", "y": "2"}, tolerations=(other,))),
    )
    assert builder.build().placement == Placement(node_selector={"x": "1", "y": "2"}, tolerations=(one, other))


def test_an_unknown_decorator_is_reported_once() -> None:
    layers = Layers("@unheard_of\n@step\ndef work(): ...\n")
    layers.step_specs()
    layers.step_specs()
    assert layers.codes == ["E401"]


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [
        ("retry='often'", ["E404"]),
        ("retry=-1", ["E404"]),
        ("retry=True", ["E404"]),
        ("retry=Retry(limit=1, wait=2)", ["E403"]),
        ("timeout='soon'", ["E404"]),
        ("secrets=['My_keys']", ["E404"]),
        ("secrets=['vault.']", ["E404"]),
        ("timeout=0", ["E404"]),
        ("resources=ResourceSettings(cpu_count=1)", ["E404"]),
        ("resources=Resources(memory='lots')", ["E404"]),
        ("resources=Resources(memory=helpers.amount())", ["E402"]),
        ("resources=Resources(2)", ["E402"]),
        ("retries=3", ["E403"]),
        ("'name'", ["E403"]),
        ("env={'A': '1'}, environment={'B': '2'}", ["E405"]),
        ("environment={'A': '{{store.key}}'}", ["E411"]),
        ("settings={'resources': ResourceSettings(memory='4 XB')}", ["E404"]),
        ("settings={'resources': ResourceSettings(memory='16 gigabytes')}", ["E404"]),
        ("settings={'resources': ResourceSettings(cpus=2)}", ["W410"]),
        ("settings={'docker': DockerSettings(env={'A': 'b'})}", ["W410"]),
        ("settings={'orchestrator': {'pod_settings': {'node_selector': {'a': 'b'}}}}", ["W410"]),
        ("settings={'orchestrator': KubernetesOrchestratorSettings(gpus=1)}", ["W410"]),
        ("settings={'ressources': ResourceSettings(cpu_count=2)}", ["E404"]),
        ("settings={'orchestrator.vertex': {'x': 1}}", ["W410"]),
        ("settings={'step_operator.modal': {'gpu': 1}}", ["W410"]),
        ("step_operator='modal'", ["W410"]),
        ("settings={'experiment_tracker': {'x': 1}}", ["W410"]),
        ("settings={'docker': DockerSettings(required_integrations=[MLFLOW])}", ["W410"]),
        ("settings={'docker': DockerSettings(python_package_installer=PythonPackageInstaller.UV)}", ["W410"]),
        ("settings={'docker': DockerSettings(dockerfile='Dockerfile')}", ["W410"]),
        ("settings={'orchestrator': KubernetesOrchestratorSettings(synchronous=True)}", ["W410"]),
        ("settings={'orchestrator': {'pod_settings': {'resources': {'requests': {'memory': '4Gi'},"
         " 'limits': {'memory': '2Gi'}}}}}", ["E404"]),
        ("settings={'orchestrator': {'pod_settings': {'resources': {'requests': {'cpu': 'two'}}}}}", ["E404"]),
        ("settings={'orchestrator': {'pod_settings': {'env': [{'name': 'A', 'valueFrom': {}}]}}}", ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'env_from': [{'prefix': 'A', 'secretRef': {'name': 'a'}}]}}}",
         ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'affinity': {'nodeAffinity': {'a': 1}}}}}", ["E404"]),
        ("settings={'orchestrator': {'pod_settings': {'volumes': [{'name': 'data'}]}}}", ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'volume_mounts': [{'name': 'd', 'mountPath': '/d'}]}}}",
         ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'volumes': [{'name': 'd', 'secret': {'secretName': 'a'}}],"
         " 'volume_mounts': [{'name': 'd', 'mountPath': '/d', 'subPath': 'x'}]}}}", ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'volumes': [{'name': 'd', 'emptyDir': {}}],"
         " 'volume_mounts': [{'name': 'd', 'mountPath': '/d'}]}}}", ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'additional_pod_spec_args': {'hostNetwork': True}}}}", ["E411"]),
        ("settings={'orchestrator': {'pod_settings': {'additional_pod_spec_args':"
         " {'securityContext': {'fsGroup': 'x'}}}}}", ["E404"]),
        ("settings={'orchestrator': {'pod_settings': {'tolerations': [{'effect': 'Sometimes'}]}}}", ["E404"]),
        ("on_failure=work", []),
        ("on_start=print", ["E402"]),
        ("on_start='nowhere'", ["E404"]),
        ("on_failure=None, model=None, extra={}, enable_cache=None", []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(arguments: str, codes: list[str]) -> None:
    layers = of_step(arguments)
    layers.step_specs()
    assert layers.codes == codes
    assert all(item.help and item.span is not None for item in layers.sink.diagnostics)


def test_a_mistake_is_marked_where_it_is() -> None:
    layers = of_step(
        "settings=wanted", above="amounts = ResourceSettings(\n    memory='4X',\n)\nwanted = {'resources': amounts}"
    )
    layers.step_specs()
    (found,) = layers.sink.diagnostics
    assert found.span is not None
    assert layers.view.source.lines[found.span.line - 1] == "    memory='4X',"
    assert "is not a size: write" in found.message


@pytest.mark.parametrize("packages", ["requirements=['a']", "apt_packages=['b']", "requirements='a.txt'"])
def test_packages_are_marked_where_they_are_named(packages: str) -> None:
    layers = of_step(f"settings={{'docker': DockerSettings(parent_image='x:1',\n    {packages})}}")
    dependencies = layers.step_specs().dependencies
    assert dependencies is not None
    assert dependencies.span is not None
    span, value = dependencies.span, packages.partition("=")[2]
    assert layers.view.source.lines[span.line - 1][span.column - 1 : span.end_column - 1].endswith(value)


def test_the_way_out_for_volumes_of_zenml_works(tmp_path: Path) -> None:
    volume = "'volumes': [{'name': 'd', 'emptyDir': {}}]"
    mount = "[{'name': 'd', 'mountPath': '/d'}]"
    layers = of_step(f"settings={{'orchestrator': {{'pod_settings': {{{volume}, 'volume_mounts': {mount}}}}}}}")
    layers.step_specs()
    (found,) = layers.sink.diagnostics
    assert found.help is not None
    assert "put @kubernetes(patch={...}) above the step" in found.help
    patch = f"{{'spec': {{{volume}, 'containers': [{{'name': 'main', 'volumeMounts': {mount}}}]}}}}"
    text = f"from flowc import kubernetes, pipeline, step\n\n@kubernetes(patch={patch})\n@step\ndef work(): pass\n\n"
    (tmp_path / "flow.py").write_text(f"{text}@pipeline\ndef p():\n    work()\n")
    for target, wanted in (("argo", "volumes: [{name: d, emptyDir: {}}]"), ("airflow", '"emptyDir": {}')):
        done = flowc(tmp_path, "compile", "flow.py", "-t", target, "--root", "s3://bucket/x", "-o", "-")
        assert wanted in done.stdout, done.stderr


def test_a_pipeline_has_a_schedule_and_hooks() -> None:
    layers = of_step(
        "", above="def notify(error): ...",
        pipeline="@pipeline(dynamic=True, on_failure=notify, on_success='helpers.done', on_end=helpers.tidy)",
        below="pipe.with_options(schedule=Schedule(cron_expression='0 5 * * MON', timezone='Europe/Berlin'))",
    )  # fmt: skip
    specs = layers.pipeline_specs()
    assert specs.schedule is not None
    assert (specs.schedule.crons, specs.schedule.timezone) == (("0 5 * * 1",), "Europe/Berlin")
    assert [(hook.on_success, hook.on_error) for hook in specs.exit_hooks] == [
        (("helpers.tidy",), ("helpers.tidy",)), ((), ("notify",)), (("helpers.done",), ()),
    ]  # fmt: skip
    assert layers.codes == []


def test_decorators_of_flows_stand_above_pipelines() -> None:
    layers = Layers("@schedule(daily=True)\n@project(name='prices')\n@pipeline\ndef pipe(): ...\n")
    specs = layers.pipeline_specs()
    assert specs.schedule is not None
    assert specs.project is not None
    assert (specs.schedule.crons, specs.project.name) == (("0 0 * * *",), "prices")
    assert layers.codes == []


@pytest.mark.parametrize(
    ("pipeline", "codes"),
    [
        ("@pipeline(enable_cache=False, dynamic=True, name='x', enable_step_logs=True)", []),
        ("@pipeline(tags=['a'], model=Model(name='m'), extra={'a': 1})", ["W410"]),
        ("@pipeline(timeout=5)", ["E403"]),
        ("@pipeline(on_failure=nowhere)", ["E402"]),
        ("@pipeline(on_failure='nowhere')", ["E404"]),
        ("@pipeline(on_failure=lambda: None)", ["E404"]),
        ("@pipeline(on_failure=partial(work, 1))", ["E404"]),
        ("@pipeline(on_start=work)", []),
        ("@pipeline(on_start=work, dynamic=True)", ["E411"]),
        ("@pipeline(config_path='config.yaml')", ["E403"]),
        ("@pipeline(schedule=Schedule(interval_second=timedelta(hours=1)))", ["E407"]),
        ("@pipeline(schedule=Schedule(cron_expression='never'))", ["E407"]),
        ("@pipeline(schedule=Schedule(cron_expression='0 5 * * *', catchup=True))", ["E411"]),
        ("@pipeline(schedule=Schedule(cron_expression='0 5 * * *', catchup=False))", []),
        ("@pipeline(schedule=Schedule(cron_expression='0 5 * * *', timezone='Mars'))", ["E404"]),
        ("@pipeline(settings={'resources': ResourceSettings(gpu_class='big')})", ["E411"]),
        ("@retry\n@pipeline", ["E401"]),
    ],
)  # fmt: skip
def test_arguments_of_pipelines(pipeline: str, codes: list[str]) -> None:
    assert codes_of("", pipeline) == codes


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1h 30m", 5400), ("2d", 172800), (5, 5), (timedelta(hours=1), 3600)],
)
def test_times(value: object, seconds: float) -> None:
    assert argument_types.seconds(value) == seconds


def test_tolerations_are_those_of_kubernetes() -> None:
    layers = of_step("tolerations=[{'key': 'a', 'operator': 'Equal', 'value': 'b', 'effect': 'NoSchedule'}]")
    placement = layers.step_specs().placement
    assert placement is not None
    assert placement.tolerations == (Toleration(key="a", operator="Equal", value="b", effect="NoSchedule"),)


FILE = """
from flowc import Resources, Retry, kubernetes, pipeline, step


@kubernetes(labels={"team": "prices"})
@step(resources=Resources(cpu=2, memory="1Gi", gpu="a100:1"), retry=Retry(2, backoff=10, factor=3), timeout="30m")
def train(x: int) -> int:
    return x


@pipeline(image="registry.example/ml:1", environment={"MODE": "fast"}, node_selector={"pool": "gpu"})
def training():
    train.with_options(secrets=["openai"])(train(1))
"""


def test_what_steps_ask_for_reaches_the_targets(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text(FILE, encoding="utf-8")
    compilation = compile_file(path)
    specs = compilation.flow.by_name["train"].specs
    again = compilation.flow.by_name["train_2"].specs
    assert asked(again) == {**asked(specs), "secrets": {"sources": ({"type": "kubernetes", "id": "openai"},)}}
    wanted = {
        "argo": [
            "image: registry.example/ml:1", "nvidia.com/gpu", "pool: gpu", "team: prices", "name: MODE", "1024Mi",
            "10s", 'factor: "3"', "activeDeadlineSeconds: 2100", "name: openai",
        ],
        "airflow": [
            "registry.example/ml:1", "nvidia.com/gpu", '"pool": "gpu"', '"team": "prices"', '"MODE": "fast"', "1024Mi",
            "retries=2", "timedelta(seconds=10)", "openai",
        ],
    }  # fmt: skip
    for name, texts in wanted.items():
        target, sink = load_target(name), DiagnosticSink()
        options = target.options_model.model_validate({"root": "s3://bucket/prefix"})
        files = emit_checked(target, compilation.flow, compilation.source, options, sink)
        assert not sink.failed
        assert [text for text in texts if text not in files[0].text] == []


def test_waits_between_attempts_grow(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text(FILE, encoding="utf-8")
    specs = compile_file(path).flow.by_name["train"].specs
    assert next_attempt(specs, 0, wait=True) == (10.0, "attempt 1 begins in 10 s")
    assert next_attempt(specs, 1, wait=True) == (30.0, "attempt 2 begins in 30 s")
    assert next_attempt(specs, 1, wait=False) == (0.0, "attempt 2 begins")


def test_a_decorator_of_the_command_line_counts_less_than_arguments(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text(FILE, encoding="utf-8")
    steps = compile_file(path, attached=["retry:times=9", "timeout:hours=9", "catch:var=failure"]).flow.by_name
    found = asked(steps["train"].specs)
    assert found["retry"]["limit"] == 2
    assert found["timeout"]["seconds"] == 1800
    assert found["catch"] == {"variable": "failure"}


@pytest.mark.parametrize(
    ("read", "unread", "zenml"),
    [
        (STEP_ARGUMENTS, unsupported_settings.STEP, "STEP"),
        (PIPELINE_ARGUMENTS, unsupported_settings.PIPELINE, "PIPELINE"),
        (set(ResourceSettingsFields.model_fields), unsupported_settings.RESOURCES, "RESOURCES"),
        (set(DockerFields.model_fields), unsupported_settings.DOCKER, "DOCKER"),
        (set(OrchestratorFields.model_fields), unsupported_settings.ORCHESTRATOR, "ORCHESTRATOR"),
        (set(PodFields.model_fields), unsupported_settings.POD, "POD"),
        (set(ScheduleFields.model_fields), unsupported_settings.SCHEDULE, "SCHEDULE"),
    ],
)
def test_every_argument_of_zenml_is_read_or_reported(
    read: set[str], unread: unsupported_settings.Unread, zenml: str
) -> None:
    """The arguments of ZenML 0.98, each in one of the lists."""
    names = [*read, *unread.idle, *unread.refused, *unread.silent]
    assert set(ZENML[zenml].split()) - set(names) == set()
    assert len(names) == len(set(names))


ZENML = {
    "STEP": """
        cache_policy enable_artifact_metadata enable_artifact_visualization enable_cache enable_step_logs environment
        experiment_tracker extra group heartbeat_healthy_threshold merge model name on_end on_failure on_start
        on_success output_materializers parameters retry runtime secrets settings step_operator step_type substitutions
    """,
    "PIPELINE": """
        build cache_policy config_path depends_on dynamic enable_artifact_metadata enable_cache enable_heartbeat
        enable_pipeline_logs enable_step_logs environment execution_mode extra merge model name on_cleanup on_end
        on_failure on_init on_init_kwargs on_pause on_resume on_start on_success prevent_build_reuse retry run_name
        schedule secrets settings step_configurations steps substitutions tags unlisted
    """,
    "RESOURCES": """
        allocation_wait_timeout_seconds autoscaling_metric autoscaling_target cpu_count gpu_class gpu_count
        initialization_lease_seconds max_concurrency max_replicas memory min_replicas pool_resources preemptible
        reclaim_tolerance resources
    """,
    "DOCKER": """
        allow_download_from_artifact_store allow_download_from_code_repository allow_including_files_in_images
        apt_packages build_config build_context_root build_options copy_files copy_global_config
        disable_automatic_requirements_detection dockerfile dockerignore environment image_tag
        install_deployment_requirements install_stack_requirements local_project_install_command parent_image
        parent_image_build_config prevent_build_reuse pyproject_export_command pyproject_path python_package_installer
        python_package_installer_args python_package_installer_cache_mount replicate_local_python_environment
        required_hub_plugins required_integrations requirements runtime_environment skip_build source_files
        target_repository user
    """,
    "ORCHESTRATOR": """
        active_deadline_seconds always_build_pipeline_image api_request_timeout backoff_limit_margin concurrency_policy
        fail_on_container_waiting_reasons failed_jobs_history_limit interrupt_check_interval job_monitoring_delay
        job_monitoring_interval job_name_prefix max_api_retries max_parallelism orchestrator_job_backoff_limit
        orchestrator_pod_settings pod_failure_backoff pod_failure_max_retries pod_failure_policy pod_failure_retry_delay
        pod_name_prefix pod_settings pod_startup_timeout pod_stop_grace_period prevent_orchestrator_pod_caching
        privileged service_account_name starting_deadline_seconds step_pod_service_account_name stream_step_logs
        successful_jobs_history_limit synchronous timeout ttl_seconds_after_finished
    """,
    "POD": """
        additional_pod_spec_args affinity annotations container_security_context env env_from host_ipc
        image_pull_secrets labels node_selectors resources scheduler_name tolerations volume_mounts volumes
    """,
    "SCHEDULE": "catchup cron_expression end_time interval_second name run_once_start_time start_time",
}
