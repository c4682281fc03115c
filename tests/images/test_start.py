"""Packages that pods install when they start: what is compiled, and what the pods of it do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc_targets.package.images.package_lock import package_lock
from tests.images.building import FLOW, one_step
from tests.images.wheel_index import index_variables
from tests.support import flowc, flowc_process, write_package, yaml_documents

ROOT = ("--root", "s3://b/p")
START = ("--images", "images/images.json", "--install-at-start")
HASH = "--hash=sha256:" + "0" * 64
HERE = f"3.{sys.version_info.minor}"


def locked(folder: Path, text: str, *options: str) -> None:
    """Write a flow, and locks for which nothing was resolved, with a package for each requirement."""
    (folder / "flow.py").write_text(text)
    assert flowc(folder, "image", "flow.py", "--no-lock", *options).returncode == 0
    for entry in json.loads((folder / "images" / "images.json").read_text())["images"]:
        if not entry["requirements"] or entry["manager"] == "conda":
            continue
        lines = [line if " @ " in line else f"{re.split('[=[]', line)[0]}==1 {HASH}" for line in entry["requirements"]]
        lock = package_lock("3.11", tuple(entry["requirements"]), "\n".join(lines))
        for name, content in lock.files().items():
            (folder / "images" / entry["folder"] / name).write_text(content)


def compiled(folder: Path, *options: str, code: int = 0) -> tuple[str, str]:
    done = flowc(folder, "compile", "flow.py", *ROOT, *options)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def templates(text: str) -> dict[str, Any]:
    *_, workflow = yaml_documents(text)
    return {item["name"]: item for item in workflow["spec"]["templates"]}


def test_pods_of_argo(tmp_path: Path) -> None:
    locked(tmp_path, FLOW)
    text, printed = compiled(tmp_path, *START, "--image", "plain:1")
    found = templates(text)
    assert {name: found[f"s-{name}"]["container"]["image"] for name in ("start", "train", "own", "end")} == {
        "start": "plain:1", "train": "python:3.11-slim", "own": "registry.example/own:1", "end": "plain:1",
    }  # fmt: skip
    for name in ("start", "train", "own", "end"):
        template = found[f"s-{name}"]
        folders = [item["mountPath"] for item in template["container"]["volumeMounts"]]
        installs = name in {"start", "train"}
        assert ("/flowc-packages" in folders) is installs
        assert ({"name": "packages", "emptyDir": {}} in template.get("volumes", [])) is installs
        assert ({"name": "FLOWC_PACKAGES", "value": "/flowc-packages"} in template["container"]["env"]) is installs
    assert "humanize==1 \\\n" in text  # a reviewer reads what is installed
    assert printed.count("warning[FC510]") == 2
    assert "step `start`: each pod installs humanize==4.9.0 when it starts" in printed
    line = FLOW[: FLOW.index("@pypi(packages={")].count("\n") + 1
    assert f"flow.py:{line}:" in printed
    assert printed.count("warning[FC501]") == 1  # of the step with its own image
    assert not [line for line in printed.splitlines() if "error" in line]


def test_pods_of_airflow(tmp_path: Path) -> None:
    locked(tmp_path, FLOW)
    text, printed = compiled(tmp_path, *START, "-t", "airflow")
    assert text.count("V1EmptyDirVolumeSource()") == 2
    assert text.count('variables={"FLOWC_PACKAGES": "/flowc-packages"}') == 2
    assert printed.count("FC510") >= 2
    text, printed = compiled(tmp_path, *START, "-t", "airflow", "--operator", "local")
    assert "FLOWC_PACKAGES" not in text
    assert "option install_at_start has no effect where tasks are processes" in printed


def test_digests_of_plain_images(tmp_path: Path) -> None:
    locked(tmp_path, FLOW)
    digest = "sha256:" + "a" * 64
    text, _ = compiled(tmp_path, *START, "--image-digest", f"train={digest}")
    assert templates(text)["s-train"]["container"]["image"] == f"python@{digest}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (one_step("@conda(packages={'numpy': '1'})"), "FC510]: step `start`: Conda's packages are not installed"),
        (one_step("@pypi(packages={'a': '@ git+https://h.example/a@v1'})"), "the image must have git"),
        (one_step("@pypi(packages={f'p{n}': '1' for n in range(7)})"), "p0==1, p1==1, p2==1, p3==1, p4==1 and 2"),
        (one_step("@pypi(disabled=True, packages={'six': '1'})"), "install_at_start has no effect on a flow"),
        (one_step("@conda(packages={'numpy': '1'})"), "install_at_start has no effect on a flow"),
    ],
)  # fmt: skip
def test_what_is_reported(tmp_path: Path, text: str, words: str) -> None:
    text = text.replace("{f'p{n}': '1' for n in range(7)}", str({f"p{n}": "1" for n in range(7)}))
    locked(tmp_path, text)
    assert words in compiled(tmp_path, *START)[1]


def test_system_packages_are_the_images(tmp_path: Path) -> None:
    text = (
        "from zenml import pipeline, step\nfrom zenml.config import DockerSettings\n\n\n"
        "@step(settings={'docker': DockerSettings(apt_packages=['libgomp1'], parent_image='a/b:1')})\n"
        "def work() -> int:\n    return 1\n\n\n@pipeline\ndef numbers():\n    work()\n"
    )
    locked(tmp_path, text)
    text, printed = compiled(tmp_path, *START)
    assert "FC510]: step `work`: the image must have libgomp1" in printed
    assert "image: a/b:1" in text
    assert "FLOWC_PACKAGES" not in text


def test_a_version_of_python_is_an_image(tmp_path: Path) -> None:
    locked(tmp_path, one_step("@pypi(python='3.12')"))
    text, _ = compiled(tmp_path, *START)
    assert templates(text)["s-start"]["container"]["image"] == "python:3.12-slim"
    assert "FLOWC_PACKAGES" not in text


CHANGES: list[tuple[Callable[[str], str | None], str]] = [
    (lambda _: None, "No such file or directory"),
    (lambda _: "six==1.16.0\n", "it is not locked"),
    (lambda text: text + "--index-url x\n", "is not a locked package"),
    (lambda text: text.replace("requires: six", "requires: attrs"), "it was locked for other packages"),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_a_lock_that_does_not_fit(tmp_path: Path, change: Callable[[str], str | None], words: str) -> None:
    locked(tmp_path, one_step("@pypi(packages={'six': ''})"))
    (path,) = (tmp_path / "images").glob("env-*/requirements.txt")
    text = change(path.read_text())
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    _, printed = compiled(tmp_path, *START, code=2)
    assert "error[FC509]" in printed
    assert words in printed
    assert "flow.py:5:" in printed


def test_the_lock_is_required(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    _, printed = compiled(tmp_path, "--install-at-start", code=2)
    assert "error[FC502]: install_at_start needs the lock" in printed
    assert "flowc image flow.py" in printed


def test_the_folder_of_packages_is_taken(tmp_path: Path) -> None:
    mount = "@kubernetes(secret_volumes={'s': '/flowc-packages/x'})\n    @pypi(packages={'six': ''})"
    locked(tmp_path, one_step(mount))
    _, printed = compiled(tmp_path, *START, code=2)
    assert "mounts a volume at /flowc-packages/x, where its packages are" in printed
    compiled(tmp_path, "--images", "images/images.json")


SEEN = """\
from flowc import FlowSpec, pypi, pypi_base, step


