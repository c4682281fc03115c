"""Patches of pods, Workflows and templates, labels of all pods, and restricted pods, on both targets."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typing_extensions import TypeIs

from flowc_compiler.diagnostics import Diagnostic, DiagnosticSink
from flowc_targets.kubernetes.objects import merge_patch
from tests.conftest import REPOSITORY
from tests.support import STORE, compiled, diagnostics, emitted, flowc, yaml_documents

FLOW = """
from flowc import FlowSpec, exit_hook, kubernetes, step

def told():
    pass

@exit_hook(on_success=[told])
class Patched(FlowSpec):
    {decorator}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
A, B, C = {"name": "a", "x": 1}, {"name": "b"}, {"name": "c", "y": [1]}
MERGES: list[tuple[str, Any, Any, Any]] = [
    ("into nothing", None, {"a": 1}, {"a": 1}),
    ("a key", {"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
    ("deep", {"a": {"b": 1, "c": 2}}, {"a": {"c": None, "d": 4}}, {"a": {"b": 1, "d": 4}}),
    ("a removal in what is new", {}, {"a": {"b": None}}, {"a": {}}),
    ("by name", {"l": [A, B]}, {"l": [{"name": "a", "z": 2}, C]}, {"l": [{**A, "z": 2}, B, C]}),
    ("a list in a list", {"l": [C]}, {"l": [{"name": "c", "y": [2]}]}, {"l": [{"name": "c", "y": [2]}]}),
    ("without names", {"l": [1, 2]}, {"l": [3]}, {"l": [3]}),
    ("some without a name", {"l": [A, {"x": 1}]}, {"l": [B]}, {"l": [B]}),
    ("a new one without a name", {"l": [A]}, {"l": [B, {"x": 1}]}, {"l": [B, {"x": 1}]}),
    ("one name twice", {"l": [A, A]}, {"l": [B]}, {"l": [B]}),
    ("a new name twice", {"l": [A]}, {"l": [B, B]}, {"l": [B, B]}),
    ("an empty list", {"l": [A]}, {"l": []}, {"l": [A]}),
    ("a map for a list", {"l": [A]}, {"l": {"a": 1}}, {"l": {"a": 1}}),
]


def operator_merge() -> Any:
    """The merge of the operator in DAG files, without Airflow."""
    path = REPOSITORY / "targets" / "flowc_targets" / "airflow" / "operators" / "pod_operator.py"
    wanted = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == "merge_patch"]
    space: dict[str, Any] = {"Any": Any}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), space)
    return space["merge_patch"]


@pytest.mark.parametrize(("base", "patch", "merged"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES])
def test_merging_is_the_same_on_both_engines(base: Any, patch: Any, merged: Any) -> None:
    before = json.dumps(base)
    assert merge_patch(base, patch) == merged
    assert operator_merge()(base, patch) == merged
    assert json.dumps(base) == before


def objects(folder: Path, decorator: str = "", **options: Any) -> list[dict[str, Any]]:
    sink = DiagnosticSink()
    files, _ = emitted(compiled(folder, FLOW.format(decorator=decorator), sink), "argo", sink, **options)
    assert not sink.failed, [(item.message, item.help) for item in sink.diagnostics]
    return yaml_documents(files[0].text)


def templates(folder: Path, decorator: str = "", **options: Any) -> dict[str, Any]:
    return {item["name"]: item for item in objects(folder, decorator, **options)[-1]["spec"]["templates"]}


PATCH = """@kubernetes(labels={"team": "a"}, patch={
        "metadata": {"labels": {"cost": "42"}, "annotations": {"a": "b"}},
        "spec": {
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}],
            "terminationGracePeriodSeconds": 60,
            "runtimeClassName": "gvisor",
            "tolerations": [{"key": "spot", "operator": "Exists"}],
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
            "initContainers": [{"name": "migrate", "image": "busybox", "command": ["true"]}],
            "containers": [
                {
                    "name": "main",
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                    "env": [{"name": "EXTRA", "value": "1"}],
                    "lifecycle": {"preStop": {"exec": {"command": ["sync"]}}},
                },
                {"name": "proxy", "image": "proxy:1"},
            ],
        },
    })"""


