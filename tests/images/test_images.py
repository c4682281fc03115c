"""`flowc image`, and `flowc compile --images`, as a user calls them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.images.building import FLOW, instructions, one_step, shell_of
from tests.support import flowc

ROOT = ("--root", "s3://bucket/prefix")


def written(folder: Path, text: str, *options: str, name: str = "flow.py") -> list[dict[str, Any]]:
    """The entries of images.json for a flow, without locks, which a process resolves: see test_locks.py."""
    (folder / name).write_text(text)
    done = flowc(folder, "image", name, "--no-lock", *options)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads((folder / "images" / "images.json").read_text())["images"]
    return found


def dockerfile(folder: Path, entry: dict[str, Any]) -> list[tuple[str, str]]:
    return instructions(folder / "images" / entry["folder"])


def test_an_image_for_each_environment(tmp_path: Path) -> None:
    found = written(tmp_path, FLOW, "--tag-prefix", "registry.example/team/env")
    by_step = {steps[0]: entry for entry in found for steps in entry["steps"].values()}
    assert set(by_step) == {"start", "train"}
    assert by_step["start"]["requirements"] == ["humanize==4.9.0"]
    assert by_step["train"]["requirements"] == ["humanize==4.10.0", "python-slugify[unidecode]>=8,<9"]
    for entry in found:
        assert re.fullmatch(r"registry\.example/team/env:[0-9a-f]{12}", entry["image"])
        (_, base), (_, copied), (_, run) = dockerfile(tmp_path, entry)
        assert base == "python:3.11-slim"
        assert (tmp_path / "images" / entry["folder"] / copied.split()[0]).is_file()
        assert shell_of(run).endswith(f"python3 -m pip install --no-cache-dir -r {copied.split()[1]}")
    bake = json.loads((tmp_path / "images" / "docker-bake.json").read_text())
    assert {target["tags"][0] for target in bake["target"].values()} == {entry["image"] for entry in found}
    assert all((tmp_path / "images" / target["context"] / "Dockerfile").is_file() for target in bake["target"].values())


def test_what_is_printed_builds_and_pushes(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    done = flowc(tmp_path, "image", "flow.py", "-o", "my images", "--no-lock")
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert re.fullmatch(
            r"docker buildx build .* 'my images/(env-\w{12})/flowc-env_(\w{12}).metadata.json' "
            r"--output type=image,push=true,\S+ -t flowc-env:\2 'my images/\1'",
            line,
        )
    assert "2 images to build" in done.stderr
    assert "`own` keeps its image registry.example/own:1" in done.stderr


def test_names_depend_on_the_content_alone(tmp_path: Path) -> None:
    first, other = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    other.mkdir()
    again = FLOW.replace('{"python-slugify[unidecode]": ">=8,<9", "humanize": "4.10.0"}',
                         '{"humanize": "4.10.0", "python-slugify[unidecode]": ">=8,<9"}')  # fmt: skip
    assert again != FLOW
    assert written(first, FLOW) == written(other, again)
    based = written(other, again, "--base", "registry.example/python:1")
    assert {entry["environment"] for entry in based} == {entry["environment"] for entry in written(first, FLOW)}
    assert not {entry["image"] for entry in based} & {entry["image"] for entry in written(first, FLOW)}


@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_compile_gives_each_step_its_image(tmp_path: Path, target: str) -> None:
    found = written(tmp_path, FLOW)
    done = flowc(tmp_path, "compile", "flow.py", "-t", target, *ROOT, "--images", "images/images.json")
    assert done.returncode == 0
    for entry in found:
        assert done.stdout.count(entry["image"]) == 1
    assert "registry.example/own:1" in done.stdout
    (warning,) = re.findall(r"warning\[FC501\].*", done.stderr)
    assert "step `own`" in warning
    assert "its image registry.example/own:1 must contain humanize 4.9.0" in warning


def test_images_in_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.flowc]\nroot = "s3://b/p"\nimages = "flows/images/images.json"\n')
    flows = tmp_path / "flows"
    flows.mkdir()
    (entry,) = written(flows, one_step("@pypi(packages={'six': ''})"))
    for folder, name in ((flows, "flow.py"), (tmp_path, "flows/flow.py")):
        done = flowc(folder, "compile", name)
        assert done.returncode == 0, done.stderr
        assert entry["image"] in done.stdout
        assert "FC501" not in done.stderr
    assert flowc(flows, "check", "flow.py", "--target", "argo").stderr.count("FC501") == 0


def test_a_mapping_for_other_packages(tmp_path: Path) -> None:
    written(tmp_path, FLOW)
    (tmp_path / "flow.py").write_text(FLOW.replace("4.10.0", "4.11.0"))
    done = flowc(tmp_path, "compile", "flow.py", *ROOT, "--images", "images/images.json")
    assert done.returncode == 2
    assert not done.stdout
    assert "FC505" in done.stderr
    assert "does not match step `train`: its packages have changed since" in done.stderr
    assert "flowc image flow.py -o images" in done.stderr
    line = FLOW[: FLOW.index("4.10.0")].count("\n") + 1
    assert f"flow.py:{line}:" in done.stderr


def test_a_mapping_without_the_step(tmp_path: Path) -> None:
    written(tmp_path, one_step("@pypi(packages={'six': ''})"))
    (tmp_path / "flow.py").write_text(FLOW)
    done = flowc(tmp_path, "compile", "flow.py", *ROOT, "--images", "images/images.json")
    assert done.returncode == 2
    assert done.stderr.count("it has no image there") == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read"),
        ("{", "images.json: content"),
        ('{"version": 2}', "version"),
        ('{"imagess": []}', "imagess"),
        (r'{"images": [{"environment": "a", "image": "a\nRUN b", "folder": "a", "manager": "pypi"}]}', "not an image"),
    ],
)
def test_a_mapping_that_is_none(tmp_path: Path, text: str | None, words: str) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    if text is not None:
        (tmp_path / "images.json").write_text(text)
    done = flowc(tmp_path, "compile", "flow.py", *ROOT, "--images", "images.json")
    assert done.returncode == 2
    assert "FC505" in done.stderr
    assert words in done.stderr


def test_local_processes_have_no_images(tmp_path: Path) -> None:
    written(tmp_path, FLOW)
    options = ("-t", "airflow", "--operator", "local", *ROOT, "--images", "images/images.json")
    done = flowc(tmp_path, "compile", "flow.py", *options)
    assert done.returncode == 0
    assert "option images has no effect where tasks are processes of the worker" in done.stderr
    assert "the Python that runs the steps must contain" in done.stderr


def test_flows_share_a_folder(tmp_path: Path) -> None:
    one = one_step("@pypi(packages={'six': ''})")
    other = one_step("@pypi(packages={'six': ''})", "@pypi_base(packages={'attrs': '24.2.0'})", "OtherFlow")
    written(tmp_path, one, name="one.py")
    found = written(tmp_path, other.replace("@pypi(packages={'six': ''})", "@pypi()"), name="other.py")
    assert [entry["steps"] for entry in found if "OneFlow" in entry["steps"]] == [{"OneFlow": ["start"]}]
    assert len(found) == 2
    found = written(tmp_path, one_step("@pypi(packages={'six': ''})", name="OtherFlow"), name="other.py")
    assert [entry["steps"] for entry in found] == [{"OneFlow": ["start"], "OtherFlow": ["start"]}]


def test_a_flow_without_packages(tmp_path: Path) -> None:
    assert written(tmp_path, one_step("@pypi(disabled=True, packages={'six': ''})")) == []
    assert "no step requires packages" in flowc(tmp_path, "image", "flow.py").stderr
    assert flowc(tmp_path, "compile", "flow.py", *ROOT, "--images", "images/images.json").returncode == 0


def test_conda(tmp_path: Path) -> None:
    text = one_step(
        "@conda(libraries={'pytorch::pytorch': '2.4'})", "@conda_base(packages={'numpy': ''}, python='3.12')"
    )
    entry = next(item for item in written(tmp_path, text) if item["steps"]["OneFlow"] == ["start"])
    (_, base), _, (_, run), (_, path) = dockerfile(tmp_path, entry)
    assert base.startswith("mambaorg/micromamba:")
    assert "micromamba install -y -n base -f /opt/flowc/environment.yml" in run
    assert path == "PATH=/opt/conda/bin:$PATH"
    listed = yaml.safe_load((tmp_path / "images" / entry["folder"] / "environment.yml").read_text())
    assert listed["dependencies"] == ["python=3.12", "numpy", "pytorch::pytorch==2.4"]
    assert listed["channels"] == ["conda-forge", "pytorch"]


@pytest.mark.parametrize(
    ("decorator", "options", "pyproject", "base", "checked"),
    [
        ("@pypi(packages={'six': ''})", [], "", "python:3.11-slim", False),
        ("@pypi(packages={'six': ''}, python='3.12.4')", [], "", "python:3.12.4-slim", False),
        ("@pypi(packages={'six': ''})", [], "image = 'own/base:1'", "own/base:1", False),
        ("@pypi(packages={'six': ''}, python=3.12)", [], "image = 'own/base:1'", "python:3.12-slim", False),
        ("@pypi(packages={'six': ''})", ["--base", "a/b:2"], "image = 'own/base:1'", "a/b:2", False),
        ("@pypi(packages={'six': ''}, python='3.12')", ["--base", "a/b:2"], "", "a/b:2", True),
        ("@pypi(packages={'six': ''}, python='3.12')", ["--base", "a/b:{python}-x"], "", "a/b:3.12-x", False),
        ("@pypi(packages={'six': ''})", ["--base", "a/b:{python}-x"], "", "a/b:3.11-x", False),
        ("@conda(packages={'six': ''})", ["--conda-base", "a/mamba:2"], "", "a/mamba:2", False),
    ],
)  # fmt: skip
def test_bases(tmp_path: Path, decorator: str, options: list[str], pyproject: str, base: str, checked: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.flowc]\n{pyproject}\n")
    (entry,) = written(tmp_path, one_step(decorator), *options)
    found = dockerfile(tmp_path, entry)
    assert found[0] == ("FROM", base)
    assert any("sys.version_info" in value for _, value in found) is checked


@pytest.mark.process
def test_the_check_of_a_base_ends_the_build(tmp_path: Path) -> None:
    for version, code in ((f"3.{sys.version_info.minor}", 0), ("3.99", 1)):
        text = one_step(f"@pypi(packages={{'six': ''}}, python='{version}')")
        (entry,) = written(tmp_path, text, "--base", "a/b:2")
        run = next(shell_of(value) for _, value in dockerfile(tmp_path, entry) if "version_info" in value)
        done = subprocess.run(
            run.replace("python3", sys.executable, 1), shell=True, capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert ("not (3, 99)" in done.stderr) is (code == 1)


@pytest.mark.parametrize(
    "decorator",
    [
        "@pypi(packages={'--index-url https://evil.example': ''})",
        "@pypi(packages={'six': '1\\nRUN evil'})",
        "@pypi(packages={'six': '$(evil)'})",
        "@pypi(packages={'six': '1; evil'})",
        "@pypi(packages={'six': ''}, python='3.12\\nRUN evil')",
        "@pypi(packages={'six': ''}, python='3.7')",
        "@conda(packages={'six': '1 #\\n- evil'})",
        "@conda(packages={'six\"': ''})",
    ],
)
def test_hostile_packages_are_reported_at_the_decorator(tmp_path: Path, decorator: str) -> None:
    (tmp_path / "flow.py").write_text(one_step(decorator))
    for command in (["image", "flow.py"], ["compile", "flow.py", *ROOT, "--images", "images.json"]):
        (tmp_path / "images.json").write_text("{}")
        done = flowc(tmp_path, *command)
        assert done.returncode == 2
        assert "FC404" in done.stderr
        assert "flow.py:5:" in done.stderr
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize(
    "options", [["--base", "a b"], ["--base", "a\nRUN b"], ["--tag-prefix", "a:1"], ["--conda-base", "$(a)"]]
)
def test_hostile_options(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    done = flowc(tmp_path, "image", "flow.py", *options)
    assert done.returncode == 2
    assert "FC505" in done.stderr
    assert not (tmp_path / "images").exists()


PIPELINE = """\
from zenml import pipeline, step
from zenml.config import DockerSettings