@pypi_base(packages={"humanize": "4.9.0"})
class SeenFlow(FlowSpec):
    @step
    def start(self):
        import humanize

        self.first = humanize.version
        self.items = [1]
        self.next(self.work, foreach="items")

    @pypi(packages={"python-slugify[unidecode]": "", "humanize": "4.10.0"}, python="HERE")
    @step
    def work(self):
        import subprocess
        import sys

        import python_slugify
        import Unidecode

        code = "import humanize; print(humanize.version)"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.seen = (python_slugify.version, Unidecode.version, child.stdout.strip())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [item.seen for item in inputs]
        self.first = inputs[0].first
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self):
        from importlib.util import find_spec

        print("SEEN", self.first, *self.seen, find_spec("python_slugify"))
"""


def really_locked(folder: Path, text: str) -> None:
    (folder / "flow.py").write_text(text.replace("HERE", HERE))
    done = flowc(folder, "image", "flow.py")
    assert done.returncode == 0, done.stderr


@pytest.mark.process
def test_a_simulated_run_installs_and_runs(tmp_path: Path, package_index: Path) -> None:
    really_locked(tmp_path, SEEN)
    compiled(tmp_path, *START, "-o", "flow.yaml")
    done = flowc_process(tmp_path, "simulate", "flow.yaml", "--root", str(tmp_path / "store"), "--output")
    assert done.returncode == 0, done.stderr
    assert "SEEN 4.9.0 ('8.0.4', '1.3.8', '4.10.0') None" in done.stderr


class OnePod:
    """The first step of a compiled flow as a pod runs it: its package in one folder, its own volume in another."""

    def __init__(self, folder: Path, index: Path, python: str = sys.executable) -> None:
        really_locked(folder, one_step("@pypi(packages={'six': '1.16.0'})").replace("self.next", PRINT + "self.next"))
        text, _ = compiled(folder, *START)
        (folder / "code").mkdir()
        write_package(yaml_documents(text), folder / "code")
        self.folder, self.volume, self.store = folder, folder / "volume", folder / "store"
        self.command = [python, str(folder / "code" / "flowc.pyz"), "task", "--step", "start", "--attempt", "0"]
        self.env = {
            **os.environ, **index_variables(index), "FLOWC_ROOT": str(self.store), "FLOWC_RUN_ID": "r",
            "FLOWC_PACKAGES": str(self.volume), "TMPDIR": str(self.scratch),
        }  # fmt: skip

    @property
    def scratch(self) -> Path:
        place = self.folder / "tmp"
        place.mkdir(exist_ok=True)
        return place

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {**self.env, **variables}
        return subprocess.run(self.command, env=env, capture_output=True, text=True, timeout=120, check=False)

    def environments(self) -> list[str]:
        return sorted(path.name for path in self.volume.iterdir() if path.is_dir())


PRINT = "import six, sys; print(six.version, sys.prefix); "


@pytest.fixture
def pod(tmp_path: Path, package_index: Path) -> OnePod:
    return OnePod(tmp_path, package_index)


@pytest.mark.process
def test_a_restarted_pod_goes_on_with_a_complete_environment(pod: OnePod) -> None:
    first = pod.run()
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("1.16.0 ")
    assert str(pod.volume) in first.stdout
    assert "flowc: the step's packages are installed, after " in first.stderr
    assert not list(pod.scratch.iterdir())  # the shim of neither process is left
    again = pod.run(PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "installing" not in again.stderr
    (home,) = pod.environments()
    shutil.rmtree(pod.volume / home)  # what the marker names is gone
    assert pod.run().returncode == 0


@pytest.mark.process
def test_a_killed_pod_leaves_nothing_that_counts(pod: OnePod) -> None:
    """pip waits for an index that does not answer; then all of its container is killed, as a kubelet does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        env = {**pod.env, "PIP_NO_INDEX": "", "PIP_FIND_LINKS": "", "PIP_INDEX_URL": index, "PIP_PROXY": ""}
        env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        with subprocess.Popen(pod.command, env=env, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            silent.settimeout(60)
            silent.accept()[0].close()
            (half,) = pod.environments()
            os.killpg(process.pid, signal.SIGKILL)
    assert (pod.volume / half / "bin" / "python").exists()
    done = pod.run()
    assert done.returncode == 0, done.stderr
    assert "installing the step's packages" in done.stderr
    assert half not in pod.environments()
    assert len(pod.environments()) == 1


@pytest.mark.process
@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"PIP_FIND_LINKS": "/nowhere"}, 1, "pip cannot install the step's packages"),
        ({"FLOWC_PACKAGES": ""}, 2, "installed in the folder that FLOWC_PACKAGES names"),
        ({"FLOWC_PACKAGES": "/dev/null/x"}, 1, "the step's packages cannot be installed in /dev/null/x"),
        ({"PYTHONPATH": "WITHOUT"}, 2, "has no pip and no ensurepip (python3-venv), so that no"),
    ],
)  # fmt: skip
def test_what_fails(pod: OnePod, variables: dict[str, str], code: int, words: str) -> None:
    """The attempt fails and says why, in its log and in the store."""
    (pod.folder / "without").mkdir()
    (pod.folder / "without" / "sitecustomize.py").write_text("import sys\nsys.modules['pip'] = None\n")
    with (pod.folder / "without" / "sitecustomize.py").open("a") as file:
        file.write("sys.modules['ensurepip'] = None\n")
    given = {name: value.replace("WITHOUT", str(pod.folder / "without")) for name, value in variables.items()}
    done = pod.run(**given)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    (record,) = pod.store.rglob("error.json")
    assert words in json.loads(record.read_text())["message"]


@pytest.mark.process
def test_a_package_that_was_exchanged(pod: OnePod, package_index: Path) -> None:
    """The lock has hashes: another file of the same version is refused."""
    wheel = next(package_index.glob("six-*"))
    wheel.write_bytes(wheel.read_bytes() + b"\n")
    done = pod.run()
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.process
def test_another_python_than_the_lock_is_for(pod: OnePod) -> None:
    plan = pod.folder / "code" / "plan.json"
    text = plan.read_text()
    assert '"oldest_python": "3.11"' in text
    plan.write_text(text.replace('"oldest_python": "3.11"', '"oldest_python": "3.99"'))
    done = pod.run()
    assert done.returncode == 2
    assert "were locked for Python 3.99 and newer" in done.stderr
    plan.write_text(text.replace('"oldest_python": "3.11"', '"oldest_python": "3.9", "python": "3.8"'))
    assert "the step requires Python 3.8, and this image has 3." in pod.run().stderr


@pytest.mark.slow
def test_python_without_pip(tmp_path: Path, package_index: Path) -> None:
    """Where the image has no pip, that of ensurepip is taken."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    pod = OnePod(tmp_path, package_index, str(bare / "bin" / "python"))
    done = pod.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1.16.0 ")
