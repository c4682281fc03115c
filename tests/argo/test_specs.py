"""What decorators and options ask for, as the pod has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flowc.protocol.exit_codes import RETRIABLE
from flowc_targets.argo.retry_strategies import KINDS, NOT_FATAL
from flowc_targets.simulate.retry_expressions import parse_retry
from tests.argo.manifests import diamond, env, left, objects, templates


def test_resources_are_requests(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@resources(cpu=0.5, memory=2000, disk=300)")
    requests = {"cpu": "0.5", "memory": "2000Mi", "ephemeral-storage": "300Mi"}
    assert leaf["container"]["resources"] == {"requests": requests}


def test_guaranteed_makes_them_limits(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@resources(cpu=0.5, gpu=2)", qos="guaranteed")
    assert leaf["container"]["resources"]["limits"]["cpu"] == "0.5"
    assert leaf["container"]["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_gpu_type_by_the_built_in_profile(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@kubernetes(gpu=1, gpu_type='t4', node_selector={'pool': 'n'})")
    assert leaf["nodeSelector"] == {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "pool": "n"}
    assert leaf["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert leaf["container"]["resources"]["limits"] == {"nvidia.com/gpu": "1"}


def test_gpu_type_by_a_profile_of_the_project(tmp_path: Path) -> None:
    mig = {
        "selector": {"gpu/type": "mig"},
        "tolerations": [{"key": "mig", "operator": "Exists"}],
        "resource": "nvidia.com/mig-1g.5gb",
    }
    leaf = left(tmp_path, "@kubernetes(gpu=3, gpu_type='small')", gpu={"small": mig})
    assert leaf["nodeSelector"] == {"gpu/type": "mig"}
    assert leaf["container"]["resources"]["limits"] == {"nvidia.com/mig-1g.5gb": "3"}
    assert leaf["tolerations"] == [
        {"key": "nvidia.com/mig-1g.5gb", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "mig", "operator": "Exists"},
    ]


def test_retry(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@retry(times=2, minutes_between_retries=1)")
    assert leaf["retryStrategy"] == {
        "limit": "2", "retryPolicy": "Always", "expression": 'lastRetry.exitCode != "79"',
        "backoff": {"duration": "60s"},
    }  # fmt: skip
    assert leaf["container"]["args"][-2:] == ["--attempt", "{{retries}}"]
    assert "backoff" not in left(tmp_path, "@retry(times=2, minutes_between_retries=0)")["retryStrategy"]
    never = left(tmp_path, "@resources(cpu=1)\n    @retry(times=0)")
    assert "retryStrategy" not in never
    assert never["container"]["args"][-2:] == ["--attempt", "0"]


def test_kinds_of_failures_are_an_expression(tmp_path: Path) -> None:
    def expression(on: str) -> str:
        text: str = left(tmp_path, f"@retry(on={on})")["retryStrategy"]["expression"]
        return text

    assert expression("['oom', 'timeout']") == f"{KINDS['oom']} || {KINDS['timeout']}"
    assert expression("'error'") == " && ".join([NOT_FATAL, *(f"!({text})" for text in KINDS.values())])
    rows = [
        ("Failed", "main: Error (exit code 1)", "1", "error"),
        ("Failed", "main: OOMKilled (exit code 137)", "137", "oom"),
        ("Failed", "main: Error (exit code 137)", "137", "lost"),
        ("Failed", "main: Error (exit code 80)", "80", "oom"),
        ("Failed", "main: Error (exit code 124)", "124", "timeout"),
        ("Failed", "Pod was active on the node longer than the specified deadline", "143", "timeout"),
        ("Failed", "main: Error (exit code 143)", "143", "lost"),
        ("Error", "pod deleted", "-1", "lost"),
        ("Failed", "main: Error (exit code 79)", "79", ""),
    ]
    for status, message, code, kind in rows:
        last = {"lastRetry.status": status, "lastRetry.message": message, "lastRetry.exitCode": code}
        found = [one for one in RETRIABLE if parse_retry(expression(f"'{one}'"))(last)]
        assert found == [kind] * bool(kind), message
        assert parse_retry(NOT_FATAL)(last) == bool(kind)


def test_attempts_have_their_own_needs(tmp_path: Path) -> None:
    lists = "memory=[64, 128], node_selector=[{'spot': 'y'}, {}], tolerations=[[{'key': 'spot', 'operator': 'Exists'}]]"
    leaf = left(tmp_path, f"@kubernetes(node_selector={{'zone': 'a'}})\n    @retry(times=2, {lists})")
    assert leaf["container"]["resources"] == {"requests": {"memory": "64Mi"}}
    assert leaf["nodeSelector"] == {"zone": "a", "spot": "y"}
    assert leaf["podSpecPatch"] == (
        '{{=retries == \'0\' ? \'{}\' : \'{"containers": [{"name": "main", "resources": {"requests": '
        '{"memory": "128Mi"} } }], "nodeSelector": {"spot": null} }\'}}'
    )
    assert "podSpecPatch" not in left(tmp_path, "@retry(memory=[64, 64])")


def test_timeout(tmp_path: Path) -> None:
    """The step ends itself at its timeout: the pod, whose time counts from the pull of its image, has longer."""
    leaf = left(tmp_path, "@timeout(minutes=1, seconds=5)")
    assert leaf["activeDeadlineSeconds"] == 65 + 300
    assert all(variable["name"] != "FLOWC_TIMEOUT_GRACE" for variable in leaf["container"]["env"])
    leaf = left(tmp_path, "@timeout(minutes=1, seconds=5)", timeout_grace=20)
    assert leaf["activeDeadlineSeconds"] == 85
    assert {"name": "FLOWC_TIMEOUT_GRACE", "value": "20"} in leaf["container"]["env"]
    assert "activeDeadlineSeconds" not in left(tmp_path, "@resources(cpu=1)", timeout_grace=20)


def test_kubernetes_decorator(tmp_path: Path) -> None:
    leaf = left(
        tmp_path,
        "@kubernetes(image='my/image:2', image_pull_policy='Always', service_account='sa', secrets=['a', 'b'],"
        " labels={'team': 'y'}, annotations={'note': '1'}, persistent_volume_claims={'my.claim': '/data'},"
        " shared_memory=64, tolerations=[{'key': 'k', 'operator': 'Equal', 'value': 'v', 'effect': 'NoExecute'}])",
        env_from_secrets=("s3",),
        image="default:1",
    )
    container = leaf["container"]
    assert (container["image"], container["imagePullPolicy"]) == ("my/image:2", "Always")
    assert container["envFrom"] == [{"secretRef": {"name": name}} for name in ("s3", "a", "b")]
    assert leaf["serviceAccountName"] == "sa"
    assert leaf["metadata"] == {"labels": {"team": "y"}, "annotations": {"note": "1"}}
    assert leaf["tolerations"] == [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute"}]
    assert leaf["volumes"] == [
        {"name": "claim-0", "persistentVolumeClaim": {"claimName": "my.claim"}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
    ]
    mounts = [(mount["name"], mount["mountPath"]) for mount in container["volumeMounts"]]
    assert mounts == [("flowc", "/flowc"), ("claim-0", "/data"), ("shm", "/dev/shm")]


def test_environment_that_kubernetes_or_argo_would_change(tmp_path: Path) -> None:
    variables = "{'A': 'plain', 'B': '$(HOME) $$', 'C': '{{workflow.name}}', 'D': 'x' * 0 or 'y'}"
    variables = variables.replace("'x' * 0 or 'y'", "''")
    text = diamond(f"@environment(vars={variables})")
    config_map, workflow = objects(tmp_path, text, env={"A": "from options", "E": "e"})
    container = templates(workflow)["s-left"]["container"]
    found = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    (ref,) = (item["valueFrom"]["configMapKeyRef"] for item in container["env"] if item["name"] == "C")
    assert ref["name"] == config_map["metadata"]["name"]
    assert config_map["data"][ref["key"]] == "{{workflow.name}}"
    assert found["A"] == "plain"
    assert found["B"] == "$$(HOME) $$$$"
    assert "C" not in found
    assert found["D"] == ""
    assert found["E"] == "e"


def test_the_users_environment_does_not_shadow_flowc(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@environment(vars={'FLOWC_ROOT': 'elsewhere', 'OWN': '1'})")
    assert env(leaf)["FLOWC_ROOT"] == "s3://bucket/prefix"


def test_pull_secrets_of_steps_reach_the_workflow(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, diamond("@kubernetes(image_pull_secrets=['mine'])"), image_pull_secrets=("all",))
    assert workflow["spec"]["imagePullSecrets"] == [{"name": "all"}, {"name": "mine"}]
    assert templates(workflow)["main"]["name"] == "main"


def test_what_a_pod_has_beside(tmp_path: Path) -> None:
    leaf = left(
        tmp_path,
        "@kubernetes(cpu=1, qos='Guaranteed', port=80, tmpfs_size=9, tmpfs_path='/t', executable='python3.12',"
        " extended_resources={'a.b/c': 2}, security_context={'run_as_user': 7, 'privileged': False},"
        " hostname_resolution_timeout=30)",
    )
    container = leaf["container"]
    both = {"cpu": "1", "a.b/c": "2"}
    assert container["resources"] == {"requests": both, "limits": both}
    assert container["ports"] == [{"containerPort": 80}]
    assert container["securityContext"] == {"privileged": False, "runAsUser": 7}
    assert container["command"][0] == "python3.12"
    assert leaf["volumes"] == [{"name": "tmpfs", "emptyDir": {"medium": "Memory", "sizeLimit": "9Mi"}}]
    assert container["volumeMounts"][-1] == {"name": "tmpfs", "mountPath": "/t"}
    assert env(leaf)["TMPDIR"] == "/t"
    assert env(leaf)["FLOWC_GANG_TIMEOUT"] == "30"


def test_batch_is_a_pod_too(tmp_path: Path) -> None:
    header = "@batch(trainium=2, host_volumes=['/a:/b'], privileged=True, memory=10)"
    text = diamond(header).replace("import FlowSpec,", "import FlowSpec, batch,")
    _, workflow = objects(tmp_path, text)
    leaf = templates(workflow)["s-left"]
    assert leaf["container"]["resources"] == {
        "requests": {"memory": "10Mi", "aws.amazon.com/neuron": "2"}, "limits": {"aws.amazon.com/neuron": "2"},
    }  # fmt: skip
    assert leaf["container"]["securityContext"] == {"privileged": True}
    assert leaf["volumes"] == [{"name": "host-0", "hostPath": {"path": "/a"}}]
    assert leaf["container"]["volumeMounts"][-1] == {"name": "host-0", "mountPath": "/b"}


def test_catch_is_three_retries_more(tmp_path: Path) -> None:
    assert left(tmp_path, "@catch")["retryStrategy"] == {"limit": "3", "retryPolicy": "Always"}
    both = left(tmp_path, "@catch\n    @retry(times=2, minutes_between_retries=1)")
    assert both["retryStrategy"] == {"limit": "5", "retryPolicy": "Always", "backoff": {"duration": "60s"}}
    assert both["container"]["args"][-2:] == ["--attempt", "{{retries}}"]


def test_what_was_waited_for_in_vain_is_not_tried_again(tmp_path: Path) -> None:
    text = diamond("@catch\n    @wait_for('/data')").replace("import FlowSpec,", "import FlowSpec, wait_for,")
    strategy = templates(objects(tmp_path, text)[1])["s-left"]["retryStrategy"]
    assert strategy == {"limit": "3", "retryPolicy": "Always", "expression": NOT_FATAL}


def test_secrets_of_kubernetes(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@secrets(sources=[{'type': 'kubernetes', 'id': 'a'}, {'type': 'inline'}])")
    assert leaf["container"]["envFrom"] == [{"secretRef": {"name": "a"}}]


def test_a_project_names_the_object(tmp_path: Path) -> None:
    text = diamond().replace("class DiamondFlow", "@project(name='shop', branch='new')\nclass DiamondFlow")
    text = text.replace("import FlowSpec,", "import FlowSpec, project,")
    _, workflow = objects(tmp_path, text, kind="template")
    assert workflow["metadata"]["name"] == "shop-test-new-diamond-flow-49ab60"


def test_exit_hooks_run_when_all_has_ended(tmp_path: Path) -> None:
    text = diamond().replace(
        "class DiamondFlow",
        "def told(): ...\n\n@exit_hook(on_success=[told], on_error=[told, 'pkg.other'])\n"
        "@exit_hook(on_error=[told], options={'image': 'own:1'})\nclass DiamondFlow",
    )
    _, workflow = objects(tmp_path, text.replace("import FlowSpec,", "import FlowSpec, exit_hook,"))
    assert workflow["spec"]["onExit"] == "on-exit"
    tasks = templates(workflow)["on-exit"]["dag"]["tasks"]
    called = [(item["template"], item["arguments"]["parameters"][0]["value"], item["when"]) for item in tasks]
    assert called == [
        ("exit-hook", "told", "{{workflow.status}} == Succeeded"),
        ("exit-hook", "told", "{{workflow.status}} != Succeeded"),
        ("exit-hook", "pkg.other", "{{workflow.status}} != Succeeded"),
        ("exit-hook-2", "told", "{{workflow.status}} != Succeeded"),
    ]
    container = templates(workflow)["exit-hook"]["container"]
    assert container["command"] == ["python3", "/flowc/flowc.pyz", "hook"]
    assert container["args"] == ["{{inputs.parameters.function}}", "--forgive"]
    assert {item["name"] for item in container["env"]} >= {"FLOWC_ROOT", "FLOWC_RUN_ID"}
    assert templates(workflow)["exit-hook-2"]["container"]["image"] == "own:1"
    assert "onExit" not in objects(tmp_path, diamond())[1]["spec"]


def test_what_is_flowcs_own_of_kubernetes(tmp_path: Path) -> None:
    near = "{'requiredDuringSchedulingIgnoredDuringExecution': [{'topologyKey': 'zone', 'namespaceSelector': {}}]}"
    leaf = left(
        tmp_path,
        "@kubernetes(cpu=1, cpu_limit=2, memory_limit='1Gi', priority_class='high', scheduler='kueue',"
        f" affinity={{'podAffinity': {near}}}, config_maps=['c'], secrets=['s'], secret_volumes={{'a': '/a'}},"
        " config_map_volumes={'b': '/b'}, gpu='a100-1g.5gb:2',"
        " security_context={'fs_group': 5, 'readOnlyRootFilesystem': True, 'capabilities': {'drop': ['ALL']}})",
        gpu_cloud="eks",
    )
    container = leaf["container"]
    assert container["resources"] == {
        "requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1024Mi", "nvidia.com/mig-1g.5gb": "2"},
    }  # fmt: skip
    wanted = {
        "key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p4d.24xlarge", "p4de.24xlarge"],
    }  # fmt: skip
    node = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}}
    term: dict[str, Any] = {"topologyKey": "zone", "namespaceSelector": {}}
    pod = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    assert leaf["affinity"] == {"nodeAffinity": node, "podAffinity": pod}
    assert (leaf["priorityClassName"], leaf["schedulerName"]) == ("high", "kueue")
    assert leaf["securityContext"] == {"fsGroup": 5}
    assert container["securityContext"] == {"readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["envFrom"] == [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}}]
    assert leaf["volumes"] == [
        {"name": "secret-0", "secret": {"secretName": "a"}},
        {"name": "config-0", "configMap": {"name": "b"}},
        {"name": "tmp", "emptyDir": {}},
    ]


def test_a_limit_of_its_own_is_stronger_than_the_options_qos(tmp_path: Path) -> None:
    leaf = left(tmp_path, "@kubernetes(cpu=1, memory=64, cpu_limit=2)", qos="guaranteed")
    assert leaf["container"]["resources"]["limits"] == {"cpu": "2", "memory": "64Mi"}


def test_a_temporary_folder_of_its_own_is_enough(tmp_path: Path) -> None:
    security = "security_context={'read_only_root_filesystem': True}"
    leaf = left(tmp_path, f"@kubernetes(tmpfs_size=8, tmpfs_path='/tmp', {security})")
    assert leaf["volumes"] == [{"name": "tmpfs", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