@step(settings={"docker": DockerSettings(%s)})
def work() -> int:
    return 1


@pipeline
def numbers():
    work()
"""


def test_docker_settings(tmp_path: Path) -> None:
    requirements = ["six>=1", "tool @ git+https://host.example/a.git@v1"]
    given = f"requirements={requirements}, apt_packages=['libgomp1'], parent_image='a/b:1'"
    (entry,) = written(tmp_path, PIPELINE % given)
    found = dockerfile(tmp_path, entry)
    assert found[0] == ("FROM", "a/b:1")
    assert "install -y --no-install-recommends ca-certificates git libgomp1" in found[1][1]
    assert entry["requirements"] == requirements
    done = flowc(tmp_path, "compile", "flow.py", *ROOT, "--images", "images/images.json")
    assert f"image: {entry['image']}" in done.stdout
    assert "image: a/b:1" not in done.stdout
    assert not done.stderr
    assert "FC501" in flowc(tmp_path, "compile", "flow.py", *ROOT).stderr


def test_a_file_of_requirements(tmp_path: Path) -> None:
    (tmp_path / "needs.txt").write_text("# what we need\n\nsix==1.16.0  # exactly\nattrs \\\n >=20\n")
    (entry,) = written(tmp_path, PIPELINE % "requirements='needs.txt'")
    assert entry["requirements"] == ["attrs >=20", "six==1.16.0"]
    (tmp_path / "needs.txt").write_text("--extra-index-url https://host.example\n")
    done = flowc(tmp_path, "image", "flow.py")
    assert done.returncode == 2
    assert "FC404" in done.stderr
    (tmp_path / "needs.txt").unlink()
    assert "FC605" in flowc(tmp_path, "image", "flow.py").stderr


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "images").write_text("a file")
    done = flowc(tmp_path, "image", "flow.py", "--no-lock")
    assert done.returncode == 2
    assert "FC603" in done.stderr
