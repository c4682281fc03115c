"""Rows of ZenML's settings."""

from __future__ import annotations

from tests.docs.zenmlrows.base import Row


def _rows(key: str, made: str, *codes: str) -> list[Row]:
    """Rows of fields of one class of settings."""
    return [Row(f"`{code}`", "step", f"settings={{'{key}': {made.format(code)}}}") for code in codes]


KEYS = [
    Row(f"`settings={{'{key}': ...}}`", "step", f"settings={{'{key}': {value}}}")
    for key, value in {
        "resources": "ResourceSettings(cpu_count=1)",
        "docker": "DockerSettings(parent_image='python:3.12')",
        "orchestrator": "KubernetesOrchestratorSettings(step_pod_service_account_name='a')",
        "orchestrator.kubernetes": "KubernetesOrchestratorSettings(step_pod_service_account_name='a')",
        "orchestrator:name": "KubernetesOrchestratorSettings(step_pod_service_account_name='a')",
        "orchestrator.vertex": "{'node_selector_constraint': ('a', 'b')}",
        "step_operator": "{'instance_type': 'a'}",
        "step_operator.sagemaker": "{'instance_type': 'a'}",
        "experiment_tracker": "{'nested': True}",
        "experiment_tracker.mlflow": "{'nested': True}",
        "alerter": "{'channel': 'a'}",
        "data_validator": "{'a': 1}",
        "deployment": "{'a': 1}",
        "no_such_component": "{'a': 1}",
    }.items()
] + [
    Row("plain dicts: `settings={'resources': {'cpu_count': 1}}`", "step", "settings={'resources': {'cpu_count': 1}}"),
]

RESOURCES = _rows(
    "resources", "ResourceSettings({})",
    "cpu_count=2", "cpu_count=0.5", "memory='4GB'", "memory='512MiB'", "memory='16Gi'", "gpu_count=1", "gpu_count=0",
    "gpu_class='large'", "resources='tpu'", "reclaim_tolerance='none'", "allocation_wait_timeout_seconds=5",
    "min_replicas=1", "max_replicas=2", "autoscaling_metric='cpu'", "max_concurrency=2",
)  # fmt: skip

DOCKER = _rows(
    "docker", "DockerSettings({})",
    "parent_image='python:3.12'", "parent_image='python:3.12', skip_build=True", "environment={'MODE': 'fast'}",
    "runtime_environment={'MODE': 'fast'}", "requirements=['torch==2.1']", "requirements='requirements.txt'",
    "required_integrations=[SKLEARN]", "apt_packages=['git']", "dockerfile='Dockerfile'", "build_context_root='.'",
    "pyproject_path='pyproject.toml'", "replicate_local_python_environment=True",
    "local_project_install_command='pip install .'", "python_package_installer=PythonPackageInstaller.UV",
    "python_package_installer_args={'a': 1}", "install_stack_requirements=True", "prevent_build_reuse=True",
    "target_repository='a'", "image_tag='a'", "user='ada'", "dockerignore='.dockerignore'",
    "allow_including_files_in_images=True",
)  # fmt: skip

ORCHESTRATOR = _rows(
    "orchestrator", "KubernetesOrchestratorSettings({})",
    "pod_settings=KubernetesPodSettings(labels={'a': 'b'})", "step_pod_service_account_name='a'", "privileged=True",
    "service_account_name='a'", "orchestrator_pod_settings=KubernetesPodSettings(labels={'a': 'b'})",
    "synchronous=True", "max_parallelism=2", "active_deadline_seconds=60", "ttl_seconds_after_finished=60",
    "job_name_prefix='a'", "pod_failure_policy={'a': 1}", "concurrency_policy='Forbid'", "timeout=60",
)  # fmt: skip

PODS = _rows(
    "orchestrator", "KubernetesOrchestratorSettings(pod_settings=KubernetesPodSettings({}))",
    "node_selectors={'pool': 'gpu'}", "tolerations=[{'key': 'gpu', 'operator': 'Exists'}]",
    "resources={'requests': {'cpu': '500m', 'memory': '2Gi'}}", "resources={'limits': {'nvidia.com/gpu': '1'}}",
    "resources={'requests': {'cpu': '1'}, 'limits': {'cpu': '2'}}",
    "resources={'requests': {'cpu': '1', 'memory': '1Gi'}, 'limits': {'cpu': '1', 'memory': '1Gi'}}",
    "labels={'team': 'prices'}", "annotations={'a': 'b'}", "env=[{'name': 'MODE', 'value': 'fast'}]",
    "env=[{'name': 'A', 'valueFrom': {'fieldRef': {'fieldPath': 'status.podIP'}}}]",
    "env_from=[{'secretRef': {'name': 'openai'}}]", "env_from=[{'configMapRef': {'name': 'a'}}]",
    "image_pull_secrets=['pull']", "container_security_context={'runAsUser': 1000}",
    "container_security_context={'capabilities': {'add': ['SYS_PTRACE']}}", "affinity={'nodeAffinity': {'a': 1}}",
    "affinity={'podAntiAffinity': {'requiredDuringSchedulingIgnoredDuringExecution': [{'topologyKey': 'zone'}]}}",
    "volumes=[{'name': 'a', 'persistentVolumeClaim': {'claimName': 'data'}}],"
    " volume_mounts=[{'name': 'a', 'mountPath': '/data'}]",
    "volumes=[{'name': 'a', 'secret': {'secretName': 's'}}], volume_mounts=[{'name': 'a', 'mountPath': '/s'}]",
    "volumes=[{'name': 'a', 'emptyDir': {}}], volume_mounts=[{'name': 'a', 'mountPath': '/a'}]",
    "volume_mounts=[{'name': 'data', 'mountPath': '/data'}]", "host_ipc=True",
    "scheduler_name='a'", "additional_pod_spec_args={'priority_class_name': 'high'}",
    "additional_pod_spec_args={'host_network': True}",
)  # fmt: skip