def test_each_kind_of_field_has_its_place_in_a_template(tmp_path: Path) -> None:
    found = templates(tmp_path, PATCH)
    start, end = found["s-start"], found["s-end"]
    assert start["metadata"] == {"labels": {"team": "a", "cost": "42"}, "annotations": {"a": "b"}}
    assert start["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["db"]}]
    assert json.loads(start["podSpecPatch"]) == {"terminationGracePeriodSeconds": 60, "runtimeClassName": "gvisor"}
    assert start["sidecars"] == [{"name": "proxy", "image": "proxy:1"}]
    assert [item["name"] for item in start["initContainers"]] == ["migrate"]
    main = start["container"]
    assert [item["name"] for item in main["volumeMounts"]] == ["flowc", "scratch"]
    assert main["lifecycle"]
    assert main["env"][-1] == {"name": "EXTRA", "value": "1"}
    assert main["command"] == end["container"]["command"]
    assert not {"podSpecPatch", "sidecars", "metadata", "volumes"} & end.keys()


def is_text(node: ast.expr | None) -> TypeIs[ast.Constant]:
    return isinstance(node, ast.Constant)


def test_a_pods_patch_reaches_airflow_as_it_is(tmp_path: Path) -> None:
    sink = DiagnosticSink()
    override = {"spec": {"runtimeClassName": "kata", "priority": 7}}
    found = compiled(tmp_path, FLOW.format(decorator=PATCH), sink)
    files, _ = emitted(found, "airflow", sink, pod_override=override, labels={"team": "b", "all": "yes"})
    assert not sink.failed
    calls = [node for node in ast.walk(ast.parse(files[0].text)) if isinstance(node, ast.Call)]
    given = {item.arg: item.value for call in calls for item in call.keywords}
    common = given["default_args"]
    assert isinstance(common, ast.Dict)
    of_all = {key.value: item for key, item in zip(common.keys, common.values, strict=True) if is_text(key)}
    values: dict[str, Any] = {
        f"{key} of {which}": ast.literal_eval(found[key])
        for which, found in (("start", given), ("all", of_all))
        for key in ("pod_patch", "labels")
    }
    assert values["pod_patch of all"] == override
    own = values["pod_patch of start"]
    assert own["spec"]["runtimeClassName"] == "gvisor", "the step's own wins"
    assert own["spec"]["priority"] == 7
    assert [item["name"] for item in own["spec"]["containers"]] == ["main", "proxy"]
    assert values["labels of all"] == {"team": "b", "all": "yes"}
    assert values["labels of start"] == {"team": "a", "all": "yes"}


def test_workflow_and_template_patches(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "workflow_patch": {
            "metadata": {"labels": {"owner": "me"}},
            "spec": {
                "hostNetwork": True,
                "ttlStrategy": {"secondsAfterFailure": 60},
                "templates": [{"name": "main", "failFast": False}],
            },
        },
        "template_patch": {
            "container": {"terminationMessagePolicy": "FallbackToLogsOnError"},
            "automountServiceAccountToken": True,
        },
        "ttl_seconds": 5,
    }  # fmt: skip
    for kind in ("workflow", "template"):
        made = objects(tmp_path, kind=kind, **options)[-1]
        assert made["metadata"]["labels"]["owner"] == "me"
        assert made["metadata"]["labels"]["flowc/flow"] == "Patched"
        assert made["spec"]["hostNetwork"] is True
        assert made["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 5, "secondsAfterFailure": 60}
        found = {item["name"]: item for item in made["spec"]["templates"]}
        assert found["main"]["failFast"] is False
        assert found["main"]["dag"]
        pods = [item for item in found.values() if "container" in item]
        assert len(pods) == 2
        assert {item["container"]["terminationMessagePolicy"] for item in pods} == {"FallbackToLogsOnError"}
        assert "automountServiceAccountToken" not in found["main"]
    plain, patched = (objects(tmp_path, workflow_patch=patch)[-1] for patch in ({}, {"spec": {"priority": 1}}))
    assert plain["metadata"]["name"] != patched["metadata"]["name"], "another content is another object"


WRONG: list[tuple[str, int, str, str]] = [
    ('{"spec": {"hostNetwrk": True}}', 9, "spec.hostNetwrk: a PodSpec has no", "did you mean `hostNetwork`?"),
    ('{"spec": {"host_network": True}}', 9, "spec.host_network", "did you mean `hostNetwork`?"),
    ('{"hostNetwork": True}', 9, "a pod's patch has no such field", "did you mean `spec.hostNetwork`?"),
    ('{\n"spec": {\n"hostNetwork": "yes"}}', 11, "'yes' is not True or False", ""),
    ('{"spec": {"tolerations": {"key": "a"}}}', 9, "this is not a list", ""),
    ('{"spec": {"containers": [{"image": "x"}]}}', 9, "`name` is missing", ""),
    ('{"spec": {"containers": [{"name": "main",\n"args": ["x"]}]}}', 10, "what flowc starts the step with", ""),
    ('{"spec": {"dnsPolicy": "Sometimes"}}', 9, "is not one of ClusterFirst", ""),
    (
        '{"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "much"}}}]}}',
        9,
        "'much' is not a quantity",
        "",
    ),
    ('{"spec": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "pvc": {}}]}}', 9, "volumes.1.pvc", "it has"),
    ('{"metadata": {"labels": {"a": 1}}}', 9, "metadata.labels.a: 1 is not a text", ""),
    ('{"metadata": {"name": "x"}}', 9, "metadata of a pod's patch has no such field", "it has labels, annotations"),
    ('{"spec": {"containers": [{"name": "base", "image": "x"}]}}', 9, "Airflow's name", "the step's own is `main`"),
    ('{"spec": {"volumes": [{"name": "flowc", "emptyDir": {}}]}}', 9, "has flowc's package", "another name"),
    (
        '{"spec": {"containers": [{"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/flowc/"}]}]}}',
        9,
        "/flowc is where flowc's package is",
        "another folder",
    ),
    ("[]", 0, "", ""),
    ('"x"', 9, "this is not a pod's patch", ""),
]  # fmt: skip


def test_an_unknown_argument_does_not_hide_wrong_values(tmp_path: Path) -> None:
    decorator = '@kubernetes(imge="x", memory="4Gx", cpu="two", patch={"spec": {"hostNetwrk": True}})'
    found = diagnostics(tmp_path, FLOW.replace("{decorator}", decorator))
    assert sorted(item.code for item in found) == ["FC403", *["FC404"] * 3]


@pytest.mark.parametrize(("patch", "line", "message", "help_"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_what_does_not_fit_is_reported_at_its_line(
    patch: str, line: int, message: str, help_: str, tmp_path: Path
) -> None:
    found = diagnostics(tmp_path, FLOW.replace("{decorator}", f"@kubernetes(patch={patch})"))
    assert [item.code for item in found] == (["FC404"] if line else [])
    for item in found:
        assert message in item.message
        assert help_ in (item.help or "")
        assert item.span is not None
        assert item.span.line == line


REFUSED_OPTIONS: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "argo",
        "template_patch",
        {"container": {"securityContext": {"privileged": True}}},
        "has the container 'main', which has privileged: true",
    ),
    ("argo", "template_patch", {"sidecars": [{"name": "proxy", "image": "x"}]}, "has the container 'proxy'"),
    ("argo", "template_patch", {"securityContext": {"runAsUser": 0}}, "has a pod which may run as root"),
    ("argo", "template_patch", {"podSpecPatch": '{"hostPID": true}'}, "has hostPID"),
    ("argo", "template_patch", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "has a volume of the kind"),
    ("argo", "workflow_patch", {"spec": {"hostNetwork": True}}, "has hostNetwork"),
    (
        "argo",
        "workflow_patch",
        {"spec": {"securityContext": {"seccompProfile": None}}},
        "has a pod which has no seccomp",
    ),
    (
        "argo",
        "workflow_patch",
        {"spec": {"templates": [{"name": "task", "container": {"securityContext": {"runAsUser": 0}}}]}},
        "has the container 'main', which may run as root",
    ),
    ("airflow", "pod_override", {"spec": {"hostPID": True}}, "has hostPID"),
    ("airflow", "pod_override", {"spec": {"securityContext": None}}, "has a pod which has no runAsNonRoot"),
]


def said(folder: Path, target: str, decorator: str = "", **options: Any) -> tuple[Diagnostic, ...]:
    sink = DiagnosticSink()
    emitted(compiled(folder, FLOW.format(decorator=decorator), sink), target, sink, **options)
    return tuple(item for item in sink.diagnostics if "restricted" in item.message or item.severity == "error")


WRONG_OPTIONS: list[tuple[str, dict[str, Any], str]] = [
    ("argo", {"workflow_patch": {"spec": {"hostNetwrk": True}}}, "option workflow_patch: spec.hostNetwrk"),
    ("argo", {"workflow_patch": {"spec": {"podGC": {"strategy": "Never"}}}}, "is not one of OnPodCompletion"),
    ("argo", {"template_patch": {"sidecar": []}}, "option template_patch: sidecar"),
    ("argo", {"template_patch": {"name": "x"}}, "option template_patch: name"),
    ("argo", {"template_patch": {"suspend": {}}}, "option template_patch: suspend"),
    ("argo", {"template_patch": {"container": {"args": ["x"]}}}, "container.args: `args` is what flowc starts"),
    ("argo", {"template_patch": {"volumes": [{"name": "flowc", "emptyDir": {}}]}}, "has flowc's package"),
    (
        "argo",
        {"template_patch": {"sidecars": [{"name": "wait", "image": "x"}]}},
        "sidecars.0: Argo has a container",
    ),
    ("argo", {"workflow_patch": {"spec": {"volumes": [{"name": "flowc", "emptyDir": {}}]}}}, "spec.volumes.0"),
    ("argo", {"workflow_patch": {"spec": {"entrypoint": "x"}}}, "spec.entrypoint: there is no template 'x'"),
    ("argo", {"workflow_patch": {"spec": {"entrypoint": None}}}, "spec.entrypoint: a Workflow needs it"),
    ("argo", {"workflow_patch": {"spec": {"onExit": None}}}, "would replace the exit hooks"),
    ("airflow", {"pod_override": {"spec": {"containers": [{"name": "base"}]}}}, "Airflow's name of the step's own"),
    *(
        (target, {option: patch, "restricted": True}, f"option {option} {message}")
        for target, option, patch, message in REFUSED_OPTIONS
    ),
    (
        "argo",
        {"workflow_patch": {"spec": {"podSpecPatch": "{}"}}, "restricted": True},
        "the podSpecPatch is flowc's",
    ),
    ("airflow", {"pod_override": {"spec": {"hostNetwrk": True}}}, "option pod_override: spec.hostNetwrk"),
]


@pytest.mark.parametrize(("target", "options", "message"), WRONG_OPTIONS)
def test_options_are_checked(target: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    (found,) = said(tmp_path, target, **options)
    assert found.code == "FC505"
    assert message in found.message


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
def test_names_of_argos_own_containers(kind: str, tmp_path: Path) -> None:
    patch = f'@kubernetes(patch={{"spec": {{"{kind}": [{{"name": "wait", "image": "x"}}]}}}})'
    (found,) = said(tmp_path, "argo", patch)
    assert (found.code, found.span and found.span.line) == ("FC501", 9)
    assert not said(tmp_path, "airflow", patch)


def test_a_template_of_ones_own_may_be_the_entrypoint(tmp_path: Path) -> None:
    own = {"name": "wrapped", "steps": [[{"name": "all", "template": "main"}]]}
    made = objects(tmp_path, workflow_patch={"spec": {"entrypoint": "wrapped", "templates": [own]}})[-1]["spec"]
    assert made["entrypoint"] == "wrapped"
    assert own in made["templates"]


def test_one_template_has_one_pod_spec_patch(tmp_path: Path) -> None:
    options = {"template_patch": {"podSpecPatch": "{}"}}
    (found,) = said(tmp_path, "argo", '@kubernetes(patch={"spec": {"priority": 1}})', **options)
    assert (found.code, found.span and found.span.line) == ("FC501", 9)
    assert not said(tmp_path, "argo", '@kubernetes(patch={"spec": {"nodeSelector": {"a": "b"}}})', **options)


def test_labels_of_all_pods(tmp_path: Path) -> None:
    spec = objects(tmp_path, labels={"cost": "7"}, annotations={"a": "b"}, kueue_queue="q")[-1]["spec"]
    assert spec["podMetadata"]["labels"] == {"cost": "7", "kueue.x-k8s.io/queue-name": "q"}
    assert spec["podMetadata"]["annotations"] == {"a": "b"}
    (tmp_path / "flow.py").write_text(FLOW.format(decorator=""))
    done = flowc(tmp_path, "compile", "flow.py", "--root", STORE, "--set", 'labels={"a b"="c"}')
    assert done.returncode == 2
    assert "FC505" in done.stderr
    local = flowc(
        tmp_path,
        "compile",
        "flow.py",
        "-t",
        "airflow",
        "--root",
        "/s",
        "--operator",
        "local",
        "--set",
        'labels={a="c"}',
    )
    assert "FC506" in local.stderr


def test_restricted_pods(tmp_path: Path) -> None:
    made = objects(tmp_path, restricted=True)[-1]["spec"]
    assert made["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    rights = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pods = [item for item in made["templates"] if "container" in item]
    assert [item["container"]["securityContext"] for item in pods] == [rights, rights]
    own_of_argo = json.loads(made["podSpecPatch"])
    assert own_of_argo["containers"] == [{"name": "wait", "securityContext": rights}]
    assert own_of_argo["initContainers"] == [{"name": "init", "securityContext": rights}]
    own = '@kubernetes(security_context={"runAsUser": 7, "fsGroup": 8, "capabilities": {"add": ["NET_BIND_SERVICE"]}})'
    start = templates(tmp_path, own, restricted=True)["s-start"]
    assert start["securityContext"] == {**made["securityContext"], "fsGroup": 8}
    assert start["container"]["securityContext"] == {
        "runAsUser": 7,
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
    }
    assert objects(tmp_path, run_as_user=5)[-1]["spec"]["securityContext"] == {"runAsUser": 5}


REFUSED = [
    'security_context={"privileged": True}',
    'security_context={"allowPrivilegeEscalation": True}',
    'security_context={"runAsUser": 0}',
    'security_context={"runAsNonRoot": False}',
    'security_context={"capabilities": {"add": ["SYS_ADMIN"]}}',
    'security_context={"seccompProfile": {"type": "Unconfined"}}',
    'patch={"spec": {"hostPID": True}}',
    'patch={"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}',
    'patch={"spec": {"containers": [{"name": "proxy", "image": "x"}]}}',
    'patch={"spec": {"containers": [{"name": "main", "securityContext": {"privileged": True}}]}}',
    'patch={"spec": {"containers": [{"name": "main", "securityContext": {"runAsNonRoot": False}}]}}',
    'patch={"spec": {"containers": [{"name": "main", "securityContext": {"capabilities": {"drop": []}}}]}}',
    'patch={"spec": {"containers": [{"name": "main", "securityContext": {"allowPrivilegeEscalation": None}}]}}',
    'patch={"spec": {"containers": [{"name": "main", "ports": [{"containerPort": 1, "hostPort": 1}]}]}}',
    'patch={"spec": {"securityContext": {"runAsUser": 0}}}',
    'patch={"spec": {"securityContext": {"runAsNonRoot": None}}}',
    'patch={"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}}',
]


@pytest.mark.parametrize("arguments", REFUSED)
@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_what_the_level_refuses_is_an_error(target: str, arguments: str, tmp_path: Path) -> None:
    assert not said(tmp_path, target, f"@kubernetes({arguments})")
    (found,) = said(tmp_path, target, f"@kubernetes({arguments})", restricted=True)
    assert (found.code, found.severity, found.span and found.span.line) == ("FC501", "error", 9)


def test_the_rights_of_a_container_beside_the_step_are_printed(tmp_path: Path) -> None:
    proxy = '{"name": "proxy", "image": "x"%s}'
    patch = '@kubernetes(patch={"spec": {"containers": [%s]}})'
    (found,) = said(tmp_path, "argo", patch % (proxy % ""), restricted=True)
    given = (found.help or "").removeprefix("give that container ").partition(", or compile")[0]
    assert not said(tmp_path, "argo", patch % (proxy % f", {given}"), restricted=True), given


def test_an_image_whose_user_may_be_root(tmp_path: Path) -> None:
    (found,) = said(tmp_path, "argo", restricted=True, image="team/ml:1")
    assert (found.code, found.severity) == ("FC502", "warning")
    assert not said(tmp_path, "argo", restricted=True, image="team/ml:1", run_as_user=7)
    assert not said(tmp_path, "argo", restricted=True)
    (zero,) = said(tmp_path, "argo", restricted=True, run_as_user=0)
    assert (zero.code, zero.severity) == ("FC505", "error")


def test_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW.format(decorator=""))
    (tmp_path / "pyproject.toml").write_text(
        '[tool.flowc]\nlabels = {cost-center = "42"}\n[tool.flowc.argo.workflow_patch.spec]\nhostNetwork = true\n'
        '[tool.flowc.argo.template_patch]\nhostAliases = [{ip = "1.2.3.4", hostnames = ["a"]}]\n'
    )
    done = flowc(tmp_path, "compile", "flow.py", "--root", STORE)
    assert done.returncode == 0, done.stderr
    spec = yaml.safe_load(done.stdout.split("---\n")[-1])["spec"]
    assert spec["hostNetwork"] is True
    assert spec["podMetadata"]["labels"] == {"cost-center": "42"}
    assert [item["hostAliases"][0]["ip"] for item in spec["templates"] if "container" in item] == ["1.2.3.4"] * 2


@pytest.mark.process
def test_the_simulator_runs_patched_manifests(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        FLOW.format(
            decorator=PATCH.replace('{"name": "proxy", "image": "proxy:1"},', "")
            .replace('"initContainers": [{"name": "migrate", "image": "busybox", "command": ["true"]}],', "")
            .replace('"lifecycle": {"preStop": {"exec": {"command": ["sync"]}}},', "")
        )
    )
    options = ("--set", "restricted=true", "--set", "workflow_patch={spec={synchronization={mutexes=[{name='m'}]}}}")
    done = flowc(tmp_path, "compile", "flow.py", "--root", f"{tmp_path}/store", "-o", "flow.yaml", *options)
    assert done.returncode == 0, done.stderr
    done = flowc(tmp_path, "simulate", "flow.yaml")
    assert done.returncode == 0, done.stderr
