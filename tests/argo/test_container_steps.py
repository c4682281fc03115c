"""Steps with `@container` as Argo gets them, and in the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.support import compiled, emitted, flowc, yaml_documents

FLOW = """
from flowc import FlowSpec, Parameter, container, environment, kubernetes, retry, step, timeout


class Boxes(FlowSpec):
    size = Parameter("size", default=3)

    @step
    def start(self):
        self.next(self.count)

    @environment(vars={{"SHARED": "$(x) $y"}})
    @kubernetes(image="shim:1", memory=700, secrets=["db"], port=80{patch})
    @retry(times=2, minutes_between_retries=0)
    @timeout(seconds=60)
    @container(
        image="box:1", command=["sh", "-c", "{script}"{words}],
        env={{"SIZE": "{size}", "OUT": "{{outputs.items}}"}}, outputs={{"items": "items.json"}},
    )
    @step
    def count(self):
        self.next(self.item, foreach="items")

    @container(image="box:2", command=["cp", "{{inputs.input}}", "{{outputs.copy}}"],
        inputs={{"input": "item.json"}}, outputs={{"copy": "copy.json"}})
    @step
    def item(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.copies = [item.copy for item in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def flow(**parts: str) -> str:
    return FLOW.format(**{"patch": "", "words": "", "size": "3", "script": "echo '[1, 2, 3]' > $OUT", **parts})


def templates(folder: Path, text: str, **options: Any) -> dict[str, dict[str, Any]]:
    files, sink = emitted(compiled(folder, text), "argo", **options)
    assert files, sink.diagnostics
    spec = yaml_documents(files[0].text)[-1]["spec"]
    return {item["name"]: item for item in spec["templates"]}


def test_the_shim_stands_before_and_after_the_command(tmp_path: Path) -> None:
    found = templates(tmp_path, flow(), image="shim:0", env={"ALL": "1"}, template_patch={"container": {"tty": True}})
    template = found["s-count"]
    (first,) = template["initContainers"]
    main, last = template["containerSet"]["containers"]
    assert main == {
        "name": "main",
        "image": "box:1",
        "command": ["sh", "-c", "echo '[1, 2, 3]' > $$OUT"],
        "env": [
            {"name": "ALL", "value": "1"},
            {"name": "SHARED", "value": "$$(x) $$y"},
            {"name": "SIZE", "value": "3"},
            {"name": "OUT", "value": "/flowc-files/outputs/items.json"},
        ],
        "envFrom": [{"secretRef": {"name": "db"}}],
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"memory": "700Mi"}},
        "tty": True,
    }
    assert last["dependencies"] == ["main"]
    part = {"name": "FLOWC_CONTAINER_PART"}
    for container, does in ((first, "inputs"), (last, "outputs")):
        assert container["image"] == "shim:1"
        assert {**part, "value": does} in container["env"]
        assert container["args"][-2:] == ["--outputs", "/flowc-files/engine"]
        assert not {"resources", "ports"} & container.keys()
    assert template["containerSet"]["volumeMounts"] == [{"name": "flowc-files", "mountPath": "/flowc-files"}]
    assert template["outputs"]["parameters"][0]["valueFrom"]["path"] == "/flowc-files/engine/count"
    assert (template["retryStrategy"]["limit"], template["activeDeadlineSeconds"]) == ("2", 360)
    assert found["s-item"]["containerSet"]["containers"][0]["command"] == [
        "cp", "/flowc-files/inputs/item.json", "/flowc-files/outputs/copy.json",
    ]  # fmt: skip


@pytest.mark.parametrize("parts", [{"size": "{values.size}"}, {"words": ", 'sh', '{{ .ID }}'"}, {"size": "{{x}}"}])
def test_a_shell_runs_what_is_known_late_or_argo_would_read(parts: dict[str, str], tmp_path: Path) -> None:
    template = templates(tmp_path, flow(**parts))["s-count"]
    main = template["containerSet"]["containers"][0]
    assert main["command"] == ["/bin/sh", "/flowc-files/command"]
    assert "{{" not in str(main)
    assert {"name": "FLOWC_CONTAINER_PART", "value": "script"} in template["initContainers"][0]["env"]


def test_a_patch_of_the_pod_reaches_the_container_of_the_step(tmp_path: Path) -> None:
    proxy = '{"name": "proxy", "image": "p", "command": ["p"]}'
    patch = f', patch={{"spec": {{"containers": [{{"name": "main", "tty": True}}, {proxy}]}}}}'
    template = templates(tmp_path, flow(patch=patch))["s-count"]
    main, last = template["containerSet"]["containers"]
    assert (main["tty"], main["image"], "tty" in last) == (True, "box:1", False)
    assert [item["name"] for item in template["sidecars"]] == ["proxy"]
    assert "container" not in template


def test_a_workflow_that_carries_its_code_has_it_in_both(tmp_path: Path) -> None:
    template = templates(tmp_path, flow(), code="workflow")["s-count"]
    shims = (template["initContainers"][0], template["containerSet"]["containers"][1])
    assert all("/flowc/boot.py" in item["command"] for item in shims)


@pytest.mark.process
def test_the_simulator_runs_the_command(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(flow())
    flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "-o", "flow.yaml")
    result = flowc(tmp_path, "simulate", "flow.yaml", "--root", "store")
    assert result.returncode == 0, result.stdout + result.stderr
    assert Run.latest("Boxes", root=str(tmp_path / "store"))["join"].task.data.copies == [1, 2, 3]


COMMAND_STEP = """
from zenml import CommandStep, pipeline
from zenml.config import DockerSettings

def tell() -> None:
    print("told")

make = CommandStep(command=["make", "all"], name="make", settings={"docker": DockerSettings(parent_image="box:3")})

@pipeline
def commands():
    make()
    CommandStep(command=tell)(after="make")
"""


def test_a_command_step_of_zenml_runs_in_the_image_of_the_step(tmp_path: Path) -> None:
    files, sink = emitted(compiled(tmp_path, COMMAND_STEP), "argo", image="shim:0")
    assert files, sink.diagnostics
    found = {item["name"]: item for item in yaml_documents(files[0].text)[-1]["spec"]["templates"]}
    main, last = found["s-make"]["containerSet"]["containers"]
    assert (main["image"], main["command"], last["image"]) == ("box:3", ["make", "all"], "box:3")
    main, _ = next(item for name, item in found.items() if "command" in name)["containerSet"]["containers"]
    assert (main["image"], main["command"][:2]) == ("shim:0", ["python", "-c"])
    assert main["command"][2].endswith('    print("told")\ntell()\n')


def test_the_image_of_the_command_is_pulled_by_its_digest(tmp_path: Path) -> None:
    """Both by the image's name and by the step's, which is the image that the step names itself."""
    (tmp_path / "flow.py").write_text(flow())
    one, other = (f"sha256:{letter * 64}" for letter in "ab")
    digests = ("--image-digest", f"box:1={one}", "--image-digest", f"item={other}")
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "-o", "flow.yaml", *digests)
    assert done.returncode == 0, done.stderr
    found = (tmp_path / "flow.yaml").read_text()
    assert all(text in found for text in (f"box@{one}", f"box@{other}", "image: shim:1"))
