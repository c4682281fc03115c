"""Code in a ConfigMap: on request, or because it is too large; the manifest beside the DAG file, and what pods do."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowc._version import __version__
from flowc_compiler.diagnostics import Diagnostic
from flowc_targets.airflow.packaged_code import MOST_IN_CONFIG_MAP, MOST_IN_FILE
from flowc_targets.base.engine import EngineError
from flowc_targets.kubernetes.kubectl import create_config_maps
from tests.airflow.emitting import CLEAN, ROOT, emit_both, ruff, write, write_kubectl, write_noise
from tests.airflow.flows import PLAIN, SPECS, VALUES
from tests.support import flowc, yaml_documents

NOISY = PLAIN.replace("    def end(self):\n", "    def end(self):\n        import noise\n\n        print(noise)\n")


@dataclass
class Emitted:
    """What the target made of a flow."""

    dag: str
    manifest: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def sources(self) -> dict[str, dict[str, str]]:
        """The ConfigMaps that pods mount, each with the paths of its keys."""
        calls = [node for node in ast.walk(ast.parse(self.dag)) if isinstance(node, ast.Call)]
        found: dict[str, dict[str, str]] = {}
        for call in calls:
            if ast.unparse(call.func) == "k8s.V1ConfigMapProjection":
                given = {item.arg: item.value for item in call.keywords}
                items = [item for item in ast.walk(given["items"]) if isinstance(item, ast.Call)]
                paths = [{word.arg: ast.literal_eval(word.value) for word in item.keywords} for item in items]
                found[ast.literal_eval(given["name"])] = {item["key"]: item["path"] for item in paths}
        return found

    @property
    def code(self) -> str:
        """The name of the ConfigMap with the flow's own files."""
        *_, name = self.sources
        return name

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What the manifest creates."""
        return yaml_documents(self.manifest)


def emitted(folder: Path, source: str, **options: object) -> Emitted:
    """All that is emitted."""
    return Emitted(*emit_both(write(folder, source), **options))


def test_a_requested_config_map(tmp_path: Path) -> None:
    found = emitted(tmp_path, PLAIN, code="configmap", namespace="flows")
    assert found.diagnostics == ()
    runtime, rest, code = found.objects
    for config in (runtime, rest, code):
        assert config["kind"] == "ConfigMap"
        assert config["immutable"] is True
        assert config["metadata"]["namespace"] == "flows"
        assert config["metadata"]["labels"]["flowc/engine"] == "airflow", "`flowc prune` leaves it alone"
    assert runtime["metadata"]["name"].startswith("flowc-airflow-runtime-")
    assert list(found.sources) == [item["metadata"]["name"] for item in (runtime, rest, code)]
    assert found.code.startswith("plain-flow-")
    assert code["metadata"]["labels"]["flowc/flow"] == "PlainFlow"
    assert runtime["metadata"]["labels"]["flowc/release"] == __version__
    assert code["data"]["flow_file.py"] == (tmp_path / "flow_file.py").read_text()
    assert found.sources[found.code] == {"plan.json": "plan.json", "flow_file.py": "files/flow_file.py"}
    assert "flowc_runtime" not in found.dag
    assert 'RUNTIME = ""' in found.dag
    assert "FLOW.texts" not in found.dag
    assert found.manifest.startswith("# Compiled by flowc ")


def test_the_runtime_is_a_file_of_its_own_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    options = ("-t", "airflow", "--root", ROOT, "--code", "configmap", "-o", "d/")
    done = flowc(tmp_path, "compile", "flow_file.py", *options)
    assert done.returncode == 0, done.stderr
    own, dag, manifest, module = sorted(path.name for path in (tmp_path / "d").iterdir())
    assert (own, dag) == ("PlainFlow.configmap.yaml", "PlainFlow.py")
    (code,) = yaml_documents((tmp_path / "d" / own).read_text())
    runtime, rest = yaml_documents((tmp_path / "d" / manifest).read_text())
    assert manifest == f"{runtime['metadata']['name']}.yaml"
    text = (tmp_path / "d" / dag).read_text()
    assert code["metadata"]["name"] in text
    assert all(item["metadata"]["name"] in text for item in (runtime, rest))
    assert f"from {module.removesuffix('.py')} import (" in text


@pytest.mark.process
@pytest.mark.parametrize("source", [PLAIN, VALUES, SPECS])
def test_form(source: str, tmp_path: Path) -> None:
    text = emitted(tmp_path, source, code="configmap").dag
    assert ruff("format", "--check", "--diff", text=text) == ""
    assert ruff("check", *CLEAN, "--extend-ignore=E501,E741,RUF001", text=text) == ""


def test_the_name_is_of_the_content(tmp_path: Path) -> None:
    one, same = (emitted(tmp_path, PLAIN, code="configmap", dag_id=name).code for name in ("a.B_c", "a.B_c"))
    other = emitted(tmp_path, PLAIN + "        print(1)\n", code="configmap", dag_id="a.B_c").code
    assert one == same != other
    assert one[:6] == other[:6] == "a-b-c-"
    assert len(emitted(tmp_path, PLAIN, code="configmap", dag_id="d" * 200).code) == 63


def test_every_namespace_has_one(tmp_path: Path) -> None:
    found = emitted(tmp_path, SPECS, code="configmap")
    assert [item["metadata"].get("namespace") for item in found.objects] == [
        *("elsewhere", "elsewhere", None, None),
        *("elsewhere", None),
    ]
    assert len({item["metadata"]["name"] for item in found.objects}) == 3


def test_code_that_is_too_large_for_a_pod_goes_to_a_config_map(tmp_path: Path) -> None:
    write_noise(tmp_path, MOST_IN_FILE * 3 // 4)
    found = emitted(tmp_path, NOISY)
    (diagnostic,) = found.diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("FC503", "warning")
    assert "ConfigMaps" in diagnostic.message
    assert "apply" in diagnostic.help
    assert len(found.objects) == 3
    assert not emitted(tmp_path, PLAIN).manifest
    local = emitted(tmp_path, NOISY, operator="local")
    assert local.dag
    assert not local.manifest
    assert local.diagnostics == ()


def test_code_that_must_not_leave_the_file(tmp_path: Path) -> None:
    write_noise(tmp_path, MOST_IN_FILE * 3 // 4)
    (diagnostic,) = emitted(tmp_path, NOISY, code="file").diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("FC503", "error")
    assert "--code configmap" in diagnostic.help
    assert "noise.py" in diagnostic.help


@pytest.mark.parametrize("options", [{}, {"code": "configmap"}])
def test_code_that_fits_nowhere(tmp_path: Path, options: dict[str, str]) -> None:
    write_noise(tmp_path, MOST_IN_CONFIG_MAP)
    (diagnostic,) = emitted(tmp_path, NOISY, **options).diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("FC503", "error")
    assert "noise.py" in diagnostic.help
    assert emitted(tmp_path, NOISY, operator="local").dag


def test_what_does_not_go_with_a_config_map(tmp_path: Path) -> None:
    (diagnostic,) = emitted(tmp_path, PLAIN, code="configmap", operator="local").diagnostics
    assert diagnostic.code == "FC505"
    source = SPECS.replace('"/data"', '"/flowc/"')
    (diagnostic,) = emitted(tmp_path, source, code="configmap").diagnostics
    assert (diagnostic.code, diagnostic.severity) == ("FC501", "error")
    assert emitted(tmp_path, source).diagnostics == ()


def test_files_of_the_command(tmp_path: Path) -> None:
    write(tmp_path, PLAIN)
    compiled = ("compile", "flow_file.py", "-t", "airflow", "--root", ROOT, "--code", "configmap")
    refused = flowc(tmp_path, *compiled)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "FC603" in refused.stderr
    assert "-o" in refused.stderr
    for output, names in (("dags/nightly.py", ["nightly.configmap.yaml", "nightly.py"]),):
        done = flowc(tmp_path, *compiled, "-o", output)
        assert done.returncode == 0, done.stderr
        folder = (tmp_path / output).parent if output.endswith(".py") else tmp_path / output
        assert sorted(path.name for path in folder.iterdir()) == names


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a kubectl that keeps what it is given."""
    folder = write_kubectl(tmp_path)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.mark.process
def test_what_kubectl_creates(tmp_path: Path, kubectl: Path) -> None:
    objects = emitted(tmp_path, SPECS, code="configmap").objects
    create_config_maps(objects, None, "Airflow", "help")
    asked = (kubectl / "asked").read_text()
    assert asked.count("create -f -\n") == 6
    assert "--namespace" not in asked
    assert '"namespace": "elsewhere"' in asked
    (kubectl / "refuse").write_text('Error from server (AlreadyExists): configmaps "x" already exists\n')
    create_config_maps(objects, "flows", "Airflow", "help")
    assert (kubectl / "asked").read_text().count("--namespace flows create") == 6
    (kubectl / "refuse").write_text("error: forbidden\n")
    with pytest.raises(EngineError, match="forbidden") as raised:
        create_config_maps(objects, None, "Airflow", "help")
    assert raised.value.code == "FC611"


def test_no_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = emitted(tmp_path, PLAIN, code="configmap").objects
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="which Airflow cannot create, and there is no kubectl"):
        create_config_maps(objects, None, "Airflow", "help")
    create_config_maps([], None, "Airflow", "help")
